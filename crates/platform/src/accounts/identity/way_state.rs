//! The state that goes to a service and comes back: a random word, and with it where the person wants to go, signed. The row
//! of a way is used once and gone after ten minutes; who comes back later is still led to where they wanted to.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::secrets::{self, Keyring};

/// Purpose of the key that signs it.
const SIGNED_FOR: &str = "way to a sign-in service";
/// Longest address that is carried: services and proxies cut what is too long.
const MAX_NEXT: usize = 1024;

/// A new one.
pub(super) fn made(keyring: &Keyring, next: Option<&str>) -> String {
    let random = BASE64_URL_SAFE_NO_PAD.encode(secrets::random_bytes::<32>());
    let Some(next) = next.filter(|next| next.len() <= MAX_NEXT) else { return random };
    let signature = keyring.sign(SIGNED_FOR, &signed(&random, next));
    format!("{random}.{}.{}", BASE64_URL_SAFE_NO_PAD.encode(next), hex::encode(signature))
}

/// Where it was to lead, of one that we made.
pub(super) fn next(keyring: &Keyring, state: &str) -> Option<String> {
    let mut parts = state.split('.');
    let (random, next, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let next = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(next).ok()?).ok()?;
    let signature = hex::decode(signature).ok()?;
    (parts.next().is_none() && keyring.verify(SIGNED_FOR, &signed(random, &next), &signature)).then_some(next)
}

fn signed(random: &str, next: &str) -> Vec<u8> {
    format!("{random} {next}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_we_made_leads_anywhere() {
        let keyring = Keyring::from_bytes([3; 32]);
        let state = made(&keyring, Some("/account?tab=\u{738b}"));
        assert_eq!(next(&keyring, &state).as_deref(), Some("/account?tab=\u{738b}"));
        assert_ne!(state, made(&keyring, Some("/account?tab=\u{738b}")));
        assert_eq!(next(&keyring, &made(&keyring, None)), None);
        assert_eq!(next(&keyring, &made(&keyring, Some(&"/x".repeat(1000)))), None);
        assert_eq!(next(&Keyring::from_bytes([4; 32]), &state), None);
        let [random, _, signature] = state.split('.').collect::<Vec<_>>()[..] else { panic!("three parts: {state}") };
        let elsewhere = BASE64_URL_SAFE_NO_PAD.encode("/elsewhere");
        for forged in [format!("{random}.{elsewhere}.{signature}"), format!("{state}.x"), "..".to_owned()] {
            assert_eq!(next(&keyring, &forged), None, "{forged}");
        }
    }
}
