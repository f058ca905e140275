//! What proves who somebody is: tokens, cookies, codes, answers to challenges, sealed values; and how hard a password is to
//! guess.
//!
//! Some inputs are signed here, so that what lies behind the signature is reached.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use platform::fuzzing::{self, ACCESS_TOKEN_PURPOSE};

use crate::{chosen, keyring, line_and_rest, now, text};

/// The only header an access token may have.
pub(crate) const TOKEN_HEADER: &[u8] = br#"{"typ":"JWT","alg":"HS256"}"#;
const ACCESS_TOKEN_SECONDS: i64 = platform::accounts::ACCESS_TOKEN_SECONDS as i64;

/// See the module.
pub fn credentials(data: &[u8]) {
    match chosen(data, 13) {
        (0, token) => access_token(&text(token)),
        (1, claims) => access_token(&signed(TOKEN_HEADER, claims)),
        (2, rest) => {
            let (head, claims) = line_and_rest(rest);
            access_token(&signed(head, claims));
        }
        (3, token) => refresh_token(&text(token)),
        (4, cookies) => {
            for id in server::fuzzing::session_ids(&text(cookies)) {
                assert_eq!(server::fuzzing::session_ids(&format!("x={id}")), [id.as_str()], "an id is itself");
            }
        }
        (5, value) => bearer(value),
        (6, rest) => {
            let (id, answer) = line_and_rest(rest);
            let _ = fuzzing::captcha_answer(keyring(), &text(id), &text(answer), now());
        }
        (7, rest) => picture(rest),
        (8, solution) => work(&text(solution)),
        (9, typed) => {
            let code = fuzzing::second_factor_code(&text(typed));
            assert!(code.len() <= 64 && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{code}");
            assert_eq!(fuzzing::second_factor_code(&code), code);
        }
        (10, value) => sealed(value),
        (11, pass) => {
            assert!(!fuzzing::peer_line(keyring(), pass), "who has not the key begins no line");
            let pass = text(pass);
            if let Some(again) = fuzzing::peer_pass(keyring(), &pass) {
                assert!(again.eq_ignore_ascii_case(&pass), "it is signed as it was");
            }
        }
        (_, rest) => password(rest),
    }
}

/// A token as this installation signs it.
pub(crate) fn signed(head: &[u8], claims: &[u8]) -> String {
    let (head, claims) = (BASE64_URL_SAFE_NO_PAD.encode(head), BASE64_URL_SAFE_NO_PAD.encode(claims));
    let message = format!("{head}.{claims}");
    let signature = keyring().sign(ACCESS_TOKEN_PURPOSE, message.as_bytes());
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// One that counts is signed by us, says so in our words alone, and ends within an hour.
fn access_token(token: &str) {
    match fuzzing::access_token(keyring(), token, now()) {
        Ok((_, _, end)) => {
            let (message, signature) = token.rsplit_once('.').expect("three parts");
            let (head, claims) = message.split_once('.').expect("three parts");
            let read = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64");
            assert!(keyring().verify(ACCESS_TOKEN_PURPOSE, message.as_bytes(), &read(signature)));
            let said = |part: &str| serde_json::from_slice::<serde_json::Value>(&read(part)).expect("JSON");
            assert_eq!(said(head), serde_json::json!({ "typ": "JWT", "alg": "HS256" }));
            let claims = said(claims);
            assert_eq!((claims["iss"].as_str(), claims["sub"].is_string()), (Some("remotegpu"), true));
            let left = end - now().timestamp();
            assert!((1..=ACCESS_TOKEN_SECONDS + 60).contains(&left), "{left} s");
        }
        Err(error) => {
            let part = token.split('.').nth(1).filter(|part| part.len() > 16);
            assert!(part.is_none_or(|part| !error.to_string().contains(part)), "an error quotes no token");
        }
    }
}

fn refresh_token(token: &str) {
    if let Some(secret) = fuzzing::refresh_token(token) {
        assert!(secret.len() == 64 && secret.bytes().all(|b| b.is_ascii_hexdigit()));
        assert_eq!(fuzzing::refresh_token(&fuzzing::new_refresh_token(secret)), Some(secret));
    }
}

fn bearer(value: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(value) else { return };
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, value.clone());
    let token = server::fuzzing::bearer(&headers);
    let named = value.as_bytes().get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"Bearer "));
    assert_eq!(token.is_some(), named);
}

/// What is sealed into a picture's id, and an answer to it.
fn picture(rest: &[u8]) {
    let (answer, inside) = line_and_rest(rest);
    let id = fuzzing::captcha_picture(keyring(), inside);
    let right = fuzzing::captcha_answer(keyring(), &id, &text(answer), now());
    if right == Some(true) {
        let inside = text(inside);
        let (until, letters) = inside.split_once(' ').expect("a time and letters");
        assert!(until.parse::<i64>().expect("a time") > now().timestamp());
        let typed: String = text(answer).chars().filter(|c| !c.is_whitespace()).collect();
        assert_eq!(typed.to_uppercase(), letters);
    }
}

/// A solution of a challenge that was made this moment: right only for who did the work.
fn work(solution: &str) {
    // Each that reads costs the work of a try.
    if serde_json::from_str::<serde_json::Value>(solution).is_err() {
        return;
    }
    // The library looks at the system's clock.
    let now = chrono::Utc::now();
    let challenge = fuzzing::captcha_work(keyring(), now).expect("a challenge");
    let of = serde_json::to_string(&challenge.pow).expect("a challenge is JSON");
    let answer = BASE64_STANDARD.encode(format!(r#"{{"challenge":{of},"solution":{solution}}}"#));
    let _ = fuzzing::captcha_answer(keyring(), &challenge.captcha_id, &answer, now);
}

/// A name, and a password that somebody of that name chooses: it has one fault at most, and who is called so is no password.
fn password(rest: &[u8]) {
    let (name, password) = line_and_rest(rest);
    let (name, password) = (text(name), text(password));
    let faults = fuzzing::password_faults(&password, &[&*name]);
    assert!(faults.len() <= 1, "{faults:?}");
    assert!(password.chars().count() >= 10 || faults == ["field-password-short"], "{faults:?}");
    let letters = name.chars().filter(|c| c.is_alphanumeric()).count();
    assert!(letters < 10 || !fuzzing::password_faults(&name, &[&*name]).is_empty(), "{name}");
}

/// Sealed values open in their place and as they are, and nowhere and in no way else.
fn sealed(value: &[u8]) {
    let place = "fuzz.value:1";
    assert!(keyring().open(place, value).is_err(), "nobody seals without the key");
    let sealed = keyring().seal(place, value);
    assert_eq!(keyring().open(place, &sealed).expect("it opens"), value);
    assert!(keyring().open("fuzz.value:2", &sealed).is_err());
    let at = value.first().map_or(0, |first| usize::from(*first)) % sealed.len();
    let mut bent = sealed;
    bent[at] ^= 1;
    assert!(keyring().open(place, &bent).is_err(), "it was bent");
}
