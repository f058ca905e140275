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
    pass(TokioIo::new(browser), TokioIo::new(app), &over).await;
    drop(holds);
}

async fn pass(
    browser: impl AsyncRead + AsyncWrite + Unpin,
    app: impl AsyncRead + AsyncWrite + Unpin,
    over: &CancellationToken,
) {
    let progress = Progress::new();
    let (mut browser_reads, mut browser_writes) = tokio::io::split(browser);
    let (mut app_reads, mut app_writes) = tokio::io::split(app);
    let there = pump(&mut browser_reads, &mut app_writes, &progress);
    let back = pump(&mut app_reads, &mut browser_writes, &progress);
    tokio::select! {
        // One that broke is no use to the other way: who reads nothing may send for ever.
        _ = async { tokio::try_join!(there, back) } => {}
        () = progress.stalled(IDLE) => {}
        () = over.cancelled() => {}
    }
}

/// To the end of what comes.
///
/// # Errors
/// Either side broke.
async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    progress: &Progress,
) -> std::io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        progress.made();
        to.write_all(&buffer[..read]).await?;
        to.flush().await?;
        progress.made();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::super::patient::Patient;
    use super::*;

    const SAYS: Duration = Duration::from_secs(50);

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_is_left_though_they_go_on_sending() {
        let ((browser, mut far), (app, mut program)) = (duplex(16), duplex(16));
        let over = CancellationToken::new();
        let browser = Patient::new(browser, SAYS * 4);
        let sends = async {
            loop {
                if far.write_all(b"ping").await.is_err() {
                    return;
                }
                tokio::time::sleep(SAYS).await;
            }
        };
        let talks = async {
            let mut got = [0; 4];
            program.write_all(&[0; 16]).await.unwrap();
            while program.read_exact(&mut got).await.is_ok() {
                let _ = program.write_all(&[0; 16]).await;
            }
        };
        let before = tokio::time::Instant::now();
        tokio::join!(pass(browser, app, &over), sends, talks);
        assert!(before.elapsed() < IDLE, "{:?}", before.elapsed());
    }

    #[tokio::test]
    async fn one_way_may_end_before_the_other() {
        let ((browser, mut far), (app, mut program)) = (duplex(16), duplex(16));
        let over = CancellationToken::new();
        let asks = async {
            far.write_all(b"all").await.unwrap();
            far.shutdown().await.unwrap();
            let mut got = String::new();
            far.read_to_string(&mut got).await.unwrap();
            got
        };
        let answers = async {
            let mut got = String::new();
            program.read_to_string(&mut got).await.unwrap();
            program.write_all(format!("{got} of it").as_bytes()).await.unwrap();
            drop(program);
        };
        let ((), got, ()) = tokio::join!(pass(browser, app, &over), asks, answers);
        assert_eq!(got, "all of it");
    }
}
