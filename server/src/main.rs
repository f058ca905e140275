//! `remotegpu`: the server and its command line.

#![recursion_limit = "512"]
#![expect(clippy::print_stdout, reason = "a command line answers on standard output")]

use std::io::Write as _;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use contract::ErrorCode;
use contract::accounts::MemberRole;
use contract::machines::JoinTokenCreate;
use platform::{Platform, SystemActor, accounts, machines};
use server::config::{Config, Settings};
use server::{backup, database, ops, serve, ssh, verify};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many lines of the log wait for a slow reader; room for all of them is taken at the start.
const LOG_LINES: usize = 8192;

/// Run GPU machines and let others use them.
#[derive(Parser)]
#[command(name = "remotegpu", version)]
struct Cli {
    /// Configuration file (TOML).
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Command,
}

/// The most used settings; every other is in the file or the environment (docs/operations.md).
#[derive(Args)]
struct Flags {
    /// Address to listen on.
    #[arg(long, global = true)]
    listen: Option<std::net::SocketAddr>,
    /// Address people and agents use.
    #[arg(long, global = true)]
    public_url: Option<String>,
    /// Folder for data and the private PostgreSQL.
    #[arg(long, global = true)]
    data_dir: Option<PathBuf>,
    /// Folder with the built pages.
    #[arg(long, global = true)]
    site_dir: Option<PathBuf>,
    /// Address the door for SSH listens on.
    #[arg(long, global = true)]
    ssh_listen: Option<std::net::SocketAddr>,
    /// Folder with agent programs to hand out.
    #[arg(long, global = true)]
    agent_dir: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve pages, API and agents, and run background jobs.
    Serve {
        /// Leave background jobs to other processes.
        #[arg(long)]
        no_workers: bool,
        /// Leave the door for SSH to other processes.
        #[arg(long)]
        no_ssh: bool,
    },
    /// Serve the door for SSH alone: shells, files and ports of instances.
    SshGateway,
    /// Bring the database's schema up to date.
    Migrate,
    /// Ask the running server whether it is ready; exits with 1 when not.
    Healthcheck,
    /// Write the whole database to a file; servers go on meanwhile. The secrets key is not in it.
    Backup { file: PathBuf },
    /// Put a backup into an empty database and bring it up to date.
    Restore { file: PathBuf },
    /// Work on the platform without its pages.
    #[command(subcommand)]
    Admin(Admin),
}

#[derive(Subcommand)]
enum Admin {
    /// Make a join token for agents; prints its secret.
    JoinToken {
        #[arg(long, default_value = "")]
        note: String,
        /// For one machine only.
        #[arg(long, conflicts_with = "max_uses")]
        one_time: bool,
        #[arg(long, default_value_t = 1)]
        max_uses: u32,
        #[arg(long, default_value_t = 24)]
        hours: u32,
    },
    /// Give somebody a new password, end their sessions; prints the password. Says which directories the account is parted from,
    /// and the roles that go with them.
    ResetPassword {
        name: String,
        /// Take away the roles of the platform, too, that groups of a directory or a sign-in service gave.
        #[arg(long)]
        take_roles: bool,
    },
    /// Switch somebody's second factor off, end their sessions: for who lost the app and the recovery codes.
    ResetSecondFactor { name: String },
    /// Make a customer and its owner; prints the owner's password.
    CreateCustomer {
        name: String,
        #[arg(long)]
        owner: String,
    },
    /// Add a new person to a customer; prints the password.
    AddMember { customer: String, name: String },
    /// Have the door for SSH prove itself with a new key from its next start on; prints the fingerprint.
    RenewSshHostKey,
    /// Compare the audit log with its hash chain, row by row, and with the daily anchors where the configuration names their
    /// file; exits with 1 at the first row that does not fit.
    VerifyAudit {
        /// File outside of the database: the end of the chain that is noted in it must still be there, and the present end
        /// is noted then.
        #[arg(long)]
        anchor: Option<PathBuf>,
        /// Positions of events that are dated back or ahead and known, as 7 or 7-12; as often as there are such. Compared
        /// with the chain they are all the same.
        #[arg(long, value_name = "POSITION", value_parser = verify::positions)]
        accept: Vec<RangeInclusive<i64>>,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    // The server starts itself so to read a workbook, with limits on the whole process: before anything else.
    if std::env::args_os().nth(1).is_some_and(|word| word == sheets::SUBCOMMAND) {
        return Ok(sheets::child_main());
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    let flags = Settings {
        listen: cli.flags.listen,
        public_url: cli.flags.public_url,
        data_dir: cli.flags.data_dir,
        site_dir: cli.flags.site_dir,
        agent_dir: cli.flags.agent_dir,
        workers: matches!(cli.command, Command::Serve { no_workers: true, .. }).then_some(false),
        ssh: matches!(cli.command, Command::Serve { no_ssh: true, .. }).then_some(false),
        ssh_listen: cli.flags.ssh_listen,
        ..Settings::default()
    };
    let config = Config::load(cli.config.as_deref(), flags)?;
    let quiet = matches!(cli.command, Command::Admin(_));
    let _log = start_log(&config, if quiet { "warn" } else { "info" });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        match cli.command {
            Command::Serve { .. } => serve::serve(config).await,
            Command::SshGateway => ssh::serve_alone(config).await,
            Command::Migrate => database::migrate(&config).await,
            Command::Healthcheck => ops::healthcheck(&config),
            Command::Backup { file } => {
                backup::backup(&config, &file).await?;
                println!("{}", file.display());
                println!("keep {} apart from it: both are needed to restore", config.secrets_key_file.display());
                Ok(())
            }
            Command::Restore { file } => backup::restore(&config, &file).await,
            Command::Admin(command) => admin(&config, command).await,
        }
    });
    // What is left of a server that stopped, such as an upload that never ends, must not hold the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match done {
        // What a command found is an answer: without a stack trace, whatever the environment asks for.
        Err(error) if quiet => {
            let _ = writeln!(std::io::stderr(), "Error: {error:#}");
            Ok(ExitCode::FAILURE)
        }
        done => done.map(|()| ExitCode::SUCCESS),
    }
}

/// The log goes out from a thread of its own and loses lines rather than wait: a reader that stands still must not hold
/// up requests. What this returns writes out the rest when it is dropped.
fn start_log(config: &Config, default: &str) -> WorkerGuard {
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(LOG_LINES).finish(std::io::stderr());
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    if config.log_json {
        log.json().init();
    } else {
        log.with_ansi(false).init();
    }
    guard
}

async fn admin(config: &Config, command: Admin) -> anyhow::Result<()> {
    let running = database::cluster_runs(config);
    let opened = database::open(config).await?;
    let answer = administer(config, &opened.platform, command).await;
    opened.platform.db().close().await;
    database::leave(opened.cluster, running).await?;
    println!("{}", answer?);
    Ok(())
}

/// What one of these commands answers.
async fn administer(config: &Config, platform: &Platform, command: Admin) -> anyhow::Result<String> {
    Ok(match command {
        Admin::JoinToken { note, one_time, max_uses, hours } => {
            let max_uses = Some(if one_time { 1 } else { max_uses });
            let request = JoinTokenCreate { note, max_uses, hours: Some(hours), machine: None };
            let ctx = platform.system(SystemActor::Operator);
            machines::create_join_token(platform, &ctx, request).await?.secret
        }
        Admin::ResetPassword { name, take_roles } => {
            let reset = accounts::reset_password(platform, &name, take_roles).await;
            let reset = reset.map_err(|error| about_a_person(error, &name))?;
            for parted in &reset.parted {
                // Beside the answer, which is the password alone.
                eprintln!("{}", said_of(parted));
            }
            reset.password
        }
        Admin::ResetSecondFactor { name } => {
            accounts::reset_second_factor(platform, &name).await.map_err(|error| about_a_person(error, &name))?;
            name
        }
        Admin::CreateCustomer { name, owner } => accounts::create_customer(platform, &name, &owner).await?,
        Admin::AddMember { customer, name } => {
            accounts::add_member(platform, &customer, &name, MemberRole::Member).await?
        }
        Admin::RenewSshHostKey => platform::access::renew_host_key(platform).await?,
        Admin::VerifyAudit { anchor, accept } => {
            let files = (anchor.as_deref(), config.audit_anchor_file.as_deref());
            verify::verify(platform, files, &accept).await?
        }
    })
}

/// What became of the roles that somebody had by a provider.
fn said_of(parted: &accounts::identity::Parted) -> String {
    let list = |roles: &[String]| if roles.is_empty() { "none".to_owned() } else { roles.join(", ") };
    let (provider, taken, kept) = (&parted.provider, list(&parted.taken), list(&parted.kept));
    let how = if parted.bound { "still bound to" } else { "parted from" };
    format!("{how} {provider}: roles of its groups taken: {taken}; kept: {kept}")
}

/// Why nothing was done about somebody, in words.
fn about_a_person(error: platform::Error, name: &str) -> anyhow::Error {
    match error.code {
        ErrorCode::NotFound => anyhow::anyhow!(
            "nobody has the user name {name}. The first account is made when the server starts for the first time: \
             remotegpu serve"
        ),
        _ => error.into(),
    }
}
