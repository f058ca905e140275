//! The SSH door as the rest of the product knows it: what it proves itself with, and the line that leads to an instance.
//!
//! Invariants: all servers of an installation prove themselves with one key, whose secret half lies sealed in the database
//! and is opened by the door alone.

mod store;

use contract::access::SshCommand;
use contract::{ErrorCode, InstanceId, PageQuery};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{HashAlg, PublicKey};

use crate::{Error, OpContext, Platform, Result, SystemActor, accounts, audit, instances, secrets, settings};

/// What the secret half is sealed for.
const PLACE: &str = "ssh_host_keys.sealed";

/// What the door proves itself with: an Ed25519 key.
pub struct HostKey {
    /// The secret half.
    pub seed: [u8; 32],
    /// `ssh-ed25519 AAAA…`
    pub public_key: String,
}

/// The key in use; made by whoever asks first.
///
/// # Errors
/// The database is away, or the secrets key is another one.
pub async fn host_key(platform: &Platform) -> Result<HostKey> {
    let found = match find(platform).await? {
        Some(found) => found,
        None => {
            make(platform, &platform.system(SystemActor::Operator)).await?;
            find(platform).await?.ok_or_else(|| Error::internal("a host key that was made is not there"))?
        }
    };
    let seed = platform.keyring().open(PLACE, &found.sealed)?;
    let seed = seed.try_into().map_err(|_| Error::internal("a host key has 32 bytes"))?;
    Ok(HostKey { seed, public_key: found.public_key })
}

async fn find(platform: &Platform) -> Result<Option<store::Row>> {
    let mut tx = platform.db().begin(&platform.system(SystemActor::Operator)).await?;
    let found = store::find(&mut tx).await?;
    tx.commit().await?;
    Ok(found)
}

/// A new Ed25519 key: its secret half, and its public one.
pub(crate) fn new_key() -> Result<([u8; 32], PublicKey)> {
    let seed = secrets::random_bytes::<32>();
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| Error::internal("no key of that seed"))?;
    let point: [u8; 32] = pair.public_key().as_ref().try_into().map_err(Error::internal)?;
    Ok((seed, PublicKey::new(KeyData::Ed25519(Ed25519PublicKey(point)), "")))
}

async fn make(platform: &Platform, ctx: &OpContext) -> Result<String> {
    let (seed, key) = new_key()?;
    let line = key.to_openssh().map_err(|error| Error::internal(error.to_string()))?.trim().to_owned();
    let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
    let mut tx = platform.db().begin(ctx).await?;
    // Who was quicker made the one that counts.
    if store::insert(&mut tx, &line, &platform.keyring().seal(PLACE, &seed), ctx.now()).await? {
        let after = serde_json::json!({ "fingerprint": fingerprint });
        let entry = audit::Entry {
            action: "access:make-host-key",
            target_kind: "ssh_host_key",
            target_id: None,
            customer: None,
            before: None,
            after: Some(after),
        };
        audit::record_in_tx(&mut tx, ctx, entry).await?;
    }
    tx.commit().await?;
    Ok(fingerprint)
}

/// Has the door prove itself with a new key from its next start on; its fingerprint.
///
/// # Errors
/// The database is away.
pub async fn renew_host_key(platform: &Platform) -> Result<String> {
    let ctx = platform.system(SystemActor::Operator);
    let mut tx = platform.db().begin(&ctx).await?;
    store::retire(&mut tx, ctx.now()).await?;
    tx.commit().await?;
    make(platform, &ctx).await
}

/// The line that leads into one of one's own instances, and by what the door is known.
///
/// # Errors
/// `NotFound` where there is no such instance, `WrongState` where the door is switched off.
pub async fn ssh_command(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<SshCommand> {
    let instance = instances::get(platform, ctx, id).await?;
    let door = settings::ssh(platform).await;
    if !door.open {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-ssh-off"));
    }
    let found = match find(platform).await? {
        Some(found) => found.public_key,
        None => host_key(platform).await?.public_key,
    };
    let key = PublicKey::from_openssh(&found).map_err(|error| Error::internal(error.to_string()))?;
    let recorded = instances::recorded_here(platform, ctx, id).await?;
    let name = ctx.user().map(|user| user.name.clone()).unwrap_or_default();
    let user = format!("{name}+{}", instance.name);
    let known_host = match door.port {
        22 => door.host.clone(),
        port => format!("[{}]:{port}", door.host),
    };
    Ok(SshCommand {
        command: match door.port {
            22 => format!("ssh {user}@{}", door.host),
            port => format!("ssh -p {port} {user}@{}", door.host),
        },
        host: door.host,
        port: door.port,
        user,
        fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        known_hosts: format!("{known_host} {found}"),
        // A token that may not see one's keys sees none.
        has_key: accounts::list_ssh_keys(platform, ctx, &PageQuery::default()).await.is_ok_and(|keys| keys.total > 0),
        recorded: recorded.is_some(),
        recorded_with_input: recorded.is_some_and(|policy| policy.input),
    })
}
