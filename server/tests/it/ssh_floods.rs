//! Crowds at the door for SSH that prove nothing: the web answers meanwhile, and whoever has a key comes in.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::MissedTickBehavior;

use crate::ssh::{Door, text};

/// What one waits at most, of what takes moments by itself.
const BOUND: Duration = Duration::from_secs(10);
/// Places of those who are not known yet, in all.
const PLACES: usize = 100;

/// One more connection from there, if there is one.
async fn connect(door: SocketAddr, from: Ipv4Addr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(SocketAddr::from((from, 0))).ok()?;
    socket.connect(door).await.ok()
}

/// The same, if there is a place for it.
async fn place(door: SocketAddr, from: Ipv4Addr) -> Option<TcpStream> {
    let mut stream = connect(door, from).await?;
    let mut said = [0; 4];
    stream.read_exact(&mut said).await.ok()?;
    (&said == b"SSH-").then_some(stream)
}

/// Takes as many places as it gets, says nothing, and keeps them.
async fn hold(door: SocketAddr, from: Ipv4Addr) -> Vec<TcpStream> {
    let mut held = Vec::new();
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..60 {
        pace.tick().await;
        held.extend(place(door, from).await);
    }
    held
}

/// Comes and goes as often as it can.
async fn knock(door: SocketAddr, from: Ipv4Addr) {
    let mut pace = tokio::time::interval(Duration::from_millis(5));
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        pace.tick().await;
        if let Some(mut stream) = connect(door, from).await {
            let _ = stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await;
        }
    }
}

#[tokio::test]
async fn a_flood_before_login_keeps_nobody_out_and_does_not_touch_the_web() {
    let door = Door::new(&[]).await;
    let at = SocketAddr::from(([127, 0, 0, 1], door.port()));
    let addresses = |from: u8| (from..from + 6).map(|n| Ipv4Addr::new(127, 0, 0, n));
    let held = join_all(addresses(10).map(|from| hold(at, from))).await;
    let places = held.iter().map(Vec::len).sum::<usize>();
    assert!(places >= PLACES, "no more than {places} were taken");
    let knocking: Vec<_> = addresses(20).take(3).map(|from| tokio::spawn(knock(at, from))).collect();

    let server = &door.world.server;
    for _ in 0..5 {
        for path in ["/api/customer/instances", "/api/auth/profile"] {
            let before = Instant::now();
            let answer = server.get(&door.world.owner, path).await;
            assert!(
                answer.status == 200 && before.elapsed() < BOUND,
                "{path} after {:?}: {answer:?}",
                before.elapsed()
            );
        }
        let before = Instant::now();
        let done = door.ssh(&["echo in"]).await;
        assert_eq!(text(&done.stdout), "in\n", "{}", text(&done.stderr));
        assert!(before.elapsed() < BOUND, "{:?}", before.elapsed());
    }
    assert!(knocking.iter().all(|knocking| !knocking.is_finished()), "they knock all the while");
    for knocking in knocking {
        knocking.abort();
    }
    drop(held);
}

#[tokio::test]
async fn who_came_before_comes_in_while_strangers_of_many_addresses_have_every_place() {
    let door = Door::new(&[]).await;
    let at = SocketAddr::from(([127, 0, 0, 1], door.port()));
    let done = door.ssh(&["echo in"]).await;
    assert_eq!(text(&done.stdout), "in\n", "{}", text(&done.stderr));
    let mut held = Vec::new();
    // Below what the door takes of all in a second.
    let mut pace = tokio::time::interval(Duration::from_millis(25));
    for n in 1..=120 {
        pace.tick().await;
        held.extend(place(at, Ipv4Addr::new(127, 0, 1, n)).await);
    }
    assert_eq!(held.len(), PLACES, "nobody has more than one, so that nobody has to go");
    let before = Instant::now();
    let done = door.ssh(&["echo back"]).await;
    assert_eq!(text(&done.stdout), "back\n", "{}", text(&done.stderr));
    assert!(before.elapsed() < BOUND, "{:?}", before.elapsed());
    drop(held);
}
