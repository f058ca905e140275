//! The cookie session: an id that names a row, and in the row who signed in.

use axum::extract::Request;
use contract::{CustomerId, UserId};
use platform::accounts::SignedIn;
use platform::{Error, Result, secrets};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

/// Where the identity lies in the session's data; the store copies it to columns.
pub(super) const IDENTITY: &str = "identity";

/// Who a browser session belongs to.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Identity {
    pub user: UserId,
    pub customer: Option<CustomerId>,
    pub token_version: i64,
}

/// SHA-256 of the request's session id; the id itself is stored nowhere.
pub(super) fn secret_hash(request: &Request) -> Option<[u8; 32]> {
    let id = request.extensions().get::<Session>()?.id()?;
    Some(hash_of(&id))
}

pub(super) fn hash_of(id: &tower_sessions::session::Id) -> [u8; 32] {
    secrets::sha256(&id.0.to_be_bytes())
}

/// A new session id with this person in it; the id from before sign-in dies.
pub async fn establish(session: &Session, who: SignedIn) -> Result<()> {
    let identity = Identity { user: who.user, customer: who.active_customer, token_version: who.token_version };
    session.clear().await;
    // Not `flush`: it would make the same id again.
    session.cycle_id().await.map_err(Error::internal)?;
    session.insert(IDENTITY, identity).await.map_err(Error::internal)?;
    session.save().await.map_err(Error::internal)
}

/// Forgets the session and its cookie.
pub async fn end(session: &Session) -> Result<()> {
    session.flush().await.map_err(Error::internal)
}
