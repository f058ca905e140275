//! Who is let up to the door: counted before anything is read of them.
//!
//! Who floods it takes what others have of it as little as can be: each network has so many places and so many tries a second,
//! and where all places are taken, whoever comes gets one of the network that has the most of them. From many networks at once
//! that still keeps others out; so who comes from where somebody proved lately who they are goes before all the rest.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contract::UserId;
use platform::context::network_of;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::gate::{Gate, Paced};
use crate::handler::Guest;
use crate::{GRACE, Gateway, Limits, Peer};

/// A line whose other end answers nothing for so long is dead.
const DEAD: Duration = Duration::from_secs(180);
/// Between two tries while the system has no more files for us.
const AGAIN: Duration = Duration::from_millis(200);

/// Networks whose tries are counted apart; of more, all together are. As many again where somebody was met.
const MOST_NETWORKS: usize = 4096;
/// How often those are forgotten that came no more.
const FORGET: Duration = Duration::from_secs(1);
/// How long it counts that somebody came from a network who proved who they are.
const MET: Duration = Duration::from_secs(24 * 3600);

/// Who is there now.
#[derive(Default)]
struct Counts {
    all: usize,
    /// Of each network, the oldest first.
    unknown: HashMap<IpAddr, VecDeque<Stranger>>,
    unknown_all: usize,
    /// How many ever came.
    came: u64,
    /// Of each network, the tries of those who proved nothing.
    rates: HashMap<IpAddr, Rate>,
    forget: Option<Instant>,
    /// When somebody last came from a network who proved who they are.
    met: HashMap<IpAddr, Instant>,
}

/// Somebody who is not known yet.
struct Stranger {
    number: u64,
    /// Has them go.
    out: CancellationToken,
}

impl Counts {
    /// One more try of a network.
    fn admits(&mut self, limits: &Limits, network: IpAddr, now: Instant) -> bool {
        if self.forget.is_none_or(|forget| now >= forget) {
            self.rates.retain(|_, rate| !rate.is_whole(now));
            self.forget = Some(now + FORGET);
        }
        // Where somebody was met, the rate of all does not count, so that this one has to.
        let is_one_more = !self.rates.contains_key(&network) && !self.has_met(network, now);
        if is_one_more && self.rates.len() >= MOST_NETWORKS {
            return true;
        }
        let whole = || Rate::new(limits.rate_of_address, limits.at_once_of_address, now);
        self.rates.entry(network).or_insert_with(whole).admits(now)
    }

    /// It is no stranger any more; false for one who was sent away before.
    fn leave(&mut self, network: IpAddr, number: u64) -> bool {
        let Some(strangers) = self.unknown.get_mut(&network) else { return false };
        let Some(at) = strangers.iter().position(|stranger| stranger.number == number) else { return false };
        strangers.remove(at);
        self.unknown_all -= 1;
        if strangers.is_empty() {
            self.unknown.remove(&network);
        }
        true
    }

    fn has_met(&self, network: IpAddr, now: Instant) -> bool {
        self.met.get(&network).is_some_and(|last| now.duration_since(*last) < MET)
    }

    fn meet(&mut self, network: IpAddr, now: Instant) {
        if self.met.len() >= MOST_NETWORKS && !self.met.contains_key(&network) {
            self.met.retain(|_, last| now.duration_since(*last) < MET);
            if self.met.len() >= MOST_NETWORKS {
                return;
            }
        }
        self.met.insert(network, now);
    }

    /// Of which network a stranger has to go for one more of this one, which has `there`: of the one that has the most, where that
    /// is more than a network of so many would have with one more. Where nobody was met has to go first, however few are of it,
    /// and sends nobody else away.
    fn crowd(&self, network: IpAddr, there: usize, now: Instant) -> Option<IpAddr> {
        let most = |met: bool| {
            let of_these = self.unknown.iter().filter(|(of, _)| self.has_met(**of, now) == met);
            of_these.max_by_key(|(_, strangers)| strangers.len())
        };
        let is_fair = |strangers: &VecDeque<Stranger>| strangers.len() > there + 1;
        let found = if self.has_met(network, now) {
            most(false).or_else(|| most(true).filter(|(_, strangers)| is_fair(strangers)))
        } else {
            most(false).filter(|(_, strangers)| is_fair(strangers))
        };
        found.map(|(network, _)| *network)
    }

    /// Sends the oldest stranger of a network away.
    fn send_away(&mut self, network: IpAddr) {
        let Some(oldest) = self.unknown.get(&network).and_then(VecDeque::front) else { return };
        oldest.out.cancel();
        let number = oldest.number;
        self.leave(network, number);
    }
}

/// A place at the door; given back when it is dropped.
pub(crate) struct Seat {
    counts: Arc<Mutex<Counts>>,
    network: IpAddr,
    number: u64,
    /// Somebody else has its place, while it was not known whose it is.
    out: CancellationToken,
}

impl Seat {
    /// `admits` is asked only about who comes from where nobody was met, where there is a place, and before anybody loses theirs.
    fn take(
        counts: &Arc<Mutex<Counts>>,
        limits: &Limits,
        (network, now): (IpAddr, Instant),
        admits: impl FnOnce() -> bool,
    ) -> Option<Self> {
        let mut all = counts.lock().expect("nobody panics holding this lock");
        let there = all.unknown.get(&network).map_or(0, VecDeque::len);
        if all.all >= limits.connections || there >= limits.unknown_of_address {
            return None;
        }
        let crowd = if all.unknown_all >= limits.unknown { Some(all.crowd(network, there, now)?) } else { None };
        if !all.has_met(network, now) && !admits() {
            return None;
        }
        if let Some(crowd) = crowd {
            all.send_away(crowd);
        }
        all.all += 1;
        all.unknown_all += 1;
        all.came += 1;
        let (number, out) = (all.came, CancellationToken::new());
        all.unknown.entry(network).or_default().push_back(Stranger { number, out: out.clone() });
        Some(Self { counts: counts.clone(), network, number, out })
    }

    /// It is known whose it is: that was no try of a stranger.
    pub(crate) fn known(&self) {
        let mut all = self.counts.lock().expect("nobody panics holding this lock");
        all.meet(self.network, Instant::now());
        if all.leave(self.network, self.number)
            && let Some(rate) = all.rates.get_mut(&self.network)
        {
            rate.give_back();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.counts.lock().expect("nobody panics holding this lock");
        all.leave(self.network, self.number);
        all.all -= 1;
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

/// New connections a second, and so many at once.
struct Rate {
    each: Duration,
    at_once: Duration,
    next: Instant,
}

impl Rate {
    fn new(a_second: u32, at_once: u32, now: Instant) -> Self {
        let each = Duration::from_secs(1) / a_second.max(1);
        let at_once = each * at_once;
        Self { each, at_once, next: now.checked_sub(at_once).unwrap_or(now) }
    }

    /// One that was taken is not counted.
    fn give_back(&mut self) {
        self.next = self.next.checked_sub(self.each).unwrap_or(self.next);
    }

    /// Nothing of it is taken.
    fn is_whole(&self, now: Instant) -> bool {
        self.next + self.at_once <= now
    }

    fn admits(&mut self, now: Instant) -> bool {
        let floor = now.checked_sub(self.at_once).unwrap_or(now);
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
    let limits = gateway.limits;
    let mut rate = Rate::new(limits.rate, limits.rate, Instant::now());
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
        let (network, now) = (network_of(from.ip()), Instant::now());
        if !counts.lock().expect("nobody panics holding this lock").admits(&limits, network, now) {
            continue;
        }
        let Some(seat) = Seat::take(&counts, &limits, (network, now), || rate.admits(now)) else { continue };
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
    let (gate, out) = (Arc::new(Gate::default()), seat.out.clone());
    let peer = Peer { address: from.ip().to_canonical(), port: from.port(), local };
    let guest = Guest::new(gateway.clone(), peer, gate.clone(), seat);
    let known = guest.known();
    let begun = russh::server::run_stream(config, Paced::new(stream, gate.clone()), guest);
    let until = Instant::now() + GRACE;
    let begun = tokio::select! {
        begun = tokio::time::timeout_at(until, begun) => begun,
        () = out.cancelled() => return,
    };
    let mut session = match begun {
        Ok(Ok(session)) => session,
        // Nobody, or nobody who speaks SSH.
        _ => return,
    };
    let ended = tokio::select! {
        ended = &mut session => ended,
        () = late(until, known, &out) => {
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

/// At the end of the grace, or when somebody else has the place, unless it is known by then who it is; then never.
async fn late(until: Instant, mut known: tokio::sync::watch::Receiver<bool>, out: &CancellationToken) {
    let in_time =
        async { tokio::time::timeout_at(until, known.wait_for(|known| *known)).await.is_ok_and(|known| known.is_ok()) };
    let known = tokio::select! {
        known = in_time => known,
        () = out.cancelled() => false,
    };
    if known {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { unknown_of_address: 2, unknown: 3, connections: 5, ..Limits::default() }
    }

    #[test]
    fn places_are_counted_by_address_and_given_back() {
        let counts = Arc::new(Mutex::new(Counts::default()));
        let now = Instant::now();
        let take = |address: &str| Seat::take(&counts, &limits(), (address.parse().unwrap(), now), || true);
        let (one, two) = (take("192.0.2.1").unwrap(), take("192.0.2.1").unwrap());
        assert!(take("192.0.2.1").is_none(), "too many of one address");
        let three = take("192.0.2.2").unwrap();
        one.known();
        one.known();
        let four = take("192.0.2.3").unwrap();
        assert!(take("192.0.2.4").is_none(), "too many of all, and nobody has more of them");
        drop((two, three));
        let five = take("192.0.2.4").unwrap();
        assert!(![&one, &four, &five].iter().any(|seat| seat.out.is_cancelled()));
        drop((one, four, five));
        let all = counts.lock().unwrap();
        assert_eq!((all.all, all.unknown_all, all.unknown.len()), (0, 0, 0));
    }

    #[test]
    fn who_comes_gets_a_place_of_those_who_have_the_most() {
        let counts = Arc::new(Mutex::new(Counts::default()));
        let now = Instant::now();
        let take = |address: &str| Seat::take(&counts, &limits(), (address.parse().unwrap(), now), || true);
        let crowd = [take("192.0.2.1").unwrap(), take("192.0.2.1").unwrap()];
        let other = take("192.0.2.2").unwrap();
        let refused = Seat::take(&counts, &limits(), ("192.0.2.3".parse().unwrap(), now), || false);
        assert!(refused.is_none() && !crowd[0].out.is_cancelled(), "nobody goes for who is not let in");
        let newcomer = take("192.0.2.3").unwrap();
        let out = [&crowd[0], &crowd[1], &other, &newcomer].map(|seat| seat.out.is_cancelled());
        assert_eq!(out, [true, false, false, false], "the oldest of them");
        // Who was sent away gives nothing back twice.
        crowd[0].known();
        drop(crowd);
        assert_eq!(counts.lock().unwrap().unknown_all, 2);
        drop((other, newcomer));
        let all = counts.lock().unwrap();
        assert_eq!((all.all, all.unknown_all, all.unknown.len()), (0, 0, 0));
    }

    #[test]
    fn who_comes_from_where_somebody_was_met_goes_before_strangers_of_many_networks() {
        let counts = Arc::new(Mutex::new(Counts::default()));
        let now = Instant::now();
        // Who was sent away is there for a moment longer.
        let limits = Limits { connections: 9, ..limits() };
        let take =
            |address: &str, admits: bool, now| Seat::take(&counts, &limits, (address.parse().unwrap(), now), || admits);
        take("192.0.2.1", true, now).unwrap().known();
        let strangers = ["192.0.2.2", "192.0.2.3", "192.0.2.4"].map(|address| take(address, true, now).unwrap());
        assert!(take("192.0.2.5", true, now).is_none(), "nobody has more than one");
        let back = [(); 2].map(|()| take("192.0.2.1", false, now).expect("whatever strangers do"));
        assert_eq!(strangers.iter().filter(|seat| seat.out.is_cancelled()).count(), 2);
        assert!(take("192.0.2.5", true, now).is_none(), "nor does a stranger send them away");
        assert!(!back.iter().any(|seat| seat.out.is_cancelled()));
        drop((strangers, back));
        assert!(take("192.0.2.1", false, now + MET * 2).is_none(), "that was long ago");
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
        let mut rate = Rate::new(10, 10, Instant::now());
        let now = Instant::now() + Duration::from_secs(5);
        assert_eq!((0..100).filter(|_| rate.admits(now)).count(), 11);
        assert!(!rate.admits(now + Duration::from_millis(50)) && rate.admits(now + Duration::from_millis(101)));
    }

    #[test]
    fn one_network_takes_nothing_of_the_tries_of_another() {
        let now = Instant::now();
        let limits = Limits { rate_of_address: 1, at_once_of_address: 3, ..Limits::default() };
        let counts = Arc::new(Mutex::new(Counts::default()));
        let admits = |network, now| counts.lock().unwrap().admits(&limits, network, now);
        let [flood, other] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        assert_eq!((0..100).filter(|_| admits(flood, now)).count(), 4);
        assert!(admits(other, now));
        let later = now + Duration::from_secs(1);
        assert!(admits(flood, later) && !admits(flood, later));
        // Who has a key comes as often as they like.
        let seat = Seat::take(&counts, &limits, (flood, now), || true).unwrap();
        seat.known();
        seat.known();
        assert!(admits(flood, later) && !admits(flood, later));
        assert!(admits(other, now + Duration::from_secs(60)));
        assert_eq!(counts.lock().unwrap().rates.len(), 1, "who came no more is forgotten");
    }
}
