//! Access tokens that are not ours, or not any more: every class of forgery, by name. None opens anything, none panics.

use http::header;
use serde_json::{Value, json};

use crate::harness::{Answer, Server, Who};

/// Unpadded base64url.
fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().enumerate().fold(0u32, |bits, (index, byte)| bits | u32::from(*byte) << (16 - 8 * index));
        for letter in 0..=chunk.len() {
            text.push(char::from(LETTERS[(bits >> (18 - 6 * letter)) as usize & 63]));
        }
    }
    text
}

fn decode(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'-' => 62,
        _ => 63,
    };
    let (mut bits, mut held, mut bytes) = (0u32, 0, Vec::new());
    for letter in text.bytes() {
        (bits, held) = ((bits << 6 | u32::from(value(letter))) & 0xffff, held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}

/// RFC 2104 with SHA-256, for keys of at most a block.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block.to_vec()
    };
    let inner = platform::secrets::sha256(&[pad(0x36), message.to_vec()].concat());
    platform::secrets::sha256(&[pad(0x5c), inner.to_vec()].concat())
}

/// A token with these texts as header and claims.
fn signed(header: &str, claims: &str, key: &[u8]) -> String {
    let signed = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
    let signature = base64url(&hmac(key, signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn token(algorithm: &str, claims: &Value, key: &[u8]) -> String {
    signed(&json!({ "typ": "JWT", "alg": algorithm }).to_string(), &claims.to_string(), key)
}

async fn status(server: &Server, who: &Who) -> u16 {
    server.get(who, "/api/auth/profile").await.status
}

/// True claims of somebody without powers, with what a forger can do to them.
struct Forger {
    good: String,
    claims: Value,
    key: [u8; 32],
    admin: String,
    now: i64,
}

impl Forger {
    async fn new(server: &Server) -> Self {
        let (admin, stranger) = (server.test.admin().await, server.test.outsider("stranger").await);
        let Who::Bearer(good) = server.token(&stranger).await else { unreachable!() };
        let claims = serde_json::from_slice(&decode(good.split('.').nth(1).unwrap())).unwrap();
        let key = server.test.keyring().derive("access token signing");
        Self { good, claims, key, admin: admin.id.to_string(), now: server.test.clock().now().timestamp() }
    }

    /// The claims with one changed; `Value::Null` takes it away.
    fn with(&self, name: &str, value: Value) -> Value {
        let mut changed = self.claims.clone();
        match value {
            Value::Null => drop(changed.as_object_mut().unwrap().remove(name)),
            value => changed[name] = value,
        }
        changed
    }

    fn part(&self, number: usize) -> &str {
        self.good.split('.').nth(number).unwrap()
    }

    /// Signed with the true key under a header with one thing more.
    fn under(&self, name: &str, value: Value) -> String {
        let mut header = json!({ "typ": "JWT", "alg": "HS256" });
        header[name] = value;
        signed(&header.to_string(), &self.claims.to_string(), &self.key)
    }

    /// Without the key: what anybody can make.
    fn without_the_key(&self) -> Vec<(&'static str, String)> {
        let (header, claims, signature) = (self.part(0), self.part(1), self.part(2));
        let as_admin = self.with("sub", json!(self.admin));
        let body = base64url(as_admin.to_string().as_bytes());
        let none = |word: &str| base64url(json!({ "typ": "JWT", "alg": word }).to_string().as_bytes());
        let swapped = self.good.replace('.', " .");
        vec![
            ("claims changed under the old signature", format!("{header}.{body}.{signature}")),
            ("alg none, no signature", format!("{}.{body}.", none("none"))),
            ("alg none, old signature", format!("{}.{body}.{signature}", none("none"))),
            ("alg none, own claims", format!("{}.{claims}.", none("none"))),
            ("alg None", format!("{}.{claims}.", none("None"))),
            ("alg NONE", format!("{}.{claims}.", none("NONE"))),
            ("no algorithm at all", format!("{}.{claims}.{signature}", base64url(br#"{"typ":"JWT"}"#))),
            ("an empty key", token("HS256", &as_admin, b"")),
            ("a guessed key", token("HS256", &self.claims, b"secret")),
            ("the issuer's name as the key", token("HS256", &self.claims, b"remotegpu")),
            ("no signature", format!("{header}.{claims}.")),
            ("no signature and no dot", format!("{header}.{claims}")),
            ("half a signature", self.good[..self.good.len() - 20].to_owned()),
            ("cut off", self.good[..self.good.len() - 3].to_owned()),
            ("one segment", header.to_owned()),
            ("a segment more", format!("{}.{signature}", self.good)),
            ("an empty segment more", format!("{}.", self.good)),
            ("a dot before", format!(".{}", self.good)),
            ("dots alone", "..".to_owned()),
            ("white space inside", swapped),
            ("white space before", format!(" {}", self.good)),
            ("a tab before", format!("\t{}", self.good)),
            ("padding", format!("{}=", self.good)),
            ("other base64 letters", self.good.replace(['-', '_'], "+") + "/"),
            ("nothing", String::new()),
            ("no token at all", "admin".to_owned()),
            ("a header that is no JSON", format!("{}.{claims}.{signature}", base64url(b"JWT"))),
            ("a header that is a list", format!("{}.{claims}.{signature}", base64url(b"[]"))),
            ("a header that nests deep", format!("{}.{claims}.{signature}", base64url("[".repeat(2000).as_bytes()))),
            ("longer than any of ours", "x".repeat(6000)),
            ("huge", "x".repeat(100_000)),
            ("huge, with dots", "x.".repeat(20_000)),
            ("letters of another script", "令牌.令牌.令牌".to_owned()),
            ("an API token that is none", format!("rgpu_{}", "A".repeat(43))),
            ("the beginning of an API token", "rgpu_".to_owned()),
            ("a refresh token that is none", format!("rgpr_{}", "0".repeat(128))),
        ]
    }

    /// The key itself is out: what the rest of the wall is worth.
    fn with_the_key(&self) -> Vec<(&'static str, String)> {
        let hs256 = |claims: Value| token("HS256", &claims, &self.key);
        let doubled = self.claims.to_string().replacen('{', r#"{"epoch":1,"#, 1);
        let ours = json!({ "typ": "JWT", "alg": "HS256" }).to_string();
        let jwk = json!({ "kty": "oct", "k": base64url(&self.key) });
        vec![
            ("another algorithm's name: HS384", token("HS384", &self.claims, &self.key)),
            ("another algorithm's name: HS512", token("HS512", &self.claims, &self.key)),
            ("a public-key algorithm, the secret as its key", token("RS256", &self.claims, &self.key)),
            ("another public-key algorithm", token("ES256", &self.claims, &self.key)),
            ("EdDSA", token("EdDSA", &self.claims, &self.key)),
            ("an algorithm nobody knows", token("HS257", &self.claims, &self.key)),
            ("hs256 in small letters", token("hs256", &self.claims, &self.key)),
            ("another typ", self.under("typ", json!("at+jwt"))),
            ("a typ that is no text", self.under("typ", json!(1))),
            ("without typ", signed(r#"{"alg":"HS256"}"#, &self.claims.to_string(), &self.key)),
            ("jku", self.under("jku", json!("https://evil.example/keys.json"))),
            ("jwk", self.under("jwk", jwk)),
            ("x5u", self.under("x5u", json!("https://evil.example/chain.pem"))),
            ("x5c", self.under("x5c", json!(["MIIB"]))),
            ("kid", self.under("kid", json!("../../../../dev/null"))),
            ("crit", self.under("crit", json!(["exp"]))),
            ("cty", self.under("cty", json!("JWT"))),
            ("another issuer", hs256(self.with("iss", json!("remotegpu.evil.example")))),
            ("no issuer", hs256(self.with("iss", Value::Null))),
            ("another audience", hs256(self.with("aud", json!("somebody-else")))),
            ("ours among other audiences", hs256(self.with("aud", json!(["remotegpu-api", "somebody-else"])))),
            ("no audience", hs256(self.with("aud", Value::Null))),
            ("no subject", hs256(self.with("sub", Value::Null))),
            ("a subject that is a number", hs256(self.with("sub", json!(1)))),
            ("somebody else's name", hs256(self.with("sub", json!(self.admin)))),
            ("no jti", hs256(self.with("jti", Value::Null))),
            ("a session that is none", hs256(self.with("jti", json!("00".repeat(32))))),
            ("an old epoch", hs256(self.with("epoch", json!(0)))),
            ("a later epoch", hs256(self.with("epoch", json!(2)))),
            ("no epoch", hs256(self.with("epoch", Value::Null))),
            ("no exp", hs256(self.with("exp", Value::Null))),
            ("an exp that is text", hs256(self.with("exp", json!((self.now + 600).to_string())))),
            ("an exp with a fraction", hs256(self.with("exp", json!(self.now as f64 + 600.5)))),
            ("an exp in a hundred years", hs256(self.with("exp", json!(self.now + 3_000_000_000_i64)))),
            ("an exp beyond all numbers", hs256(self.with("exp", json!(u64::MAX)))),
            ("an iat far ahead", hs256(self.with("iat", json!(self.now + 86_400)))),
            ("an iat that is text", hs256(self.with("iat", json!("now")))),
            ("no iat", hs256(self.with("iat", Value::Null))),
            ("an nbf far ahead", hs256(self.with("nbf", json!(self.now + 86_400)))),
            ("an nbf that is text", hs256(self.with("nbf", json!("now")))),
            ("a claim twice", signed(&ours, &doubled, &self.key)),
            ("claims that are a list", signed(&ours, "[]", &self.key)),
            ("claims that are no JSON", signed(&ours, "sub=1", &self.key)),
        ]
    }
}

#[tokio::test]
async fn forged_tokens_are_worth_nothing() {
    let server = Server::start().await;
    let forger = Forger::new(&server).await;
    // The forger's tools work: with the true key and true claims they make a good token.
    assert_eq!(status(&server, &Who::Bearer(token("HS256", &forger.claims, &forger.key))).await, 200);
    assert_eq!(
        status(&server, &Who::Bearer(token("HS256", &forger.with("nbf", json!(forger.now)), &forger.key))).await,
        200
    );

    let mut wrong = Vec::new();
    for (what, forged) in forger.without_the_key().into_iter().chain(forger.with_the_key()) {
        let header = [&b"Bearer "[..], forged.as_bytes()].concat();
        let value = http::HeaderValue::from_bytes(&header).unwrap();
        let request = server.bare(http::Method::GET, "/api/auth/profile").header(header::AUTHORIZATION, value);
        let answer = Answer::of(request).await;
        if (answer.status, answer.header("www-authenticate")) != (401, "Bearer") || answer.code() != 1100 {
            wrong.push(format!("{what}: {} {}", answer.status, answer.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(status(&server, &Who::Bearer(forger.good)).await, 200, "the good one is still good");
}

#[tokio::test]
async fn what_was_good_once_is_told_apart_or_refused() {
    let server = Server::start().await;
    let forger = Forger::new(&server).await;
    let mut expired = forger.with("exp", json!(forger.now - 1));
    expired["iat"] = json!(forger.now - 3000);
    let expired = Who::Bearer(token("HS256", &expired, &forger.key));
    let answer = server.get(&expired, "/api/auth/profile").await;
    assert_eq!((answer.status, answer.code()), (401, 1104));

    // A session that has ended, and an account that has moved on.
    let user = server.test.outsider("somebody").await;
    let (ended, moved) = (server.token(&user).await, server.token(&user).await);
    assert_eq!(Answer::of(server.request(&ended, http::Method::POST, "/api/auth/logout")).await.status, 200);
    assert_eq!(server.get(&ended, "/api/auth/profile").await.code(), 1100);
    server.sql(&format!("update users set token_version = 2 where id = {} returning id", user.id)).await;
    assert_eq!(server.get(&moved, "/api/auth/profile").await.code(), 1100);

    // A token of another installation, with a person of the same id.
    let elsewhere = Server::start().await;
    let theirs = elsewhere.token(&elsewhere.test.admin().await).await;
    assert_eq!((status(&elsewhere, &theirs).await, status(&server, &theirs).await), (200, 401));
}
