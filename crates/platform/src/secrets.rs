//! The installation's key: encrypts secret columns, signs access tokens and what goes through a browser and back.
//!
//! One 32-byte master key lives in a file outside the database; keys for single purposes are derived from it with
//! HKDF-SHA-256 (RFC 5869). Ciphertexts are `key id || nonce || AES-256-GCM`, with table, column and row as associated
//! data, so that a value moved elsewhere does not open. A server that holds another key than the database was written
//! with refuses to start.

use std::io::Write as _;
use std::path::Path;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use contract::ErrorCode;
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::{Digest, Sha256};

use crate::{Error, Platform, Result, SystemActor};

const KEY_ID_BYTES: usize = 8;
const NONCE_BYTES: usize = 12;
const CHECK_TEXT: &[u8] = b"remotegpu key check 1";

/// The master key and what is derived from it.
#[derive(Clone)]
pub struct Keyring {
    master: [u8; 32],
    id: [u8; KEY_ID_BYTES],
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl Keyring {
    /// From 32 bytes.
    pub fn from_bytes(master: [u8; 32]) -> Self {
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&Sha256::digest(master)[..KEY_ID_BYTES]);
        Self { master, id }
    }

    /// A new random key.
    pub fn generate() -> Self {
        Self::from_bytes(random_bytes())
    }

    /// Reads the key file (64 hex digits); `Ok(None)` when there is none.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::internal(format!("{}: {error}", path.display()))),
        };
        let mut master = [0; 32];
        hex::decode_to_slice(text.trim(), &mut master)
            .map_err(|error| Error::internal(format!("{}: not 64 hex digits: {error}", path.display())))?;
        Ok(Some(Self::from_bytes(master)))
    }

    /// Writes a new key file that only this user can read; never replaces one.
    pub fn write_new(&self, path: &Path) -> Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let write = || {
            let mut file = options.open(path)?;
            writeln!(file, "{}", hex::encode(self.master))?;
            file.sync_all()
        };
        write().map_err(|error| Error::internal(format!("{}: {error}", path.display())))
    }

    /// Short id of the key, 16 hex digits; not secret.
    pub fn id(&self) -> String {
        hex::encode(self.id)
    }

    /// A key for one purpose.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(None, &self.master)
            .expand(purpose.as_bytes(), &mut key)
            .expect("32 bytes is within HKDF-SHA-256's limit");
        key
    }

    /// Encrypts for one place: `context` is `table.column:row`.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = random_bytes();
        let sealed = self
            .cipher()
            .encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: context.as_bytes() })
            .expect("AES-GCM takes any length that fits in memory");
        [&self.id[..], &nonce[..], &sealed[..]].concat()
    }

    /// Opens what [`Keyring::seal`] made for the same context.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let broken = || Error::internal(format!("a secret of {context} does not open with key {}", self.id()));
        if sealed.len() < KEY_ID_BYTES + NONCE_BYTES || sealed[..KEY_ID_BYTES] != self.id {
            return Err(broken());
        }
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&sealed[KEY_ID_BYTES..KEY_ID_BYTES + NONCE_BYTES]);
        let body = &sealed[KEY_ID_BYTES + NONCE_BYTES..];
        self.cipher().decrypt(&Nonce::from(nonce), Payload { msg: body, aad: context.as_bytes() }).map_err(|_| broken())
    }

    /// HMAC-SHA-256 (RFC 2104) of a message, for one purpose.
    pub fn sign(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        self.mac(purpose, message).finalize().into_bytes().into()
    }

    /// Whether [`Keyring::sign`] made this signature; takes as long for a wrong one as for a right one.
    pub fn verify(&self, purpose: &str, message: &[u8], signature: &[u8]) -> bool {
        self.mac(purpose, message).verify_slice(signature).is_ok()
    }

    fn mac(&self, purpose: &str, message: &[u8]) -> Hmac<Sha256> {
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(&self.derive(purpose)).expect("HMAC takes a key of any length");
        mac.update(message);
        mac
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(self.derive("column encryption")))
    }
}

/// Random bytes from the operating system.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// SHA-256, for secrets that are only ever compared.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Finds out whether the database was written with this key; remembers the key of a new database.
pub(crate) async fn check_key(platform: &Platform) -> Result<()> {
    let keyring = platform.keyring();
    let mut tx = platform.db().begin(&platform.system(SystemActor::Operator)).await?;
    let known = crate::db::key_checks(&mut tx).await?;
    match known.iter().find(|(id, _)| *id == keyring.id()) {
        Some((_, check)) => {
            if keyring.open("key_checks.check_text:0", check)? != CHECK_TEXT {
                return Err(wrong_key(keyring, &known));
            }
        }
        None if known.is_empty() => {
            let check = keyring.seal("key_checks.check_text:0", CHECK_TEXT);
            crate::db::add_key_check(&mut tx, &keyring.id(), &check).await?;
        }
        None => return Err(wrong_key(keyring, &known)),
    }
    tx.commit().await?;
    Ok(())
}

fn wrong_key(keyring: &Keyring, known: &[(String, Vec<u8>)]) -> Error {
    Error::new(ErrorCode::Unavailable)
        .with_key("error-wrong-secrets-key")
        .with_arg("found", keyring.id())
        .with_arg("needed", known.first().map(|(id, _)| id.as_str()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::Keyring;

    #[test]
    fn a_signature_is_for_one_key_one_purpose_and_one_message() {
        let keyring = Keyring::from_bytes([7; 32]);
        let signature = keyring.sign("letters", b"hello");
        assert!(keyring.verify("letters", b"hello", &signature));
        for (keyring, purpose, message) in [
            (&Keyring::from_bytes([8; 32]), "letters", &b"hello"[..]),
            (&keyring, "parcels", b"hello"),
            (&keyring, "letters", b"hellO"),
        ] {
            assert!(!keyring.verify(purpose, message, &signature), "{purpose} {message:?}");
        }
        assert!(!keyring.verify("letters", b"hello", &signature[..31]));
        assert!(!keyring.verify("letters", b"hello", b""));
    }
}
