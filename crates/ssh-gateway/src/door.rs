//! Who is let up to the door: counted before anything is read of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contract::UserId;
use platform::context::network_of;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::gate::{Gate, Paced};
use crate::handler::Guest;
use crate::{GRACE, Gateway, Limits, Peer};

/// A line whose other end answers nothing for so long is dead.
const DEAD: Duration = Duration::from_secs(180);
/// Between two tries while the system has no more files for us.
const AGAIN: Duration = Duration::from_millis(200);

/// Who is there now.
#[derive(Default)]
struct Counts {
    all: usize,
    unknown: HashMap<IpAddr, usize>,
    unknown_all: usize,
}

/// A place at the door; given back when it is dropped.
pub(crate) struct Seat {
    counts: Arc<Mutex<Counts>>,
    network: IpAddr,
    unknown: bool,
}

impl Seat {
    fn take(counts: &Arc<Mutex<Counts>>, limits: &Limits, address: IpAddr) -> Option<Self> {
        let network = network_of(address);
        let mut all = counts.lock().expect("nobody panics holding this lock");
        let there = all.unknown.get(&network).copied().unwrap_or_default();
        if all.all >= limits.connections || all.unknown_all >= limits.unknown || there >= limits.unknown_of_address {
            return None;
        }
        all.all += 1;
        all.unknown_all += 1;
        *all.unknown.entry(network).or_default() += 1;
        Some(Self { counts: counts.clone(), network, unknown: true })
    }

    /// It is known whose it is.
    pub(crate) fn known(&mut self) {
        if std::mem::take(&mut self.unknown) {
            let mut all = self.counts.lock().expect("nobody panics holding this lock");
            all.unknown_all -= 1;
            if let Some(count) = all.unknown.get_mut(&self.network) {
                *count -= 1;
                if *count == 0 {
                    all.unknown.remove(&self.network);
                }
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.known();
        self.counts.lock().expect("nobody panics holding this lock").all -= 1;
    }
}

/// How many connections a person has here.
#[derive(Clone, Default)]
pub(crate) struct People(Arc<Mutex<HashMap<UserId, usize>>>);

/// One of them; given back when it is dropped.
pub(crate) struct Place {
    people: People,
    person: UserId,
}

impl People {
    /// `None` where there are as many as may be.
    pub(crate) fn take(&self, person: UserId, most: usize) -> Option<Place> {
        let mut people = self.0.lock().expect("nobody panics holding this lock");
        let count = people.entry(person).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { people: self.clone(), person })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut people = self.people.0.lock().expect("nobody panics holding this lock");
        if let Some(count) = people.get_mut(&self.person) {
            *count -= 1;
            if *count == 0 {
                people.remove(&self.person);
            }
        }
    }
}

/// New connections a second, with a second's worth at once.
struct Rate {
    each: Duration,
    next: Instant,
}

impl Rate {
    fn new(rate: u32) -> Self {
        Self { each: Duration::from_secs(1) / rate.max(1), next: Instant::now() }
    }

    fn admits(&mut self, now: Instant) -> bool {
        let floor = now.checked_sub(Duration::from_secs(1)).unwrap_or(now);
        self.next = self.next.max(floor);
        if self.next > now {
            return false;
        }
        self.next += self.each;
        true
    }
}

/// Takes connections until it is told to stop.
pub(crate) async fn run(gateway: &Arc<Gateway>, listener: &TcpListener, config: &Arc<russh::server::Config>) {
    let counts = Arc::new(Mutex::new(Counts::default()));
    let mut rate = Rate::new(gateway.limits.rate);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = gateway.stop.cancelled() => return,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "a connection by SSH was not taken");
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        // Refused without a word: a word would cost what is refused. What one address has too many of takes nothing of the rate
        // of all.
        let Some(seat) = Seat::take(&counts, &gateway.limits, from.ip()) else { continue };
        if !rate.admits(Instant::now()) {
            continue;
        }
        let (gateway, config) = (gateway.clone(), config.clone());
        gateway.clone().tasks.spawn(async move { greet(gateway, config, stream, seat).await });
    }
}

async fn greet(gateway: Arc<Gateway>, config: Arc<russh::server::Config>, stream: TcpStream, seat: Seat) {
    let (Ok(from), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else { return };
    let dead = u32::try_from(DEAD.as_millis()).unwrap_or(u32::MAX);
    let timed = nix::sys::socket::setsockopt(&stream, nix::sys::socket::sockopt::TcpUserTimeout, &dead);
    if stream.set_nodelay(true).is_err() || timed.is_err() {
        tracing::debug!("a socket takes no options");
    }
    let gate = Arc::new(Gate::default());
    let peer = Peer { address: from.ip().to_canonical(), port: from.port(), local };
    let guest = Guest::new(gateway.clone(), peer, gate.clone(), seat);
    let known = guest.known();
    let begun = russh::server::run_stream(config, Paced::new(stream, gate.clone()), guest);
    let until = Instant::now() + GRACE;
    let mut session = match tokio::time::timeout_at(until, begun).await {
        Ok(Ok(session)) => session,
        // Nobody, or nobody who speaks SSH.
        _ => return,
    };
    let ended = tokio::select! {
        ended = &mut session => ended,
        () = late(until, known) => {
            gate.cut();
            session.await
        }
        () = gateway.stop.cancelled() => {
            // Those who are known are told by what watches over them.
            match tokio::time::timeout(Duration::from_secs(4), &mut session).await {
                Ok(ended) => ended,
                Err(_) => {
                    gate.cut();
                    session.await
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection by SSH ended");
    }
}

/// At the end of the grace, unless somebody is known by then; then never.
async fn late(until: Instant, mut known: tokio::sync::watch::Receiver<bool>) {
    if tokio::time::timeout_at(until, known.wait_for(|known| *known)).await.is_ok_and(|known| known.is_ok()) {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_address_and_given_back() {
        let counts = Arc::new(Mutex::new(Counts::default()));
        let limits =
            Limits { unknown_of_address: 2, unknown: 3, of_person: 1, ways_of_person: 1, connections: 4, rate: 1 };
        let take = |address: &str| Seat::take(&counts, &limits, address.parse().unwrap());
        let (mut one, two) = (take("192.0.2.1").unwrap(), take("192.0.2.1").unwrap());
        assert!(take("192.0.2.1").is_none(), "too many of one address");
        let three = take("192.0.2.2").unwrap();
        assert!(take("192.0.2.3").is_none(), "too many of all");
        one.known();
        one.known();
        let four = take("192.0.2.1").unwrap();
        drop((two, three));
        assert!(take("192.0.2.3").is_some());
        drop((one, four));
        let all = counts.lock().unwrap();
        assert_eq!((all.all, all.unknown_all, all.unknown.len()), (0, 0, 0));
    }

    #[test]
    fn a_person_has_so_many_places() {
        let people = People::default();
        let take = |person| people.take(UserId(person), 2);
        let (one, two) = (take(1), take(1));
        assert!(one.is_some() && two.is_some() && take(1).is_none() && take(2).is_some());
        drop(one);
        assert!(take(1).is_some());
        drop(two);
        assert!(people.0.lock().unwrap().is_empty());
    }

    #[test]
    fn so_many_come_in_a_second() {
        let mut rate = Rate::new(10);
        let now = Instant::now() + Duration::from_secs(5);
        assert_eq!((0..100).filter(|_| rate.admits(now)).count(), 11);
        assert!(!rate.admits(now + Duration::from_millis(50)) && rate.admits(now + Duration::from_millis(101)));
    }
}
