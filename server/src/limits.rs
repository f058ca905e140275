//! Token buckets per client, in memory: a flood from one address gets 429, the others do not notice. A client is an IPv4
//! address or the /64 of an IPv6 address, as for failed sign-ins: who has a line has all of its addresses.
//!
//! Each process counts for itself; behind several servers a client gets that many times the rate, which is still bounded.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Instant;

use platform::context::network_of;

/// Buckets are spread over this many locks.
const SHARDS: usize = 16;
/// Clients remembered per shard; beyond it, full buckets (idle clients) are forgotten.
const MAX_CLIENTS: usize = 8192;

/// A kind of request with its own rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Pages, API, sockets.
    General,
    /// Sign-in: hashing a password is dear.
    SignIn,
    /// Challenges: making one is work for us too.
    Captcha,
    /// Links in mail: asking for one writes to somebody, using one hashes a password.
    Link,
    /// An agent's link that was refused: guessing of keys and join tokens.
    RefusedAgent,
}

impl Kind {
    /// (burst, per second)
    fn rate(self) -> (f64, f64) {
        match self {
            Kind::General => (400.0, 200.0),
            Kind::SignIn => (30.0, 2.0),
            Kind::Captcha => (40.0, 1.0),
            Kind::Link => (40.0, 1.0),
            Kind::RefusedAgent => (30.0, 1.0),
        }
    }
}

/// Tokens left, and when that was.
type Bucket = (f64, Instant);

/// The buckets.
#[derive(Debug)]
pub struct Rates {
    shards: Vec<Mutex<HashMap<(Kind, IpAddr), Bucket>>>,
    hasher: RandomState,
}

impl Default for Rates {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }
}

impl Rates {
    /// Takes a token; `Err` holds the seconds to wait.
    pub fn take(&self, kind: Kind, client: IpAddr) -> Result<(), u64> {
        self.take_at(kind, client, Instant::now())
    }

    /// The seconds to wait when nothing is left; takes nothing.
    pub fn spent(&self, kind: Kind, client: IpAddr) -> Option<u64> {
        self.spent_at(kind, client, Instant::now())
    }

    fn spent_at(&self, kind: Kind, client: IpAddr, now: Instant) -> Option<u64> {
        let client = network_of(client);
        let (_, per_second) = kind.rate();
        let buckets = self.shard(kind, client).lock().expect("nobody panics holding this lock");
        let (tokens, at) = buckets.get(&(kind, client))?;
        let tokens = tokens + now.duration_since(*at).as_secs_f64() * per_second;
        (tokens < 1.0).then(|| wait(tokens, per_second))
    }

    fn shard(&self, kind: Kind, client: IpAddr) -> &Mutex<HashMap<(Kind, IpAddr), Bucket>> {
        &self.shards[self.hasher.hash_one((kind, client)) as usize % SHARDS]
    }

    fn take_at(&self, kind: Kind, client: IpAddr, now: Instant) -> Result<(), u64> {
        let (burst, per_second) = kind.rate();
        let client = network_of(client);
        let mut buckets = self.shard(kind, client).lock().expect("nobody panics holding this lock");
        if buckets.len() >= MAX_CLIENTS {
            buckets.retain(|(kind, _), (tokens, at)| {
                let (burst, per_second) = kind.rate();
                *tokens + now.duration_since(*at).as_secs_f64() * per_second < burst
            });
        }
        let (tokens, at) = buckets.entry((kind, client)).or_insert((burst, now));
        *tokens = (*tokens + now.duration_since(*at).as_secs_f64() * per_second).min(burst);
        *at = now;
        if *tokens >= 1.0 {
            *tokens -= 1.0;
            return Ok(());
        }
        Err(wait(*tokens, per_second))
    }
}

/// Whole seconds until there is a token again.
fn wait(tokens: f64, per_second: f64) -> u64 {
    ((1.0 - tokens) / per_second).ceil().max(1.0) as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_is_cut_and_others_are_not() {
        let rates = Rates::default();
        let (flood, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let now = Instant::now();
        let taken = (0..100).filter(|_| rates.take_at(Kind::SignIn, flood, now).is_ok()).count();
        assert_eq!(taken, 30);
        assert!(rates.take_at(Kind::SignIn, other, now).is_ok());
        assert!(
            rates.spent_at(Kind::SignIn, flood, now).is_some() && rates.spent_at(Kind::SignIn, other, now).is_none()
        );
        assert!(rates.spent_at(Kind::SignIn, flood, now + Duration::from_secs(1)).is_none());
        assert!(rates.take_at(Kind::SignIn, flood, now + Duration::from_secs(1)).is_ok());
    }

    #[test]
    fn the_addresses_of_one_line_are_one_client() {
        let rates = Rates::default();
        let now = Instant::now();
        let of_line = |line: u16, host: u16| IpAddr::from([0x2001, 0xdb8, 0, line, 0, 0, 0, host]);
        let taken = (0..100).filter(|host| rates.take_at(Kind::SignIn, of_line(1, *host), now).is_ok()).count();
        assert_eq!(taken, 30);
        assert!(rates.take_at(Kind::SignIn, of_line(2, 0), now).is_ok());
    }
}
