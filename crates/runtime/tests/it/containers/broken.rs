//! An engine that is killed in the middle, and what is known afterwards.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use runtime::docker::containers::{Change, Containers, EventMark, Events, Notice, State};
use runtime::docker::{Bytes, Endpoint, Fault, FaultKind, Opening, Way};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::UnixStream;
use tokio::sync::Notify;

use super::{GRACE, anywhere, begin, kind, of, run, sh};

/// The next event's container and change, and where to go on; `None` for a new look.
async fn heard(events: &mut Events) -> Option<(String, Change, EventMark)> {
    match events.next().await.expect("it goes on").unwrap() {
        Notice::Resync => None,
        Notice::Event(event) => Some((event.name, event.change, event.mark)),
    }
}

fn change(heard: Option<(String, Change, EventMark)>) -> (String, Change) {
    let (name, change, _) = heard.expect("nothing was missed");
    (name, change)
}

#[tokio::test]
async fn events_are_picked_up_again_and_a_killed_engine_is_told_of() {
    let (mut engine, containers) = begin();
    let mut events = containers.events(None).await.unwrap();
    assert!(heard(&mut events).await.is_none(), "first, look at all there is");
    let id = run(&containers, &sh("c-1", "sleep 600")).await;
    assert_eq!(change(heard(&mut events).await), ("c-1".to_owned(), Change::Created));
    let (_, started, mark) = heard(&mut events).await.unwrap();
    assert_eq!(started, Change::Started);
    drop(events);

    // Nobody listens; what was seen last is known.
    containers.kill(&id).await.unwrap();
    run(&containers, &sh("c-2", "sleep 600")).await;
    containers.remove(&id, true).await.unwrap();
    let mut events = containers.events(Some(mark.to_string().parse().unwrap())).await.unwrap();
    let mut missed = Vec::new();
    while missed.len() < 4 {
        missed.push(change(heard(&mut events).await));
    }
    // Those of one container are in order.
    missed.sort_by(|one, other| one.0.cmp(&other.0));
    let expected = [
        ("c-1", Change::Ended { code: 137 }),
        ("c-1", Change::Removed),
        ("c-2", Change::Created),
        ("c-2", Change::Started),
    ];
    assert_eq!(missed, expected.map(|(name, change)| (name.to_owned(), change)));
    containers.stop("c-2", GRACE).await.unwrap();
    let (name, ended, mark) = heard(&mut events).await.unwrap();
    assert!(name == "c-2" && matches!(ended, Change::Ended { .. }), "{ended:?}");
    let up = run(&containers, &sh("c-3", "sleep 600")).await;

    engine.kill();
    let fault: Fault = loop {
        match events.next().await.expect("a connection that broke says so") {
            Ok(_) => {}
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault.kind, FaultKind::Closed, "{fault}");
    assert!(events.next().await.is_none());
    for asked in [containers.start(&up).await, containers.events(Some(mark)).await.map(|_| ())] {
        assert_eq!(kind(asked), FaultKind::Refused);
    }
    engine.start_again();
    // It forgot what it had told, and stopped what ran: that has to be looked at.
    let mut events = containers.events(Some(mark)).await.unwrap();
    assert!(heard(&mut events).await.is_none());
    assert!(matches!(containers.inspect(&up).await.unwrap().state, State::Exited { out_of_memory: false, .. }));
    containers.start(&up).await.unwrap();
    while heard(&mut events).await.is_none_or(|(name, change, _)| (name.as_str(), change) != ("c-3", Change::Started)) {
    }
    for one in containers.list().await.unwrap() {
        containers.remove(&one.id, true).await.unwrap();
    }
    assert!(containers.list().await.unwrap().is_empty());
}

/// The way to an engine, with a word when a request to make a container has gone over it.
#[derive(Debug)]
struct Watched {
    socket: std::path::PathBuf,
    gone: Arc<Notify>,
}

struct Watching {
    stream: UnixStream,
    gone: Arc<Notify>,
}

impl Way for Watched {
    fn open(&self) -> Opening {
        let (socket, gone) = (self.socket.clone(), self.gone.clone());
        Box::pin(async move {
            let stream = UnixStream::connect(socket).await.map_err(|error| Fault::new(FaultKind::Closed, error))?;
            Ok(Box::new(Watching { stream, gone }) as Box<dyn Bytes>)
        })
    }
}

impl AsyncRead for Watching {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Watching {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if written.is_ready() && bytes.windows(18).any(|part| part == b"/containers/create") {
            self.gone.notify_one();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_whose_making_was_cut_off_is_made_once() {
    let (mut engine, _) = begin();
    // At once, and while the engine is at it: it takes some 50 ms, of which nobody else can say when they are.
    for (round, late) in [0, 10, 20, 40].into_iter().enumerate() {
        let gone = Arc::new(Notify::new());
        let way = Arc::new(Watched { socket: engine.socket(), gone: gone.clone() });
        let watched = Containers::new(&Endpoint::Given(way), anywhere, "lab").unwrap();
        let spec = sh(&format!("round-{round}"), "sleep 600");
        let asked = tokio::spawn({
            let spec = spec.clone();
            async move { watched.create(&spec).await }
        });
        gone.notified().await;
        tokio::time::sleep(Duration::from_millis(late)).await;
        engine.kill();
        // It may have been told just in time.
        let told = asked.await.unwrap();
        engine.start_again();
        let containers = of(&engine, "lab");
        let created = containers.create(&spec).await.unwrap();
        if let Ok(told) = told {
            assert_eq!((told.id, true), (created.id.clone(), created.existed));
        }
        let list = containers.list().await.unwrap();
        assert_eq!(list.iter().filter(|one| one.name == spec.name).count(), 1, "{list:?}");
        containers.start(&created.id).await.unwrap();
        assert_eq!(containers.inspect(&spec.name).await.unwrap().state, State::Running { health: None });
        containers.remove(&created.id, true).await.unwrap();
    }
    assert!(of(&engine, "lab").list().await.unwrap().is_empty());
}

/// Bytes to an engine that is none.
#[tokio::test]
async fn who_is_no_engine_is_named() {
    let cases: [(&'static str, FaultKind); 4] = [
        ("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nOK", FaultKind::NotEngine),
        (
            "HTTP/1.1 200 OK\r\nconnection: close\r\napi-version: 1.40\r\ncontent-length: 2\r\n\r\nOK",
            FaultKind::Version,
        ),
        ("SSH-2.0-OpenSSH_9.2p1\r\n", FaultKind::NotEngine),
        ("", FaultKind::Closed),
    ];
    for (answer, expected) in cases {
        let other = test_support::OtherSocket::answering(answer);
        let endpoint = Endpoint::Local { socket: other.path() };
        let containers = Containers::new(&endpoint, anywhere, "lab").unwrap();
        assert_eq!(kind(containers.list().await), expected, "{answer:?}");
    }
    // Each connection has one answer: the second one, to the question itself, says what it should not.
    let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\napi-version: 1.41\r\ncontent-length: 2\r\n\r\n{}";
    let other = test_support::OtherSocket::answering(answer);
    let containers = Containers::new(&Endpoint::Local { socket: other.path() }, anywhere, "lab").unwrap();
    assert_eq!(kind(containers.list().await), FaultKind::NotEngine);
    assert_eq!(kind(containers.inspect("c-1").await), FaultKind::NotEngine);
    assert_eq!(
        kind(Containers::new(&Endpoint::Local { socket: other.path() }, anywhere, "a b").map(|_| ())),
        FaultKind::Spec
    );
}

/// An engine that takes what it is asked and says this, again and again, or nothing.
#[derive(Debug)]
struct Odd {
    says: &'static [u8],
    again: &'static [u8],
}

impl Way for Odd {
    fn open(&self) -> Opening {
        let (ours, mut theirs) = tokio::io::duplex(64 << 10);
        let (says, again) = (self.says, self.again);
        tokio::spawn(async move {
            // Said before it was asked, it would be no answer.
            let _ = theirs.read(&mut [0; 4096]).await;
            let _ = theirs.write_all(says).await;
            while !again.is_empty() && theirs.write_all(again).await.is_ok() {}
            std::future::pending::<()>().await;
        });
        Box::pin(async move { Ok(Box::new(ours) as Box<dyn Bytes>) })
    }
}

/// The time here runs as fast as everybody waits.
#[tokio::test(start_paused = true)]
async fn an_engine_is_neither_waited_for_nor_listened_to_for_ever() {
    let ask = async |says, again| {
        let endpoint = Endpoint::Given(Arc::new(Odd { says, again }));
        let containers = Containers::new(&endpoint, anywhere, "lab").unwrap();
        tokio::time::timeout(Duration::from_secs(60), containers.list()).await.expect("it ends by itself").unwrap_err()
    };
    assert_eq!(ask(b"", b"").await.kind, FaultKind::Timeout);
    assert_eq!(ask(b"HTTP/1.1 200 OK\r\napi-version: 1.41\r\n\r\n", b"").await.kind, FaultKind::Timeout);
    let endless = ask(b"HTTP/1.1 200 OK\r\napi-version: 1.41\r\n\r\n", &[b' '; 4096]).await;
    assert!(endless.kind == FaultKind::NotEngine && endless.detail.contains("too large"), "{endless}");
}
