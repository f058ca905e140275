//! `remotegpu serve`: opens the platform, starts every part, stops in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::serve::ListenerExt;
use platform::{Platform, accounts, audit, instances, jobs, metrics, tunnels};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::site::Site;
use crate::{AppState, anchors, apps, database, router, ssh};

/// From the stop signal to the end of the process: whoever stops a service kills it after 30 s.
const STOP: Duration = Duration::from_secs(28);
/// The part of it that open requests, sockets and jobs have.
const DRAIN: Duration = Duration::from_secs(19);
/// The part of it that each step after them has.
const STEP: Duration = Duration::from_secs(2);
/// How often it is looked for repeated refusals whose time is over.
const TELL: Duration = Duration::from_secs(5);

/// Runs until SIGTERM or SIGINT.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let apps = apps::listen(&config).await?;
    let site = Site::open(config.site_dir.as_deref())?;
    let prometheus = metrics_exporter_prometheus::PrometheusBuilder::new()
        .set_buckets(&[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0])?
        .install_recorder()?;
    let opened = database::open(&config).await?;
    let platform = opened.platform;
    // Before the first agent is linked, whose row says it.
    announce_to_peers(&config, &platform);
    metrics::keep_partitions(&platform, &platform.system(platform::SystemActor::Metrics)).await?;
    let first_admin = accounts::ensure_first_admin(&platform).await?;

    let draining = CancellationToken::new();
    let stopping = CancellationToken::new();
    let watching = opened.cluster.clone().map(|cluster| tokio::spawn(async move { cluster.watch().await }));
    let mut background = metrics::spawn_background(&platform, &stopping);
    background.push(tokio::spawn(audit::keep_telling(platform.clone(), TELL, stopping.clone())));
    if let Some(file) = config.audit_anchor_file.clone() {
        background.push(tokio::spawn(anchors::keep(platform.clone(), file, stopping.clone())));
    }
    // Jobs end while requests do: nothing new is taken from the first moment on.
    let workers = config.workers.then(|| jobs::spawn_workers(&platform, draining.clone()));

    let sockets = TaskTracker::new();
    let state = AppState {
        platform: platform.clone(),
        config: Arc::new(config.clone()),
        site: Arc::new(site),
        rates: Arc::default(),
        prometheus: Some(prometheus),
        draining: draining.clone(),
        sockets: sockets.clone(),
    };
    let gate = match config.ssh {
        true => ssh::open(&config, &platform, draining.clone()).await?,
        false => None,
    };
    let admin = accounts::any_admin(&platform).await?;
    announce(&config, first_admin.as_ref(), admin.as_deref());
    // Without it, every small answer waits 40 ms for a delayed acknowledgement.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
    });
    if let Some((address, listener)) = apps {
        sockets.spawn(apps::serve(state.clone(), address, listener));
    }
    let service = router::build(state).into_make_service_with_connect_info::<SocketAddr>();
    let stop = draining.clone();
    let server =
        axum::serve(listener, service).with_graceful_shutdown(async move { stop.cancelled().await }).into_future();
    let server = tokio::spawn(server);
    stop_signal().await?;
    tracing::info!("stopping");
    let end = Instant::now() + STOP;
    draining.cancel();
    Running { platform, server, sockets, workers, background, gate, stopping }.end().await;
    if let Some(watching) = watching {
        watching.abort();
    }
    if let Some(cluster) = opened.cluster {
        cluster.stop(end.saturating_duration_since(Instant::now())).await?;
    }
    Ok(())
}

/// The parts of a server that has been told to stop.
struct Running {
    platform: Platform,
    server: JoinHandle<std::io::Result<()>>,
    sockets: TaskTracker,
    workers: Option<JoinHandle<()>>,
    background: Vec<JoinHandle<()>>,
    gate: Option<ssh::Gate>,
    stopping: CancellationToken,
}

impl Running {
    /// First those who come from outside and the jobs, then what stores for them, then the connections. What does not end
    /// in its time is left behind: it ends with the process, and its transaction is rolled back.
    async fn end(self) {
        let Self { platform, mut server, sockets, workers, background, gate, stopping } = self;
        sockets.close();
        let drained = async {
            let _ = (&mut server).await;
            sockets.wait().await;
            instances::end_terminals(&platform, STEP).await;
            if let Some(gate) = gate {
                gate.ended().await;
            }
            if let Some(workers) = workers {
                let _ = workers.await;
            }
        };
        if timeout(DRAIN, drained).await.is_err() {
            tracing::warn!(sockets = sockets.len(), "some requests, sockets or jobs did not end in time");
        }
        server.abort();
        stopping.cancel();
        let stored = futures_util::future::join_all(background);
        if timeout(STEP, stored).await.is_err() {
            tracing::warn!("some samples were not stored in time; agents send them again");
        }
        // Refusals that were counted have no row yet.
        if !matches!(timeout(STEP, audit::tell_repeats(&platform, true)).await, Ok(Ok(()))) {
            tracing::warn!("how often some requests were refused is not in the log");
        }
        if timeout(STEP, platform.db().close()).await.is_err() {
            tracing::warn!("some connections to the database were still in use");
        }
    }
}

pub(crate) async fn stop_signal() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    Ok(())
}

fn announce_to_peers(config: &Config, platform: &Platform) {
    match &config.peer_url {
        Some(address) => tunnels::announce(platform, address),
        None => tracing::info!(
            "without peer_url, other servers, if there are any, do not reach agents that are linked here"
        ),
    }
}

/// The one thing a person must see at the first start goes to standard output, not to the log.
fn announce(config: &Config, first_admin: Option<&accounts::FirstAdmin>, admin: Option<&str>) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let address = config.public_base();
    let text = match first_admin {
        Some(admin) => format!(
            "\n  RemoteGPU is ready: {address}\n\n    user      {}\n    password  {}   (shown once)\n\n",
            admin.name, admin.password
        ),
        None => {
            let name = admin.unwrap_or("none is enabled");
            let forgotten = "forgotten? remotegpu admin reset-password NAME";
            format!("\n  RemoteGPU is ready: {address}\n\n    user      {name}\n    password  {forgotten}\n\n")
        }
    };
    // A closed standard output is no reason to stop serving.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
