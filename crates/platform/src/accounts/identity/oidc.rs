//! The conversation with a sign-in service: OpenID Connect, authorization code with PKCE (RFC 7636).
//!
//! Invariants: state, nonce and PKCE verifier are new for every way there and back; an ID token counts only with a
//! signature by a key of the service (never `none`, never a shared secret), for us alone, of this very way, and in its
//! time; nothing the service says leads a request to an address that may not be asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use contract::IdentityProviderId;
use contract::accounts::OidcSettings;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
    CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AdditionalProviderMetadata, AuthType, AuthenticationFlow, AuthorizationCode,
    Client, ClientId, ClientSecret, CsrfToken, DiscoveryError, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IdToken, IdTokenClaims, IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, ProviderMetadata, RedirectUrl, RequestTokenError, Scope, StandardErrorResponse,
    StandardTokenResponse, TokenResponse as _,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Proved;
use super::network::{Http, HttpFault, in_full};

/// How long a service's description of itself, with its keys, is believed.
const FRESH: Duration = Duration::from_secs(300);
/// How far the service's clock may be ahead of ours.
const CLOCKS_APART: TimeDelta = TimeDelta::seconds(60);
/// Oldest token that is taken: it was made for this very sign-in.
const OLDEST: TimeDelta = TimeDelta::minutes(15);
/// How tokens may be signed: never by nobody, and never with a secret that is shared.
pub(super) const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];
/// Most groups of a person that are looked at.
const MAX_GROUPS: usize = 1000;

/// What a service says it can beyond the library's list.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Abilities {
    #[serde(default)]
    pub code_challenge_methods_supported: Option<Vec<String>>,
}

impl AdditionalProviderMetadata for Abilities {}

/// Every claim that the library has no field for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct OtherClaims {
    #[serde(flatten)]
    all: serde_json::Map<String, Value>,
}

impl AdditionalClaims for OtherClaims {}

/// A service's description of itself, with its keys.
pub(super) type Description = ProviderMetadata<
    Abilities,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

pub(super) type Fields = IdTokenFields<
    OtherClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
pub(super) type Token =
    IdToken<OtherClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
pub(super) type Claims = IdTokenClaims<OtherClaims, CoreGenderClaim>;
pub(super) type Ours = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// When each was read, by provider and its version.
type Read = HashMap<(IdentityProviderId, i64), (Instant, Arc<Description>)>;

/// Descriptions that were read lately.
#[derive(Default)]
pub struct Descriptions {
    read: Mutex<Read>,
}

impl Descriptions {
    fn get(&self, key: (IdentityProviderId, i64)) -> Option<Arc<Description>> {
        let read = self.read.lock().expect("nobody panics holding this lock");
        read.get(&key).filter(|(at, _)| at.elapsed() < FRESH).map(|(_, description)| description.clone())
    }

    fn keep(&self, key: (IdentityProviderId, i64), description: &Arc<Description>) {
        let mut read = self.read.lock().expect("nobody panics holding this lock");
        // Former versions, and providers that are gone.
        read.retain(|known, (at, _)| known.0 != key.0 && at.elapsed() < FRESH);
        read.insert(key, (Instant::now(), description.clone()));
    }
}

/// Why a way there and back led to nobody.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The service could not be asked.
    Away(String),
    /// It does not describe itself as it must, or cannot be trusted: waiting does not help, an administrator can mend it.
    Setup(String),
    /// It refused by itself, with a code of its own that was made safe to keep.
    Said(Said, String),
    /// It was asked and what it said does not hold: a word for the log, and what it was.
    Word(&'static str, String),
}

/// What a service means by an error (RFC 6749, 4.1.2.1 and 5.2; OpenID Connect Core, 3.1.2.6), by who can do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Whoever signed in there cancelled, or may not.
    Denied,
    /// It does not take our client id or secret.
    Client,
    /// It does not take what we asked for.
    Request,
    /// It would have to ask something of whoever came, and did not.
    Login,
    /// It has a fault of its own.
    Fault,
    /// It does not know the code that the browser brought.
    Code,
}

impl Said {
    fn of(error: &str) -> Self {
        match error {
            "access_denied" => Said::Denied,
            "invalid_client" | "unauthorized_client" => Said::Client,
            "login_required" | "interaction_required" | "account_selection_required" | "consent_required" => {
                Said::Login
            }
            "server_error" | "temporarily_unavailable" => Said::Fault,
            "invalid_grant" => Said::Code,
            _ => Said::Request,
        }
    }

    /// Word in audit rows and the log.
    fn code(self) -> &'static str {
        match self {
            Said::Denied => "denied",
            Said::Client => "client",
            Said::Request => "request",
            Said::Login => "login",
            Said::Fault => "fault",
            Said::Code => "code",
        }
    }
}

impl Refusal {
    /// By the service's own code, which may be anything and is kept short and of the characters it may have (RFC 6749,
    /// appendix A.7).
    pub(super) fn said(error: &str) -> Self {
        const MAX_CODE: usize = 64;
        let plain = |c: char| if matches!(c, ' '..='~') && !matches!(c, '"' | '\\') { c } else { '?' };
        Refusal::Said(Said::of(error), error.chars().map(plain).take(MAX_CODE).collect())
    }

    pub(super) fn word(&self) -> &'static str {
        match self {
            Refusal::Away(_) => "away",
            Refusal::Setup(_) => "setup",
            Refusal::Said(said, _) => said.code(),
            Refusal::Word(word, _) => word,
        }
    }

    pub(super) fn detail(&self) -> &str {
        match self {
            Refusal::Away(detail) | Refusal::Setup(detail) | Refusal::Said(_, detail) | Refusal::Word(_, detail) => {
                detail
            }
        }
    }

    /// The service's own code.
    pub(super) fn error(&self) -> Option<&str> {
        match self {
            Refusal::Said(_, error) => Some(error),
            _ => None,
        }
    }
}

/// Asks a service who it is and which keys it has.
pub(super) async fn describe(http: &Http, settings: &OidcSettings) -> Result<Description, DiscoveryError<HttpFault>> {
    let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(DiscoveryError::UrlParse)?;
    Description::discover_async(issuer, http).await
}

/// One provider, for the way there and back.
pub(super) struct Service<'a> {
    pub id: IdentityProviderId,
    pub version: i64,
    pub settings: &'a OidcSettings,
    pub secret: Option<&'a SecretString>,
    pub redirect: String,
    http: Http,
    known: &'a Descriptions,
}

/// What is remembered of a way there until it comes back.
#[derive(Serialize, Deserialize)]
pub(super) struct Way {
    pub nonce: String,
    pub verifier: String,
    /// Where to go afterwards.
    pub next: Option<String>,
}

impl<'a> Service<'a> {
    pub(super) fn new(
        provider: &'a super::Provider,
        settings: &'a OidcSettings,
        known: &'a Descriptions,
        redirect: String,
    ) -> Result<Self, Refusal> {
        let http = Http::new(settings.ca_certificate.as_deref()).map_err(|fault| Refusal::Away(fault.to_string()))?;
        let (id, version, secret) = (provider.id, provider.version, provider.secret.as_ref());
        Ok(Self { id, version, settings, secret, redirect, http, known })
    }

    async fn description(&self) -> Result<Arc<Description>, Refusal> {
        match self.known.get((self.id, self.version)) {
            Some(known) => Ok(known),
            None => self.describe_anew().await,
        }
    }

    async fn describe_anew(&self) -> Result<Arc<Description>, Refusal> {
        let read = describe(&self.http, self.settings).await.map_err(|error| undescribed(&error))?;
        let read = Arc::new(read);
        self.known.keep((self.id, self.version), &read);
        Ok(read)
    }

    pub(super) fn client(&self, description: &Description) -> Result<Ours, Refusal> {
        let secret = self.secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let has_secret = secret.is_some();
        let id = ClientId::new(self.settings.client_id.clone());
        let redirect = RedirectUrl::new(self.redirect.clone()).map_err(|error| Refusal::Away(error.to_string()))?;
        let client = Client::from_provider_metadata(description.clone(), id, secret).set_redirect_uri(redirect);
        let methods = description.token_endpoint_auth_methods_supported();
        let only_in_body = methods.is_some_and(|methods| {
            !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
                && methods.contains(&CoreClientAuthMethod::ClientSecretPost)
        });
        Ok(if has_secret && only_in_body { client.set_auth_type(AuthType::RequestBody) } else { client })
    }

    /// Where the browser goes to come back with this state, and what is to be remembered meanwhile.
    pub(super) async fn way_there(&self, state: String, next: Option<String>) -> Result<(String, Way), Refusal> {
        let description = self.description().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = self.client(&description)?;
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let mut asked = client.authorize_url(flow, || CsrfToken::new(state), Nonce::new_random);
        for scope in &self.settings.scopes {
            asked = asked.add_scope(Scope::new(scope.clone()));
        }
        let (url, _, nonce) = asked.set_pkce_challenge(challenge).url();
        if !super::network::is_service_address(&url) {
            return Err(Refusal::Setup(format!("{url} is no address to send a browser to")));
        }
        let way = Way { nonce: nonce.secret().clone(), verifier: verifier.secret().clone(), next };
        Ok((url.into(), way))
    }

    /// Who came back with this code.
    pub(super) async fn way_back(&self, way: &Way, code: &str, now: DateTime<Utc>) -> Result<Proved, Refusal> {
        let description = self.description().await?;
        let client = self.client(&description)?;
        let asking = client.exchange_code(AuthorizationCode::new(code.to_owned()));
        let asking = asking.map_err(|error| Refusal::Away(error.to_string()))?;
        let verifier = PkceCodeVerifier::new(way.verifier.clone());
        let answer = asking.set_pkce_verifier(verifier).request_async(&self.http).await;
        let answer = answer.map_err(|error| unanswered(&error))?;
        let token = answer.id_token().ok_or_else(|| Refusal::Word("no-token", String::new()))?;
        let nonce = Nonce::new(way.nonce.clone());
        let (client, claims) = match self.verify(&client, token, &nonce, now) {
            // The service may have new keys since its description was read. It said this itself, so it is asked again.
            Err(Refusal::Word("signature", _)) => {
                let description = self.describe_anew().await?;
                let client = self.client(&description)?;
                let claims = self.verify(&client, token, &nonce, now)?;
                (client, claims)
            }
            verdict => (client, verdict?),
        };
        if let Some(expected) = claims.access_token_hash() {
            let verifier = client.id_token_verifier();
            let of_token = token.signing_alg().ok().zip(token.signing_key(&verifier).ok());
            let hash = of_token.map(|(alg, key)| AccessTokenHash::from_token(answer.access_token(), alg, key));
            if !hash.is_some_and(|hash| hash.is_ok_and(|hash| hash == *expected)) {
                return Err(Refusal::Word("access-token", String::new()));
            }
        }
        self.proved(&claims)
    }

    /// Turns in a code that nobody was given, so that the service says whether it takes our client id and secret. `None` when it
    /// does; what it said where that says neither yes nor no.
    pub(super) async fn try_client(&self, description: &Description) -> Result<Option<String>, Refusal> {
        let client = self.client(description)?;
        let code = AuthorizationCode::new(format!("test-{}", Nonce::new_random().secret()));
        let asking = client.exchange_code(code).map_err(|error| Refusal::Away(error.to_string()))?;
        let (_, verifier) = PkceCodeChallenge::new_random_sha256();
        match asking.set_pkce_verifier(verifier).request_async(&self.http).await {
            Err(error) => match unanswered(&error) {
                Refusal::Said(Said::Code, _) => Ok(None),
                Refusal::Said(Said::Request, error) => Ok(Some(error)),
                refusal => Err(refusal),
            },
            // Whoever gives tokens for a code that nobody was given is no service to trust.
            Ok(_) => Err(Refusal::Said(Said::Fault, "tokens for a made-up code".to_owned())),
        }
    }

    /// The claims of a token that holds.
    pub(super) fn verify(
        &self,
        client: &Ours,
        token: &Token,
        nonce: &Nonce,
        now: DateTime<Utc>,
    ) -> Result<Claims, Refusal> {
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || now)
            .set_issue_time_verifier_fn(move |at| {
                let in_time = at <= now + CLOCKS_APART && at >= now - OLDEST;
                in_time.then_some(()).ok_or_else(|| format!("issued at {at}"))
            });
        let claims = token.claims(&verifier, nonce).map_err(|error| Refusal::Word(word_of(&error), in_full(&error)))?;
        // The library looks at neither.
        let not_before = claims.additional_claims().all.get("nbf").and_then(Value::as_i64);
        if not_before.is_some_and(|nbf| nbf > (now + CLOCKS_APART).timestamp()) {
            return Err(Refusal::Word("not-yet", String::new()));
        }
        if claims.authorized_party().is_some_and(|party| party.as_str() != self.settings.client_id) {
            return Err(Refusal::Word("party", String::new()));
        }
        Ok(claims.clone())
    }

    pub(super) fn proved(&self, claims: &Claims) -> Result<Proved, Refusal> {
        let subject = claims.subject().as_str();
        // OpenID Connect Core 2: at most 255 ASCII characters.
        if subject.is_empty() || subject.len() > 255 || !subject.is_ascii() || subject.chars().any(char::is_control) {
            return Err(Refusal::Word("subject", String::new()));
        }
        let other = &claims.additional_claims().all;
        let email = claims.email().map(|email| email.as_str().to_owned());
        let name = match self.settings.name_claim.as_str() {
            "preferred_username" => claims.preferred_username().map(|name| name.as_str().to_owned()),
            "email" => email.clone(),
            "nickname" => claims.nickname().and_then(|name| name.get(None)).map(|name| name.as_str().to_owned()),
            "sub" => Some(subject.to_owned()),
            claim => at(other, claim).and_then(Value::as_str).map(str::to_owned),
        };
        let groups = match at(other, &self.settings.groups_claim) {
            Some(Value::Array(list)) => {
                list.iter().filter_map(Value::as_str).take(MAX_GROUPS).map(str::to_owned).collect()
            }
            Some(Value::String(one)) => vec![one.clone()],
            _ => Vec::new(),
        };
        let display_name = claims.name().and_then(|name| name.get(None)).map(|name| name.as_str().to_owned());
        Ok(Proved {
            issuer: claims.issuer().as_str().to_owned(),
            subject: subject.to_owned(),
            name,
            // An address that the service did not check may be anybody's.
            email: email.filter(|_| claims.email_verified() == Some(true)),
            display_name,
            groups,
        })
    }
}

/// Why a description did not come, or is none.
fn undescribed(error: &DiscoveryError<HttpFault>) -> Refusal {
    match error {
        DiscoveryError::Request(HttpFault { key: None, barred: false, .. }) => Refusal::Away(in_full(error)),
        _ => Refusal::Setup(in_full(error)),
    }
}

type TokenError = RequestTokenError<HttpFault, StandardErrorResponse<CoreErrorResponseType>>;

/// Why no tokens came.
fn unanswered(error: &TokenError) -> Refusal {
    match error {
        RequestTokenError::Request(HttpFault { status: Some(status), .. }) => {
            Refusal::Said(Said::Fault, format!("HTTP {status}"))
        }
        RequestTokenError::Request(HttpFault { key: None, barred: false, text, .. }) => Refusal::Away(text.clone()),
        RequestTokenError::Request(fault) => Refusal::Setup(fault.to_string()),
        RequestTokenError::ServerResponse(said) => Refusal::said(said.error().as_ref()),
        // A page, or whatever else is no answer of this protocol.
        _ => Refusal::Said(Said::Fault, "no OAuth answer".to_owned()),
    }
}

/// A claim by its name, or by the names of the objects it lies in.
fn at<'v>(claims: &'v serde_json::Map<String, Value>, path: &str) -> Option<&'v Value> {
    // Names with dots in them exist, as in `https://example.org/groups`.
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    rest.split('.').try_fold(claims.get(first)?, |value, name| value.get(name))
}

fn word_of(error: &openidconnect::ClaimsVerificationError) -> &'static str {
    use openidconnect::ClaimsVerificationError as E;
    match error {
        E::Expired(_) => "expired",
        E::InvalidAudience(_) => "audience",
        E::InvalidIssuer(_) => "issuer",
        E::InvalidNonce(_) => "nonce",
        E::SignatureVerification(_) => "signature",
        _ => "claims",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_says_is_told_apart_and_kept_short() {
        let said = |error: &str| {
            let refusal = Refusal::said(error);
            (refusal.word(), refusal.error().unwrap_or_default().to_owned())
        };
        for (error, word) in [
            ("access_denied", "denied"),
            ("invalid_client", "client"),
            ("unauthorized_client", "client"),
            ("invalid_scope", "request"),
            ("unsupported_response_type", "request"),
            ("login_required", "login"),
            ("interaction_required", "login"),
            ("server_error", "fault"),
            ("temporarily_unavailable", "fault"),
            ("invalid_grant", "code"),
        ] {
            assert_eq!(said(error), (word, error.to_owned()));
        }
        assert_eq!(said("<b>\"x\"\n\u{202e}王"), ("request", "<b>?x????".to_owned()));
        assert_eq!(said(&"x".repeat(5000)).1.len(), 64);
    }
}
