//! Many WebSocket watchers at once, counting what reaches them.
//!
//! `bench-watchers <url> <watchers> <seconds> [--plain]`: each opens `/ws/live` with the access token in
//! `REMOTEGPU_TOKEN` and subscribes to the wall, no faster than one address may come; with `--plain` the address is any
//! WebSocket server that sends at once. A line of JSON says that all are there and the seconds begin, another one what
//! came. Latency: from the first watcher that has a delta to each that gets it, on this program's one clock.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// Sockets opened per second: under the server's rate for one address.
const OPENED_PER_SECOND: u64 = 150;
/// What comes right after the last one subscribed is not counted.
const SETTLE: Duration = Duration::from_secs(2);

/// A delta as it came: its sequence, when, and its size.
type Seen = (u64, Instant, usize);

struct Settings {
    url: String,
    token: Option<String>,
    watchers: usize,
    time: Duration,
}

impl Settings {
    fn read() -> anyhow::Result<Self> {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let word = |index: usize| words.get(index).context("<url> <watchers> <seconds> [--plain]");
        let plain = words.iter().any(|word| word == "--plain");
        let url = word(0)?.replacen("http", "ws", 1);
        let token = (!plain).then(|| std::env::var("REMOTEGPU_TOKEN").context("REMOTEGPU_TOKEN is not set"));
        Ok(Self {
            url: if plain { url } else { format!("{url}/ws/live") },
            token: token.transpose()?,
            watchers: word(1)?.parse()?,
            time: Duration::from_secs_f64(word(2)?.parse()?),
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let settings = Arc::new(Settings::read()?);
    let watchers: Vec<Arc<Mutex<Vec<Seen>>>> = (0..settings.watchers).map(|_| Arc::default()).collect();
    let (opened, mut open) = tokio::sync::mpsc::channel(settings.watchers.max(1));
    let mut running = tokio::task::JoinSet::new();
    let mut pace = tokio::time::interval(Duration::from_micros(1_000_000 / OPENED_PER_SECOND));
    for seen in &watchers {
        pace.tick().await;
        running.spawn(watch(settings.clone(), seen.clone(), opened.clone()));
    }
    for _ in &watchers {
        tokio::select! {
            one = open.recv() => one.context("nobody opens any more")?,
            Some(ended) = running.join_next() => bail!("a watcher ended: {ended:?}"),
        }
    }
    tokio::time::sleep(SETTLE).await;
    say(&serde_json::json!({ "connected": watchers.len() }))?;
    let begin = Instant::now();
    let end = begin + settings.time;
    tokio::select! {
        Some(ended) = running.join_next() => bail!("a watcher ended: {ended:?}"),
        () = tokio::time::sleep_until(end) => {}
    }
    let all: Vec<Vec<Seen>> = watchers
        .iter()
        .map(|seen| {
            let seen = seen.lock().expect("nobody panics holding this lock");
            seen.iter().filter(|(_, at, _)| (begin..end).contains(at)).copied().collect()
        })
        .collect();
    say(&summary(&all, settings.time))
}

fn say(line: &serde_json::Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

async fn watch(
    settings: Arc<Settings>,
    seen: Arc<Mutex<Vec<Seen>>>,
    opened: tokio::sync::mpsc::Sender<()>,
) -> anyhow::Result<()> {
    let mut request = settings.url.as_str().into_client_request()?;
    // The library's own buffer, zeroed at every read, would be most of this load's work.
    let config = WebSocketConfig::default().read_buffer_size(16 * 1024);
    if let Some(token) = &settings.token {
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
    }
    let (mut socket, _) = tokio_tungstenite::connect_async_with_config(request, Some(config), true).await?;
    if settings.token.is_some() {
        socket.send(Message::text(r#"{"type":"subscribe","topic":"wall"}"#)).await?;
        loop {
            match socket.next().await.context("no snapshot came")?? {
                Message::Text(text) if text.starts_with(r#"{"type":"snapshot""#) => break,
                Message::Text(text) if text.starts_with(r#"{"type":"delta""#) => {}
                Message::Ping(_) | Message::Pong(_) => {}
                other => bail!("instead of a snapshot: {other:?}"),
            }
        }
    }
    opened.send(()).await?;
    loop {
        match socket.next().await.context("the socket ended")?? {
            Message::Text(text) => {
                if let Some(sequence) = sequence(&text) {
                    seen.lock().expect("nobody panics holding this lock").push((sequence, Instant::now(), text.len()));
                }
            }
            Message::Close(close) => bail!("closed: {close:?}"),
            _ => {}
        }
    }
}

/// The sequence of a delta; `None` for everything else.
fn sequence(text: &str) -> Option<u64> {
    let rest = text.strip_prefix(r#"{"type":"delta""#)?;
    let rest = &rest[rest.find(r#""seq":"#)? + 6..];
    rest[..rest.find(|c: char| !c.is_ascii_digit())?].parse().ok()
}

fn summary(all: &[Vec<Seen>], time: Duration) -> serde_json::Value {
    let mut first: HashMap<u64, Instant> = HashMap::new();
    for (sequence, at, _) in all.iter().flatten() {
        let earliest = first.entry(*sequence).or_insert(*at);
        *earliest = (*earliest).min(*at);
    }
    let mut late: Vec<Duration> = all.iter().flatten().map(|(sequence, at, _)| *at - first[sequence]).collect();
    late.sort_unstable();
    let share = |part: f64| late.get(((late.len() as f64 * part) as usize).min(late.len().saturating_sub(1)));
    let ms = |value: Option<&Duration>| value.map(|value| value.as_secs_f64() * 1000.0);
    serde_json::json!({
        "watchers": all.len(),
        "messages": late.len(),
        "deltas": first.len(),
        "fewest": all.iter().map(Vec::len).min(),
        "bytes": all.iter().flatten().map(|(_, _, bytes)| *bytes as u64).sum::<u64>(),
        "seconds": time.as_secs_f64(),
        "p50LatencyMs": ms(share(0.5)),
        "p99LatencyMs": ms(share(0.99)),
    })
}
