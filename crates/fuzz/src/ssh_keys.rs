//! Public keys as people paste them: as a line, and as bytes of a known kind.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::{chosen, text};

/// Kinds that exist.
pub(crate) const KINDS: [&str; 8] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-dss",
];

/// See the module.
pub fn ssh_keys(data: &[u8]) {
    match chosen(data, KINDS.len() as u8 + 1) {
        (0, line) => key(&text(line)),
        (kind, bytes) => {
            key(&format!("{} {} somebody", KINDS[usize::from(kind) - 1], BASE64_STANDARD.encode(bytes)));
        }
    }
}

/// What is stored is a bare key on one line, and is the same key when it is read again.
fn key(line: &str) {
    match platform::fuzzing::ssh_key(line) {
        Ok(key) => {
            let words: Vec<&str> = key.public_key.split(' ').collect();
            assert_eq!(words.len(), 2, "{}", key.public_key);
            assert!(key.public_key.bytes().all(|b| b.is_ascii_graphic() || b == b' '), "{}", key.public_key);
            assert_eq!(words[0], key.algorithm);
            assert!(BASE64_STANDARD.decode(words[1]).is_ok());
            assert!(key.comment.chars().count() <= 100 && !key.comment.chars().any(char::is_control));
            let again = platform::fuzzing::ssh_key(&key.public_key).expect("what is stored reads");
            assert_eq!((again.public_key, again.fingerprint), (key.public_key, key.fingerprint));
            assert_eq!(again.comment, "");
        }
        Err(error) => assert!(error.fields.iter().all(|field| field.path == "publicKey"), "{error}"),
    }
}
