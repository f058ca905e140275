//! See [`crate::fuzzing`].

use contract::engines::{EngineKind, EngineWrite};

use super::check::{self, Checked};
use crate::Result;

/// How an engine is reached, as it is kept.
pub fn engine(body: EngineWrite) -> Result<EngineWrite> {
    let bare = |kind| EngineWrite {
        kind,
        socket: None,
        host: None,
        port: None,
        ca_certificate: None,
        client_certificate: None,
        client_key: None,
        revision: None,
    };
    Ok(match check::write(body, None)? {
        Checked::Local { socket } => EngineWrite { socket: Some(socket), ..bare(EngineKind::Local) },
        Checked::Agent => bare(EngineKind::Agent),
        Checked::Tcp { host, port, pems, .. } => EngineWrite {
            host: Some(host),
            port: Some(port.into()),
            ca_certificate: Some(pems.ca),
            client_certificate: Some(pems.certificate),
            client_key: Some(pems.key),
            ..bare(EngineKind::Tcp)
        },
    })
}
