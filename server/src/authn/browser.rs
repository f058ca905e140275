//! The cookie session: an id that names a row, and in the row who signed in.

use std::net::IpAddr;

use axum::extract::Request;
use contract::{CustomerId, IdentityProviderId, UserId};
use platform::OpContext;
use platform::accounts::SignedIn;
use platform::{Error, Result, secrets};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

/// Where the identity lies in the session's data; the store copies it to columns.
pub(super) const IDENTITY: &str = "identity";
/// Marks a session that has no identity yet: an empty one is not kept.
const BEGUN: &str = "begun";

/// Who a browser session belongs to, and where it was opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Identity {
    pub user: UserId,
    pub customer: Option<CustomerId>,
    pub token_version: i64,
    /// By which service or directory they came in; sessions of before do not say.
    #[serde(default)]
    pub provider: Option<IdentityProviderId>,
    #[serde(flatten)]
    pub client: Client,
}

/// Where a request comes from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Client {
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
}

impl Client {
    /// Of a request.
    pub fn of(ctx: &OpContext) -> Self {
        Self { address: ctx.address(), user_agent: ctx.user_agent().map(str::to_owned) }
    }
}

/// SHA-256 of the request's session id; the id itself is stored nowhere.
pub(super) fn secret_hash(request: &Request) -> Option<[u8; 32]> {
    hash_of_session(request.extensions().get::<Session>()?)
}

/// The same of a session at hand.
pub fn hash_of_session(session: &Session) -> Option<[u8; 32]> {
    session.id().map(|id| hash_of(&id))
}

pub(super) fn hash_of(id: &tower_sessions::session::Id) -> [u8; 32] {
    secrets::sha256(&id.0.to_be_bytes())
}

/// A new session id with this person in it; the id from before sign-in dies.
pub async fn establish(session: &Session, who: SignedIn, client: Client) -> Result<()> {
    let SignedIn { user, token_version, active_customer: customer, provider } = who;
    let identity = Identity { user, customer, token_version, provider, client };
    session.clear().await;
    // Not `flush`: it would make the same id again.
    session.cycle_id().await.map_err(Error::internal)?;
    session.insert(IDENTITY, identity).await.map_err(Error::internal)?;
    session.save().await.map_err(Error::internal)
}

/// A new session id with nobody in it, for the moment between password and code; the SHA-256 of its secret.
pub async fn begin(session: &Session) -> Result<[u8; 32]> {
    session.clear().await;
    session.cycle_id().await.map_err(Error::internal)?;
    session.insert(BEGUN, true).await.map_err(Error::internal)?;
    session.save().await.map_err(Error::internal)?;
    hash_of_session(session).ok_or_else(|| Error::internal("a saved session has an id"))
}

/// As [`begin`], or the one that was begun in this browser: what waits in another tab goes on.
pub async fn begun(session: &Session) -> Result<[u8; 32]> {
    let is_begun = session.get::<bool>(BEGUN).await.map_err(Error::internal)?.unwrap_or(false);
    match hash_of_session(session).filter(|_| is_begun) {
        Some(hash) => Ok(hash),
        None => begin(session).await,
    }
}

/// Forgets the session and its cookie.
pub async fn end(session: &Session) -> Result<()> {
    session.flush().await.map_err(Error::internal)
}
