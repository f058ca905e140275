//! Solves challenges, as a browser does.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use contract::accounts::CaptchaView;

/// The answer to a challenge of work.
///
/// # Panics
/// For a challenge without work.
pub fn solve_captcha(captcha: &CaptchaView) -> String {
    let challenge = serde_json::to_value(captcha.pow.as_ref().expect("a challenge of work")).expect("plain data");
    let challenge: altcha::Challenge = serde_json::from_value(challenge).expect("the wire's form is ALTCHA's");
    let options = altcha::SolveChallengeOptions::new(&challenge);
    let solution = altcha::solve_challenge(options).expect("well-formed").expect("found in time");
    let payload = serde_json::to_vec(&altcha::Payload { challenge, solution }).expect("plain data");
    BASE64_STANDARD.encode(payload)
}
