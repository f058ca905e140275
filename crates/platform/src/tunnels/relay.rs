//! Tunnels by way of another server: an agent's link ends on one server, and the others, and the SSH door as a process of its
//! own, ask that one. It makes the tunnel and carries the bytes on.
//!
//! Invariants: who may have the tunnel, the server that asks has decided, of the same installation and the same database; a pass
//! shows that it is one, and says nothing to anybody else. Each way is held up where the other end is, and its end is said;
//! whatever else ends the connection reads as one that broke.

use std::io;
use std::time::Duration;

use contract::MachineId;
use node_protocol::TunnelEnd;
use node_protocol::limits::{TUNNEL_CHUNK_BYTES, TUNNEL_PING_SECONDS, TUNNEL_SILENCE_SECONDS};
use runtime::docker::{Bytes, Fault, FaultKind};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use super::cuts::{Cut, Which};
use super::pass::{self, Nonce, Pass};
use super::sealed::{Kind, Line, Reading, Writing, broken};
use super::stream::{self, Cuttable, Held, NearEnd};
use super::ways::Ways;
use super::{Found, Slot};
use crate::metrics::{self, Peer};
use crate::{Error, OpContext, Platform, Result, outbound, secrets};

/// Where servers ask each other. Nothing that comes from outside has to be let through to it.
pub const PEER_PATH: &str = "/peer/tunnel";
/// What the connection becomes there.
pub const PEER_PROTOCOL: &str = "remotegpu-peer-1";
/// Carries the pass.
pub const PASS_HEADER: &str = "x-remotegpu-peer-pass";

/// Longest wait for a connection to another server.
const CONNECT: Duration = Duration::from_secs(3);
/// What the server that is asked has, of what the one that asks waits.
const HOLDERS_PART: Duration = Duration::from_secs(7);
/// What of it the agent has.
const AGENTS_PART: Duration = Duration::from_secs(6);
/// How long a pass that was used is remembered: longer than it counts.
const REMEMBERED: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_secs(TUNNEL_SILENCE_SECONDS);
const PING: Duration = Duration::from_secs(TUNNEL_PING_SECONDS);
/// For what was said and not sent yet when nobody uses the tunnel any more.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Why another server made no tunnel.
pub(super) enum Missed {
    /// It has the link, and this is what is in the way.
    Fault(Fault),
    /// It could not be asked, or does not have the link any more.
    Away(Fault),
}

/// A tunnel by the server that has the machine's link. The caller bounds the time.
pub(super) async fn ask(
    platform: &Platform,
    peer: &Peer,
    machine: MachineId,
    end: TunnelEnd,
) -> std::result::Result<NearEnd, Missed> {
    let away = |why: String| Missed::Away(Fault::new(FaultKind::AgentElsewhere, why));
    let Some(address) = &peer.address else {
        return Err(away("the server with its link names no address of its own (peer_url)".to_owned()));
    };
    let unheard = |error: &io::Error| away(format!("{address}: {error}"));
    let slot = Slot::take(platform.tunnels(), machine).map_err(Missed::Fault)?;
    let pass = Pass {
        from: platform.server_id(),
        to: peer.server,
        machine,
        end,
        nonce: secrets::random_bytes(),
        expires_at: peer.now + pass::LASTS,
    };
    let connection = dial(address, &pass.sign(platform.keyring())).await;
    let connection = connection.map_err(|why| away(format!("{address}: {why}")))?;
    let line = Line::of_asker(connection, platform.keyring(), &pass.nonce).await;
    let mut line = line.map_err(|error| unheard(&error))?;
    match line.reading.next().await {
        Ok((Kind::Open, _)) => {}
        Ok((Kind::Refused, said)) => return Err(Missed::Fault(read_fault(said))),
        Ok((Kind::NotHere, _)) => return Err(Missed::Away(Fault::new(FaultKind::AgentOffline, "its link ended"))),
        Ok(_) => return Err(unheard(&broken("an answer that is none"))),
        Err(error) => return Err(unheard(&error)),
    }
    let (near, far) = stream::pair(slot, None);
    tokio::spawn(async move {
        if let Err(error) = carry(line, far.bytes, Some(&far.held)).await {
            tracing::debug!(%error, "a tunnel by another server broke");
        }
    });
    Ok(near)
}

/// A connection that has become ours, or why there is none, in words for who runs the servers.
async fn dial(address: &str, pass: &str) -> std::result::Result<reqwest::Upgraded, String> {
    let words = |error: reqwest::Error| outbound::failed(error).to_string();
    // One for each connection: what a client keeps belongs to the threads that it was used on first.
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(outbound::tls().map_err(|failure| failure.to_string())?)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .http1_only()
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(0)
        .build()
        .map_err(words)?;
    let request = client.get(format!("{address}{PEER_PATH}"));
    let request = request.header("connection", "upgrade").header("upgrade", PEER_PROTOCOL).header(PASS_HEADER, pass);
    let response = request.send().await.map_err(words)?;
    match response.status().as_u16() {
        101 => response.upgrade().await.map_err(words),
        404 => {
            Err("what answers there is not the server with its link, or has another secrets key (peer_url)".to_owned())
        }
        status => Err(format!("it answered {status}")),
    }
}

/// A fault in a frame, and out of it.
fn write_fault(fault: &Fault) -> String {
    format!("{}\n{}", fault.kind.code(), fault.detail)
}

fn read_fault(said: &[u8]) -> Fault {
    let text = String::from_utf8_lossy(said);
    let (code, detail) = text.split_once('\n').unwrap_or((&*text, ""));
    let kind = FaultKind::ALL.iter().copied().find(|kind| kind.code() == code);
    Fault::new(kind.unwrap_or(FaultKind::Other), detail)
}

/// Another server of the installation that asks for a tunnel, and may.
#[derive(Debug)]
pub struct PeerCall {
    pass: Pass,
}

/// Uses a pass up.
///
/// # Errors
/// `NotFound` for every pass that is not this installation's, not for this server, not now, or was used: whoever has none learns
/// nothing.
pub async fn admit_peer(platform: &Platform, ctx: &OpContext, pass: &str) -> Result<PeerCall> {
    let pass = Pass::read(platform.keyring(), pass).filter(|pass| pass.to == platform.server_id());
    let pass = pass.ok_or_else(Error::not_found)?;
    // In this order: one that somebody recorded and shows again and again makes no work for the database.
    if !platform.tunnels().use_up(pass.nonce) || !pass.counts_at(metrics::database_time(platform).await?) {
        tracing::warn!(request_id = ctx.request_id(), from = %pass.from, "a server's pass was shown too late, or again");
        return Err(Error::not_found());
    }
    Ok(PeerCall { pass })
}

impl super::Tunnels {
    /// False for a pass that was used before.
    fn use_up(&self, nonce: Nonce) -> bool {
        let now = Instant::now();
        let mut state = self.state();
        state.passes.retain(|_, until| *until > now);
        state.passes.insert(nonce, now + REMEMBERED).is_none()
    }
}

impl PeerCall {
    /// Makes the tunnel and carries bytes until both ways have ended, or something broke.
    pub async fn serve<L: AsyncRead + AsyncWrite>(self, platform: &Platform, connection: L) {
        if let Err(error) = self.lead(platform, connection).await {
            let (from, machine) = (self.pass.from, self.pass.machine.0);
            tracing::debug!(%error, %from, machine, "a tunnel for another server broke");
        }
    }

    async fn lead<L: AsyncRead + AsyncWrite>(&self, platform: &Platform, connection: L) -> io::Result<()> {
        let line = timeout(LAST_WORDS, Line::of_holder(connection, platform.keyring(), &self.pass.nonce)).await;
        let mut line = line??;
        let opened = unless_gone(&mut line.reading, timeout(HOLDERS_PART, self.open(platform))).await?;
        match opened.unwrap_or_else(|_| Err(Some(Fault::new(FaultKind::TunnelLate, "")))) {
            Ok(bytes) => {
                line.writing.say(Kind::Open, &[]).await?;
                return carry(line, bytes, None).await;
            }
            // The server that asks looks again who has it.
            Err(None) => line.writing.say(Kind::NotHere, &[]).await?,
            Err(Some(fault)) => line.writing.say(Kind::Refused, write_fault(&fault).as_bytes()).await?,
        }
        line.writing.close().await
    }

    /// `Err(None)` where the agent is not linked here.
    async fn open(&self, platform: &Platform) -> std::result::Result<Box<dyn Bytes>, Option<Fault>> {
        let Pass { machine, end, .. } = self.pass;
        // Before it is asked for, as for who is here.
        let cut = (end == TunnelEnd::Sshd).then(|| Cut::of(platform.tunnels(), machine, Which::Sshd));
        match super::here(platform, machine, end, AGENTS_PART).await {
            Ok(Found::Tunnel(near)) => {
                let bytes: Box<dyn Bytes> = match cut {
                    Some(cut) => Box::new(Cuttable::new(Box::new(near), cut)),
                    None => Box::new(near),
                };
                Ok(bytes)
            }
            Ok(Found::Elsewhere(_)) => Err(None),
            Err(fault) if fault.kind == FaultKind::AgentOffline => Err(None),
            Err(fault) => Err(Some(fault)),
        }
    }
}

/// What is made for who asked, unless they hang up first: then it is given up, and its place is free at once.
async fn unless_gone<R, T>(reading: &mut Reading<R>, making: impl Future<Output = T>) -> io::Result<T>
where
    R: AsyncRead + Unpin,
{
    tokio::select! {
        made = making => Ok(made),
        // They say nothing before they are answered, so that no half of a frame is left when this one is given up.
        heard = reading.next() => Err(match heard {
            Ok(_) => broken("a word before the answer"),
            Err(error) => error,
        }),
    }
}

/// Between another server and what is here, until both ways have ended, nobody uses it any more, or something broke. `held` is
/// where bytes that end are told apart from ones that broke.
async fn carry<L, N>(line: Line<L>, near: N, held: Option<&Held>) -> io::Result<()>
where
    L: AsyncRead + AsyncWrite,
    N: AsyncRead + AsyncWrite,
{
    let Line { mut reading, mut writing } = line;
    let (from_near, to_near) = tokio::io::split(near);
    let ways = Ways::default();
    let unused = async {
        match held {
            Some(held) => held.gone().await,
            None => std::future::pending().await,
        }
        let _ = timeout(LAST_WORDS, ways.all_sent()).await;
    };
    tokio::select! {
        ended = send(&mut writing, from_near, &ways) => ended?,
        ended = hear(&mut reading, to_near, &ways, held) => return ended,
        () = ways.both_ended() => {}
        () = unused => {}
    }
    // Hanging up on what was not read yet would take the own last words back.
    let _ = timeout(LAST_WORDS, writing.close()).await;
    let _ = timeout(LAST_WORDS, reading.drain()).await;
    Ok(())
}

/// What is said here; goes on with signs of life after its end.
async fn send<W, N>(writing: &mut Writing<W>, mut from_near: ReadHalf<N>, ways: &Ways) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
    N: AsyncRead,
{
    let mut buffer = vec![0; TUNNEL_CHUNK_BYTES];
    let mut alive = interval_at(Instant::now() + PING, PING);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut open = true;
    loop {
        let said = tokio::select! {
            read = from_near.read(&mut buffer), if open => {
                let read = read?;
                open = read > 0;
                let kind = if open { Kind::Bytes } else { Kind::End };
                let said = writing.say(kind, &buffer[..read]).await;
                if said.is_ok() && !open {
                    ways.end_sending();
                }
                said
            }
            _ = alive.tick() => writing.say(Kind::Alive, &[]).await,
        };
        if let Err(error) = said {
            // Who hung up may have said everything before, and it is not all heard yet.
            sleep(SILENCE).await;
            return Err(error);
        }
    }
}

/// What the other server says, until it hangs up.
async fn hear<R, N>(reading: &mut Reading<R>, to_near: WriteHalf<N>, ways: &Ways, held: Option<&Held>) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    N: AsyncWrite,
{
    let mut to_near = Some(to_near);
    let mut whole = false;
    loop {
        let (kind, bytes) = match timeout(SILENCE, reading.next()).await {
            Ok(Ok(frame)) => frame,
            // Who has said everything may hear no more.
            _ if whole => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, "nothing heard of the other server")),
        };
        let open = match (kind, &mut to_near) {
            (Kind::Alive, _) | (Kind::Bytes, None) => continue,
            // What hears no more may still have something to say.
            (Kind::Bytes, Some(near)) => near.write_all(bytes).await.is_ok() && near.flush().await.is_ok(),
            (Kind::End, near) => {
                whole = true;
                if let Some(held) = held {
                    held.ended();
                }
                if let Some(near) = near {
                    let _ = near.shutdown().await;
                }
                false
            }
            (Kind::Open | Kind::Refused | Kind::NotHere, _) => return Err(broken("an answer where none is due")),
        };
        if !open {
            to_near = None;
            ways.end_hearing();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::DuplexStream;

    use super::*;
    use crate::secrets::Keyring;
    use crate::tunnels::Tunnels;

    /// Both servers' ends, over a line that is held by the test.
    async fn lines(room: usize) -> (Line<DuplexStream>, Line<DuplexStream>) {
        let keyring = Keyring::from_bytes([7; 32]);
        let (asker, holder) = tokio::io::duplex(room);
        let nonce = Nonce::default();
        let (asker, holder) =
            tokio::join!(Line::of_asker(asker, &keyring, &nonce), Line::of_holder(holder, &keyring, &nonce));
        (asker.unwrap(), holder.unwrap())
    }

    fn pair() -> (NearEnd, stream::FarEnd) {
        let tunnels = Arc::new(Tunnels::default());
        stream::pair(Slot::take(&tunnels, MachineId(1)).unwrap(), None)
    }

    #[tokio::test]
    async fn bytes_and_ends_go_both_ways() {
        let (asker, holder) = lines(100).await;
        let (mut near, far) = pair();
        let (engine, mut program) = tokio::io::duplex(100);
        let carrying = tokio::spawn(async move { carry(asker, far.bytes, Some(&far.held)).await });
        let holding = tokio::spawn(carry(holder, engine, None));
        let asks = async {
            near.write_all(&[3; 40_000]).await.unwrap();
            near.shutdown().await.unwrap();
            let mut heard = Vec::new();
            near.read_to_end(&mut heard).await.unwrap();
            heard
        };
        let answers = async {
            let mut heard = Vec::new();
            program.read_to_end(&mut heard).await.unwrap();
            program.write_all(&heard).await.unwrap();
            program.shutdown().await.unwrap();
        };
        let (heard, ()) = tokio::join!(asks, answers);
        assert!(heard == [3_u8; 40_000]);
        assert!(carrying.await.unwrap().is_ok() && holding.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_server_that_dies_has_not_said_everything() {
        let (asker, mut holder) = lines(1000).await;
        let (mut near, far) = pair();
        let carrying = tokio::spawn(async move { carry(asker, far.bytes, Some(&far.held)).await });
        holder.writing.say(Kind::Bytes, b"the beginning").await.unwrap();
        near.read_exact(&mut [0; 13]).await.unwrap();
        drop(holder);
        let broken = near.read(&mut [0]).await.expect_err("it is no end");
        let fault = broken.get_ref().and_then(|inner| inner.downcast_ref::<Fault>()).unwrap();
        assert_eq!(fault.kind, FaultKind::Closed);
        assert!(carrying.await.unwrap().is_err());
    }

    #[tokio::test]
    async fn an_engine_that_breaks_is_no_end_over_there() {
        let (mut asker, holder) = lines(1000).await;
        let (near, far) = pair();
        let holding = tokio::spawn(carry(holder, near, None));
        // The agent is gone, and the engine had not ended.
        drop(far);
        assert!(holding.await.unwrap().is_err());
        assert!(asker.reading.next().await.is_err());
    }

    #[tokio::test]
    async fn what_was_said_is_heard_from_who_hears_no_more() {
        // Which way is looked at first is chance.
        for _ in 0..16 {
            let (asker, mut holder) = lines(1000).await;
            let (mut near, far) = pair();
            near.write_all(b"more than anybody wants").await.unwrap();
            holder.writing.say(Kind::Bytes, b"too much").await.unwrap();
            holder.writing.say(Kind::End, &[]).await.unwrap();
            drop(holder);
            assert!(carry(asker, far.bytes, Some(&far.held)).await.is_ok());
            let mut heard = Vec::new();
            near.read_to_end(&mut heard).await.unwrap();
            assert_eq!(heard, b"too much");
        }
    }

    #[tokio::test]
    async fn nothing_is_made_for_who_hung_up() {
        let (asker, mut holder) = lines(1000).await;
        assert_eq!(unless_gone(&mut holder.reading, async { 7 }).await.unwrap(), 7);
        drop(asker);
        assert!(unless_gone(&mut holder.reading, std::future::pending::<()>()).await.is_err());
    }

    #[test]
    fn faults_are_told_on_as_they_are() {
        for kind in FaultKind::ALL {
            let fault = Fault::new(*kind, "said: so");
            assert_eq!(read_fault(write_fault(&fault).as_bytes()), fault);
        }
        assert_eq!(read_fault(b"of a newer version\nwhat").kind, FaultKind::Other);
    }
}
