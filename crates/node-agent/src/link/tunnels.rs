//! Tunnels to this host's Docker Engine and to its sshd: the server asks over the link, the agent connects to what its own
//! configuration names and dials back. Nothing listens on this host for it.
//!
//! Invariants: the server never says which socket; as many tunnels as the protocol allows, and no more; a tunnel that does
//! not come about is answered with why.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::StatusCode;
use node_protocol::limits::{MAX_TEXT_BYTES, MAX_TUNNELS};
use node_protocol::{OpenTunnel, TunnelEnd, TunnelRefusal, TunnelRefused, TunnelSupport};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::connect::{Refusal, Socket, Target};
use super::pump::pump;

/// Longest attempt, whatever the server says.
const MOST_WAIT: Duration = Duration::from_secs(30);
/// Before another try, which may come to another of several servers.
const AGAIN: Duration = Duration::from_millis(100);

/// Where tunnels may lead; `None` where they may not.
#[derive(Clone)]
pub struct Ends {
    pub engine: Option<PathBuf>,
    pub sshd: Option<SocketAddr>,
}

/// The tunnels of one agent; they end with this value.
pub struct Tunnels {
    ends: Ends,
    target: Target,
    key: String,
    open: JoinSet<()>,
    refusing: UnboundedSender<TunnelRefused>,
    refused: UnboundedReceiver<TunnelRefused>,
}

impl Tunnels {
    /// `target` is the link's.
    pub fn new(ends: Ends, target: &Target, key: &str) -> Self {
        let (refusing, refused) = unbounded_channel();
        Self { ends, target: target.of_tunnels(), key: key.to_owned(), open: JoinSet::new(), refusing, refused }
    }

    /// For the hello: of tunnels to the engine.
    pub fn support(&self) -> TunnelSupport {
        if self.ends.engine.is_some() { TunnelSupport::On } else { TunnelSupport::Off }
    }

    /// Begins one; what hinders it comes out of [`Tunnels::next_refusal`].
    pub fn open(&mut self, asked: OpenTunnel) {
        while self.open.try_join_next().is_some() {}
        let refusing = self.refusing.clone();
        let refuse = move |id, (reason, detail): Hindered| {
            tracing::warn!("no tunnel ({reason:?}): {detail}");
            // Fails only when the agent ends.
            let _ = refusing.send(TunnelRefused { id, reason: reason.into(), detail });
        };
        let end = match asked.to() {
            TunnelEnd::Engine => self.ends.engine.clone().map(End::Engine),
            TunnelEnd::Sshd => self.ends.sshd.map(End::Sshd),
        };
        let Some(end) = end else {
            return refuse(asked.id, (TunnelRefusal::Off, String::new()));
        };
        if self.open.len() >= MAX_TUNNELS {
            return refuse(asked.id, (TunnelRefusal::Busy, format!("{MAX_TUNNELS} are open")));
        }
        let (target, key) = (self.target.clone(), self.key.clone());
        self.open.spawn(async move {
            let until = Instant::now() + Duration::from_millis(asked.wait_ms.into()).min(MOST_WAIT);
            // This host first: a server that is dialed can believe that there is something.
            let done = match end {
                End::Engine(socket) => match to_engine(&socket, until).await {
                    Ok(engine) => lead(engine, (&target, key.as_str()), &asked, until).await,
                    Err(hindered) => Err(hindered),
                },
                End::Sshd(address) => match to_sshd(address, until).await {
                    Ok(sshd) => lead(sshd, (&target, key.as_str()), &asked, until).await,
                    Err(hindered) => Err(hindered),
                },
            };
            if let Err(hindered) = done {
                refuse(asked.id, hindered);
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

enum End {
    Engine(PathBuf),
    Sshd(SocketAddr),
}

async fn to_engine(socket: &Path, until: Instant) -> Result<UnixStream, Hindered> {
    match timeout_at(until, UnixStream::connect(socket)).await {
        Ok(connected) => connected.map_err(|error| of_connecting(&socket.display(), &error)),
        Err(_) => Err((TunnelRefusal::Refused, format!("{}: no answer", socket.display()))),
    }
}

async fn to_sshd(address: SocketAddr, until: Instant) -> Result<TcpStream, Hindered> {
    let connected = match timeout_at(until, TcpStream::connect(address)).await {
        Ok(connected) => connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream)),
        Err(_) => return Err((TunnelRefusal::Refused, format!("{address}: no answer"))),
    };
    connected.map_err(|error| of_connecting(&address, &error))
}

/// Carries bytes to and from the server until either side is done.
async fn lead<E: AsyncRead + AsyncWrite>(
    end: E,
    link: (&Target, &str),
    asked: &OpenTunnel,
    until: Instant,
) -> Result<(), Hindered> {
    let server = dial_back(link, asked, until).await?;
    if let Err(error) = pump(server, end).await {
        tracing::debug!("a tunnel broke: {error}");
    }
    Ok(())
}

async fn dial_back((target, key): (&Target, &str), asked: &OpenTunnel, until: Instant) -> Result<Socket, Hindered> {
    let mut why = "no time".to_owned();
    while Instant::now() < until {
        match timeout_at(until, target.open_tunnel(key, &asked.ticket)).await {
            Ok(Ok(server)) => return Ok(server),
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

fn of_connecting(place: &dyn Display, error: &io::Error) -> Hindered {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => TunnelRefusal::NoSocket,
        io::ErrorKind::PermissionDenied => TunnelRefusal::Permission,
        io::ErrorKind::ConnectionRefused => TunnelRefusal::Refused,
        io::ErrorKind::WouldBlock => TunnelRefusal::Busy,
        _ => TunnelRefusal::Unspecified,
    };
    (reason, bounded(&format!("{place}: {error}")))
}

fn bounded(text: &str) -> String {
    text.chars().take(MAX_TEXT_BYTES / 4).collect()
}
