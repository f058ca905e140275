//! What somebody typed, as a registry that can be asked.

use contract::engines::MAX_PEM;
use contract::registries::RegistryWrite;

use super::client;
use crate::Result;
use crate::fields::Wrong;
use crate::images::check::is_address;
use crate::images::store::RegistryRow;
use crate::outbound::Step;
use crate::outbound::own::read_certificates;

/// Docker's own, which addresses without a registry are of.
pub(super) const DOCKER: &str = "docker.io";

/// A registry without fault.
pub(in crate::images) struct Checked {
    pub address: String,
    pub plain: bool,
    pub username: Option<String>,
    /// A new one.
    pub password: Option<String>,
    /// The one that is stored goes on to count.
    pub keeps_password: bool,
    pub ca_certificate: Option<String>,
    /// It takes archives.
    pub holds_archives: bool,
}

/// Of what is typed and what is stored already.
///
/// # Errors
/// `Validation` with every fault at once.
pub(super) fn check(body: RegistryWrite, stored: Option<&RegistryRow>) -> Result<Checked> {
    let mut wrong = Wrong::new();
    let address = plain_name(&wrong.required("address", body.address, 260).to_ascii_lowercase());
    if !address.is_empty() {
        if !is_registry(&address) {
            wrong.add("address", "field-registry-address");
        } else if client::refusal(&address, body.plain) == Some(Step::Forbidden) {
            wrong.add("address", "field-address-closed");
        }
    }
    if body.holds_archives && address == DOCKER {
        // There everything is somebody's, and shown to everybody.
        wrong.add("holdsArchives", "field-registry-holds");
    }
    let username = wrong.line("username", body.username, 200);
    if username.as_deref().is_some_and(|name| name.contains(':')) {
        // What follows it would be read as the password.
        wrong.add("username", "field-registry-username");
    }
    // A password may begin or end with a blank.
    let password = body.password.filter(|password| !password.is_empty());
    if password.as_deref().is_some_and(|password| password.len() > 4096 || password.chars().any(char::is_control)) {
        wrong.add("password", "field-registry-password");
    }
    let same = |row: &&RegistryRow| row.address == address && row.plain == body.plain && row.username == username;
    let keeps_password = password.is_none() && stored.filter(same).is_some_and(|row| row.password.is_some());
    match (&username, &password) {
        (Some(_), None) if !keeps_password => wrong.add("password", "field-required"),
        (None, Some(_)) => wrong.add("username", "field-required"),
        _ => {}
    }
    let ca = body.ca_certificate.map(|text| text.replace("\r\n", "\n"));
    let ca = wrong.text("caCertificate", ca, MAX_PEM);
    if ca.as_deref().is_some_and(|pem| read_certificates(pem).is_none()) {
        wrong.add("caCertificate", "field-certificate");
    }
    wrong.into_result()?;
    let ca_certificate = ca.map(|pem| pem + "\n");
    let (plain, holds_archives) = (body.plain, body.holds_archives);
    Ok(Checked { address, plain, username, password, keeps_password, ca_certificate, holds_archives })
}

/// Docker's own has several names.
fn plain_name(address: &str) -> String {
    match address {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => DOCKER.to_owned(),
        other => other.to_owned(),
    }
}

/// What addresses of images begin with, and nothing else would be read as.
fn is_registry(address: &str) -> bool {
    let host = address.contains(['.', ':']) || address == "localhost";
    host && !address.contains(['/', '@']) && is_address(&format!("{address}/a"))
}

/// Of which registry an address is, as engines read it.
pub(super) fn registry_of(address: &str) -> String {
    match address.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => plain_name(&host.to_ascii_lowercase()),
        _ => DOCKER.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_the_registry_that_engines_take_them_for() {
        for (address, registry) in [
            ("pytorch", "docker.io"),
            ("team/pytorch:2.4", "docker.io"),
            ("docker.io/library/ubuntu", "docker.io"),
            ("index.docker.io/library/ubuntu", "docker.io"),
            ("Registry.example.org/a", "registry.example.org"),
            ("registry.example.org:5000/team/a:1", "registry.example.org:5000"),
            ("localhost/a", "localhost"),
            ("127.0.0.1:5000/a@sha256:00", "127.0.0.1:5000"),
        ] {
            assert_eq!(registry_of(address), registry, "{address}");
        }
        // What begins alike is another's.
        assert_ne!(registry_of("registry.example.org.evil.example/a"), "registry.example.org");
    }

    #[test]
    fn a_registry_is_a_host_and_nothing_more() {
        for good in ["docker.io", "registry.example.org", "registry.example.org:5000", "10.0.0.7:5000", "localhost"] {
            assert!(is_registry(good), "{good}");
        }
        for bad in
            ["", "registry", "https://registry.example.org", "a.example/team", "u:p@a.example", "a.example:x", "a b.c"]
        {
            assert!(!is_registry(bad), "{bad}");
        }
    }
}
