//! The door for SSH, as a part of `serve` and as a process of its own. In `serve` it has threads of its own: a flood at this
//! door takes none of those that serve pages.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use contract::access::SSH_PORT;
use platform::Platform;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::{database, serve};

/// Threads of the door inside of `serve`.
const THREADS: usize = 2;
/// How long it has to close its connections.
const STOP: Duration = Duration::from_secs(10);

/// The door of this process.
pub struct Gate {
    ended: oneshot::Receiver<()>,
    /// Where its connections to the database were made: it stays until the process ends.
    runtime: Option<Runtime>,
}

impl Gate {
    /// Waits until its connections are closed.
    pub async fn ended(mut self) {
        let _ = tokio::time::timeout(STOP, &mut self.ended).await;
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // Its threads end with the process: connections to the database that were made there serve to the end.
        if let Some(runtime) = self.runtime.take() {
            std::mem::forget(runtime);
        }
    }
}

fn address(config: &Config) -> SocketAddr {
    config.ssh_listen.unwrap_or_else(|| SocketAddr::new(config.listen.ip(), SSH_PORT))
}

/// The port of the door; one that the system is to choose is not known before.
pub fn port(config: &Config) -> u16 {
    Some(address(config).port()).filter(|port| *port != 0).unwrap_or(SSH_PORT)
}

/// Opens the door beside the others. Where nobody said on which address, one that is taken is no reason not to start.
///
/// # Errors
/// The address that was said cannot be listened on.
pub async fn open(config: &Config, platform: &Platform, stop: CancellationToken) -> anyhow::Result<Option<Gate>> {
    let address = address(config);
    let listener = match std::net::TcpListener::bind(address) {
        Ok(listener) => listener,
        Err(error) if config.ssh_listen.is_none() => {
            tracing::error!(%address, %error, "nobody comes in by SSH: set ssh_listen, or ssh = false");
            return Ok(None);
        }
        Err(error) => return Err(error).with_context(|| format!("cannot listen on {address}")),
    };
    listener.set_nonblocking(true)?;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(THREADS).thread_name("ssh").enable_all().build()?;
    let (ending, ended) = oneshot::channel();
    let platform = platform.clone();
    runtime.spawn(async move {
        let served = async {
            let listener = TcpListener::from_std(listener)?;
            ssh_gateway::serve(platform, listener, ssh_gateway::Limits::default(), stop).await?;
            anyhow::Ok(())
        };
        if let Err(error) = served.await {
            tracing::error!(%error, "the door for SSH is closed");
        }
        let _ = ending.send(());
    });
    Ok(Some(Gate { ended, runtime: Some(runtime) }))
}

/// The door alone, until SIGTERM or SIGINT.
///
/// # Errors
/// It cannot be opened.
pub async fn serve_alone(config: Config) -> anyhow::Result<()> {
    let address = address(&config);
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let opened = database::open(&config).await?;
    let stop = CancellationToken::new();
    // Where only doors are left, one of them ends what another left.
    let ending = tokio::spawn(platform::instances::keep_ending_left(opened.platform.clone(), stop.clone()));
    let serving = tokio::spawn(ssh_gateway::serve(
        opened.platform.clone(),
        listener,
        ssh_gateway::Limits::default(),
        stop.clone(),
    ));
    serve::stop_signal().await?;
    tracing::info!("stopping");
    stop.cancel();
    serving.await??;
    ending.await?;
    opened.platform.db().close().await;
    if let Some(cluster) = opened.cluster {
        cluster.stop(pg_cluster::STOP_PATIENCE).await?;
    }
    Ok(())
}
