//! `-L`, `-D` and `-J`: a port of the instance itself, or of the machine itself, and nothing else.
//!
//! The way into an instance is a small program in it that connects to its own `localhost`: what listens there alone is reached
//! too, and no address of an engine's network has to be reachable from here. The way to a machine is a tunnel of its agent to
//! the sshd that its configuration names; what goes by is between that sshd and the person's own program. Its other ports are
//! what that sshd connects to.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use contract::ErrorCode;
use platform::instances::{Piece, Running};
use platform::{Error, tunnels};
use russh::ChannelOpenFailure;
use russh::server::ChannelOpenHandle;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::channel::Start;
use crate::connection::{Connection, There};
use crate::door::Place;
use crate::program::HangUp;
use crate::words::Way;
use crate::{machine, program};

/// Bytes that are carried at once.
const PIECE: usize = 32 << 10;

/// Whether this is the instance itself, as it calls itself.
pub(crate) fn is_itself(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

/// Connects to a port, until either side is done.
pub(crate) async fn run(
    connection: Arc<Connection>,
    start: Start,
    (host, port): (String, u16),
    reply: ChannelOpenHandle,
) {
    // Who leaves, or is cut off, while it is being opened waits for nobody; a reply that is dropped is a refusal.
    let opened = tokio::select! {
        opened = open(&connection, &host, port) => opened,
        () = start.over.cancelled() => return start.inbox.close(),
        () = connection.over.cancelled() => return start.inbox.close(),
    };
    let (running, first) = match opened {
        Ok((Far::Instance(running), first)) => (running, first),
        // The session lives as long as what goes by.
        Ok((Far::Machine(stream, _way, _session), _)) => return to_machine(&connection, &start, stream, reply).await,
        Err(error) => return refuse(&connection, &start, reply, error).await,
    };
    reply.accept().await;
    let handle = running.handle.clone();
    let carried = async {
        if let Some(first) = first {
            let _ = start.writer.data_bytes(first).await;
        }
        program::carry(&connection.gate, running, &start).await
    };
    let ended = tokio::select! {
        ended = carried => ended,
        () = start.over.cancelled() => false,
        () = connection.over.cancelled() => false,
    };
    if !ended {
        handle.hang_up().await;
    }
    let _ = start.writer.eof().await;
    let _ = start.writer.close().await;
    start.inbox.close();
}

/// The other side of what goes by.
enum Far {
    Instance(Running),
    /// With its place, and the session of the door's own that it belongs to, where there is one.
    Machine(Box<dyn tunnels::Bytes>, Place, Option<machine::Session>),
}

/// With what came of it already.
async fn open(connection: &Connection, host: &str, port: u16) -> Result<(Far, Option<Bytes>), Error> {
    let platform = connection.platform();
    match where_to(connection, host).await? {
        There::Instance(visit) => {
            let mut running = visit.connect(platform, port).await?;
            // Who leaves meanwhile leaves nothing running.
            let hung_up = HangUp::new(connection, running.handle.clone());
            let first = answered(&mut running, port).await;
            hung_up.forget();
            Ok((Far::Instance(running), first?))
        }
        There::Machine(visit) => {
            let way = connection.way()?;
            if visit.is_sshd(host, port) {
                return Ok((Far::Machine(visit.connect(platform).await?, way, None), None));
            }
            let (session, stream) = machine::port(connection, &visit, port).await?;
            Ok((Far::Machine(stream, way, Some(session)), None))
        }
    }
}

/// Back when something listens there, with what that said first, where it was faster.
async fn answered(running: &mut Running, port: u16) -> Result<Option<Bytes>, Error> {
    match running.output.next().await {
        Some(Ok(Piece::Errors(_))) => Ok(None),
        Some(Ok(Piece::Output(bytes))) => Ok(Some(bytes)),
        Some(Err(_)) | None => {
            Err(Error::new(ErrorCode::NodeUnreachable).with_key("error-ssh-port").with_arg("port", port))
        }
    }
}

async fn to_machine(connection: &Connection, start: &Start, far: Box<dyn tunnels::Bytes>, reply: ChannelOpenHandle) {
    reply.accept().await;
    tokio::select! {
        () = relay(connection, start, far) => {}
        () = start.over.cancelled() => {}
        () = connection.over.cancelled() => {}
    }
    let _ = start.writer.eof().await;
    let _ = start.writer.close().await;
    start.inbox.close();
}

/// Both ways, until the far end ends.
async fn relay(connection: &Connection, start: &Start, far: Box<dyn tunnels::Bytes>) {
    let (mut from_far, mut to_far) = tokio::io::split(far);
    let out = async {
        let mut buffer = vec![0; PIECE];
        loop {
            let read = match from_far.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => read,
            };
            let starved = (start.writer.writable_packet_size().await == 0).then(|| connection.gate.starve());
            let sent = start.writer.data_bytes(Bytes::copy_from_slice(&buffer[..read])).await;
            drop(starved);
            if sent.is_err() {
                // The connection is gone, which ends this.
                std::future::pending::<()>().await;
            }
        }
    };
    let inward = async {
        while let Some(bytes) = start.inbox.next().await {
            if to_far.write_all(&bytes).await.is_err() {
                // It reads no more; its end says the rest.
                std::future::pending::<()>().await;
            }
        }
        if !start.inbox.is_closed() {
            let _ = to_far.shutdown().await;
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = out => {}
        () = inward => {}
    }
}

async fn refuse(connection: &Connection, start: &Start, reply: ChannelOpenHandle, error: Error) {
    start.inbox.close();
    // Connect failed, and administratively prohibited (RFC 4254, 5.1); these alone would have no words.
    let code = if error.code == ErrorCode::NodeUnreachable { 2 } else { 1 };
    let reason = connection.told(Way::Line, error).await;
    reply.reject(ChannelOpenFailure::Other { code, reason }).await;
}

/// Where one is; for who named nothing, what the host is called after.
async fn where_to(connection: &Connection, host: &str) -> Result<There, Error> {
    let elsewhere = |key: &'static str| {
        let shown: String = host.chars().filter(|c| !c.is_control()).take(80).collect();
        Error::new(ErrorCode::Forbidden).with_key(key).with_arg("host", shown)
    };
    let there = match (connection.there(), &connection.named.instance) {
        (Some(there), _) => there,
        (None, Some(name)) => connection.enter(&connection.find(name).await?).await?,
        (None, None) if is_itself(host) => return Err(elsewhere("error-ssh-elsewhere")),
        (None, None) => connection.enter(&connection.find(host).await?).await?,
    };
    let (same, key) = match &there {
        There::Instance(visit) => (is_itself(host) || host.eq_ignore_ascii_case(&visit.name), "error-ssh-elsewhere"),
        There::Machine(visit) => (visit.is_itself(host), "error-ssh-machine-elsewhere"),
    };
    if same { Ok(there) } else { Err(elsewhere(key)) }
}

#[cfg(test)]
mod tests {
    use super::is_itself;

    #[test]
    fn nothing_but_the_instance_is_itself() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "0.0.0.0"] {
            assert!(is_itself(host), "{host}");
        }
        for host in ["", "example.org", "10.0.0.1", "169.254.169.254", "localhost.example.org", "127.0.0.1.nip.io"] {
            assert!(!is_itself(host), "{host}");
        }
    }
}
