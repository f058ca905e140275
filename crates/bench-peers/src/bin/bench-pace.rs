//! Requests of one page at a fixed rate over kept connections. The time of an answer counts from when its request was
//! due, as in wrk2, so that a server which falls behind cannot hide it.
//!
//! `bench-pace <http://host:port/path> <per second> <seconds> [<Name: value>…]` with headers to send; each request comes from
//! one of many clients by its `X-Forwarded-For`. At the end one line of JSON.

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// Most requests under way at once.
const CONNECTIONS: usize = 32;
/// The runtime's clock is this coarse: the rest of a wait is spun away.
const COARSE: Duration = Duration::from_millis(2);

struct Load {
    authority: String,
    /// The request up to the address of its client.
    head: String,
    every: Duration,
    time: Duration,
    begin: Instant,
    next: Cell<u32>,
    late: RefCell<Vec<Duration>>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [url, rate, seconds, headers @ ..] = words.as_slice() else {
        bail!("<http://host:port/path> <per second> <seconds> [<Name: value>…]");
    };
    let rest = url.strip_prefix("http://").context("an http address")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let more: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let load = Rc::new(Load {
        authority: authority.to_owned(),
        head: format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\n{more}X-Forwarded-For: 10.0."),
        every: Duration::from_secs_f64(1.0 / rate.parse::<f64>()?),
        time: Duration::from_secs_f64(seconds.parse()?),
        begin: Instant::now() + Duration::from_millis(100),
        next: Cell::new(0),
        late: RefCell::default(),
    });
    let local = tokio::task::LocalSet::new();
    let running: Vec<_> = (0..CONNECTIONS).map(|_| local.spawn_local(connection(load.clone()))).collect();
    local
        .run_until(async {
            for one in running {
                one.await??;
            }
            anyhow::Ok(())
        })
        .await?;
    let mut late = load.late.take();
    late.sort_unstable();
    let share = |part: f64| late.get((late.len() as f64 * part) as usize).map(|late| late.as_secs_f64() * 1000.0);
    let answer = serde_json::json!({
        "requests": late.len(), "seconds": load.begin.elapsed().as_secs_f64(), "p50Ms": share(0.5), "p99Ms": share(0.99),
    });
    writeln!(std::io::stdout(), "{answer}")?;
    Ok(())
}

/// Takes the next request that is due, again and again.
async fn connection(load: Rc<Load>) -> anyhow::Result<()> {
    let stream = TcpStream::connect(&load.authority).await?;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::with_capacity(64 << 10, stream);
    loop {
        let index = load.next.get();
        load.next.set(index + 1);
        let after = load.every * index;
        if after >= load.time {
            return Ok(());
        }
        let due = load.begin + after;
        tokio::time::sleep_until(due - COARSE).await;
        while Instant::now() < due {
            tokio::task::yield_now().await;
        }
        let request = format!("{}{}.{}\r\n\r\n", load.head, index / 256 % 2, index % 256);
        stream.write_all(request.as_bytes()).await?;
        answer(&mut stream).await?;
        load.late.borrow_mut().push(due.elapsed());
    }
}

/// Reads an answer to its end; anything but 200 is an error.
async fn answer(stream: &mut BufReader<TcpStream>) -> anyhow::Result<()> {
    let status = line(stream).await?;
    if status.split(' ').nth(1) != Some("200") {
        bail!("{status}");
    }
    let (mut length, mut chunked) = (0, false);
    loop {
        let header = line(stream).await?.to_ascii_lowercase();
        match header.split_once(':') {
            None => break,
            Some(("content-length", value)) => length = value.trim().parse()?,
            Some(("transfer-encoding", value)) => chunked = value.trim() == "chunked",
            Some(_) => {}
        }
    }
    if !chunked {
        return skip(stream, length).await;
    }
    loop {
        let size = u64::from_str_radix(line(stream).await?.trim(), 16)?;
        skip(stream, size + 2).await?;
        if size == 0 {
            return Ok(());
        }
    }
}

async fn line(stream: &mut BufReader<TcpStream>) -> anyhow::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        bail!("the server closed a connection");
    }
    Ok(line.trim_end().to_owned())
}

async fn skip(stream: &mut BufReader<TcpStream>, bytes: u64) -> anyhow::Result<()> {
    let skipped = tokio::io::copy_buf(&mut stream.take(bytes), &mut tokio::io::sink()).await?;
    if skipped < bytes { bail!("the server closed a connection") } else { Ok(()) }
}
