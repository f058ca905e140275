//! See [`crate::fuzzing`].

use contract::engines::{EngineKind, EngineWrite};

use super::check::{self, Checked};
use crate::Result;

/// How an engine is reached, as it is kept.
pub fn engine(body: EngineWrite) -> Result<EngineWrite> {
    Ok(match check::write(body, None)? {
        Checked::Local { socket } => EngineWrite { socket: Some(socket), ..EngineWrite::new(EngineKind::Local) },
        Checked::Agent => EngineWrite::new(EngineKind::Agent),
        Checked::Tcp { host, port, pems, .. } => EngineWrite {
            host: Some(host),
            port: Some(port.into()),
            ca_certificate: Some(pems.ca),
            client_certificate: Some(pems.certificate),
            client_key: Some(pems.key),
            ..EngineWrite::new(EngineKind::Tcp)
        },
    })
}
