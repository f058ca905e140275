//! Images come into an engine, from a registry and from an archive, and say how far they are.

use std::io::Cursor;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::Utc;
use runtime::docker::{Bytes, Endpoint, FaultKind, Opening, Progress, Way, load, probe, pull};
use test_support::{DockerEngine, Registry, loadable_archive};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn anywhere(_: std::net::IpAddr) -> bool {
    true
}

#[tokio::test]
async fn an_image_is_pulled_and_loaded() {
    let engine = DockerEngine::start();
    let endpoint = Endpoint::Local { socket: engine.socket() };
    let registry = Registry::start().await;
    let mut told: Vec<Progress> = Vec::new();
    pull(&endpoint, anywhere, &registry.image("small:1"), |progress| told.push(progress)).await.unwrap();
    let last = told.last().expect("it says how far it is");
    assert!(last.done == last.total && last.total > 100_000, "{told:?}");
    assert!(told.is_sorted_by_key(|progress| progress.done), "{told:?}");
    pull(&endpoint, anywhere, &registry.image("small:1"), |_| {}).await.expect("again is fine");
    let missing = pull(&endpoint, anywhere, &registry.image("small:2"), |_| {}).await.unwrap_err();
    assert_eq!(missing.kind, FaultKind::Image, "{missing}");
    let missing = pull(&endpoint, anywhere, &registry.image("small"), |_| {}).await.unwrap_err();
    assert_eq!(missing.kind, FaultKind::Image, "the tag is latest, not all there are: {missing}");

    let archive = loadable_archive("ours:1");
    let (size, told) = (archive.len() as u64, Arc::new(Mutex::new(Vec::new())));
    let tell = {
        let told = told.clone();
        move |progress| told.lock().unwrap().push(progress)
    };
    load(&endpoint, anywhere, size, Cursor::new(archive), tell).await.unwrap();
    let last = *told.lock().unwrap().last().unwrap();
    assert_eq!(last, Progress { done: size, total: size });
    let broken = load(&endpoint, anywhere, 9, Cursor::new(b"no image".to_vec()), |_| {}).await.unwrap_err();
    assert_eq!(broken.kind, FaultKind::Image, "{broken}");
    probe(&endpoint, anywhere, Utc::now()).await.expect("and the engine is as it was");
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_no_fault_of_the_image() {
    let endpoint = Endpoint::Local { socket: "/nonexistent/docker.sock".into() };
    let fault = pull(&endpoint, anywhere, "small:1", |_| {}).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::NoSocket);
    let fault = load(&endpoint, anywhere, 1, Cursor::new(vec![0]), |_| {}).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::NoSocket);
}

/// An engine that takes this much, a little every 50 s, then falls silent or says that it is done.
#[derive(Debug)]
struct Slow {
    takes: usize,
    answers: bool,
}

impl Way for Slow {
    fn open(&self) -> Opening {
        let (ours, mut theirs) = tokio::io::duplex(64 << 10);
        let (takes, answers) = (self.takes, self.answers);
        tokio::spawn(async move {
            let (mut taken, mut bytes) = (0, vec![0; 64 << 10]);
            while taken < takes {
                tokio::time::sleep(Duration::from_secs(50)).await;
                taken += theirs.read(&mut bytes).await.unwrap();
            }
            if answers {
                theirs.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            }
            std::future::pending::<()>().await;
        });
        Box::pin(async move { Ok(Box::new(ours) as Box<dyn Bytes>) })
    }
}

/// The time here runs as fast as everybody waits.
#[tokio::test(start_paused = true)]
async fn an_archive_may_take_long_while_it_moves_and_not_when_it_stands() {
    const SIZE: usize = 3 << 20;
    let send = async |takes, answers| {
        let began = tokio::time::Instant::now();
        let endpoint = Endpoint::Given(Arc::new(Slow { takes, answers }));
        let archive = Cursor::new(vec![0; SIZE]);
        let sent = load(&endpoint, anywhere, SIZE as u64, archive, |_| {}).await;
        (sent, began.elapsed().as_secs())
    };
    let (sent, seconds) = send(SIZE, true).await;
    sent.expect("all of it was taken");
    assert!(seconds > 2000, "{seconds} s");
    let (sent, seconds) = send(SIZE / 2, false).await;
    assert_eq!(sent.unwrap_err().kind, FaultKind::Timeout);
    assert!((1400..1900).contains(&seconds), "{seconds} s");
}
