//! What somebody typed, as what can be connected to.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use contract::MachineId;
use contract::engines::{EngineKind, EngineWrite, MAX_PEM, USUAL_PORT, USUAL_SOCKET};
use runtime::docker::{CertificateFault, Identity};
use rustls::pki_types::ServerName;

use super::store;
use crate::fields::Wrong;
use crate::{Platform, Result, outbound};

/// The three texts of a connection over TLS.
pub(super) struct Pems {
    pub ca: String,
    pub certificate: String,
    pub key: String,
}

/// A connection without fault.
pub(super) enum Checked {
    Local { socket: String },
    Agent,
    Tcp { host: String, port: u16, pems: Pems, expires_at: DateTime<Utc> },
}

impl Checked {
    /// As it is kept.
    pub(super) fn seal(&self, platform: &Platform, id: MachineId) -> store::Sealed {
        let seal = |column, text: &str| Some(platform.keyring().seal(&store::place(column, id), text.as_bytes()));
        match self {
            Checked::Local { socket } => {
                store::Sealed { kind: EngineKind::Local, socket: Some(socket.clone()), ..store::Sealed::default() }
            }
            Checked::Agent => store::Sealed { kind: EngineKind::Agent, ..store::Sealed::default() },
            Checked::Tcp { host, port, pems, expires_at } => store::Sealed {
                kind: EngineKind::Tcp,
                socket: None,
                host: Some(host.clone()),
                port: Some(*port),
                ca: seal(store::CA, &pems.ca),
                certificate: seal(store::CERTIFICATE, &pems.certificate),
                key: seal(store::KEY, &pems.key),
                expires_at: Some(*expires_at),
            },
        }
    }
}

/// Of what is typed and what is stored already.
///
/// # Errors
/// `Validation` with every fault at once.
pub(super) fn write(body: EngineWrite, stored: Option<Pems>) -> Result<Checked> {
    let mut wrong = Wrong::new();
    let checked = match body.kind {
        EngineKind::Local => local(&mut wrong, body),
        EngineKind::Tcp => tcp(&mut wrong, body, stored),
        EngineKind::Agent => agent(&mut wrong, body),
    };
    wrong.into_result()?;
    checked.ok_or_else(|| crate::Error::internal("a faulty connection without a fault"))
}

fn local(wrong: &mut Wrong, body: EngineWrite) -> Option<Checked> {
    // A socket's path has to fit into 108 bytes; and what is none of an engine's is not to be asked.
    let socket = wrong.text("socket", body.socket, 100).unwrap_or_else(|| USUAL_SOCKET.to_owned());
    let is_one_line = !socket.chars().any(char::is_control);
    if !socket.starts_with('/') || !socket.ends_with(".sock") || socket.contains("..") || !is_one_line {
        wrong.add("socket", "field-engine-socket");
    }
    no_address(wrong, body.host.as_deref(), body.port);
    Some(Checked::Local { socket })
}

/// Which socket it is, the agent's own configuration says.
fn agent(wrong: &mut Wrong, body: EngineWrite) -> Option<Checked> {
    if body.socket.is_some_and(|text| !text.trim().is_empty()) {
        wrong.add("socket", "field-only-for-local");
    }
    no_address(wrong, body.host.as_deref(), body.port);
    Some(Checked::Agent)
}

fn no_address(wrong: &mut Wrong, host: Option<&str>, port: Option<u32>) {
    let host = host.is_some_and(|text| !text.trim().is_empty()).then_some("host");
    for path in host.into_iter().chain(port.map(|_| "port")) {
        wrong.add(path, "field-only-for-tcp");
    }
}

fn tcp(wrong: &mut Wrong, body: EngineWrite, stored: Option<Pems>) -> Option<Checked> {
    if body.socket.is_some_and(|text| !text.trim().is_empty()) {
        wrong.add("socket", "field-only-for-local");
    }
    let host = wrong.text("host", body.host, 253).map(|host| host.trim_matches(['[', ']']).to_owned());
    match host.as_deref() {
        None => wrong.add("host", "field-required"),
        Some(host) if ServerName::try_from(host).is_err() => wrong.add("host", "field-engine-host"),
        // A name is looked at when it is connected to.
        Some(host) if host.parse::<IpAddr>().is_ok_and(|address| !outbound::may_be_a_host(address)) => {
            wrong.add("host", "field-address-closed");
        }
        Some(_) => {}
    }
    let port = body.port.unwrap_or(USUAL_PORT);
    if port == 0 {
        wrong.add_with("port", "field-number-min", vec![("min", "1".to_owned())]);
    }
    wrong.number("port", Some(port), u32::from(u16::MAX));
    let (ca, certificate, key) = match stored {
        Some(stored) => (Some(stored.ca), Some(stored.certificate), Some(stored.key)),
        None => (None, None, None),
    };
    let ca = pem(wrong, "caCertificate", body.ca_certificate, ca);
    let certificate = pem(wrong, "clientCertificate", body.client_certificate, certificate);
    let key = pem(wrong, "clientKey", body.client_key, key);
    let pems = Pems { ca: ca?, certificate: certificate?, key: key? };
    let identity = match Identity::read(&pems.ca, &pems.certificate, &pems.key) {
        Ok(identity) => identity,
        Err(fault) => {
            let (path, word) = match fault {
                CertificateFault::Ca => ("caCertificate", "field-certificate"),
                CertificateFault::Client => ("clientCertificate", "field-certificate"),
                CertificateFault::Key => ("clientKey", "field-private-key-pem"),
                CertificateFault::Mismatch => ("clientKey", "field-key-mismatch"),
            };
            wrong.add(path, word);
            return None;
        }
    };
    Some(Checked::Tcp { host: host?, port: u16::try_from(port).ok()?, pems, expires_at: identity.expires_at() })
}

/// A new text, else the stored one.
fn pem(wrong: &mut Wrong, path: &'static str, typed: Option<String>, stored: Option<String>) -> Option<String> {
    let typed = typed.map(|text| text.replace("\r\n", "\n"));
    match wrong.text(path, typed, MAX_PEM) {
        Some(text) => Some(text + "\n"),
        None if stored.is_none() => {
            wrong.add(path, "field-required");
            None
        }
        None => stored,
    }
}
