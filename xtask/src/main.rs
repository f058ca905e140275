//! All automation: `cargo xtask run`, `cargo xtask test` and their parts. CI calls the same commands.

#![expect(clippy::print_stdout, reason = "a build tool reports on standard output")]

mod build;
mod check;
mod db;
mod deny;
mod env;
mod fuzz;
mod python;
mod release;
mod run;
mod schemathesis;
mod setup;
mod ssh_audit;
mod test;
mod wasm;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask run [--demo N] [--port P] [--data DIR]    set up, build and serve, with this machine as the first node
cargo xtask test [check|unit|e2e]                     everything, or one part
cargo xtask setup [run|test]                          get what is missing
cargo xtask check                                     format, lints, directions, texts
cargo xtask build                                     agent, pages and server, release
cargo xtask release                                   what is shipped, into <target>/dist
cargo xtask db prepare|check                          refresh .sqlx, or see that it is fresh
cargo xtask db start|stop|reset [--data DIR]          the database of `run` without its server
cargo xtask fuzz [TARGET|all] [--seconds N]            look for input that breaks a decoder (keep: add to the corpus)
cargo xtask bench [AREA]                              docs/benchmarks.md
cargo xtask screenshots                               docs/screenshots";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["setup"] | ["setup", "run"] => setup::setup(setup::Need::Run),
        ["setup", "test"] => setup::setup(setup::Need::Test),
        ["build"] => setup::setup(setup::Need::Run).and_then(|()| build::build().map(|_| ())),
        ["release"] => release::release(),
        ["run", options @ ..] => run::run(options),
        ["test"] => test::everything(),
        ["test", "check"] | ["check"] => check::check(),
        ["test", "unit" | "it"] => test::unit(),
        ["test", "e2e", rest @ ..] => test::e2e(rest),
        ["db", "prepare"] => db::prepare(),
        ["db", "check"] => db::check(),
        ["db", word @ ("start" | "stop" | "reset"), options @ ..] => db::development(word, options),
        ["fuzz", rest @ ..] => fuzz::fuzz(rest),
        ["bench", rest @ ..] => test::bench(rest),
        ["screenshots"] => test::screenshots(),
        _ => Err(anyhow::anyhow!("{USAGE}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
