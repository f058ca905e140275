//! The link against the server's end, fed with made-up samples.

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use node_agent::identity::Identity;
use node_agent::link::{self, LinkConfig};
use node_agent::sampler::{Order, Report};
use node_agent::spool::Spool;
use node_protocol::limits::{BUFFER_SECONDS, MAX_SAMPLES_PER_BATCH, MAX_UNACKED_BATCHES};
use node_protocol::{Goodbye, GoodbyeReason, GpuSample, HostSample, Inventory, Message as _, Sample, ServerBody};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::server::{Policy, TestServer};

fn sample(n: i64) -> Sample {
    let gpu = GpuSample { uuid: "GPU-1".into(), power_w: Some(n as f32), ..GpuSample::default() };
    let host = HostSample { load1: Some(n as f32), ..HostSample::default() };
    Sample { at_ms: n * 1000, host: Some(host), gpus: vec![gpu], events: Vec::new() }
}

/// A link with its ends in the test's hands.
pub struct Linked {
    reports: UnboundedSender<Report>,
    orders: Receiver<Order>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Linked {
    fn start(server: &TestServer, dir: &Path) -> Self {
        Self::with(server, dir, |_| {})
    }

    pub fn with(server: &TestServer, dir: &Path, change: impl FnOnce(&mut LinkConfig)) -> Self {
        let mut config = LinkConfig::new(server.link_url());
        config.backoff = (Duration::from_millis(10), Duration::from_millis(50));
        config.slow_retry = Duration::from_millis(100);
        change(&mut config);
        let (reports, reported) = unbounded_channel();
        let (ordering, orders) = channel();
        let (stop, stopped) = watch::channel(false);
        let identity = Identity::open(dir).unwrap();
        let spool = Spool::open(&dir.join("spool"), BUFFER_SECONDS);
        let task = tokio::spawn(async move {
            link::run(config, &identity, spool, reported, ordering, stopped).await.unwrap();
        });
        Self { reports, orders, stop, task }
    }

    fn measure(&self, instants: impl IntoIterator<Item = i64>) {
        for n in instants {
            self.reports.send(Report::Sample(sample(n))).unwrap();
        }
    }

    pub async fn stop(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(Duration::from_secs(20), self.task).await.expect("the link ends").unwrap();
    }
}

fn bytes_kept(dir: &Path) -> u64 {
    let Ok(items) = std::fs::read_dir(dir.join("spool")) else { return 0 };
    items.map(|item| item.unwrap().metadata().unwrap().len()).sum()
}

async fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn first_contact_has_key_token_and_name_and_later_ones_only_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::start(Policy { interval_ms: 250, ..Policy::default() }).await;
    let linked = Linked::with(&server, dir.path(), |config| {
        config.join_token = Some("token-1".into());
        config.host_name = Some("GPU_Node.example".into());
    });
    linked
        .reports
        .send(Report::Inventory(Box::new(Inventory { host_name: "x".into(), ..Inventory::default() })))
        .unwrap();
    server.wait("inventory", |seen| !seen.inventories.is_empty()).await;
    let key = std::fs::read_to_string(dir.path().join("node.key")).unwrap();
    {
        let seen = server.seen();
        let first = &seen.upgrades[0];
        assert_eq!(first.path, node_protocol::PATH);
        assert_eq!(first.authorization.as_deref(), Some(format!("Bearer {key}").as_str()));
        assert_eq!(first.join_token.as_deref(), Some("token-1"));
        assert_eq!(first.host_name.as_deref(), Some("gpu-node"));
        let hello = &seen.hellos[0];
        assert_eq!((hello.protocol_version, hello.process_id.len()), (node_protocol::PROTOCOL_VERSION, 32));
    }
    let orders: Vec<Order> = linked.orders.try_iter().collect();
    assert!(matches!(orders[..], [Order::Monitored(true), Order::Interval(250)]), "{orders:?}");

    server.push(ServerBody::Goodbye(Goodbye { reason: GoodbyeReason::Draining.into(), ..Goodbye::default() }));
    server
        .wait("the second hello and its inventory", |seen| seen.hellos.len() == 2 && seen.inventories.len() == 2)
        .await;
    {
        let seen = server.seen();
        assert_eq!(seen.upgrades[1].authorization, seen.upgrades[0].authorization);
        assert_eq!((&seen.upgrades[1].join_token, &seen.upgrades[1].host_name), (&None, &None));
        assert_eq!(seen.hellos[0].process_id, seen.hellos[1].process_id);
    }
    linked.stop().await;
}

#[tokio::test]
async fn samples_are_sent_at_once_and_forgotten_when_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::start(Policy::default()).await;
    let linked = Linked::start(&server, dir.path());
    server.wait("hello", |seen| !seen.hellos.is_empty()).await;
    server.round_trip(1).await;
    for n in 1..=5 {
        linked.measure([n]);
        server.wait("the sample", |seen| seen.committed.contains_key(&(n * 1000))).await;
    }
    {
        let seen = server.seen();
        assert!(seen.batches.iter().all(|(_, batch)| !batch.replayed && batch.samples.len() == 1));
        let sequences: Vec<u64> = seen.batches.iter().map(|(_, batch)| batch.sequence).collect();
        assert_eq!(sequences, [1, 2, 3, 4, 5]);
        assert_eq!(seen.committed[&3000], sample(3));
    }
    wait_until("an empty spool", || bytes_kept(dir.path()) == 0).await;
    linked.stop().await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_over_many_cuts() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::start(Policy { cut_at_batch: Some(3), ..Policy::default() }).await;
    let linked = Linked::start(&server, dir.path());
    for n in 0..300 {
        linked.measure([n]);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    server.wait("several cuts", |seen| seen.hellos.len() > 3).await;
    server.policy().cut_at_batch = None;
    server.wait("every sample", |seen| seen.committed.len() >= 300).await;
    {
        let seen = server.seen();
        let expected: Vec<Sample> = (0..300).map(sample).collect();
        assert!(seen.committed.values().cloned().eq(expected));
        for connection in 1..=seen.hellos.len() {
            let on = seen.batches.iter().filter(|(on, _)| *on == connection);
            let mut instants: Vec<i64> = on.flat_map(|(_, batch)| batch.samples.iter().map(|s| s.at_ms)).collect();
            let sent = instants.len();
            instants.sort_unstable();
            instants.dedup();
            assert_eq!(instants.len(), sent, "sent twice on connection {connection}");
        }
        assert!(seen.batches.iter().any(|(_, batch)| batch.replayed));
    }
    wait_until("an empty spool", || bytes_kept(dir.path()) == 0).await;
    linked.stop().await;
}

#[tokio::test]
async fn a_server_that_never_acknowledges_gets_a_bounded_number_of_batches() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::start(Policy { acknowledge: false, ..Policy::default() }).await;
    let linked = Linked::start(&server, dir.path());
    server.wait("hello", |seen| !seen.hellos.is_empty()).await;
    server.round_trip(1).await;
    for n in 0..50 {
        linked.measure([n]);
        server.round_trip(100 + n as u64).await;
    }
    assert_eq!(server.seen().batches.len(), MAX_UNACKED_BATCHES);
    server.acknowledge_all();
    server.wait("the rest", |seen| seen.committed.len() == 50).await;
    linked.stop().await;
    assert_eq!(bytes_kept(dir.path()), 0);
}

#[tokio::test]
async fn history_goes_in_bounded_batches_and_fresh_samples_do_not_wait_for_it() {
    let dir = tempfile::tempdir().unwrap();
    {
        let mut spool = Spool::open(&dir.path().join("spool"), BUFFER_SECONDS);
        for n in 0..600 {
            // Large enough that the size counts before the number: 64 GPUs with everything filled in.
            let gpu = GpuSample { uuid: "x".repeat(200), ..GpuSample::default() };
            spool.append(Sample { gpus: vec![gpu; 64], ..sample(n) }.encode_to_vec());
        }
    }
    let server = TestServer::start(Policy { acknowledge: false, ..Policy::default() }).await;
    let linked = Linked::start(&server, dir.path());
    server.wait("hello", |seen| !seen.hellos.is_empty()).await;
    server.round_trip(1).await;
    {
        let seen = server.seen();
        assert_eq!(seen.batches.len(), MAX_UNACKED_BATCHES - 2, "two are kept free for fresh samples");
        assert!(seen.batches.iter().all(|(_, batch)| batch.replayed));
        assert!(seen.batches.iter().all(|(_, batch)| batch.samples.len() <= MAX_SAMPLES_PER_BATCH));
        assert_eq!(seen.batches[0].1.samples[0].at_ms, 0, "the oldest first");
    }
    linked.measure([1000]);
    server.wait("the fresh one", |seen| seen.batches.len() == MAX_UNACKED_BATCHES - 1).await;
    {
        let seen = server.seen();
        let (_, fresh) = seen.batches.last().unwrap();
        assert!(!fresh.replayed && fresh.samples[0].at_ms == 1_000_000);
    }
    server.acknowledge_all();
    // The oldest made room for the fresh one while it was in flight, and arrived all the same.
    server.wait("everything", |seen| seen.committed.len() == 601).await;
    linked.stop().await;
}

#[tokio::test]
async fn while_monitoring_is_off_nothing_is_sent_or_kept() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::start(Policy { monitored: false, ..Policy::default() }).await;
    let linked = Linked::start(&server, dir.path());
    linked.measure(0..3);
    server.wait("hello", |seen| !seen.hellos.is_empty()).await;
    server.round_trip(1).await;
    linked.measure(3..6);
    server.round_trip(2).await;
    assert!(server.seen().batches.is_empty());
    assert_eq!(bytes_kept(dir.path()), 0);
    assert!(matches!(linked.orders.try_iter().next(), Some(Order::Monitored(false))));

    server.policy().monitored = true;
    let reason = GoodbyeReason::Reconfigured.into();
    server.push(ServerBody::Goodbye(Goodbye { reason, ..Goodbye::default() }));
    server.wait("the second hello", |seen| seen.hellos.len() == 2).await;
    server.round_trip(3).await;
    linked.measure(6..8);
    server.wait("samples", |seen| seen.committed.len() == 2).await;
    assert!(server.seen().committed.keys().eq(&[6000, 7000]));
    linked.stop().await;
}

#[tokio::test]
async fn a_goodbye_is_waited_out() {
    let dir = tempfile::tempdir().unwrap();
    let goodbye = Goodbye { reason: GoodbyeReason::Draining.into(), message: "restart".into(), retry_after_s: 1 };
    let server = TestServer::start(Policy { goodbye: Some(goodbye), ..Policy::default() }).await;
    let linked = Linked::start(&server, dir.path());
    server.wait("the second attempt", |seen| seen.hellos.len() == 2).await;
    {
        let seen = server.seen();
        let waited = seen.upgrades[1].at.unwrap().duration_since(seen.upgrades[0].at.unwrap());
        assert!(waited >= Duration::from_secs(1), "came back after {waited:?}");
    }
    linked.measure([1]);
    server.wait("the sample", |seen| seen.committed.len() == 1).await;
    linked.stop().await;
}

#[tokio::test]
async fn a_silent_server_is_left_and_a_talking_one_kept() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::start(Policy::default()).await;
    let linked = Linked::with(&server, dir.path(), |config| config.silence = Duration::from_millis(500));
    server.wait("a second hello", |seen| seen.hellos.len() >= 2).await;
    linked.stop().await;

    let dir = tempfile::tempdir().unwrap();
    let linked = Linked::with(&server, dir.path(), |config| config.silence = Duration::from_secs(60));
    let before = server.seen().hellos.len();
    server.wait("hello", |seen| seen.hellos.len() == before + 1).await;
    for nonce in 10..20 {
        server.round_trip(nonce).await;
    }
    assert_eq!(server.seen().hellos.len(), before + 1);
    linked.stop().await;
}

#[tokio::test]
async fn a_host_the_server_does_not_know_asks_again_with_its_token() {
    let dir = tempfile::tempdir().unwrap();
    Identity::open(dir.path()).unwrap().remember("host-009");
    let server = TestServer::start(Policy { refuse: Some(401), ..Policy::default() }).await;
    let linked = Linked::with(&server, dir.path(), |config| config.join_token = Some("token-2".into()));
    linked.measure(0..3);
    server.wait("two attempts", |seen| seen.upgrades.len() >= 2).await;
    {
        let seen = server.seen();
        assert_eq!(seen.upgrades[0].join_token, None, "it was welcomed before");
        assert_eq!(seen.upgrades[1].join_token.as_deref(), Some("token-2"));
        let waited = seen.upgrades[1].at.unwrap().duration_since(seen.upgrades[0].at.unwrap());
        assert!(waited >= Duration::from_millis(100), "retried after {waited:?}");
    }
    server.policy().refuse = None;
    server.wait("what was measured meanwhile", |seen| seen.committed.len() == 3).await;
    assert!(server.seen().batches.iter().all(|(_, batch)| batch.replayed));
    linked.stop().await;
}

#[tokio::test]
async fn stopping_waits_for_what_is_in_flight() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::start(Policy { acknowledge: false, ..Policy::default() }).await;
    let linked = Linked::start(&server, dir.path());
    server.wait("hello", |seen| !seen.hellos.is_empty()).await;
    linked.measure(0..3);
    server.wait("batches", |seen| seen.batches.iter().map(|(_, batch)| batch.samples.len()).sum::<usize>() == 3).await;
    linked.stop.send_replace(true);
    server.round_trip(1).await;
    assert!(!linked.task.is_finished());
    server.acknowledge_all();
    linked.stop().await;
    assert_eq!(bytes_kept(dir.path()), 0);
    assert_eq!(server.seen().committed.len(), 3);

    // Without acknowledgements it gives up after a while, and keeps what it has.
    server.policy().acknowledge = false;
    let linked = Linked::start(&server, dir.path());
    server.wait("hello", |seen| seen.hellos.len() == 2).await;
    linked.measure([7]);
    server.wait("the batch", |seen| seen.batches.iter().any(|(on, _)| *on == 2)).await;
    linked.stop().await;
    assert_eq!(Spool::open(&dir.path().join("spool"), BUFFER_SECONDS).len(), 1);
}

#[tokio::test]
async fn a_disk_that_fails_does_not_stop_the_link() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("spool"), "a file where the folder should be").unwrap();
    let server = TestServer::start(Policy::default()).await;
    let linked = Linked::start(&server, dir.path());
    linked.measure(0..20);
    server.wait("every sample", |seen| seen.committed.len() == 20).await;
    linked.stop().await;
}
