//! `remotegpu-agent`: parses the command line and starts what it names; everything else is in the library.

use std::process::ExitCode;

use clap::Parser;
use node_agent::cli::{Cli, Command};
use node_agent::{install, probe, run};

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt().with_max_level(cli.options.log).with_ansi(false).with_writer(std::io::stderr).init();
    let outcome = match cli.command.unwrap_or(Command::Run) {
        Command::Run => run::run(&cli.options),
        Command::Probe => probe::probe(&cli.options, &mut std::io::stdout()),
        Command::Install => install::install(&cli.options, &mut std::io::stdout()),
        Command::Uninstall { purge } => install::uninstall(&cli.options, purge, &mut std::io::stdout()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
