//! `run`: everything started and tied together, until a signal.

use anyhow::{Context as _, Result};
use node_protocol::limits::BUFFER_SECONDS;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::cli::Options;
use crate::identity::Identity;
use crate::keys;
use crate::link::{self, LinkConfig};
use crate::sampler::{self, SamplerConfig};
use crate::spool::Spool;

/// Measures and reports until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start: bad options, no state folder, another agent on it.
pub fn run(options: &Options) -> Result<()> {
    if options.detached {
        // Fails only for a process group's leader, which then has no terminal to lose.
        let _ = nix::unistd::setsid();
    }
    let url = options.link_url()?;
    let dir = options.state_dir()?;
    let identity = Identity::open(&dir)?;
    let mut config = LinkConfig::new(url);
    config.ca.clone_from(&options.ca);
    config.join_token = match options.join_token(&dir) {
        // The token did its work; that its file is gone is no reason not to start.
        Err(error) if identity.is_known() => {
            tracing::warn!("going on without a join token: {error:#}");
            None
        }
        token => token?,
    };
    config.host_name.clone_from(&options.host_name);
    config.docker_socket = options.tunnel_socket();
    config.keys = Some(keys::start(options.keys(), &dir)?);
    let spool = Spool::open(&dir.join("spool"), BUFFER_SECONDS);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        server = %config.url,
        state = %dir.display(),
        unsent = spool.len(),
        "agent starts"
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .thread_stack_size(256 * 1024)
        .build()
        .context("start the runtime")?;
    let outcome = runtime.block_on(async {
        let (reports_in, reports) = mpsc::unbounded_channel();
        let shutdown = on_signal()?;
        let sampling = SamplerConfig { nvml_lib: options.nvml_lib.clone(), interval_ms: options.interval_ms };
        let orders = sampler::start(sampling, reports_in)?;
        link::run(config, &identity, spool, reports, orders, shutdown).await
    });
    // A name look-up may still hang in a thread.
    runtime.shutdown_background();
    if outcome.is_ok() {
        tracing::info!("agent ends");
    }
    outcome
}

fn on_signal() -> Result<watch::Receiver<bool>> {
    let (stop, stopped) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.send_replace(true);
        // Dropping the sender would read as "never".
        std::future::pending::<()>().await;
    });
    Ok(stopped)
}
