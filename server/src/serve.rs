//! `remotegpu serve`: opens the platform, starts every part, stops in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::serve::ListenerExt;
use platform::{accounts, jobs, metrics};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::site::Site;
use crate::{AppState, database, router};

/// How long open requests may take after a stop signal.
const DRAIN: Duration = Duration::from_secs(25);

/// Runs until SIGTERM or SIGINT.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let site = Site::open(config.site_dir.as_deref())?;
    let prometheus = metrics_exporter_prometheus::PrometheusBuilder::new()
        .set_buckets(&[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0])?
        .install_recorder()?;
    let opened = database::open(&config).await?;
    let platform = opened.platform;
    metrics::keep_partitions(&platform, &platform.system(platform::SystemActor::Metrics)).await?;
    let first_admin = accounts::ensure_first_admin(&platform).await?;

    let draining = CancellationToken::new();
    let stopping = CancellationToken::new();
    let watching = opened.cluster.clone().map(|cluster| tokio::spawn(async move { cluster.watch().await }));
    let background = metrics::spawn_background(&platform, &stopping);
    let workers = config.workers.then(|| jobs::spawn_workers(&platform, stopping.clone()));

    let state = AppState {
        platform: platform.clone(),
        config: Arc::new(config.clone()),
        site: Arc::new(site),
        rates: Arc::default(),
        prometheus: Some(prometheus),
        draining: draining.clone(),
    };
    announce(&config, first_admin.as_ref());
    // Without it, every small answer waits 40 ms for a delayed acknowledgement.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
    });
    let service = router::build(state).into_make_service_with_connect_info::<SocketAddr>();
    let stop = draining.clone();
    let server =
        axum::serve(listener, service).with_graceful_shutdown(async move { stop.cancelled().await }).into_future();
    let server = tokio::spawn(server);
    stop_signal().await?;
    tracing::info!("stopping");
    draining.cancel();
    if tokio::time::timeout(DRAIN, server).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    stopping.cancel();
    for task in background.into_iter().chain(workers) {
        let _ = tokio::time::timeout(Duration::from_secs(4), task).await;
    }
    platform.db().close().await;
    if let Some(watching) = watching {
        watching.abort();
    }
    if let Some(cluster) = opened.cluster {
        cluster.stop(pg_cluster::STOP_PATIENCE).await?;
    }
    Ok(())
}

async fn stop_signal() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    Ok(())
}

/// The one thing a person must see at the first start goes to standard output, not to the log.
fn announce(config: &Config, first_admin: Option<&accounts::FirstAdmin>) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let address = config.public_base();
    let text = match first_admin {
        Some(admin) => format!(
            "\n  RemoteGPU is ready: {address}\n\n    user      {}\n    password  {}   (shown once)\n\n",
            admin.name, admin.password
        ),
        None => format!("\n  RemoteGPU is ready: {address}\n\n"),
    };
    // A closed standard output is no reason to stop serving.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
