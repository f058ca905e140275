//! Everything that is text: tokens, keys, addresses, queries, bodies, documents.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use contract::MachineId;
use contract::settings::{CONFIGURATION_FORMAT, SETTINGS};
use node_protocol::TunnelEnd;
use platform::fuzzing::{new_refresh_token, new_webhook_secret};
use platform::tunnels::Pass;
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

use super::{Seed, add, oidc_description, oidc_keys, signed_token};
use crate::credentials::{TOKEN_HEADER, signed};
use crate::engines::BETWEEN;
use crate::oidc::{self, CLIENT, ISSUER, NONCE};
use crate::ssh_keys::KINDS;
use crate::{keyring, now, requests};

/// Public halves of keys that were made for tests.
const SSH_KEYS: &str = include_str!("../../../platform/src/accounts/ssh_keys.txt");

pub(super) fn add_all(seeds: &mut Vec<Seed>) {
    credentials(seeds);
    keys(seeds);
    sign_in_services(seeds);
    directories(seeds);
    engines(seeds);
    addresses(seeds);
    around(seeds);
    asked(seeds);
    documents(seeds);
    uploads(seeds);
}

fn credentials(seeds: &mut Vec<Seed>) {
    let iat = now().timestamp() - 60;
    let claims = json!({ "iss": "remotegpu", "aud": "remotegpu-api", "sub": "7", "jti": "ab".repeat(32), "epoch": 3,
        "iat": iat, "exp": iat + 3600 });
    let claims = claims.to_string();
    add(seeds, "credentials", 0, "access", signed(TOKEN_HEADER, claims.as_bytes()));
    add(seeds, "credentials", 0, "none", "eyJhbGciOiJub25lIn0.e30.");
    add(seeds, "credentials", 1, "claims", &claims);
    add(seeds, "credentials", 2, "head", [TOKEN_HEADER, b"\n", claims.as_bytes()].concat());
    add(seeds, "credentials", 3, "refresh", new_refresh_token(&"cd".repeat(32)));
    add(seeds, "credentials", 4, "cookie", "__Host-remotegpu=AAAAAAAAAAAAAAAAAAAAAA; lang=zh");
    add(seeds, "credentials", 5, "bearer", "Bearer rgpu_AAAA");
    add(seeds, "credentials", 6, "answer", "p.00\nABCDE");
    add(seeds, "credentials", 7, "picture", format!("acehk\n{} ACEHK", now().timestamp() + 60));
    add(seeds, "credentials", 8, "solution", json!({ "counter": 7, "derivedKey": "00ff", "time": 1.5 }).to_string());
    add(seeds, "credentials", 9, "code", "1234-ABCD efgh");
    add(seeds, "credentials", 10, "sealed", "a secret of some length");
    let pass = Pass {
        from: Default::default(),
        to: Default::default(),
        machine: MachineId(1),
        end: TunnelEnd::Sshd,
        nonce: [5; 16],
        expires_at: now(),
    };
    add(seeds, "credentials", 11, "pass", pass.sign(keyring()));
}

fn keys(seeds: &mut Vec<Seed>) {
    for line in SSH_KEYS.lines() {
        let Some((name, rest)) = line.split_once(": ") else { continue };
        let Some((_, key)) = rest.split_once(' ') else { continue };
        add(seeds, "ssh_keys", 0, name, key);
        let mut words = key.split(' ');
        let kind = KINDS.iter().position(|kind| Some(*kind) == words.next());
        let (kind, blob) = (kind.unwrap_or_default(), key.split(' ').nth(1).unwrap_or_default());
        add(seeds, "ssh_keys", kind as u8 + 1, name, BASE64_STANDARD.decode(blob).unwrap_or_default());
    }
    add(seeds, "ssh_keys", 0, "private", "-----BEGIN OPENSSH PRIVATE KEY-----");
    add(seeds, "ssh_keys", 0, "options", r#"command="/bin/sh",no-pty ssh-ed25519 AAAA x"#);
}

fn sign_in_services(seeds: &mut Vec<Seed>) {
    let iat = now().timestamp() - 5;
    let claims = json!({ "iss": ISSUER, "aud": [CLIENT, "other"], "azp": CLIENT, "sub": "8c1f", "nonce": NONCE,
        "iat": iat, "nbf": iat, "exp": iat + 300, "email": "alice@example.org", "email_verified": true,
        "name": "Alice", "preferred_username": "alice", "realm_access": { "roles": ["gpu-users", "staff"] } });
    let claims = claims.to_string();
    // Who is not known to us may not be among those a token is for.
    let ours_only = claims.replace(r#"["remotegpu","other"]"#, r#""remotegpu""#);
    let token = signed_token(oidc::TOKEN_HEADER, ours_only.as_bytes());
    add(seeds, "oidc", 0, "description", oidc_description());
    add(seeds, "oidc", 1, "keys", oidc_keys());
    let rsa = json!({ "keys": [{ "kty": "RSA", "use": "sig", "kid": "r", "n": "AQAB", "e": "AQAB" },
        { "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "e" }] });
    add(seeds, "oidc", 1, "other-keys", rsa.to_string());
    add(seeds, "oidc", 2, "answer", oidc::answer_with(&token));
    add(seeds, "oidc", 3, "claims", &claims);
    add(seeds, "oidc", 3, "one-audience", &ours_only);
    add(seeds, "oidc", 4, "head", [oidc::TOKEN_HEADER, b"\n", claims.as_bytes()].concat());
    add(seeds, "oidc", 4, "none", [br#"{"alg":"none"}"#, &b"\n"[..], claims.as_bytes()].concat());
    for (name, address) in
        [("https", "https://sso.example.org/"), ("v6", "https://[64:ff9b::a9fe:a9fe]/"), ("http", "http://[::1]:8080/")]
    {
        add(seeds, "oidc", 5, name, address);
    }
    add(seeds, "oidc", 6, "pem", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
}

/// An attribute and its value, by tag, length and content.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, content.len() as u8], content].concat()
}

fn directories(seeds: &mut Vec<Seed>) {
    add(seeds, "ldap", 0, "login", b"\x00alice\ncn=alice");
    add(seeds, "ldap", 0, "escaped", b"\x01a*)(uid=\\2a\ncn=a");
    add(seeds, "ldap", 0, "place", b"\x03bob\ncn={login},dc=x");
    add(seeds, "ldap", 1, "filter", "(&(objectClass=user)(sAMAccountName={login}))");
    let attribute =
        |name: &str, value: &[u8]| tlv(0x30, &[tlv(0x04, name.as_bytes()), tlv(0x31, &tlv(0x04, value))].concat());
    let attributes = [
        attribute("uid", b"alice"),
        attribute("entryUUID", b"\xff\x00"),
        attribute("userAccountControl", b"514"),
        attribute("memberOf", b"cn=gpu,dc=x"),
    ];
    let entry = tlv(0x64, &[tlv(0x04, b"uid=alice,dc=x"), tlv(0x30, &attributes.concat())].concat());
    add(seeds, "ldap", 2, "entry", entry);
    add(seeds, "ldap", 3, "group", "cn=gpu-admins,ou=groups,dc=example,dc=org");
    add(seeds, "ldap", 4, "attribute", "cn;lang-de");
}

/// A certificate that signed itself is its own CA. The key is for anybody.
fn engines(seeds: &mut Vec<Seed>) {
    // RFC 8410: an Ed25519 key is these bytes and its seed.
    let key = [&b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"[..], &[8; 32]].concat();
    let key = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64_STANDARD.encode(key));
    let key = KeyPair::from_pem(&key).expect("a key");
    let mut params = CertificateParams::new(vec!["engine.example.org".to_owned()]).expect("a name");
    params.serial_number = Some(7_u64.into());
    let certificate = params.self_signed(&key).expect("it signs itself").pem();
    let pems = [certificate.as_str(), &certificate, &key.serialize_pem()].join(BETWEEN);
    add(seeds, "engines", 0, "socket", "/run/user/1000/docker.sock");
    add(seeds, "engines", 1, "tls", format!("engine.example.org 2376\n{pems}"));
    add(seeds, "engines", 1, "closed", format!("[::ffff:169.254.169.254] 2376\n{pems}"));
    add(seeds, "engines", 2, "price", "0016.500");
}

fn addresses(seeds: &mut Vec<Seed>) {
    for (name, url) in [
        ("https", "https://hooks.example.org/in?key=1"),
        ("decimal", "http://2130706433/"),
        ("hex", "http://0x7f.1/"),
        ("mapped", "https://[::ffff:10.0.0.1]/"),
        ("user", "https://a:b@example.org/#x"),
    ] {
        add(seeds, "outbound", 0, name, url);
    }
    add(seeds, "outbound", 1, "v4", [169, 254, 169, 254]);
    add(seeds, "outbound", 1, "v6", [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    add(seeds, "outbound", 2, "ranges", b"10.0.0.0/8, fd00::/8 127.0.0.1\n\x0a\x01\x02\x03");
    add(seeds, "outbound", 3, "secret", new_webhook_secret());
    for kind in 0..4_u8 {
        let message = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n<at user_id=\"all\">\xe9\x95\xbf</at>";
        add(seeds, "outbound", 4, &format!("message-{kind}"), [&[kind][..], message].concat());
    }
    for (kind, answer) in [(1, r#"{"errcode":93000,"errmsg":"no"}"#), (3, r#"{"code":0}"#), (3, r#"{"StatusCode":0}"#)]
    {
        add(seeds, "outbound", 5, &format!("answer-{}", answer.len()), [&[kind][..], answer.as_bytes()].concat());
    }
}

fn around(seeds: &mut Vec<Seed>) {
    let lines = b"\x006.6.6.6, 203.0.113.7\n\x01given-00000001\n\x02zh-CN,en;q=0.8\n\x03lang=en; tz=Asia%2FShanghai\n\
        \x04https://gpu.example.org\n\x05gpu.example.org\n\x06same-origin";
    add(seeds, "headers", 0, "all", lines);
    add(seeds, "headers", 1, "typed", "a name\n<b>&\"'\n长");
    add(seeds, "headers", 2, "unsigned", format!("{}.{}", "00".repeat(32), r#"{"k":"error-validation","r":"x"}"#));
    for (name, path) in [("page", "/machines?page=2#a"), ("foreign", "//evil.example"), ("tab", "/\t/evil.example")] {
        add(seeds, "headers", 3, name, path);
    }
    add(seeds, "headers", 4, "ids", "host-001.host-002 7");
    add(seeds, "headers", 5, "value", "a&b=c %2F+长");
}

fn asked(seeds: &mut Vec<Seed>) {
    let query = "page=2&pageSize=20&q=gpu&sort=-name&from=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z";
    for which in 0..requests::QUERIES.len() as u8 {
        for (name, query) in [("all", query), ("page", "page=2&pageSize=20")] {
            add(seeds, "requests", 0, &format!("{name}-{which}"), [&[which][..], query.as_bytes()].concat());
        }
    }
    for (which, body) in super::bodies().into_iter().enumerate() {
        add(seeds, "requests", 1, &format!("body-{which}"), [&[which as u8][..], body.as_bytes()].concat());
    }
    let message = r#"{"type":"subscribe","topic":"machine/host-001","resume":{"epoch":"x","seq":7}}"#;
    add(seeds, "requests", 2, "subscribe", message);
    add(seeds, "requests", 2, "ping", r#"{"type":"ping"}"#);
    add(seeds, "requests", 3, "topic", "machine/host-001");
    add(seeds, "requests", 4, "returned", "state=a&code=b%20c&iss=https%3A%2F%2Fsso.example.org");
    add(seeds, "requests", 5, "key", "6d5f2c1e-0000-4000-8000-000000000000");
    add(seeds, "requests", 6, "sort", "name,-createdAt");
}

fn documents(seeds: &mut Vec<Seed>) {
    let settings: serde_json::Map<_, _> =
        SETTINGS.iter().filter(|spec| !spec.is_secret()).map(|spec| (spec.key.to_owned(), json!(null))).collect();
    let document = |settings| json!({ "format": CONFIGURATION_FORMAT, "settings": settings }).to_string();
    add(seeds, "files", 0, "defaults", document(json!(settings)));
    let some = json!({ "general.time_zone": "Asia/Shanghai", "mail.host": "mail.example.org",
        "sign_in.password_min_length": 12, "notifications.private_ranges": "10.0.0.0/8" });
    add(seeds, "files", 0, "some", document(some));
    for which in 0..SETTINGS.len() as u8 {
        for (name, value) in [("text", r#""10.0.0.0/8""#), ("number", "365"), ("flag", "true")] {
            add(seeds, "files", 1, &format!("{name}-{which}"), [&[which][..], value.as_bytes()].concat());
        }
    }
    add(seeds, "files", 2, "keys", "--\nCOPY public.key_checks (key_id) FROM stdin;\n0011aabb\t\\\\x01\n\\.\n");
    add(seeds, "files", 3, "daily", format!("2026-11-25 7 {}", "09".repeat(32)));
    add(seeds, "files", 4, "anchor", format!("7 {}", "09".repeat(32)));
    add(seeds, "files", 5, "address", "first.last+tag@mail.example.org");
}

fn uploads(seeds: &mut Vec<Seed>) {
    let form = "x\n--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--x\r\nContent-Disposition: \
        form-data; name=\"file\"; filename=\"a.xlsx\"\r\nContent-Type: application/octet-stream\r\n\r\nPK\r\n--x--\r\n";
    add(seeds, "uploads", 1, "form", form);
    add(seeds, "uploads", 0, "plain", "application/octet-stream\nPK");
}
