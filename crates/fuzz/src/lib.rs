//! One function per kind of what strangers send: bytes in, nothing out, a panic where a promise is broken.
//!
//! `cargo xtask fuzz` drives them with libFuzzer; `tests/corpus.rs` runs what is committed under `corpus/` at every test.
//! Where one target reads several things, the first byte of the input says which ([`chosen`]). What is promised is written
//! where it is asserted: reading twice reads the same, limits are kept, what is refused says so without quoting secrets.
//!
//! The decoders behind a target are listed in CONTRIBUTING.md; a new decoder of untrusted input belongs to one of them.

#![allow(clippy::missing_panics_doc, reason = "a panic is what every one of these functions is for")]

mod agent;
mod app_heads;
mod credentials;
mod engine_streams;
mod engines;
mod files;
mod headers;
mod host_files;
mod images;
mod ldap;
mod oidc;
mod outbound;
mod pictures;
mod recordings;
mod requests;
mod rows;
pub mod seeds;
mod ssh_gate;
mod ssh_keys;
mod uploads;
mod workbook;

use std::borrow::Cow;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use platform::secrets::Keyring;

pub use agent::{agent, agent_frames};
pub use app_heads::app_heads;
pub use credentials::credentials;
pub use engine_streams::engine_streams;
pub use engines::engines;
pub use files::files;
pub use headers::headers;
pub use host_files::host_files;
pub use images::image_archive;
pub use ldap::ldap;
pub use oidc::oidc;
pub use outbound::outbound;
pub use pictures::pictures;
pub use recordings::recordings;
pub use requests::requests;
pub use rows::rows;
pub use ssh_gate::ssh_gate;
pub use ssh_keys::ssh_keys;
pub use uploads::uploads;
pub use workbook::{sheet_parts, workbook};

/// A target: its name, and what it runs.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
}

/// Every target; each has a program of its name in `src/bin` and a folder of its name in `corpus`.
pub const TARGETS: &[Target] = &[
    Target { name: "agent", run: agent },
    Target { name: "agent_frames", run: agent_frames },
    Target { name: "app_heads", run: app_heads },
    Target { name: "credentials", run: credentials },
    Target { name: "engine_streams", run: engine_streams },
    Target { name: "engines", run: engines },
    Target { name: "files", run: files },
    Target { name: "headers", run: headers },
    Target { name: "host_files", run: host_files },
    Target { name: "image_archive", run: image_archive },
    Target { name: "ldap", run: ldap },
    Target { name: "oidc", run: oidc },
    Target { name: "outbound", run: outbound },
    Target { name: "pictures", run: pictures },
    Target { name: "recordings", run: recordings },
    Target { name: "requests", run: requests },
    Target { name: "rows", run: rows },
    Target { name: "sheet_parts", run: sheet_parts },
    Target { name: "ssh_gate", run: ssh_gate },
    Target { name: "ssh_keys", run: ssh_keys },
    Target { name: "uploads", run: uploads },
    Target { name: "workbook", run: workbook },
];

/// Which of so many things the input is for, and what is left of it.
fn chosen(data: &[u8], of: u8) -> (u8, &[u8]) {
    match data.split_first() {
        Some((first, rest)) => (first % of, rest),
        None => (0, data),
    }
}

fn text(data: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(data)
}

/// The part before the first line end, and the rest.
fn line_and_rest(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[]),
    }
}

/// The installation's key of every target, so that inputs stay what they are.
fn keyring() -> &'static Keyring {
    static KEYRING: LazyLock<Keyring> = LazyLock::new(|| Keyring::from_bytes([7; 32]));
    &KEYRING
}

/// The time of every target.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default()
}
