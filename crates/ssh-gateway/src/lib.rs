//! The SSH door: keys, passwords and codes in; shells, commands, files and ports of instances out.
//!
//! Invariants: it holds no SQL and no rule: who may come in, and where, is asked of `platform`, and is asked again every
//! second while a connection is open. What strangers can cost before they are known is bounded: connections of an address
//! and of all, their time, their tries. What is not read waits within bounds ([`gate`]). Nothing that a client names is read
//! by a shell on this side; what it wants run is handed to the engine as words.

mod auth;
mod channel;
mod connection;
mod door;
mod files;
mod forward;
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod handler;
mod machine;
mod menu;
mod program;
mod recording;
mod words;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use platform::{Platform, access};
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PrivateKey};
use russh::{MethodKind, MethodSet, Preferred, SshId, cipher, compression, kex, mac};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long somebody has to prove who they are.
const GRACE: Duration = Duration::from_secs(60);
/// Refused tries of one connection, keys that do not fit among them.
const TRIES: usize = 10;
/// Every refusal takes that long.
const REFUSAL: Duration = Duration::from_millis(300);
/// Between two signs of life on a quiet line.
const ALIVE: Duration = Duration::from_secs(30);
/// What a channel may send before it is given more.
const WINDOW: u32 = 1 << 20;
const PACKET: u32 = 32 << 10;

/// What the door is about.
pub struct Gateway {
    platform: Platform,
    limits: Limits,
    /// Asked of the database at once by those who are not known yet.
    strangers: tokio::sync::Semaphore,
    people: door::People,
    /// What is open to whole machines, by person.
    ways: door::People,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What strangers and everybody together may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections of an address that are not known yet.
    pub unknown_of_address: usize,
    /// The same of all.
    pub unknown: usize,
    /// Connections of a person.
    pub of_person: usize,
    /// Ways to whole machines that a person has open: shells, files and ports.
    pub ways_of_person: usize,
    /// All connections.
    pub connections: usize,
    /// New connections a second.
    pub rate: u32,
    /// The same of an address, as long as nobody proves who they are.
    pub rate_of_address: u32,
    /// Of these, so many at once.
    pub at_once_of_address: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unknown_of_address: 20,
            unknown: 100,
            of_person: 50,
            ways_of_person: 64,
            connections: 2000,
            rate: 60,
            rate_of_address: 10,
            at_once_of_address: 12,
        }
    }
}

/// Serves until it is told to stop; back when the connections are closed, or after some seconds.
///
/// # Errors
/// There is no host key.
pub async fn serve(
    platform: Platform,
    listener: TcpListener,
    limits: Limits,
    stop: CancellationToken,
) -> Result<(), platform::Error> {
    let key = access::host_key(&platform).await?;
    let config = Arc::new(config(&key.seed));
    let strangers = tokio::sync::Semaphore::new(4);
    let gateway = Arc::new(Gateway {
        platform,
        limits,
        strangers,
        people: door::People::default(),
        ways: door::People::default(),
        stop,
        tasks: TaskTracker::new(),
    });
    door::run(&gateway, &listener, &config).await;
    drop(listener);
    gateway.tasks.close();
    let _ = tokio::time::timeout(Duration::from_secs(8), gateway.tasks.wait()).await;
    Ok(())
}

/// What russh does by itself is set here, one by one.
fn config(seed: &[u8; 32]) -> russh::server::Config {
    // None over finite fields: they cost this side more than whoever asks for them (CVE-2002-20001).
    const KEX: &[kex::Name] = &[
        kex::MLKEM768X25519_SHA256,
        kex::CURVE25519,
        kex::CURVE25519_PRE_RFC_8731,
        kex::EXTENSION_SUPPORT_AS_SERVER,
        kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
    ];
    const CIPHERS: &[cipher::Name] = &[
        cipher::AES_256_GCM,
        cipher::AES_128_GCM,
        cipher::CHACHA20_POLY1305,
        cipher::AES_256_CTR,
        cipher::AES_128_CTR,
    ];
    const MACS: &[mac::Name] = &[mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM];
    // Of the host key, and of people's: none with SHA-1.
    const KEYS: &[Algorithm] = &[
        Algorithm::Ed25519,
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
        Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
        Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
        Algorithm::SkEd25519,
        Algorithm::SkEcdsaSha2NistP256,
    ];
    let preferred = Preferred {
        kex: Cow::Borrowed(KEX),
        key: Cow::Borrowed(KEYS),
        host_key_certificates: Cow::Borrowed(&[]),
        cipher: Cow::Borrowed(CIPHERS),
        mac: Cow::Borrowed(MACS),
        compression: Cow::Borrowed(&[compression::NONE]),
    };
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(seed));
    let keys = PrivateKey::new(pair, "").into_iter().collect();
    russh::server::Config {
        server_id: SshId::Standard(Cow::Borrowed("SSH-2.0-RemoteGPU")),
        methods: MethodSet::from(&[MethodKind::PublicKey, MethodKind::KeyboardInteractive][..]),
        auth_rejection_time: REFUSAL,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys,
        window_size: WINDOW,
        maximum_packet_size: PACKET,
        // Nobody reads them: what comes is taken by the handler, and waits in our own places.
        channel_buffer_size: 1,
        event_buffer_size: 16,
        preferred,
        max_auth_attempts: TRIES,
        // A quiet shell is none that is gone; who is not known is bounded in time by the door.
        inactivity_timeout: None,
        keepalive_interval: Some(ALIVE),
        // While nothing is read, because a program does not take what it is sent, no answer is heard: the socket's own
        // timeout ends a line that is dead.
        keepalive_max: 0,
        nodelay: true,
        ..russh::server::Config::default()
    }
}

/// Where somebody comes from.
#[derive(Clone, Copy, Debug)]
struct Peer {
    address: IpAddr,
    port: u16,
    /// Where they came to.
    local: std::net::SocketAddr,
}
