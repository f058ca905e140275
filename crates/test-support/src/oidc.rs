//! A sign-in service (OpenID Connect) that knows one person, and lies about them in every way it is told to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chrono::Utc;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::KeyPair;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How the service lies from now on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Not at all.
    #[default]
    None,
    /// The token is of another issuer.
    WrongIssuer,
    /// The token is for somebody else.
    WrongAudience,
    /// The token is for us and for somebody else.
    MoreAudiences,
    /// The token was made for another party.
    WrongParty,
    /// The token is of another way there.
    WrongNonce,
    NoNonce,
    /// Signed by a key that is not among those it shows.
    ForeignKey,
    /// Signed well, and changed afterwards.
    Tampered,
    /// `alg: none`.
    NoSignature,
    /// HS256, with the client secret.
    SharedSecret,
    /// HS256, with the public key for a secret.
    KeyAsSecret,
    Expired,
    IssuedLongAgo,
    IssuedInTheFuture,
    NotYet,
    /// No ID token at all.
    NoToken,
    /// The access token is not the one that the ID token speaks of.
    WrongAccessToken,
    EmptySubject,
    /// It describes itself as somebody else.
    OtherIssuer,
    /// Its tokens are to be had where only this machine gets.
    TokensElsewhere,
    /// It answers for tokens with a redirect.
    Redirects,
    /// It answers without end.
    Endless,
    /// It says who it is on the way back, and is somebody else there.
    OtherIssuerOnTheWayBack,
    /// It takes every code, and any number of times.
    TakesEveryCode,
    /// It has a fault of its own, and says nothing more.
    Broken,
    /// It does not take our secret.
    RefusesClient,
    /// It refuses what is asked for.
    RefusesRequest,
    /// It says that it has a fault of its own.
    SaysFault,
    /// It signs with shared secrets alone.
    OnlySharedSecrets,
    /// It wants a client to prove itself with a key.
    OnlyKeysOfClients,
    /// It answers for tokens with a page.
    PageForTokens,
    /// It has no description of itself.
    NoDescription,
    /// It says that it protects codes in another way than we do.
    OtherPkce,
}

impl Misbehaviour {
    /// Every lie in a token or about one: nobody gets in by it.
    pub const OF_TOKENS: [Misbehaviour; 19] = [
        Misbehaviour::WrongIssuer,
        Misbehaviour::WrongAudience,
        Misbehaviour::MoreAudiences,
        Misbehaviour::WrongParty,
        Misbehaviour::WrongNonce,
        Misbehaviour::NoNonce,
        Misbehaviour::ForeignKey,
        Misbehaviour::Tampered,
        Misbehaviour::NoSignature,
        Misbehaviour::SharedSecret,
        Misbehaviour::KeyAsSecret,
        Misbehaviour::Expired,
        Misbehaviour::IssuedLongAgo,
        Misbehaviour::IssuedInTheFuture,
        Misbehaviour::NotYet,
        Misbehaviour::NoToken,
        Misbehaviour::WrongAccessToken,
        Misbehaviour::EmptySubject,
        Misbehaviour::OtherIssuerOnTheWayBack,
    ];
}

/// A browser that was let in and goes back with a code.
struct Pending {
    nonce: Option<String>,
    challenge: String,
    redirect: String,
}

struct Inner {
    misbehaviour: Misbehaviour,
    person: Map<String, Value>,
    pending: HashMap<String, Pending>,
    key: KeyPair,
    kid: u32,
    codes: u32,
    /// How often its description was read.
    described: u32,
}

struct Shared {
    issuer: String,
    inner: Mutex<Inner>,
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panics holding this lock")
    }
}

/// The service; it ends with this value.
pub struct OidcProvider {
    shared: Arc<Shared>,
    _stop: DropGuard,
}

impl OidcProvider {
    pub const CLIENT_ID: &'static str = "remotegpu";
    pub const CLIENT_SECRET: &'static str = "the client's secret of at least thirty-two bytes";

    /// On a port of its own; it knows `sub` 1, `wanda`.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address: SocketAddr = listener.local_addr().expect("it listens");
        let person = json!({
            "sub": "1", "preferred_username": "wanda", "name": "Wanda Erer",
            "email": "wanda@example.org", "email_verified": true, "groups": ["lab"],
        });
        let Value::Object(person) = person else { unreachable!("an object is written above") };
        let inner = Inner {
            misbehaviour: Misbehaviour::None,
            person,
            pending: HashMap::new(),
            key: KeyPair::generate().expect("a key can be made"),
            kid: 1,
            codes: 0,
            described: 0,
        };
        let shared = Arc::new(Shared { issuer: format!("http://{address}"), inner: Mutex::new(inner) });
        let stop = CancellationToken::new();
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(shared.clone());
        let stopped = stop.clone();
        tokio::spawn(async move {
            let serving = axum::serve(listener, routes);
            serving.with_graceful_shutdown(async move { stopped.cancelled().await }).await
        });
        Self { shared, _stop: stop.drop_guard() }
    }

    /// Its address.
    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// Lies so from the next step on.
    pub fn misbehave(&self, how: Misbehaviour) {
        self.shared.lock().misbehaviour = how;
    }

    /// Says this of the person from now on, beside what it said before.
    pub fn says(&self, claims: Value) {
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        self.shared.lock().person.extend(claims);
    }

    /// Signs with a new key from now on, and shows that one alone.
    ///
    /// # Panics
    /// When no key can be made.
    pub fn renew_key(&self) {
        let mut inner = self.shared.lock();
        inner.key = KeyPair::generate().expect("a key can be made");
        inner.kid += 1;
    }

    /// How often its description was read.
    pub fn described(&self) -> u32 {
        self.shared.lock().described
    }

    /// A browser that goes to this address signs in at once: what it goes back with.
    ///
    /// # Panics
    /// When the address lacks what it must have.
    pub fn sign_in(&self, address: &str) -> HashMap<String, String> {
        let url = url::Url::parse(address).expect("an address");
        assert!(address.starts_with(&self.shared.issuer), "{address} is not at {}", self.shared.issuer);
        let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let back = url::Url::parse(&way_back(&self.shared, &asked)).expect("an address");
        back.query_pairs().into_owned().collect()
    }
}

async fn describe(State(shared): State<Arc<Shared>>) -> Response {
    let mut inner = shared.lock();
    inner.described += 1;
    let issuer = match inner.misbehaviour {
        Misbehaviour::OtherIssuer => "https://somebody.example",
        _ => shared.issuer.as_str(),
    };
    let tokens = match inner.misbehaviour {
        Misbehaviour::TokensElsewhere => "http://169.254.169.254/token".to_owned(),
        _ => format!("{}/token", shared.issuer),
    };
    let algorithms = match inner.misbehaviour {
        Misbehaviour::OnlySharedSecrets => json!(["HS256", "none"]),
        _ => json!(["ES256", "RS256", "HS256", "none"]),
    };
    let methods = match inner.misbehaviour {
        Misbehaviour::OnlyKeysOfClients => json!(["private_key_jwt"]),
        _ => json!(["client_secret_basic"]),
    };
    let pkce = match inner.misbehaviour {
        Misbehaviour::NoDescription => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Misbehaviour::OtherPkce => json!(["plain"]),
        _ => json!(["S256"]),
    };
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{}/authorize", shared.issuer),
        "token_endpoint": tokens,
        "jwks_uri": format!("{}/keys", shared.issuer),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": pkce,
    }))
    .into_response()
}

/// X and Y of the public key.
fn point(key: &KeyPair) -> (String, String) {
    // An uncompressed point: 4, X, Y.
    let (x, y) = key.public_key_raw()[1..].split_at(32);
    (BASE64_URL_SAFE_NO_PAD.encode(x), BASE64_URL_SAFE_NO_PAD.encode(y))
}

async fn keys(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let inner = shared.lock();
    let (x, y) = point(&inner.key);
    let key = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": inner.kid.to_string(), "use": "sig" });
    Json(json!({ "keys": [key] }))
}

/// Where a browser goes that was let in.
fn way_back(shared: &Shared, asked: &HashMap<String, String>) -> String {
    let get = |name: &str| asked.get(name).cloned().unwrap_or_else(|| panic!("{name} is missing: {asked:?}"));
    assert_eq!((get("response_type"), get("code_challenge_method")), ("code".to_owned(), "S256".to_owned()));
    assert_eq!(get("client_id"), OidcProvider::CLIENT_ID);
    assert!(get("scope").split(' ').any(|scope| scope == "openid"));
    let mut inner = shared.lock();
    inner.codes += 1;
    let code = format!("code-{}", inner.codes);
    let pending =
        Pending { nonce: Some(get("nonce")), challenge: get("code_challenge"), redirect: get("redirect_uri") };
    inner.pending.insert(code.clone(), pending);
    let issuer = match inner.misbehaviour {
        Misbehaviour::OtherIssuerOnTheWayBack => "https://somebody.example",
        _ => shared.issuer.as_str(),
    };
    let mut back = url::Url::parse(&get("redirect_uri")).expect("an address");
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", &get("state")).append_pair("iss", issuer);
    back.into()
}

async fn authorize(State(shared): State<Arc<Shared>>, Query(asked): Query<HashMap<String, String>>) -> Redirect {
    Redirect::to(&way_back(&shared, &asked))
}

fn refused(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response()
}

async fn token(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let mut inner = shared.lock();
    match inner.misbehaviour {
        Misbehaviour::Redirects => return Redirect::temporary(&format!("{}/token", shared.issuer)).into_response(),
        Misbehaviour::Endless => return "x".repeat(4 << 20).into_response(),
        Misbehaviour::Broken => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Misbehaviour::PageForTokens => return axum::response::Html("<p>Sign in</p>").into_response(),
        Misbehaviour::RefusesClient => return refused("invalid_client"),
        Misbehaviour::RefusesRequest => return refused("invalid_scope"),
        Misbehaviour::SaysFault => return refused("server_error"),
        _ => {}
    }
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
    let given = given.and_then(|text| String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok());
    // RFC 6749 2.3.1: both are encoded as in a form.
    let mut known = url::form_urlencoded::Serializer::new(String::new());
    known.append_pair(OidcProvider::CLIENT_ID, OidcProvider::CLIENT_SECRET);
    if given.as_deref() != Some(known.finish().replace('=', ":").as_str()) {
        return refused("invalid_client");
    }
    let code = form.get("code").cloned().unwrap_or_default();
    let lax = inner.misbehaviour == Misbehaviour::TakesEveryCode;
    let pending = match inner.pending.remove(&code) {
        None if lax => Pending { nonce: None, challenge: String::new(), redirect: String::new() },
        None => return refused("invalid_grant"),
        Some(pending) => pending,
    };
    let verifier = form.get("code_verifier").cloned().unwrap_or_default();
    let fits = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == pending.challenge
        && form.get("redirect_uri") == Some(&pending.redirect);
    if !fits && !lax {
        return refused("invalid_grant");
    }
    let access_token = format!("access-{code}");
    let mut answer = json!({ "access_token": access_token, "token_type": "Bearer", "expires_in": 60 });
    if inner.misbehaviour != Misbehaviour::NoToken {
        answer["id_token"] = id_token(&inner, &shared.issuer, pending.nonce, &access_token).into();
    }
    Json(answer).into_response()
}

fn id_token(inner: &Inner, issuer: &str, nonce: Option<String>, access_token: &str) -> String {
    let now = Utc::now().timestamp();
    let hash = &Sha256::digest(access_token.as_bytes())[..16];
    let mut claims = inner.person.clone();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("iss", issuer.into());
    set("aud", OidcProvider::CLIENT_ID.into());
    set("iat", now.into());
    set("exp", (now + 300).into());
    set("at_hash", BASE64_URL_SAFE_NO_PAD.encode(hash).into());
    if let Some(nonce) = nonce {
        set("nonce", nonce.into());
    }
    match inner.misbehaviour {
        Misbehaviour::WrongIssuer => drop(set("iss", "https://somebody.example".into())),
        Misbehaviour::WrongAudience => drop(set("aud", "another-client".into())),
        Misbehaviour::MoreAudiences => drop(set("aud", json!([OidcProvider::CLIENT_ID, "another-client"]))),
        Misbehaviour::WrongParty => drop(set("azp", "another-client".into())),
        Misbehaviour::WrongNonce => drop(set("nonce", "another".into())),
        Misbehaviour::NoNonce => drop(claims.remove("nonce")),
        Misbehaviour::Expired => drop(set("exp", (now - 1).into())),
        Misbehaviour::IssuedLongAgo => drop(set("iat", (now - 7200).into())),
        Misbehaviour::IssuedInTheFuture => drop(set("iat", (now + 7200).into())),
        Misbehaviour::NotYet => drop(set("nbf", (now + 7200).into())),
        Misbehaviour::WrongAccessToken => drop(set("at_hash", BASE64_URL_SAFE_NO_PAD.encode([7; 16]).into())),
        Misbehaviour::EmptySubject => drop(set("sub", "".into())),
        _ => {}
    }
    sign(inner, &claims)
}

fn sign(inner: &Inner, claims: &Map<String, Value>) -> String {
    let kid = Some(inner.kid.to_string());
    let by = |key: &KeyPair| {
        let key = EncodingKey::from_ec_pem(key.serialize_pem().as_bytes()).expect("the key is one");
        let header = Header { kid: kid.clone(), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, claims, &key).expect("claims can be signed")
    };
    let with_secret = |secret: &[u8]| {
        let header = Header { kid: kid.clone(), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(secret)).expect("claims can be signed")
    };
    match inner.misbehaviour {
        Misbehaviour::ForeignKey => by(&KeyPair::generate().expect("a key can be made")),
        Misbehaviour::Tampered => {
            let token = by(&inner.key);
            let mut other = claims.clone();
            other.insert("sub".to_owned(), "2".into());
            let parts: Vec<_> = token.split('.').collect();
            format!("{}.{}.{}", parts[0], BASE64_URL_SAFE_NO_PAD.encode(Value::Object(other).to_string()), parts[2])
        }
        Misbehaviour::NoSignature => {
            let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
            format!("{}.{}.", part(json!({ "alg": "none", "typ": "JWT" })), part(Value::Object(claims.clone())))
        }
        Misbehaviour::SharedSecret => with_secret(OidcProvider::CLIENT_SECRET.as_bytes()),
        Misbehaviour::KeyAsSecret => with_secret(inner.key.public_key_raw()),
        _ => by(&inner.key),
    }
}
