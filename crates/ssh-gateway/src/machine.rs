//! A shell, a command, files and ports of a whole machine: this door comes to its sshd as a client, with the key of the lease, and
//! carries what goes by.
//!
//! Invariants: an sshd that shows a key which the machine's agent does not know is told nothing; what is asked for is asked of the
//! sshd as it came, which runs it with the rights of its account.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use contract::ErrorCode;
use platform::allocations::{DoorIdentity, MachineVisit};
use platform::{Error, tunnels};
use russh::client::{self, Handle};
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Disconnect, Preferred, SshId};
use tokio::sync::watch;

use crate::channel::{FAILED, Start, Wanted};
use crate::connection::Connection;

/// How long an sshd may take to let the door in, and again to open what was asked for.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it may say nothing until it is asked whether it is there.
const QUIET: Duration = Duration::from_secs(15);
/// What it may send before the person took it, bytes; with what is sent at once, and how many of these wait: all that a way holds
/// in memory for somebody who takes nothing.
const WINDOW: u32 = 128 << 10;
const PACKET: u32 = 16 << 10;
const WAITING: usize = 2;

/// A session of the door's own at a machine's sshd.
pub(crate) type Session = Handle<Host>;

/// The sshd of a machine, as its agent knows it.
pub(crate) struct Host {
    known: Vec<PublicKey>,
}

impl client::Handler for Host {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => {
                self.known.iter().any(|known| known.key_data() == key.key_data())
            }
            PublicKeyOrCertificate::Certificate(_) => false,
        })
    }
}

/// Comes to the machine's sshd; ends with the answer.
async fn come_in(connection: &Connection, visit: &MachineVisit) -> Result<Handle<Host>, Error> {
    let platform = connection.platform();
    let Some(identity) = visit.identity(platform).await? else { return Err(by_hand(connection, visit).await) };
    let stream = visit.connect(platform).await?;
    match tokio::time::timeout(PATIENCE, sign_in(&identity, stream)).await {
        Ok(Ok(Some(session))) => Ok(session),
        Ok(Ok(None)) => Err(by_hand(connection, visit).await),
        Ok(Err(error)) => {
            tracing::warn!(%error, machine = visit.code, "the door did not come to a machine's sshd");
            Err(away(visit))
        }
        Err(_) => Err(away(visit)),
    }
}

fn away(visit: &MachineVisit) -> Error {
    let error = Error::new(ErrorCode::NodeUnreachable).with_key("error-ssh-machine-away");
    error.with_arg("machine", visit.code.clone())
}

/// One's own key is the other way.
async fn by_hand(connection: &Connection, visit: &MachineVisit) -> Error {
    let line = connection.line_to(&visit.code, &visit.account).await;
    Error::new(ErrorCode::WrongState).with_key("error-ssh-machine-jump").with_arg("line", line)
}

fn config() -> client::Config {
    client::Config {
        client_id: SshId::Standard(Cow::Borrowed("SSH-2.0-RemoteGPU")),
        preferred: Preferred { host_key_certificates: Cow::Borrowed(&[]), ..Preferred::default() },
        keepalive_interval: Some(QUIET),
        // While the person takes nothing, nothing is read and no answer heard: a tunnel that is dead ends by its own signs.
        keepalive_max: 0,
        window_size: WINDOW,
        maximum_packet_size: PACKET,
        channel_buffer_size: WAITING,
        ..client::Config::default()
    }
}

/// `None` where the sshd does not take the key.
async fn sign_in(
    identity: &DoorIdentity,
    stream: Box<dyn tunnels::Bytes>,
) -> Result<Option<Handle<Host>>, russh::Error> {
    let known = identity.sshd_keys.iter().filter_map(|line| PublicKey::from_openssh(line).ok()).collect();
    let mut session = client::connect_stream(Arc::new(config()), stream, Host { known }).await?;
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&identity.seed));
    let key = PrivateKeyWithHashAlg::new(Arc::new(PrivateKey::new(pair, "")?), None);
    let answer = session.authenticate_publickey(identity.account.clone(), key).await?;
    Ok(answer.success().then_some(session))
}

/// Runs what is wanted; its exit code.
pub(crate) async fn run(
    connection: &Connection,
    visit: &MachineVisit,
    start: &Start,
    wanted: &Wanted,
) -> Result<u32, Error> {
    let _way = connection.way()?;
    let session = come_in(connection, visit).await?;
    let opening = tokio::time::timeout(PATIENCE, session.channel_open_session()).await;
    let channel = opening.map_err(|_| away(visit))?.map_err(Error::internal)?;
    for (name, value) in start.env.iter().filter_map(|pair| pair.split_once('=')) {
        channel.set_env(false, name, value).await.map_err(Error::internal)?;
    }
    let terminal = start.term.as_deref().filter(|_| *wanted != Wanted::Files);
    if let Some(term) = terminal {
        let size = *start.size.borrow();
        let asked = channel.request_pty(false, term, size.cols().into(), size.rows().into(), 0, 0, &start.modes);
        asked.await.map_err(Error::internal)?;
    }
    let asked = match wanted {
        Wanted::Shell => channel.request_shell(true).await,
        Wanted::Command(command) => channel.exec(true, command.as_bytes()).await,
        Wanted::Files => channel.request_subsystem(true, "sftp").await,
    };
    asked.map_err(Error::internal)?;
    let (mut from, to) = channel.split();
    let code = tokio::select! {
        code = write_out(connection, &mut from, start) => code,
        () = read_in(start, &to) => FAILED,
        () = fit(start.size.clone(), &to), if terminal.is_some() => FAILED,
        () = pass_signals(start, &to) => FAILED,
    };
    let _ = session.disconnect(Disconnect::ByApplication, "", "").await;
    Ok(code)
}

/// A port of the machine, as its sshd connects to it; the session goes on for as long as it is held.
pub(crate) async fn port(
    connection: &Connection,
    visit: &MachineVisit,
    port: u16,
) -> Result<(Session, Box<dyn tunnels::Bytes>), Error> {
    let session = come_in(connection, visit).await?;
    let opening = session.channel_open_direct_tcpip("localhost", port.into(), "127.0.0.1", 0);
    let opened = tokio::time::timeout(PATIENCE, opening).await.map_err(|_| away(visit))?;
    let channel = opened.map_err(|error| {
        tracing::debug!(%error, machine = visit.code, "a machine's sshd forwards no port");
        let error = Error::new(ErrorCode::NodeUnreachable).with_key("error-ssh-machine-port");
        error.with_arg("port", port)
    })?;
    let stream: Box<dyn tunnels::Bytes> = Box::new(channel.into_stream());
    Ok((session, stream))
}

/// What the machine says, to its end; the exit code.
async fn write_out(connection: &Connection, from: &mut ChannelReadHalf, start: &Start) -> u32 {
    let mut code = FAILED;
    while let Some(message) = from.wait().await {
        let (bytes, errors) = match message {
            ChannelMsg::Data { data } => (data, false),
            ChannelMsg::ExtendedData { data, ext: 1 } => (data, true),
            ChannelMsg::ExitStatus { exit_status } => {
                code = exit_status;
                continue;
            }
            ChannelMsg::Failure | ChannelMsg::Close => break,
            _ => continue,
        };
        let starved = (start.writer.writable_packet_size().await == 0).then(|| connection.gate.starve());
        let sent = match errors {
            true => start.writer.extended_data_bytes(1, bytes).await,
            false => start.writer.data_bytes(bytes).await,
        };
        drop(starved);
        if sent.is_err() {
            // The connection is gone, which ends this.
            std::future::pending::<()>().await;
        }
    }
    code
}

/// Ends when what was sent was dropped; else never: whether the program is there, the machine says.
async fn read_in(start: &Start, to: &ChannelWriteHalf<client::Msg>) {
    while let Some(bytes) = start.inbox.next().await {
        if to.data_bytes(bytes).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
    if start.inbox.is_closed() {
        return;
    }
    let _ = to.eof().await;
    std::future::pending().await
}

/// Tells it the signals that come. Never ends.
async fn pass_signals(start: &Start, to: &ChannelWriteHalf<client::Msg>) {
    while to.signal(start.signal().await).await.is_ok() {}
    std::future::pending().await
}

/// Tells it the newest size.
async fn fit(mut size: watch::Receiver<platform::instances::TerminalSize>, to: &ChannelWriteHalf<client::Msg>) {
    while size.changed().await.is_ok() {
        let wanted = *size.borrow_and_update();
        if to.window_change(wanted.cols().into(), wanted.rows().into(), 0, 0).await.is_err() {
            break;
        }
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_holds_little_for_somebody_who_takes_nothing() {
        let config = config();
        let waiting = config.channel_buffer_size * usize::try_from(config.maximum_packet_size).unwrap();
        assert!(waiting + usize::try_from(config.window_size).unwrap() <= 256 << 10, "{waiting}");
    }
}
