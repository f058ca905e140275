//! tower-sessions over the platform's session rows.

use async_trait::async_trait;
use platform::accounts::session_records::{self, SessionKind, SessionRecord};
use platform::{OpContext, Platform, Principal, SystemActor, Via};
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::Duration;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{Expiry, SessionManagerLayer, SessionStore};

use super::browser::{IDENTITY, Identity, hash_of};

/// How long a browser stays signed in at most; the platform also ends what was idle for half a day.
const LIFE: Duration = Duration::days(7);

/// The layer: `__Host-` and `Secure` wherever there is TLS; plain only for http on loopback.
pub fn session_layer(platform: Platform, secure: bool) -> SessionManagerLayer<Store> {
    SessionManagerLayer::new(Store { platform })
        .with_name(if secure { "__Host-remotegpu" } else { "remotegpu_session" })
        .with_secure(secure)
        .with_http_only(true)
        // Lax: a sign-in at another provider comes back with a top-level GET; the Origin check guards the rest.
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(LIFE))
}

/// See the module.
#[derive(Clone)]
pub struct Store {
    platform: Platform,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    fn ctx(&self) -> OpContext {
        let system = self.platform.system(SystemActor::Authenticator);
        let principal = Principal::System(SystemActor::Authenticator);
        OpContext::new(principal, system.now(), Via::Page, system.request_id(), None, system.language())
    }
}

fn row(record: &Record) -> Result<SessionRecord> {
    let identity: Option<Identity> = record
        .data
        .get(IDENTITY)
        .map(|value| serde_json::from_value(value.clone()))
        .transpose()
        .map_err(|error| Error::Decode(error.to_string()))?;
    let expires_at = chrono::DateTime::from_timestamp(record.expiry_date.unix_timestamp(), 0)
        .ok_or_else(|| Error::Encode("expiry out of range".to_owned()))?;
    let client = identity.as_ref().map(|identity| identity.client.clone()).unwrap_or_default();
    Ok(SessionRecord {
        kind: SessionKind::Browser,
        secret_hash: hash_of(&record.id),
        user: identity.as_ref().map(|identity| identity.user),
        customer: identity.as_ref().and_then(|identity| identity.customer),
        token_version: identity.as_ref().map(|identity| identity.token_version),
        provider: identity.as_ref().and_then(|identity| identity.provider),
        data: serde_json::to_value(&record.data).map_err(|error| Error::Encode(error.to_string()))?,
        address: client.address,
        user_agent: client.user_agent,
        expires_at,
    })
}

fn backend(error: platform::Error) -> Error {
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> Result<()> {
        // 128 random bits do not come twice; if they ever do, another id is made instead of taking somebody's session.
        while !session_records::create(&self.platform, &self.ctx(), &row(record)?).await.map_err(backend)? {
            record.id = Id::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> Result<()> {
        session_records::save(&self.platform, &self.ctx(), &row(record)?).await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let found = session_records::load(&self.platform, &self.ctx(), &hash_of(id)).await.map_err(backend)?;
        let Some(found) = found else { return Ok(None) };
        let data = serde_json::from_value(found.data).map_err(|error| Error::Decode(error.to_string()))?;
        let expiry_date = time::OffsetDateTime::from_unix_timestamp(found.expires_at.timestamp())
            .map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        session_records::delete(&self.platform, &self.ctx(), &hash_of(id)).await.map_err(backend)
    }
}
