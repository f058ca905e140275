//! Public keys with which a person comes in by SSH.
//!
//! Invariants: only public halves are taken, and of those only kinds that are still safe: Ed25519, ECDSA, RSA from 3072
//! bits, and the first two on a security key. What is stored has neither options nor comment, so that a line of ours in an
//! `authorized_keys` file says nothing but the key.
//!
//! One account has a key once; two accounts may have the same. A public key proves nothing before somebody signs with it, and
//! who comes in by it names the account first: refused, whoever knows a public key (many publish theirs) could keep its owner
//! from using it here.

use contract::accounts::{SshKeyCreate, SshKeyView, SshKeysRemoved};
use contract::notifications::NotificationKind;
use contract::{ErrorCode, Page, PageQuery, SshKeyId, UserId};
use ssh_key::public::{EcdsaPublicKey, KeyData};
use ssh_key::{Algorithm, HashAlg, PublicKey};

use super::{account, entry, signed_in, store};
use crate::authz::{SecureAccount, ViewAccount};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::notifications::{self, Notice, Value};
use crate::{Error, OpContext, Platform, Result, SystemActor, audit};

/// Keys a person may have at a time.
const MAX_KEYS: u32 = 100;
/// Longest line that is read: an RSA key of 16,384 bits has 2,800 characters.
const MAX_LINE_BYTES: usize = 8 << 10;
/// Fewest bits of an RSA key: 128 bits of security (NIST SP 800-57, part 1).
const MIN_RSA_BITS: usize = 3072;
/// Most of them: OpenSSH takes no longer ones.
const MAX_RSA_BITS: usize = 16_384;
/// Kinds nobody should use any more; what reads keys does not know them.
const OBSOLETE: [&str; 2] = ["ssh-dss ", "ssh-rsa1 "];
/// Where one sees them.
const KEYS_PAGE: &str = "/account/ssh-keys";
/// Characters of a name.
const MAX_NAME_CHARS: usize = 100;

/// A key that may be stored.
#[derive(Debug)]
pub(super) struct Checked {
    /// `algorithm base64`.
    pub public_key: String,
    pub algorithm: String,
    /// `SHA256:…`
    pub fingerprint: String,
    pub comment: String,
}

/// One's own keys, newest first.
///
/// # Errors
/// `Validation` for a page or a size that no list has.
pub async fn list_ssh_keys(platform: &Platform, ctx: &OpContext, query: &PageQuery) -> Result<Page<SshKeyView>> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(ViewAccount, &account(user.id))?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let some = (i64::from(page - 1) * i64::from(page_size), Some(i64::from(page_size)));
    let mut tx = platform.db().begin(ctx).await?;
    let list = store::ssh_keys::list(&mut tx, granted.id(), some).await?;
    let total = store::ssh_keys::how_many(&mut tx, granted.id()).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// Public halves (`algorithm base64`) of these people, as far as they are active, the oldest first; for a slice that has decided
/// where they let them in.
pub(crate) async fn public_keys_in_tx(tx: &mut Tx, users: &[i64]) -> Result<Vec<(UserId, String)>> {
    store::ssh_keys::public_keys(tx, users).await
}

/// Adds a key.
///
/// # Errors
/// `Validation` that says what is wrong with the key, `Conflict` when one has it already, `QuotaExceeded` when there are
/// too many.
pub async fn add_ssh_key(platform: &Platform, ctx: &OpContext, body: SshKeyCreate) -> Result<SshKeyView> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own("accounts:add-ssh-key");
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut wrong = Wrong::new();
    let checked = check(&mut wrong, &body.public_key);
    let typed = body.name.unwrap_or_default();
    let name = match (typed.trim(), &checked) {
        ("", Some(key)) if !key.comment.is_empty() => key.comment.clone(),
        // Those of security keys end in whose extension they are, which reads like somebody's address.
        ("", Some(key)) => key.algorithm.trim_end_matches("@openssh.com").to_owned(),
        _ => wrong.name("name", if typed.trim().is_empty() { "-" } else { &typed }),
    };
    wrong.into_result()?;
    let key = checked.ok_or_else(|| Error::internal("a key without fault"))?;

    // What is told is the system's.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    if store::ssh_keys::count(&mut tx, &granted).await? >= MAX_KEYS {
        return Err(Error::new(ErrorCode::QuotaExceeded).with_key("error-too-many-ssh-keys").with_arg("max", MAX_KEYS));
    }
    let added = store::ssh_keys::insert(&mut tx, &granted, &name, &key, ctx.now()).await?;
    let added = added.ok_or_else(|| Error::field("publicKey", "field-ssh-key-twice"))?;
    audit::record_in_tx(&mut tx, ctx, key_entry("accounts:add-ssh-key", &added, false)).await?;
    let text = |text: &str| Value::Text(text.to_owned());
    let args = vec![("key", text(&added.name)), ("fingerprint", text(&added.fingerprint))];
    let notice = Notice { kind: NotificationKind::SshKeyAdded, args, link: Some(KEYS_PAGE.to_owned()) };
    notifications::notify_in_tx(platform, &mut tx, ctx, &[user.id], &notice).await?;
    tx.commit().await?;
    Ok(added)
}

/// Removes one of one's own keys; nobody comes in with it any more.
///
/// # Errors
/// `NotFound` for any other id.
pub async fn remove_ssh_key(platform: &Platform, ctx: &OpContext, id: SshKeyId) -> Result<()> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_on("accounts:remove-ssh-key", "ssh_key", id);
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let gone = store::ssh_keys::delete(&mut tx, &granted, id).await?.ok_or_else(Error::not_found)?;
    audit::record_in_tx(&mut tx, ctx, key_entry("accounts:remove-ssh-key", &gone, true)).await?;
    tx.commit().await?;
    Ok(())
}

/// Removes all of one's own keys; each has its line in the log.
pub async fn remove_ssh_keys(platform: &Platform, ctx: &OpContext) -> Result<SshKeysRemoved> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own("accounts:remove-ssh-key");
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let mut removed = 0;
    for key in store::ssh_keys::list(&mut tx, granted.id(), (0, None)).await? {
        // One that is gone this very moment has its line already.
        if let Some(gone) = store::ssh_keys::delete(&mut tx, &granted, key.id).await? {
            audit::record_in_tx(&mut tx, ctx, key_entry("accounts:remove-ssh-key", &gone, true)).await?;
            removed += 1;
        }
    }
    tx.commit().await?;
    Ok(SshKeysRemoved { removed })
}

/// Of one that was added, or of one that is gone.
fn key_entry(action: &'static str, key: &SshKeyView, gone: bool) -> audit::Entry {
    let facts = Some(serde_json::json!({ "name": key.name, "fingerprint": key.fingerprint }));
    let (before, after) = if gone { (facts, None) } else { (None, facts) };
    let target = entry(action, contract::UserId(0));
    audit::Entry { target_kind: "ssh_key", target_id: Some(key.id.to_string()), before, after, ..target }
}

/// Reads a line of a `.pub` file; says what is wrong with it.
pub(super) fn check(wrong: &mut Wrong, text: &str) -> Option<Checked> {
    let mut fault = |key| {
        wrong.add("publicKey", key);
        None
    };
    let line = text.trim();
    if line.is_empty() {
        return fault("field-required");
    }
    if line.contains("PRIVATE KEY") {
        return fault("field-ssh-key-private");
    }
    if line.len() > MAX_LINE_BYTES || line.contains(['\n', '\r']) {
        return fault("field-ssh-key-one-line");
    }
    if OBSOLETE.iter().any(|kind| line.starts_with(kind)) {
        return fault("field-ssh-key-kind");
    }
    let Ok(key) = PublicKey::from_openssh(line) else {
        return fault("field-ssh-key-unreadable");
    };
    let rsa_bits = key.key_data().rsa().map(|rsa| rsa.n.as_positive_bytes().map_or(0, bits));
    match (key.algorithm(), rsa_bits) {
        (Algorithm::Ed25519 | Algorithm::Ecdsa { .. } | Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256, _) => {}
        (Algorithm::Rsa { .. }, Some(MIN_RSA_BITS..=MAX_RSA_BITS)) => {}
        (Algorithm::Rsa { .. }, Some(bits)) if bits > MAX_RSA_BITS => {
            wrong.add_with("publicKey", "field-ssh-key-long", vec![("max", MAX_RSA_BITS.to_string())]);
            return None;
        }
        (Algorithm::Rsa { .. }, _) => {
            wrong.add_with("publicKey", "field-ssh-key-short", vec![("min", MIN_RSA_BITS.to_string())]);
            return None;
        }
        _ => return fault("field-ssh-key-kind"),
    }
    if cannot_be_safe(key.key_data()) {
        return fault("field-ssh-key-unsafe");
    }
    let comment: String = key.comment().chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect();
    let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
    let algorithm = key.algorithm().as_str().to_owned();
    let bare = PublicKey::new(key.key_data().clone(), "").to_openssh();
    match bare {
        Ok(public_key) => Some(Checked {
            public_key: public_key.trim().to_owned(),
            algorithm,
            fingerprint,
            comment: comment.trim().to_owned(),
        }),
        Err(_) => fault("field-ssh-key-unreadable"),
    }
}

/// Numbers that no honest program makes: with them, anybody signs as the owner.
fn cannot_be_safe(data: &KeyData) -> bool {
    match data {
        KeyData::Rsa(rsa) => {
            let (n, e) = (rsa.n.as_positive_bytes(), rsa.e.as_positive_bytes());
            let odd = |number: Option<&[u8]>| number.and_then(<[u8]>::last).is_some_and(|last| last % 2 == 1);
            !odd(n) || !odd(e) || e == Some([1].as_slice())
        }
        KeyData::Ed25519(key) => is_of_small_order(key.0),
        KeyData::SkEd25519(key) => is_of_small_order(key.public_key().0),
        KeyData::Ecdsa(key) => !is_on_its_curve(key),
        KeyData::SkEcdsaSha2NistP256(key) => p256::PublicKey::from_sec1_bytes(key.ec_point().as_bytes()).is_err(),
        _ => false,
    }
}

/// Whether it is a point at all: what is none, no program takes.
fn is_on_its_curve(key: &EcdsaPublicKey) -> bool {
    let point = key.as_sec1_bytes();
    match key {
        EcdsaPublicKey::NistP256(_) => p256::PublicKey::from_sec1_bytes(point).is_ok(),
        EcdsaPublicKey::NistP384(_) => p384::PublicKey::from_sec1_bytes(point).is_ok(),
        EcdsaPublicKey::NistP521(_) => p521::PublicKey::from_sec1_bytes(point).is_ok(),
    }
}

/// Points of order 1, 2, 4 and 8, whichever sign they have: for them, signatures can be made without a secret. The list is
/// that of libsodium (`ge25519_has_small_order`).
fn is_of_small_order(mut point: [u8; 32]) -> bool {
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
            0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    point[31] &= 0x7f;
    // 0 and 1; and p - 1, p and p + 1, with p = 2^255 - 19.
    let small = matches!(point[0], 0 | 1) && point[1..].iter().all(|byte| *byte == 0);
    let large = matches!(point[0], 0xec..=0xee) && point[1..31].iter().all(|byte| *byte == 0xff) && point[31] == 0x7f;
    small || large || ORDER_8.contains(&point)
}

/// Bits of a number in its bytes, the first of which is not zero.
fn bits(bytes: &[u8]) -> usize {
    bytes.first().map_or(0, |first| bytes.len() * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `ssh-keygen` for this test, their private halves thrown away; the two of security keys and the one of
    /// DSA are put together from known points.
    const KEYS: &str = include_str!("ssh_keys.txt");

    fn key(name: &str) -> (&'static str, &'static str) {
        let mut lines = KEYS.lines().filter_map(|line| line.split_once(": "));
        let (_, rest) = lines.find(|(label, _)| *label == name).unwrap_or_else(|| panic!("no key {name}"));
        rest.split_once(' ').unwrap()
    }

    fn fault(text: &str) -> Option<&'static str> {
        let mut wrong = Wrong::new();
        check(&mut wrong, text);
        wrong.into_result().err().map(|error| error.fields[0].key)
    }

    #[test]
    fn every_good_kind_is_read_as_ssh_keygen_reads_it() {
        for name in ["ed25519", "ecdsa-256", "ecdsa-384", "ecdsa-521", "rsa-3072", "sk-ed25519", "sk-ecdsa"] {
            let (fingerprint, line) = key(name);
            let mut wrong = Wrong::new();
            let checked = check(&mut wrong, &format!("  {line}\n")).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(checked.fingerprint, fingerprint, "{name}");
            let mut words = line.split(' ');
            let bare = format!("{} {}", words.next().unwrap(), words.next().unwrap());
            assert_eq!(
                (checked.public_key, checked.comment.as_str()),
                (bare, words.next().unwrap_or_default()),
                "{name}"
            );
        }
    }

    #[test]
    fn keys_that_cannot_be_safe_are_refused() {
        use ssh_key::Mpint;
        use ssh_key::public::Ed25519PublicKey;
        let line = |data: KeyData| PublicKey::new(data, "").to_openssh().unwrap();
        let rsa = PublicKey::from_openssh(key("rsa-3072").1).unwrap().key_data().rsa().unwrap().clone();
        let number = |bytes: &[u8]| Mpint::from_positive_bytes(bytes).unwrap();
        for exponent in [&[1][..], &[2], &[1, 0, 0]] {
            let mut weak = rsa.clone();
            weak.e = number(exponent);
            assert_eq!(fault(&line(KeyData::Rsa(weak))), Some("field-ssh-key-unsafe"), "{exponent:?}");
        }
        let mut even = rsa.n.as_positive_bytes().unwrap().to_vec();
        *even.last_mut().unwrap() &= 0xfe;
        let mut weak = rsa;
        weak.n = number(&even);
        assert_eq!(fault(&line(KeyData::Rsa(weak))), Some("field-ssh-key-unsafe"));
        let mut points = vec![[0; 32], [0; 32], [0xff; 32]];
        points[1][0] = 1;
        points[2][0] = 0xec;
        for mut point in points {
            for sign in [0, 0x80] {
                point[31] = (point[31] & 0x7f) | sign;
                let weak = line(KeyData::Ed25519(Ed25519PublicKey(point)));
                assert_eq!(fault(&weak), Some("field-ssh-key-unsafe"), "{point:?}");
            }
        }
    }

    #[test]
    fn points_that_are_on_no_curve_are_refused() {
        for name in ["ecdsa-256", "ecdsa-384", "ecdsa-521"] {
            let good = PublicKey::from_openssh(key(name).1).unwrap();
            let mut point = good.key_data().ecdsa().unwrap().as_sec1_bytes().to_vec();
            *point.last_mut().unwrap() ^= 1;
            let bent = KeyData::Ecdsa(EcdsaPublicKey::from_sec1_bytes(&point).unwrap());
            let line = PublicKey::new(bent, "").to_openssh().unwrap();
            assert_eq!(fault(&line), Some("field-ssh-key-unsafe"), "{name}");
        }
        // Longer than OpenSSH takes.
        let mut rsa = PublicKey::from_openssh(key("rsa-3072").1).unwrap().key_data().rsa().unwrap().clone();
        rsa.n = ssh_key::Mpint::from_positive_bytes(&[0x81; 2049]).unwrap();
        let line = PublicKey::new(KeyData::Rsa(rsa), "").to_openssh().unwrap();
        assert_eq!(fault(&line), Some("field-ssh-key-long"));
    }

    #[test]
    fn what_is_refused_and_why() {
        let (_, good) = key("ed25519");
        let cut = &good[..40];
        assert_eq!(fault(key("rsa-2048").1), Some("field-ssh-key-short"));
        assert_eq!(fault(key("dsa").1), Some("field-ssh-key-kind"));
        assert_eq!(fault("  "), Some("field-required"));
        assert_eq!(fault("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"), Some("field-ssh-key-private"));
        assert_eq!(fault(&format!("{good}\n{good}")), Some("field-ssh-key-one-line"));
        assert_eq!(fault(&format!("{good}{}", "x".repeat(MAX_LINE_BYTES))), Some("field-ssh-key-one-line"));
        let options = format!(r#"command="/bin/sh",no-pty {good}"#);
        let other_name = good.replacen("ssh-ed25519", "ssh-rsa", 1);
        for bad in ["hello", cut, &options, &other_name, "ssh-ed25519", "ssh-ed25519 !!!!"] {
            assert_eq!(fault(bad), Some("field-ssh-key-unreadable"), "{bad}");
        }
    }
}
