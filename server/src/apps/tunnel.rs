//! WebSockets: after the handshake bytes pass as they are, both ways.

use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use super::body::Progress;

/// A socket over which nothing passes for so long is closed; applications and browsers send signs of life.
const IDLE: Duration = Duration::from_secs(3600);
/// How long a side may take for the handshake's end.
const PATIENCE: Duration = Duration::from_secs(10);
const PIECE: usize = 16 << 10;

/// Until either side is done, nothing passes for long, or the right to it ends. What it `holds` is let go with it.
pub(super) async fn carry<T>((browser, app): (OnUpgrade, OnUpgrade), over: CancellationToken, holds: T) {
    let both = async { tokio::try_join!(browser, app) };
    let Ok(Ok((browser, app))) = tokio::time::timeout(PATIENCE, both).await else { return };
    let progress = Progress::new();
    let (mut browser_reads, mut browser_writes) = tokio::io::split(TokioIo::new(browser));
    let (mut app_reads, mut app_writes) = tokio::io::split(TokioIo::new(app));
    let there = pump(&mut browser_reads, &mut app_writes, &progress);
    let back = pump(&mut app_reads, &mut browser_writes, &progress);
    tokio::select! {
        _ = async { tokio::join!(there, back) } => {}
        () = progress.stalled(IDLE) => {}
        () = over.cancelled() => {}
    }
    drop(holds);
}

async fn pump(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin), progress: &Progress) {
    let mut buffer = vec![0; PIECE];
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 {
            break;
        }
        progress.made();
        if to.write_all(&buffer[..read]).await.is_err() || to.flush().await.is_err() {
            return;
        }
        progress.made();
    }
    let _ = to.shutdown().await;
}
