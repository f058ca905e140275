//! `-L`, `-D` and `-J`: a port of the instance itself, and nothing else.
//!
//! The way is a small program in the instance that connects to its own `localhost`: what listens there alone is reached too,
//! and no address of an engine's network has to be reachable from here.

use std::net::IpAddr;
use std::sync::Arc;

use platform::Error;
use platform::instances::Visit;
use russh::ChannelOpenFailure;
use russh::server::ChannelOpenHandle;

use crate::channel::Start;
use crate::connection::Connection;
use crate::program;

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
    let visit = match where_to(&connection, &host).await {
        Ok(visit) => visit,
        Err(error) => return refuse(&start, reply, connection.told(error).await).await,
    };
    let running = match visit.connect(connection.platform(), port).await {
        Ok(running) => running,
        Err(error) => return refuse(&start, reply, connection.told(error).await).await,
    };
    reply.accept().await;
    let handle = running.handle.clone();
    let ended = tokio::select! {
        ended = program::carry(&connection.gate, running, &start) => ended,
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

async fn refuse(start: &Start, reply: ChannelOpenHandle, reason: String) {
    start.inbox.close();
    // 1: administratively prohibited (RFC 4254, 5.1).
    reply.reject(ChannelOpenFailure::Other { code: 1, reason }).await;
}

/// The instance one is in; for who named none, the one the host is called after.
async fn where_to(connection: &Connection, host: &str) -> Result<Arc<Visit>, Error> {
    let elsewhere = || {
        let shown: String = host.chars().filter(|c| !c.is_control()).take(80).collect();
        Error::new(contract::ErrorCode::Forbidden).with_key("error-ssh-elsewhere").with_arg("host", shown)
    };
    let visit = match (connection.visit(), &connection.named.instance) {
        (Some(visit), _) => visit,
        (None, Some(name)) => connection.enter_named(name).await?,
        (None, None) if is_itself(host) => return Err(elsewhere()),
        (None, None) => connection.enter_named(host).await?,
    };
    let same = is_itself(host) || host.eq_ignore_ascii_case(&visit.name);
    if same { Ok(visit) } else { Err(elsewhere()) }
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
