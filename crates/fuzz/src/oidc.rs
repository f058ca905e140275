//! What sign-in services say: their description, their keys, their answer to a code, the token in it.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use contract::accounts::OidcSettings;
use platform::fuzzing::{ReadyService, SignInService, Somebody};
use serde_json::{Value, json};
use url::{Host, Url};

use crate::outbound::unwrapped;
use crate::{chosen, line_and_rest, now, seeds, text};

pub(crate) const ISSUER: &str = "https://sso.example.org/realms/lab";
pub(crate) const CLIENT: &str = "remotegpu";
pub(crate) const NONCE: &str = "n-0S6_WzA2Mj";
pub(crate) const TOKEN_HEADER: &[u8] = br#"{"alg":"EdDSA","kid":"fuzz","typ":"JWT"}"#;

static SERVICE: LazyLock<SignInService> = LazyLock::new(|| {
    let (description, keys) = (seeds::oidc_description(), seeds::oidc_keys());
    SignInService::read(settings(), description.as_bytes(), keys.as_bytes()).expect("a service")
});
static READY: LazyLock<ReadyService<'static>> = LazyLock::new(|| SERVICE.ready().expect("a service that is asked"));

fn settings() -> OidcSettings {
    OidcSettings {
        issuer: ISSUER.to_owned(),
        client_id: CLIENT.to_owned(),
        groups_claim: "realm_access.roles".to_owned(),
        ..OidcSettings::default()
    }
}

/// See the module.
pub fn oidc(data: &[u8]) {
    match chosen(data, 7) {
        (0, description) => drop(SignInService::read(settings(), description, seeds::oidc_keys().as_bytes())),
        (1, keys) => drop(SignInService::read(settings(), seeds::oidc_description().as_bytes(), keys)),
        (2, answer) => prove(answer),
        (3, claims) => prove(answer_with(&seeds::signed_token(TOKEN_HEADER, claims)).as_bytes()),
        (4, rest) => {
            let (head, claims) = line_and_rest(rest);
            prove(answer_with(&seeds::signed_token(head, claims)).as_bytes());
        }
        (5, address) => address_of(&text(address)),
        (_, pem) => assert!(platform::fuzzing::certificates(&text(pem)).is_none_or(|found| found > 0)),
    }
}

/// A service's answer to a code.
pub(crate) fn answer_with(token: &str) -> String {
    json!({ "access_token": "opaque", "token_type": "Bearer", "expires_in": 300, "id_token": token }).to_string()
}

/// Whether an answer proves somebody.
#[cfg(test)]
pub(crate) fn proves(answer: &[u8]) -> bool {
    READY.prove(answer, NONCE, now()).is_ok()
}

/// Who is proved was named by a token of our service, for us, of this way, in its time; and bears no name by others' word.
fn prove(answer: &[u8]) {
    let Ok(Somebody { subject, email, groups, .. }) = READY.prove(answer, NONCE, now()) else { return };
    let answer: Value = serde_json::from_slice(answer).expect("JSON");
    let token = answer["id_token"].as_str().expect("a token");
    let claims = token.split('.').nth(1).and_then(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok()).expect("claims");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    assert_eq!((claims["iss"].as_str(), claims["nonce"].as_str()), (Some(ISSUER), Some(NONCE)));
    let audience = claims["aud"] == CLIENT || claims["aud"].as_array().is_some_and(|all| all.contains(&json!(CLIENT)));
    assert!(audience, "{claims}");
    assert!(claims["exp"].as_f64().is_some_and(|end| end > now().timestamp() as f64 - 1.0), "{claims}");
    assert_eq!(claims["sub"].as_str(), Some(&*subject));
    assert!((1..=255).contains(&subject.len()) && subject.is_ascii() && !subject.chars().any(char::is_control));
    let vouched = matches!(&claims["email_verified"], Value::Bool(true)) || claims["email_verified"] == "true";
    assert!(email.is_none() || vouched, "{claims}");
    assert!(groups.len() <= 1000);
}

/// A service is where no cloud keeps its secrets, however the address is written.
fn address_of(text: &str) {
    let Some(url) = Url::parse(text).ok().filter(platform::fuzzing::is_service_address) else { return };
    assert!(matches!(url.scheme(), "https" | "http") && url.username().is_empty() && url.password().is_none());
    let address = match url.host() {
        Some(Host::Ipv4(v4)) => unwrapped(v4.into()),
        Some(Host::Ipv6(v6)) => unwrapped(v6.into()),
        _ => return,
    };
    let never = ["169.254.169.254", "fd00:ec2::254"];
    assert!(!never.contains(&address.to_string().as_str()) && !address.is_multicast(), "{address}");
    assert!(url.scheme() == "https" || address.is_loopback(), "{url}");
}
