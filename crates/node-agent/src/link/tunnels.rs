//! Tunnels to this host's Docker Engine: the server asks over the link, the agent connects to the socket its own
//! configuration names and dials back. Nothing listens on this host for it.
//!
//! Invariants: the server never says which socket; as many tunnels as the protocol allows, and no more; a tunnel that does
//! not come about is answered with why.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::StatusCode;
use node_protocol::limits::{MAX_TEXT_BYTES, MAX_TUNNELS};
use node_protocol::{OpenTunnel, TunnelRefusal, TunnelRefused, TunnelSupport};
use tokio::net::UnixStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::connect::{Refusal, Socket, Target};
use super::pump::pump;

/// Longest attempt, whatever the server says.
const MOST_WAIT: Duration = Duration::from_secs(30);
/// Before another try, which may come to another of several servers.
const AGAIN: Duration = Duration::from_millis(100);

/// The tunnels of one agent; they end with this value.
pub struct Tunnels {
    socket: Option<PathBuf>,
    target: Target,
    key: String,
    open: JoinSet<()>,
    refusing: UnboundedSender<TunnelRefused>,
    refused: UnboundedReceiver<TunnelRefused>,
}

impl Tunnels {
    /// To `socket`; `None` where they are switched off. `target` is the link's.
    pub fn new(socket: Option<PathBuf>, target: &Target, key: &str) -> Self {
        let (refusing, refused) = unbounded_channel();
        Self { socket, target: target.of_tunnels(), key: key.to_owned(), open: JoinSet::new(), refusing, refused }
    }

    /// For the hello.
    pub fn support(&self) -> TunnelSupport {
        if self.socket.is_some() { TunnelSupport::On } else { TunnelSupport::Off }
    }

    /// Begins one; what hinders it comes out of [`Tunnels::next_refusal`].
    pub fn open(&mut self, asked: OpenTunnel) {
        while self.open.try_join_next().is_some() {}
        let refusing = self.refusing.clone();
        let refuse = move |id, (reason, detail): Hindered| {
            tracing::warn!("no tunnel to the Docker Engine ({reason:?}): {detail}");
            // Fails only when the agent ends.
            let _ = refusing.send(TunnelRefused { id, reason: reason.into(), detail });
        };
        let Some(socket) = self.socket.clone() else {
            return refuse(asked.id, (TunnelRefusal::Off, String::new()));
        };
        if self.open.len() >= MAX_TUNNELS {
            return refuse(asked.id, (TunnelRefusal::Busy, format!("{MAX_TUNNELS} are open")));
        }
        let (target, key) = (self.target.clone(), self.key.clone());
        self.open.spawn(async move {
            match connect(&socket, &target, &key, &asked).await {
                Err(hindered) => refuse(asked.id, hindered),
                Ok((server, engine)) => {
                    if let Err(error) = pump(server, engine).await {
                        tracing::debug!("a tunnel broke: {error}");
                    }
                }
            }
        });
    }

    /// The next answer for the server.
    pub async fn next_refusal(&mut self) -> TunnelRefused {
        match self.refused.recv().await {
            Some(refused) => refused,
            // Never: a sender is kept here.
            None => std::future::pending().await,
        }
    }
}

type Hindered = (TunnelRefusal, String);

/// The engine first: a server that is dialed can believe that there is one.
async fn connect(
    socket: &Path,
    target: &Target,
    key: &str,
    asked: &OpenTunnel,
) -> Result<(Socket, UnixStream), Hindered> {
    let until = Instant::now() + Duration::from_millis(asked.wait_ms.into()).min(MOST_WAIT);
    let engine = match timeout_at(until, UnixStream::connect(socket)).await {
        Ok(Ok(engine)) => engine,
        Ok(Err(error)) => return Err(of_socket(socket, &error)),
        Err(_) => return Err((TunnelRefusal::Refused, format!("{}: no answer", socket.display()))),
    };
    let mut why = "no time".to_owned();
    while Instant::now() < until {
        match timeout_at(until, target.open_tunnel(key, &asked.ticket)).await {
            Ok(Ok(server)) => return Ok((server, engine)),
            // Not this server's ticket: there may be others behind the same address.
            Ok(Err(Refusal::Status(status))) => {
                why = format!("the server answered {status}");
                if status != StatusCode::NOT_FOUND {
                    break;
                }
            }
            Ok(Err(Refusal::Failed(failed))) => {
                why = failed;
                break;
            }
            Err(_) => break,
        }
        sleep(AGAIN).await;
    }
    Err((TunnelRefusal::NoWayBack, bounded(&why)))
}

fn of_socket(socket: &Path, error: &io::Error) -> Hindered {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => TunnelRefusal::NoSocket,
        io::ErrorKind::PermissionDenied => TunnelRefusal::Permission,
        io::ErrorKind::ConnectionRefused => TunnelRefusal::Refused,
        io::ErrorKind::WouldBlock => TunnelRefusal::Busy,
        _ => TunnelRefusal::Unspecified,
    };
    (reason, bounded(&format!("{}: {error}", socket.display())))
}

fn bounded(text: &str) -> String {
    text.chars().take(MAX_TEXT_BYTES / 4).collect()
}
