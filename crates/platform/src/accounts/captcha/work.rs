//! Work for a program: a key that begins as it should is found by trying.

use altcha::{Challenge, CreateChallengeOptions, Payload, VerifySolutionOptions, create_challenge, verify_solution};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use contract::accounts::{CaptchaKind, CaptchaParameters, CaptchaView, CaptchaWork};

use super::{Judged, LIFE};
use crate::secrets::Keyring;
use crate::{Error, Result, secrets};

/// Iterations for one try. With the prefix it is 256 tries on average: about a second of a browser's time for each guess
/// of who guesses, a thousandth of one for us.
const COST: u32 = 4000;
const PREFIX: &str = "00";
const ALGORITHM: &str = "PBKDF2/SHA-256";
const SIGNED_FOR: &str = "captcha work";

fn secret(keyring: &Keyring) -> String {
    hex::encode(keyring.derive(SIGNED_FOR))
}

pub(in crate::accounts) fn new(keyring: &Keyring, now: DateTime<Utc>) -> Result<CaptchaView> {
    let expires_at = now + LIFE;
    let Challenge { parameters, signature } = create_challenge(CreateChallengeOptions {
        algorithm: ALGORITHM.to_owned(),
        cost: COST,
        key_prefix: PREFIX.to_owned(),
        expires_at: Some(expires_at.timestamp()),
        hmac_signature_secret: Some(secret(keyring)),
        ..CreateChallengeOptions::default()
    })
    .map_err(Error::internal)?;
    let parameters = CaptchaParameters {
        algorithm: parameters.algorithm,
        cost: parameters.cost,
        expires_at: expires_at.timestamp(),
        key_length: u32::try_from(parameters.key_length).map_err(Error::internal)?,
        key_prefix: parameters.key_prefix,
        nonce: parameters.nonce,
        salt: parameters.salt,
    };
    Ok(CaptchaView {
        captcha_id: parameters.nonce.clone(),
        kind: CaptchaKind::Pow,
        expires_at,
        pow: Some(CaptchaWork { parameters, signature: signature.unwrap_or_default() }),
        image: None,
    })
}

/// `None` for what is no answer to a challenge of ours.
pub(super) fn judge(keyring: &Keyring, id: &str, answer: &str) -> Option<Judged> {
    let payload = BASE64_STANDARD.decode(answer).ok()?;
    let Payload { challenge, solution } = serde_json::from_slice(&payload).ok()?;
    if challenge.parameters.nonce != id {
        return None;
    }
    let verdict = verify_solution(VerifySolutionOptions::new(&challenge, &solution, secret(keyring))).ok()?;
    if verdict.expired || verdict.invalid_signature != Some(false) {
        return None;
    }
    Some(Judged {
        key: secrets::sha256(id.as_bytes()),
        expires_at: DateTime::from_timestamp(challenge.parameters.expires_at?, 0)?,
        right: verdict.verified,
    })
}
