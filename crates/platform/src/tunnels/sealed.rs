//! What two servers of an installation say to each other over a connection that anybody may carry: frames in a session of the
//! Noise Protocol Framework (revision 34), `Noise_NNpsk0_25519_AESGCM_SHA256`. Its pre-shared key follows from the secrets key,
//! and its prologue is the nonce of the pass, so that a handshake belongs to one pass.
//!
//! Invariants: what was changed, left out, put elsewhere or said before on another connection does not open; what was recorded
//! does not open for who gets the secrets key later, for a session's keys come from key pairs that live as long as its
//! handshake; an end is a frame, so that a connection which broke is never taken for one. A frame is its length (two bytes, big
//! endian), and then, as one message of Noise, its kind and its bytes.

use std::io;
use std::sync::Arc;

use curve25519_dalek::MontgomeryPoint;
use node_protocol::limits::TUNNEL_CHUNK_BYTES;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, RingResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState, StatelessTransportState};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};

use super::pass::Nonce;
use crate::secrets::Keyring;

/// AES rather than ChaCha20: what servers run on has instructions for it.
const PROTOCOL: &str = "Noise_NNpsk0_25519_AESGCM_SHA256";
/// What the pre-shared key is for.
const PURPOSE: &str = "peer tunnel psk 1";
const TAG: usize = 16;
/// Of X25519, public and secret.
const KEY: usize = 32;
/// Each of the two messages of a handshake: a public key, and the tag of nothing.
const HANDSHAKE: usize = KEY + TAG;
/// Longest frame, without its length.
const MOST: usize = 1 + TUNNEL_CHUNK_BYTES + TAG;

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Bytes of the tunnel.
    Bytes = 0,
    /// This way has ended.
    End = 1,
    /// A sign of life.
    Alive = 2,
    /// The tunnel is there; from the server that was asked, as are the next two.
    Open = 3,
    /// There is none, and why.
    Refused = 4,
    /// The agent is not linked there.
    NotHere = 5,
}

impl Kind {
    fn of(byte: u8) -> io::Result<Self> {
        let all = [Kind::Bytes, Kind::End, Kind::Alive, Kind::Open, Kind::Refused, Kind::NotHere];
        all.into_iter().find(|kind| *kind as u8 == byte).ok_or_else(|| broken("a frame of no known kind"))
    }
}

pub(super) fn broken(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// A connection to another server.
pub(super) struct Line<L> {
    pub(super) reading: Reading<ReadHalf<L>>,
    pub(super) writing: Writing<WriteHalf<L>>,
}

impl<L: AsyncRead + AsyncWrite> Line<L> {
    /// The side that asked, with a pass of this nonce.
    pub(super) async fn of_asker(line: L, keyring: &Keyring, nonce: &Nonce) -> io::Result<Self> {
        let (mut reads, mut writes) = tokio::io::split(line);
        let mut message = [0; HANDSHAKE];
        let mut handshake = handshake(keyring, nonce, Side::Asker).map_err(io::Error::other)?;
        handshake.write_message(&[], &mut message).map_err(io::Error::other)?;
        writes.write_all(&message).await?;
        writes.flush().await?;
        reads.read_exact(&mut message).await?;
        handshake.read_message(&message, &mut []).map_err(|_| broken(STRANGER))?;
        Self::of(reads, writes, handshake)
    }

    /// The side that was asked. Who has not the key is told nothing.
    pub(super) async fn of_holder(line: L, keyring: &Keyring, nonce: &Nonce) -> io::Result<Self> {
        let (mut reads, mut writes) = tokio::io::split(line);
        let mut message = [0; HANDSHAKE];
        reads.read_exact(&mut message).await?;
        let mut handshake = handshake(keyring, nonce, Side::Holder).map_err(io::Error::other)?;
        handshake.read_message(&message, &mut []).map_err(|_| broken(STRANGER))?;
        handshake.write_message(&[], &mut message).map_err(io::Error::other)?;
        writes.write_all(&message).await?;
        writes.flush().await?;
        Self::of(reads, writes, handshake)
    }

    fn of(reads: ReadHalf<L>, writes: WriteHalf<L>, handshake: HandshakeState) -> io::Result<Self> {
        let session = Arc::new(handshake.into_stateless_transport_mode().map_err(io::Error::other)?);
        Ok(Self { reading: Reading::new(reads, Arc::clone(&session)), writing: Writing::new(writes, session) })
    }
}

const STRANGER: &str = "a handshake that is not this installation's";

#[derive(Clone, Copy)]
enum Side {
    Asker,
    Holder,
}

/// One that has not begun.
fn handshake(keyring: &Keyring, nonce: &Nonce, side: Side) -> Result<HandshakeState, snow::Error> {
    let key = keyring.derive(PURPOSE);
    let builder = Builder::with_resolver(PROTOCOL.parse()?, Box::new(Primitives)).psk(0, &key)?.prologue(nonce)?;
    match side {
        Side::Asker => builder.build_initiator(),
        Side::Holder => builder.build_responder(),
    }
}

/// What Noise is made of: ring's, and X25519 of the crate that the SSH door has it from. Snow's own X25519 would bring second
/// copies of ciphers that nothing calls.
struct Primitives;

impl CryptoResolver for Primitives {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        RingResolver.resolve_rng()
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        match choice {
            DHChoice::Curve25519 => Some(Box::<X25519>::default()),
            DHChoice::Curve448 => None,
        }
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        RingResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        RingResolver.resolve_cipher(choice)
    }
}

/// RFC 7748, 5.
#[derive(Default)]
struct X25519 {
    secret: [u8; KEY],
    public: [u8; KEY],
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        KEY
    }

    fn priv_len(&self) -> usize {
        KEY
    }

    fn set(&mut self, secret: &[u8]) {
        self.secret.copy_from_slice(secret);
        self.public = MontgomeryPoint::mul_base_clamped(self.secret).to_bytes();
    }

    fn generate(&mut self, random: &mut dyn Random) -> Result<(), snow::Error> {
        random.try_fill_bytes(&mut self.secret)?;
        self.public = MontgomeryPoint::mul_base_clamped(self.secret).to_bytes();
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &self.secret
    }

    /// Both have room for keys of other curves.
    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        let public = *public.first_chunk::<KEY>().ok_or(snow::Error::Dh)?;
        let out = out.first_chunk_mut::<KEY>().ok_or(snow::Error::Dh)?;
        *out = MontgomeryPoint(public).mul_clamped(self.secret).to_bytes();
        Ok(())
    }
}

/// Both ways have keys of their own; each side counts what it says and hears.
type Session = Arc<StatelessTransportState>;

/// What is said.
pub(super) struct Writing<W> {
    line: W,
    session: Session,
    count: u64,
    plain: Vec<u8>,
    frame: Vec<u8>,
}

impl<W: AsyncWrite + Unpin> Writing<W> {
    fn new(line: W, session: Session) -> Self {
        Self { line, session, count: 0, plain: Vec::new(), frame: Vec::new() }
    }

    /// Says up to [`TUNNEL_CHUNK_BYTES`] bytes. Not cancel safe: after half a frame there is nothing left but to close.
    pub(super) async fn say(&mut self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        let length = 1 + bytes.len() + TAG;
        let prefix = u16::try_from(length).ok().filter(|_| length <= MOST);
        let prefix = prefix.ok_or_else(|| broken("more than a frame holds"))?.to_be_bytes();
        self.plain.clear();
        self.plain.push(kind as u8);
        self.plain.extend_from_slice(bytes);
        self.frame.resize(prefix.len() + length, 0);
        let (front, sealed) = self.frame.split_at_mut(prefix.len());
        front.copy_from_slice(&prefix);
        let number = self.count;
        // Whatever becomes of the frame: each number once.
        self.count += 1;
        self.session.write_message(number, &self.plain, sealed).map_err(io::Error::other)?;
        self.line.write_all(&self.frame).await?;
        self.line.flush().await
    }

    /// Says nothing more.
    pub(super) async fn close(&mut self) -> io::Result<()> {
        self.line.shutdown().await
    }
}

/// What is heard.
pub(super) struct Reading<R> {
    line: R,
    session: Session,
    count: u64,
    frame: Vec<u8>,
    plain: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Reading<R> {
    fn new(line: R, session: Session) -> Self {
        Self { line, session, count: 0, frame: Vec::new(), plain: Vec::new() }
    }

    /// The next frame; not cancel safe.
    pub(super) async fn next(&mut self) -> io::Result<(Kind, &[u8])> {
        let mut length = [0; 2];
        self.line.read_exact(&mut length).await?;
        let bytes = usize::from(u16::from_be_bytes(length));
        if !(1 + TAG..=MOST).contains(&bytes) {
            return Err(broken("a frame of no possible length"));
        }
        self.frame.resize(bytes, 0);
        self.line.read_exact(&mut self.frame).await?;
        // With room for the tag, it is opened there and not in a third place.
        self.plain.resize(bytes, 0);
        let opened = self.session.read_message(self.count, &self.frame, &mut self.plain);
        let opened = opened.map_err(|_| broken("a frame that is not this installation's"))?;
        self.count += 1;
        let (kind, said) = self.plain[..opened].split_first().ok_or_else(|| broken("a frame of no kind"))?;
        Ok((Kind::of(*kind)?, said))
    }

    /// To the end of what comes, which nobody wants.
    pub(super) async fn drain(&mut self) {
        self.frame.resize(MOST, 0);
        while self.line.read(&mut self.frame).await.is_ok_and(|read| read > 0) {}
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;

    const NONCE: Nonce = [5; 16];

    async fn both(asker: (&Keyring, &Nonce), holder: (&Keyring, &Nonce)) -> [io::Result<Line<DuplexStream>>; 2] {
        let (asks, holds) = tokio::io::duplex(1 << 16);
        let asks = Line::of_asker(asks, asker.0, asker.1);
        let (asks, holds) = tokio::join!(asks, Line::of_holder(holds, holder.0, holder.1));
        [asks, holds]
    }

    async fn lines() -> [Line<DuplexStream>; 2] {
        let keyring = Keyring::from_bytes([7; 32]);
        both((&keyring, &NONCE), (&keyring, &NONCE)).await.map(Result::unwrap)
    }

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        let mut bytes = [0; N];
        hex::decode_to_slice(text, &mut bytes).unwrap();
        bytes
    }

    /// The vector of this protocol in the collection of the library cacophony, which others test themselves with, too.
    #[test]
    fn it_is_noise_as_others_speak_it() {
        let (prologue, key) = (b"John Galt", *b"This is my Austrian perspective!");
        let ephemerals = [
            bytes::<KEY>("893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a"),
            bytes::<KEY>("bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b"),
        ];
        let [asks, holds] = ephemerals.each_ref().map(|ephemeral| {
            let builder = Builder::with_resolver(PROTOCOL.parse().unwrap(), Box::new(Primitives));
            let builder = builder.psk(0, &key).unwrap().prologue(prologue).unwrap();
            builder.fixed_ephemeral_key_for_testing_only(ephemeral)
        });
        let (mut asks, mut holds) = (asks.build_initiator().unwrap(), holds.build_responder().unwrap());
        let (mut message, mut heard) = ([0; 100], [0; 100]);
        let length = asks.write_message(b"Ludwig von Mises", &mut message).unwrap();
        let first = "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79447c37a89fc17813788d30df2d59501d6066f5f8\
                     aecc3406bbd9829f2d24a531b1";
        assert_eq!(hex::encode(&message[..length]), first);
        holds.read_message(&message[..length], &mut heard).unwrap();
        let length = holds.write_message(b"Murray Rothbard", &mut message).unwrap();
        let second = "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088432f29d79368ef9de4e1ae7a362fb05bf0ad668e\
                      026bf5714554497b3a720461";
        assert_eq!(hex::encode(&message[..length]), second);
        asks.read_message(&message[..length], &mut heard).unwrap();
        let (asks, holds) =
            (asks.into_stateless_transport_mode().unwrap(), holds.into_stateless_transport_mode().unwrap());
        let length = asks.write_message(0, b"F. A. Hayek", &mut message).unwrap();
        assert_eq!(hex::encode(&message[..length]), "7c01e898a6201f36aecee532e29cd0b7f8ffa29d3366ad0dce39a6");
        let length = holds.write_message(0, b"Carl Menger", &mut message).unwrap();
        assert_eq!(hex::encode(&message[..length]), "a9ff535aace3db6a1da1a7fb00fe2de2622bb373abad9fb42c00e0");
        let length = asks.read_message(0, &message[..length], &mut heard).unwrap();
        assert_eq!(&heard[..length], b"Carl Menger");
    }

    #[tokio::test]
    async fn only_the_other_side_of_this_connection_is_believed() {
        let [mut asker, mut holder] = lines().await;
        for (kind, said) in [(Kind::Bytes, &[9; TUNNEL_CHUNK_BYTES][..]), (Kind::Alive, &[][..]), (Kind::End, &[][..])]
        {
            asker.writing.say(kind, said).await.unwrap();
            assert_eq!(holder.reading.next().await.unwrap(), (kind, said));
            holder.writing.say(kind, said).await.unwrap();
            assert_eq!(asker.reading.next().await.unwrap(), (kind, said));
        }
        // What was said is sealed, and counts in its place alone.
        asker.writing.say(Kind::Bytes, b"secret").await.unwrap();
        let said = asker.writing.frame.clone();
        assert!(!said.windows(6).any(|part| part == b"secret"));
        assert_eq!(holder.reading.next().await.unwrap(), (Kind::Bytes, &b"secret"[..]));
        asker.writing.line.write_all(&said).await.unwrap();
        assert!(holder.reading.next().await.is_err(), "said a second time");
        // Nor is more said than is heard.
        assert!(asker.writing.say(Kind::Bytes, &[0; TUNNEL_CHUNK_BYTES + 1]).await.is_err());
    }

    #[tokio::test]
    async fn what_was_recorded_opens_on_no_other_connection() {
        // The same key, the same nonce, the same place: what differs is what neither side has any more.
        let ([mut then, _holder], [mut now, mut hears]) = (lines().await, lines().await);
        then.writing.say(Kind::Bytes, b"once").await.unwrap();
        now.writing.line.write_all(&then.writing.frame).await.unwrap();
        assert!(hears.reading.next().await.is_err());
    }

    #[tokio::test]
    async fn another_key_or_another_nonce_makes_no_line() {
        let keyring = Keyring::from_bytes([7; 32]);
        for (theirs, nonce) in [(Keyring::from_bytes([8; 32]), NONCE), (keyring.clone(), [6; 16])] {
            let [asker, holder] = both((&theirs, &nonce), (&keyring, &NONCE)).await;
            assert_eq!(holder.err().unwrap().kind(), io::ErrorKind::InvalidData);
            assert_eq!(asker.err().unwrap().kind(), io::ErrorKind::UnexpectedEof, "it was told nothing");
        }
    }

    #[tokio::test]
    async fn what_was_said_is_no_answer_to_itself() {
        let (asker, mut stranger) = tokio::io::duplex(1 << 10);
        let echo = async {
            let mut message = [0; HANDSHAKE];
            stranger.read_exact(&mut message).await.unwrap();
            stranger.write_all(&message).await.unwrap();
        };
        let keyring = Keyring::from_bytes([7; 32]);
        let (asker, ()) = tokio::join!(Line::of_asker(asker, &keyring, &NONCE), echo);
        assert_eq!(asker.err().unwrap().kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn no_length_of_a_stranger_takes_memory() {
        for length in [0_u16, 16, u16::MAX] {
            let [mut asker, mut holder] = lines().await;
            asker.writing.line.write_all(&length.to_be_bytes()).await.unwrap();
            assert!(holder.reading.next().await.is_err(), "{length}");
            assert_eq!((holder.reading.frame.capacity(), holder.reading.plain.capacity()), (0, 0));
        }
    }
}
