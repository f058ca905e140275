//! What is shipped: one `remotegpu` with pages, migrations and agents inside, and the files around it.
//!
//! The agents run on hosts older than the server's: they are linked against glibc 2.17 with zig as the linker. (A static
//! program could not load NVML.) The server is linked on this machine, and says which glibc it needs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::build::{server, site};
use crate::env::{cache, cargo, command, read, root, run, target};
use crate::python;
use crate::setup::{Need, install, setup};

/// Architectures of the agents.
const AGENTS: [&str; 2] = ["x86_64", "aarch64"];
/// The newest glibc an agent may ask for: CentOS 7's.
const AGENT_GLIBC: (u32, u32) = (2, 17);
/// From PyPI, in the versions this was tried with.
const ZIG: [&str; 2] = ["ziglang==0.17.0", "cargo-zigbuild==0.24.0"];
/// What lies beside the program.
const BESIDE: [&str; 4] = ["LICENSE", "deploy/remotegpu.service", "deploy/nginx.conf", "deploy/remotegpu.toml"];

/// See the module.
pub fn release() -> Result<()> {
    setup(Need::Run)?;
    let zig = zig()?;
    let agents: Vec<(String, PathBuf)> =
        AGENTS.iter().map(|arch| Ok((format!("remotegpu-agent-{arch}"), agent(&zig, arch)?))).collect::<Result<_>>()?;
    for (name, path) in &agents {
        let needs = glibc(path)?;
        if needs > AGENT_GLIBC {
            bail!("{name} asks for glibc {}.{}, more than {}.{}", needs.0, needs.1, AGENT_GLIBC.0, AGENT_GLIBC.1);
        }
        println!("{name}: glibc {}.{}", needs.0, needs.1);
    }
    let agents: Vec<(&str, &Path)> = agents.iter().map(|(name, path)| (name.as_str(), path.as_path())).collect();
    let tarball = pack(&server("bundle-release", &site()?, &agents)?, &target().join("dist"))?;
    let needs = glibc(&folder_of(&tarball).join("remotegpu"))?;
    println!("{}, needs glibc {}.{}", tarball.display(), needs.0, needs.1);
    Ok(())
}

/// The folder of zig's cargo plug-in, from PyPI where it is not on the machine.
fn zig() -> Result<PathBuf> {
    let venv = cache().join("zig-venv");
    if !venv.join("bin/cargo-zigbuild").exists() {
        install(python::packages())?;
        python::environment("zig-venv", &ZIG)?;
    }
    Ok(venv.join("bin"))
}

/// An agent for old hosts.
fn agent(zig: &Path, arch: &str) -> Result<PathBuf> {
    let triple = format!("{arch}-unknown-linux-gnu");
    let installed = read(&mut command(&["rustup", "target", "list", "--installed"])).unwrap_or_default();
    if !installed.lines().any(|line| line == triple) {
        run(&mut command(&["rustup", "target", "add", &triple]))
            .with_context(|| format!("the release needs Rust's {triple}"))?;
    }
    let (major, minor) = AGENT_GLIBC;
    let with_glibc = format!("{triple}.{major}.{minor}");
    let mut build = cargo(&["zigbuild", "--release", "-p", "node-agent", "--target", &with_glibc]);
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(zig.to_owned()).chain(std::env::split_paths(&rest));
    run(build.env("PATH", std::env::join_paths(all)?))?;
    let built = target().join(&triple).join("release/remotegpu-agent");
    let small = target().join(format!("remotegpu-agent-{arch}"));
    std::fs::copy(&built, &small)?;
    Ok(small)
}

/// The newest glibc a program asks for.
fn glibc(program: &Path) -> Result<(u32, u32)> {
    let text = read(command(&["readelf", "--version-info", "--wide"]).arg(program))?;
    newest_glibc(&text).with_context(|| format!("{} names no glibc", program.display()))
}

fn newest_glibc(text: &str) -> Option<(u32, u32)> {
    text.split("GLIBC_")
        .skip(1)
        .filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let mut numbers = rest[..end].split('.').map_while(|n| n.parse::<u32>().ok());
            Some((numbers.next()?, numbers.next()?))
        })
        .max()
}

/// A folder in `dist`, which is made anew, and a tarball of it with its checksum.
fn pack(server: &Path, dist: &Path) -> Result<PathBuf> {
    let version = env!("CARGO_PKG_VERSION");
    let name = format!("remotegpu-{version}-linux-{}", std::env::consts::ARCH);
    let folder = dist.join(&name);
    let _ = std::fs::remove_dir_all(dist);
    std::fs::create_dir_all(&folder)?;
    // Symbols are three quarters of the program, and nobody debugs it there.
    run(command(&["strip", "-o"]).arg(folder.join("remotegpu")).arg(server))?;
    for file in BESIDE {
        let file = root().join(file);
        std::fs::copy(&file, folder.join(file.file_name().unwrap_or_default()))
            .with_context(|| format!("{}", file.display()))?;
    }
    let tarball = dist.join(format!("{name}.tar.gz"));
    // The same files give the same tarball.
    let tar = ["tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "-czf"];
    run(command(&tar).arg(&tarball).arg("-C").arg(dist).arg(&name).env("GZIP", "-n"))?;
    let bytes = std::fs::read(&tarball)?;
    let sum = hex::encode(Sha256::digest(&bytes));
    std::fs::write(dist.join(format!("{name}.tar.gz.sha256")), format!("{sum}  {name}.tar.gz\n"))?;
    println!("{} MB, {sum}", bytes.len() / 1_000_000);
    Ok(tarball)
}

/// The folder that a tarball was made of.
fn folder_of(tarball: &Path) -> PathBuf {
    PathBuf::from(tarball.to_string_lossy().trim_end_matches(".tar.gz"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With any program in the server's place: what is shipped, as somebody unpacks it, and twice the same.
    #[test]
    fn the_tarball_holds_what_the_documentation_names() {
        let program = std::env::current_exe().expect("a test is a program");
        let dist = std::env::temp_dir().join(format!("remotegpu-pack-{}", std::process::id()));
        let tarball = pack(&program, &dist).expect("packed");
        let name = folder_of(&tarball).file_name().expect("a name").to_string_lossy().into_owned();
        let list = read(command(&["tar", "-tvzf"]).arg(&tarball)).expect("a tarball");
        let mut listed: Vec<(&str, &str)> = list
            .lines()
            .filter_map(|line| Some((&line[..10], line.split(' ').next_back()?.strip_prefix(&format!("{name}/"))?)))
            .filter(|(_, file)| !file.is_empty())
            .collect();
        listed.sort_by_key(|(_, file)| *file);
        let files: Vec<_> = listed.iter().map(|(_, file)| *file).collect();
        assert_eq!(files, ["LICENSE", "nginx.conf", "remotegpu", "remotegpu.service", "remotegpu.toml"]);
        assert_eq!(listed[2].0, "-rwxr-xr-x", "it can be started");
        let operations = std::fs::read_to_string(root().join("docs/operations.md")).expect("the documentation");
        for file in files.iter().filter(|file| **file != "LICENSE") {
            assert!(operations.contains(file), "docs/operations.md does not say what {file} is for");
        }
        let unpacked = dist.join("unpacked");
        std::fs::create_dir(&unpacked).expect("a folder");
        run(command(&["tar", "-xzf"]).arg(&tarball).arg("-C").arg(&unpacked)).expect("unpacked");
        for file in BESIDE {
            let there = unpacked.join(&name).join(Path::new(file).file_name().expect("a name"));
            let same = std::fs::read(there).ok() == std::fs::read(root().join(file)).ok();
            assert!(same, "{file} is another one");
        }
        let sum = |path: &Path| std::fs::read_to_string(format!("{}.sha256", path.display())).expect("a checksum");
        let first = sum(&tarball);
        assert_eq!(first, sum(&pack(&program, &dist).expect("packed again")));
        std::fs::remove_dir_all(&dist).expect("removed");
    }

    #[test]
    fn the_newest_version_counts() {
        let text =
            "0x0010:   Name: GLIBC_2.9  Flags: none\n  0x0020:   Name: GLIBC_2.17\n Name: GLIBC_2.2.5 GLIBC_PRIVATE";
        assert_eq!(newest_glibc(text), Some((2, 17)));
        assert_eq!(newest_glibc("no names"), None);
    }
}
