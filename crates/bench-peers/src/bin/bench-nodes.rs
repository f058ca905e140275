//! Acts as many agents at once: joins, reports an inventory, and sends samples as fast as they are acknowledged, or with
//! `--live <hz>` one sample per tick as real agents do.
//!
//! `bench-nodes <server-url> <nodes> <gpus> <seconds> [--samples <per batch>] [--window <batches in flight>] [--live <hz>]
//! [--joined <file>]` with `REMOTEGPU_JOIN_TOKEN` for as many machines. The same numbers are the same machines at the next run. At the end
//! one line of JSON: the rows acknowledged in the time that was asked for.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use node_protocol::{
    AgentBody, AgentFrame, Batch, GpuInfo, GpuSample, Hello, HostSample, Inventory, Message as _, Ping, Sample,
    ServerBody, ServerFrame, limits,
};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const GIB: u64 = 1 << 30;
/// The oldest sample sent: inside of what the server takes, with room for slow seconds.
const OLDEST_MS: i64 = 690_000;
/// Between two samples of one machine in a load; a round would last more than 100 s at 60 samples a second.
const STEP_MS: i64 = 100;
/// Links opened at once.
const OPENING: usize = 16;

struct Settings {
    url: String,
    token: String,
    nodes: usize,
    gpus: u32,
    time: Duration,
    samples: usize,
    window: usize,
    live: Option<f64>,
    /// Where to note how many nodes the server knows from now on.
    joined: Option<String>,
}

impl Settings {
    fn read() -> anyhow::Result<Self> {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let word = |index: usize| words.get(index).context("<server-url> <nodes> <gpus> <seconds>");
        let option = |name: &str| {
            let at = words.iter().position(|word| word == name);
            at.map(|at| words.get(at + 1).with_context(|| format!("{name} of what"))).transpose()
        };
        Ok(Self {
            url: word(0)?.replacen("http", "ws", 1),
            token: std::env::var("REMOTEGPU_JOIN_TOKEN").context("REMOTEGPU_JOIN_TOKEN is not set")?,
            nodes: word(1)?.parse()?,
            gpus: word(2)?.parse()?,
            time: Duration::from_secs_f64(word(3)?.parse()?),
            samples: option("--samples")?.map_or(Ok(1), |text| text.parse())?,
            window: option("--window")?.map_or(Ok(4), |text| text.parse::<usize>())?.min(limits::MAX_UNACKED_BATCHES),
            live: option("--live")?.map(|text| text.parse()).transpose()?,
            joined: option("--joined")?.cloned(),
        })
    }
}

/// What all nodes share.
struct Load {
    settings: Settings,
    opening: tokio::sync::Semaphore,
    ready: Barrier,
    rows: AtomicU64,
    samples: AtomicU64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::read()?;
    let (nodes, time) = (settings.nodes, settings.time);
    let load = Arc::new(Load {
        opening: tokio::sync::Semaphore::new(OPENING),
        ready: Barrier::new(nodes),
        rows: AtomicU64::new(0),
        samples: AtomicU64::new(0),
        settings,
    });
    let mut running = tokio::task::JoinSet::new();
    for index in 0..nodes {
        running.spawn(Node::run(load.clone(), index));
    }
    // The first failure ends it all: figures of fewer nodes would be of something else.
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    let answer = serde_json::json!({
        "rows": load.rows.load(Ordering::Relaxed),
        "samples": load.samples.load(Ordering::Relaxed),
        "seconds": time.as_secs_f64(),
    });
    writeln!(std::io::stdout(), "{answer}")?;
    Ok(())
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

struct Node {
    load: Arc<Load>,
    index: usize,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    uuids: Vec<String>,
    sequence: u64,
    /// Batches not yet acknowledged.
    flying: usize,
}

impl Node {
    async fn run(load: Arc<Load>, index: usize) -> anyhow::Result<()> {
        let mut node = {
            let _turn = load.opening.acquire().await?;
            Self::open(&load, index).await.with_context(|| format!("node {index}"))?
        };
        if load.ready.wait().await.is_leader()
            && let Some(file) = &load.settings.joined
        {
            std::fs::write(file, load.settings.nodes.to_string())?;
        }
        let done = match load.settings.live {
            Some(hz) => node.live(hz).await,
            None => node.flood().await,
        };
        done.with_context(|| format!("node {index}"))?;
        // The others finish undisturbed.
        load.ready.wait().await;
        let _ = node.socket.close(None).await;
        Ok(())
    }

    async fn open(load: &Arc<Load>, index: usize) -> anyhow::Result<Self> {
        let settings = &load.settings;
        let mut request = format!("{}{}", settings.url, node_protocol::PATH).into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("authorization", format!("Bearer bench-node-key-{index:032}").parse()?);
        headers.insert(node_protocol::JOIN_TOKEN_HEADER, settings.token.parse()?);
        headers.insert(node_protocol::HOST_NAME_HEADER, format!("bench-{index:04}").parse()?);
        // The library zeroes its whole buffer at every read: the default of 128 KiB would be most of this load's work.
        let config = WebSocketConfig::default().read_buffer_size(8 * 1024);
        let (socket, _) = tokio_tungstenite::connect_async_with_config(request, Some(config), true).await?;
        let uuids = (0..settings.gpus).map(|gpu| format!("GPU-be9c0000-0000-4000-8000-{index:08x}{gpu:04x}")).collect();
        let mut node = Self { load: load.clone(), index, socket, uuids, sequence: 0, flying: 0 };
        node.send(AgentBody::Hello(Hello {
            protocol_version: node_protocol::PROTOCOL_VERSION,
            agent_version: "0.0.0-bench".to_owned(),
            process_id: format!("{}-{index}", std::process::id()),
            boot_id: String::new(),
            sent_at_ms: now_ms(),
            ..Hello::default()
        }))
        .await?;
        match node.receive().await? {
            ServerBody::Welcome(welcome) if welcome.monitored => {}
            other => bail!("instead of a welcome: {other:?}"),
        }
        let inventory = node.inventory();
        node.send(AgentBody::Inventory(inventory)).await?;
        Ok(node)
    }

    /// Keeps the window full until the time is over.
    async fn flood(&mut self) -> anyhow::Result<()> {
        let settings = &self.load.settings;
        let (size, window) = (settings.samples, settings.window);
        let end = Instant::now() + settings.time;
        let mut at = now_ms() - OLDEST_MS;
        while self.flying < window {
            self.batch(&mut at, size).await?;
        }
        while let Ok(body) = tokio::time::timeout_at(end, self.receive()).await {
            if self.take(body?, size).await? {
                if at > now_ms() {
                    bail!("no instants are left: shorten the time");
                }
                self.batch(&mut at, size).await?;
            }
        }
        // Acknowledgements that come now count no more, but the server shall be idle afterwards.
        while self.flying > 0 {
            match tokio::time::timeout(Duration::from_secs(30), self.receive()).await?? {
                ServerBody::Ack(_) => self.flying -= 1,
                ServerBody::Ping(ping) => self.send(AgentBody::Pong(Ping { nonce: ping.nonce })).await?,
                other => bail!("{other:?}"),
            }
        }
        Ok(())
    }

    /// One sample per tick, of now; the nodes' ticks are spread over the period.
    async fn live(&mut self, hz: f64) -> anyhow::Result<()> {
        let settings = &self.load.settings;
        let (period, begin) = (Duration::from_secs_f64(1.0 / hz), Instant::now());
        let end = begin + settings.time;
        let first = begin + period.mul_f64(self.index as f64 / settings.nodes as f64);
        let mut tick = tokio::time::interval_at(first, period);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    if self.flying < limits::MAX_UNACKED_BATCHES {
                        self.batch(&mut now_ms(), 1).await?;
                    }
                }
                body = self.receive() => {
                    self.take(body?, 1).await?;
                }
                () = tokio::time::sleep_until(end) => return Ok(()),
            }
        }
    }

    /// True for an acknowledgement, which is counted.
    async fn take(&mut self, body: ServerBody, samples: usize) -> anyhow::Result<bool> {
        match body {
            ServerBody::Ack(_) => {
                self.flying -= 1;
                let rows = samples * (1 + self.uuids.len());
                self.load.rows.fetch_add(rows as u64, Ordering::Relaxed);
                self.load.samples.fetch_add(samples as u64, Ordering::Relaxed);
                Ok(true)
            }
            ServerBody::Ping(ping) => {
                self.send(AgentBody::Pong(Ping { nonce: ping.nonce })).await?;
                Ok(false)
            }
            other => bail!("{other:?}"),
        }
    }

    async fn batch(&mut self, at: &mut i64, samples: usize) -> anyhow::Result<()> {
        let samples = (0..samples)
            .map(|_| {
                let sample = self.sample(*at);
                *at += STEP_MS;
                sample
            })
            .collect();
        self.sequence += 1;
        self.flying += 1;
        self.send(AgentBody::Batch(Batch { sequence: self.sequence, samples, replayed: false })).await
    }

    async fn send(&mut self, body: AgentBody) -> anyhow::Result<()> {
        let bytes = AgentFrame { body: Some(body) }.encode_to_vec();
        Ok(self.socket.send(Message::Binary(bytes.into())).await?)
    }

    async fn receive(&mut self) -> anyhow::Result<ServerBody> {
        loop {
            match self.socket.next().await.context("the link ended")?? {
                Message::Binary(bytes) => {
                    return ServerFrame::decode(bytes)?.body.context("an empty frame");
                }
                Message::Close(close) => bail!("closed: {close:?}"),
                _ => {}
            }
        }
    }

    fn inventory(&self) -> Inventory {
        let gpu = |(index, uuid): (usize, &String)| GpuInfo {
            index: index as u32,
            uuid: uuid.clone(),
            model: "NVIDIA H100 80GB HBM3".to_owned(),
            memory_bytes: Some(80 * GIB),
            pci_bus_id: Some(format!("00000000:{:02X}:00.0", index + 1)),
            power_limit_w: Some(700.0),
            mig_enabled: Some(false),
            ecc_enabled: Some(true),
            ..Default::default()
        };
        Inventory {
            host_name: format!("bench-{:04}", self.index),
            arch: Some("x86_64".to_owned()),
            cpu_cores: Some(64),
            cpu_threads: Some(128),
            memory_bytes: Some(1024 * GIB),
            driver_version: Some("580.95.05".to_owned()),
            gpus: self.uuids.iter().enumerate().map(gpu).collect(),
            ..Default::default()
        }
    }

    /// Every figure a real GPU has, different at every tick.
    fn sample(&self, at_ms: i64) -> Sample {
        let wave = |shift: usize, least: f32, most: f32| {
            let turn = (at_ms.rem_euclid(60_000) as f32 / 3_000.0) + shift as f32;
            least + (most - least) * (0.5 + 0.5 * turn.sin())
        };
        let gpu = |(index, uuid): (usize, &String)| {
            let shift = self.index + index;
            GpuSample {
                uuid: uuid.clone(),
                util_percent: Some(wave(shift, 0.0, 100.0)),
                mem_util_percent: Some(wave(shift + 1, 0.0, 60.0)),
                memory_used_bytes: Some(wave(shift + 2, 1.0, 79.0) as u64 * GIB),
                memory_total_bytes: Some(80 * GIB),
                temperature_c: Some(wave(shift, 30.0, 75.0)),
                power_w: Some(wave(shift, 70.0, 690.0)),
                power_limit_w: Some(700.0),
                sm_clock_mhz: Some(1980),
                mem_clock_mhz: Some(2619),
                pcie_rx_bytes_per_s: Some(wave(shift, 0.0, 5e9)),
                pcie_tx_bytes_per_s: Some(wave(shift + 3, 0.0, 5e9)),
                pcie_generation: Some(5),
                pcie_width: Some(16),
                ecc_corrected: Some(0),
                ecc_uncorrected: Some(0),
                throttle_bits: Some(0),
                encoder_percent: Some(0.0),
                decoder_percent: Some(0.0),
                performance_state: Some(0),
                ..Default::default()
            }
        };
        let host = HostSample {
            cpu_percent: Some(wave(self.index, 1.0, 99.0)),
            load1: Some(wave(self.index, 0.1, 64.0)),
            memory_used_bytes: Some(wave(self.index, 10.0, 1000.0) as u64 * GIB),
            memory_total_bytes: Some(1024 * GIB),
            swap_used_bytes: Some(0),
            swap_total_bytes: Some(8 * GIB),
            disk_used_bytes: Some(900 * GIB),
            disk_total_bytes: Some(3500 * GIB),
            disk_read_bytes_per_s: Some(wave(self.index, 0.0, 1e9)),
            disk_write_bytes_per_s: Some(wave(self.index + 1, 0.0, 1e9)),
            net_rx_bytes_per_s: Some(wave(self.index, 0.0, 1e10)),
            net_tx_bytes_per_s: Some(wave(self.index + 1, 0.0, 1e10)),
            uptime_s: Some((at_ms / 1000).unsigned_abs() % 10_000_000),
        };
        Sample { at_ms, host: Some(host), gpus: self.uuids.iter().enumerate().map(gpu).collect(), events: Vec::new() }
    }
}
