//! Where a corpus begins: real values, written by the real encoders. `cargo run -p fuzz --bin seeds` writes them to `corpus/`;
//! what libFuzzer found since lies beside them.

mod containers;
mod doors;
mod hosts;
mod images;
mod sheets;
mod texts;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::json;

pub use sheets::PARTS;

use crate::oidc::ISSUER;

/// An input to begin with.
pub struct Seed {
    pub target: &'static str,
    /// Name of its file.
    pub name: String,
    pub data: Vec<u8>,
}

/// Every seed.
pub fn all() -> Vec<Seed> {
    let mut seeds = Vec::new();
    containers::add_all(&mut seeds);
    doors::add_all(&mut seeds);
    hosts::add_all(&mut seeds);
    images::add_all(&mut seeds);
    sheets::add_all(&mut seeds);
    texts::add_all(&mut seeds);
    seeds
}

/// Adds one whose first byte says which of a target's things it is for.
fn add(seeds: &mut Vec<Seed>, target: &'static str, which: u8, name: &str, data: impl AsRef<[u8]>) {
    let data = [&[which], data.as_ref()].concat();
    seeds.push(Seed { target, name: format!("seed-{which:02}-{name}"), data });
}

/// The sign-in service's key. Anybody may know it: no installation trusts it.
fn signing_key() -> &'static Ed25519KeyPair {
    static KEY: LazyLock<Ed25519KeyPair> =
        LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[9; 32]).expect("32 bytes are a seed"));
    &KEY
}

/// A token as the sign-in service signs it.
pub(crate) fn signed_token(head: &[u8], claims: &[u8]) -> String {
    let message = format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(head), BASE64_URL_SAFE_NO_PAD.encode(claims));
    let signature = signing_key().sign(message.as_bytes());
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// Its keys, as it publishes them.
pub(crate) fn oidc_keys() -> String {
    let x = BASE64_URL_SAFE_NO_PAD.encode(signing_key().public_key());
    json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "fuzz", "x": x }] })
        .to_string()
}

/// Its description of itself.
pub(crate) fn oidc_description() -> String {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": format!("{ISSUER}/authorize"),
        "token_endpoint": format!("{ISSUER}/token"),
        "jwks_uri": format!("{ISSUER}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA", "RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "email"],
    })
    .to_string()
}

/// A body for every kind of body, in their order; some do not read, which is where the search begins.
fn bodies() -> Vec<String> {
    let at = "2026-11-26T00:00:00Z";
    let machine = json!({ "id": "host-001", "name": "host-1", "pool": "whole", "listed": true, "monitored": true,
        "declared": { "gpuModel": "H100", "gpuCount": 8, "memoryGb": 1024 } });
    let all = [
        json!({ "action": "renew", "ids": [1, 2], "months": 1 }),
        json!({ "machineId": "host-001", "customerId": 7, "months": 3, "startsAt": at }),
        json!({ "months": 1 }),
        json!({ "title": "t", "body": "b", "audience": "everybody", "level": "info", "startsAt": at, "revision": 1 }),
        json!({ "name": "ci", "scopes": ["machines:view"], "expiresAt": at }),
        json!({ "kind": "wecom", "name": "robot", "url": "https://example.org", "kinds": ["allocation-ending"] }),
        json!({ "name": "robot", "enabled": true, "revision": 1 }),
        json!({ "host": "10.0.0.1", "port": 22, "user": "root" }),
        json!({ "name": "lab", "contact": "Alice", "email": "alice@example.org" }),
        json!({ "name": "lab", "active": true, "revision": 3 }),
        json!({ "kind": "tcp", "host": "10.0.0.1", "port": 2376, "caCertificate": "x", "revision": 1 }),
        json!({ "username": "alice", "password": "secret", "captchaId": "x", "captchaAnswer": "y", "code": "123456" }),
        json!({ "action": "drain", "ids": ["host-001"], "reason": "test" }),
        machine.clone(),
        json!({ "name": "host-1", "declared": machine["declared"], "revision": 2 }),
        json!({ "startsAt": at, "endsAt": at, "reason": "test" }),
        json!({ "quietFrom": "22:00", "quietUntil": "07:00", "kinds": [] }),
        json!({ "displayName": "Alice", "language": "zh", "theme": "dark", "timeZone": "Asia/Shanghai" }),
        json!({ "kind": "oidc", "name": "sso", "enabled": true, "oidc": { "issuer": ISSUER, "clientId": "x",
            "scopes": ["email"], "nameClaim": "email", "groupsClaim": "groups" }, "mappings": [] }),
        json!({ "username": "alice", "password": "secret" }),
        json!({ "months": 1, "note": "ok" }),
        json!({ "name": "auditor", "description": "d", "permissions": ["audit:view"], "revision": 1 }),
        json!({ "value": 12, "version": 3 }),
        json!({ "email": "alice@example.org", "captchaId": "x", "captchaAnswer": "y" }),
        json!({ "pricePerHour": "16.5", "startsAt": at }),
        json!({ "name": "H100", "gpuModel": "H100", "gpuCount": 1, "gpuMemoryGb": 80, "gpuUse": "share", "cpuCores": 16,
            "memoryGb": 128, "systemDiskGb": 200, "dataDiskGb": 0 }),
        json!({ "name": "laptop", "publicKey": "ssh-ed25519 AAAA" }),
        json!({ "username": "bob", "displayName": "Bob", "roles": [1], "email": "bob@example.org" }),
        json!({ "displayName": "Bob", "active": false, "revision": 1 }),
        json!({ "name": "hook", "url": "https://example.org/in", "kinds": ["allocation-ending"] }),
    ];
    all.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use contract::accounts::LdapSettings;
    use ldap3::ResultEntry;
    use ldap3::asn1::parse_tag;
    use node_protocol::{AgentBody, AgentFrame, Message as _};
    use platform::fuzzing;

    use super::*;
    use crate::credentials::{TOKEN_HEADER, signed};
    use crate::{keyring, now, oidc};

    /// What the seed is for, without the byte that says so.
    fn seed(target: &str, name: &str) -> Vec<u8> {
        let seed = all().into_iter().find(|seed| seed.target == target && seed.name == format!("seed-{name}"));
        seed.unwrap_or_else(|| panic!("{target} has no {name}")).data[1..].to_vec()
    }

    fn text(target: &str, name: &str) -> String {
        String::from_utf8(seed(target, name)).unwrap()
    }

    /// A search that begins with what is refused at the first step finds little.
    #[test]
    fn what_should_be_taken_is_taken() {
        let token = signed(TOKEN_HEADER, &seed("credentials", "01-claims"));
        assert!(fuzzing::access_token(keyring(), &token, now()).is_ok());
        assert!(fuzzing::refresh_token(&text("credentials", "03-refresh")).is_some());
        assert_eq!(server::fuzzing::session_ids(&text("credentials", "04-cookie")).len(), 1);
        let picture = fuzzing::captcha_picture(keyring(), &seed("credentials", "07-picture")[6..]);
        assert_eq!(fuzzing::captcha_answer(keyring(), &picture, "ACehk", now()), Some(true));
        assert!(fuzzing::ssh_key(&text("ssh_keys", "00-sk-ecdsa")).is_ok());
        assert!(fuzzing::avatar(&seed("pictures", "00-webp")).is_some());
        assert!(oidc::proves(&seed("oidc", "02-answer")));
        assert!(oidc::proves(
            oidc::answer_with(&signed_token(oidc::TOKEN_HEADER, &seed("oidc", "03-one-audience"))).as_bytes()
        ));
        let entry = ResultEntry::new(parse_tag(&seed("ldap", "02-entry")).unwrap().1);
        let (dn, somebody) = fuzzing::directory_entry(&LdapSettings::default(), entry).unwrap();
        assert_eq!((dn.as_str(), somebody.name.as_deref(), somebody.disabled), ("uid=alice,dc=x", Some("alice"), true));
        assert!(crate::engines::reads(&seed("engines", "01-tls")));
        assert!(fuzzing::configuration(&seed("files", "00-some")).is_ok());
        assert!(server::fuzzing::daily_anchor(&text("files", "03-daily")).is_some());
        assert!(["07-init", "07-open"].iter().all(|name| ssh_gateway::fuzzing::is_packet(&seed("ssh_gate", name))));
        assert!(ssh_gateway::fuzzing::two(&seed("ssh_gate", "06-two")).is_some());
        assert!(
            matches!(ssh_gateway::fuzzing::answer(&seed("ssh_gate", "06-answer")), Some(Ok((1, last))) if last == "1")
        );
        assert!(ssh_gateway::fuzzing::file(&text("ssh_gate", "06-file")).is_some());
        for name in ["page", "socket", "posted"] {
            let read = crate::app_heads::read(0, &seed("app_heads", &format!("00-{name}")));
            assert!(read.is_some_and(|read| !read.is_ambiguous && read.wants_socket == (name == "socket")), "{name}");
        }
        assert!(crate::app_heads::read(1, &seed("app_heads", "01-answered")).is_some());
    }

    #[test]
    fn workbooks_and_frames_are_read() {
        let data =
            |target: &str, name: &str| all().into_iter().find(|s| s.target == target && s.name == name).unwrap().data;
        assert_eq!(crate::workbook::read(&data("workbook", "seed-ours")).map(|end| end.rows), Ok(2));
        let Some(AgentBody::Batch(batch)) = AgentFrame::decode(&data("agent_frames", "seed-batch")[..]).unwrap().body
        else {
            panic!("no batch");
        };
        assert!(fuzzing::sample(&batch.samples[0], now()).is_ok());
    }

    #[test]
    fn what_engines_say_is_read() {
        for seed in all().iter().filter(|seed| seed.target == "engine_streams") {
            assert_eq!(crate::engine_streams::reads(&seed.data), seed.name != "seed-01-own-words", "{}", seed.name);
        }
    }

    /// Each kind of body and query has one that reads, so that the search goes on from there.
    #[test]
    fn most_bodies_read() {
        let reads = |seed: &&Seed| seed.target == "requests" && crate::requests::reads(&seed.data);
        let all = all();
        let reading = all.iter().filter(reads).count();
        assert!(reading >= 30, "{reading} of {}", all.iter().filter(|seed| seed.target == "requests").count());
    }
}
