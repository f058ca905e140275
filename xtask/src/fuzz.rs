//! `cargo xtask fuzz`: the targets of `crates/fuzz` with libFuzzer, on the stable toolchain.
//!
//! The compiler counts which edges of the program an input reaches; libFuzzer keeps what reaches new ones and bends it. What
//! it finds new lies in the target folder; `keep` takes over into the repository what the committed corpus lacks.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::env::{cargo, command, read, root, run, target};
use crate::setup;

/// What cargo-fuzz (0.13) passes where no sanitizer is wanted: counters, their places, and the values that are compared.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                     -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
                     --cfg fuzzing";
/// Longest input that is tried, bytes, and longer ones of single targets.
const MAX_LEN: usize = 8192;
const LONGER: &[(&str, usize)] = &[("workbook", 65_536)];
/// Longest input that is worth keeping in the repository, bytes.
const KEPT_LEN: usize = 2048;
const SECONDS: u32 = 60;

struct Options<'a> {
    names: Vec<&'a str>,
    seconds: u32,
    keep: bool,
}

/// See the module.
pub fn fuzz(words: &[&str]) -> Result<()> {
    let targets = targets()?;
    let Some(options) = options(words, &targets)? else {
        println!(
            "{}\n\ncargo xtask fuzz TARGET|all [--seconds N], cargo xtask fuzz keep TARGET|all",
            targets.join("\n")
        );
        return Ok(());
    };
    setup::cpp_compiler()?;
    let programs = build(&options.names)?;
    if options.keep {
        return options.names.iter().try_for_each(|name| keep(&programs, name));
    }
    let mut ended = Vec::new();
    for name in &options.names {
        println!("{name}: {} s", options.seconds);
        ended.push(attempt(&programs, name, options.seconds)?);
    }
    println!("\n{:<16} {:>12} {:>8}  verdict", "target", "executions", "edges");
    for end in &ended {
        let verdict = end.broken.as_ref().map_or("no finding", |_| "FOUND SOMETHING");
        println!("{:<16} {:>12} {:>8}  {verdict}", end.name, end.executions, end.edges);
    }
    for broken in ended.iter().filter_map(|end| end.broken.as_deref()) {
        println!("\n{broken}");
    }
    if ended.iter().any(|end| end.broken.is_some()) {
        bail!("mend what was found, and add the input to crates/fuzz/corpus");
    }
    Ok(())
}

/// Names of the targets: each has a program.
fn targets() -> Result<Vec<String>> {
    let programs = std::fs::read_dir(root().join("crates/fuzz/src/bin"))?;
    let names = programs.filter_map(|file| Some(file.ok()?.path().file_stem()?.to_str()?.to_owned()));
    let mut names: Vec<String> = names.filter(|name| name != "seeds").collect();
    names.sort();
    Ok(names)
}

/// `None` where only the list is wanted.
fn options<'a>(words: &[&str], targets: &'a [String]) -> Result<Option<Options<'a>>> {
    let (keep, words) = match words {
        ["keep", rest @ ..] => (true, rest),
        _ => (false, words),
    };
    let (name, seconds) = match words {
        [] if keep => ("all", SECONDS),
        [] => return Ok(None),
        [name] => (*name, SECONDS),
        [name, "--seconds", number] => (*name, number.parse().context("--seconds takes a number")?),
        _ => bail!("cargo xtask fuzz [keep] TARGET|all [--seconds N]"),
    };
    let names: Vec<&str> = targets.iter().map(String::as_str).filter(|known| name == "all" || name == *known).collect();
    if names.is_empty() {
        bail!("no target {name}; there are {}", targets.join(", "));
    }
    Ok(Some(Options { names, seconds, keep }))
}

/// Everything of ours that is not source, in a folder that other builds do not share: their flags are others.
fn folder() -> PathBuf {
    target().join("fuzz")
}

fn build(names: &[&str]) -> Result<PathBuf> {
    let version = read(&mut command(&["rustc", "-vV"]))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    // With the host named, build scripts and macros stay as they are.
    let mut words = vec!["build", "--profile", "fuzz", "--target", host, "-p", "fuzz", "--features", "libfuzzer"];
    words.extend(names.iter().flat_map(|name| ["--bin", name]));
    run(cargo(&words).env("RUSTFLAGS", FLAGS).env("CARGO_TARGET_DIR", folder()))?;
    Ok(folder().join(host).join("fuzz"))
}

/// A target's program with what every call of it says, and the folders it needs.
fn program(programs: &Path, name: &str) -> Result<(Command, PathBuf)> {
    let (found, broken) = (folder().join("corpus").join(name), folder().join("broken").join(name));
    std::fs::create_dir_all(&found)?;
    std::fs::create_dir_all(&broken)?;
    let mut program = Command::new(programs.join(name));
    program.current_dir(root()).arg(format!("-artifact_prefix={}/", broken.display()));
    program.args(["-rss_limit_mb=2048", "-timeout=10"]);
    Ok((program, found))
}

fn committed(name: &str) -> PathBuf {
    root().join("crates/fuzz/corpus").join(name)
}

/// How a run ended.
struct Ended {
    name: String,
    executions: String,
    edges: String,
    /// What was found, and how to see it again.
    broken: Option<String>,
}

fn attempt(programs: &Path, name: &str, seconds: u32) -> Result<Ended> {
    let (mut program, found) = program(programs, name)?;
    let max_len = LONGER.iter().find(|(longer, _)| *longer == name).map_or(MAX_LEN, |(_, len)| *len);
    program.args([format!("-max_total_time={seconds}"), format!("-max_len={max_len}")]).arg("-print_final_stats=1");
    let log = folder().join("broken").join(format!("{name}.log"));
    let status = program.args([&found, &committed(name)]).stdout(Stdio::null()).stderr(std::fs::File::create(&log)?);
    let status = status.status().with_context(|| format!("{name} does not start"))?;
    let said = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
    let executions = after(&said, "stat::number_of_executed_units:").or_else(|| after(&said, "#"));
    let broken = (!status.success()).then(|| {
        let again = programs.join(name);
        let input = after(&said, "Test unit written to ");
        let input = input.unwrap_or_else(|| "an input that was not written; see the log".to_owned());
        format!("{name}: {status}; its words are in {}\n  {} {input}", log.display(), again.display())
    });
    let edges = after(&said, "cov: ").unwrap_or_default();
    Ok(Ended { name: name.to_owned(), executions: executions.unwrap_or_default(), edges, broken })
}

/// The word after the last place where this stands.
fn after(text: &str, mark: &str) -> Option<String> {
    let (_, rest) = text.rsplit_once(mark)?;
    rest.split_whitespace().next().map(str::to_owned)
}

/// Takes over what reaches further than the committed corpus.
fn keep(programs: &Path, name: &str) -> Result<()> {
    let (mut program, found) = program(programs, name)?;
    program.args(["-merge=1".to_owned(), format!("-max_len={KEPT_LEN}")]).args([&committed(name), &found]);
    let output = program.stdout(Stdio::null()).stderr(Stdio::piped()).output()?;
    if !output.status.success() {
        bail!("{name}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    println!("{name}: {} inputs", std::fs::read_dir(committed(name))?.count());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_choose_targets() {
        let targets = ["agent".to_owned(), "rows".to_owned()];
        let chosen = |words: &[&str]| options(words, &targets).map(|o| o.map(|o| (o.names.len(), o.seconds, o.keep)));
        assert_eq!(chosen(&[]).unwrap(), None);
        assert_eq!(chosen(&["all", "--seconds", "600"]).unwrap(), Some((2, 600, false)));
        assert_eq!(chosen(&["rows"]).unwrap(), Some((1, SECONDS, false)));
        assert_eq!(chosen(&["keep", "rows"]).unwrap(), Some((1, SECONDS, true)));
        assert!(chosen(&["row"]).is_err() && chosen(&["rows", "--seconds", "x"]).is_err());
    }

    #[test]
    fn every_target_is_found() {
        let targets = targets().unwrap();
        assert!(targets.len() > 10 && targets.contains(&"workbook".to_owned()), "{targets:?}");
    }

    #[test]
    fn the_last_word_counts() {
        assert_eq!(after("#1 cov: 5 ft: 7\n#2 cov: 9 ft: 9", "cov: ").as_deref(), Some("9"));
        assert_eq!(after("nothing", "cov: "), None);
    }
}
