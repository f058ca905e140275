//! How an agent becomes a machine: join tokens for the first contact, its own key from then on.

use chrono::{DateTime, TimeDelta, Utc};
use contract::machines::{JoinTokenCreate, JoinTokenSecret, JoinTokenView};
use contract::{ErrorCode, JoinTokenId};

use super::{entry, store};
use crate::authz::{EnrollMachines, Fleet};
use crate::error::FieldError;
use crate::{Error, OpContext, Platform, Principal, Result, SystemActor, audit, secrets};

/// What an agent shows at the door.
#[derive(Clone)]
pub struct NodeCredentials {
    /// The agent's own key, made by itself.
    pub key: String,
    /// On first contact.
    pub join_token: Option<String>,
    /// Proposed name of a new machine.
    pub host_name: Option<String>,
}

/// The machine behind an agent's key. A key nobody knows becomes a machine's with a valid join token; shown again after
/// a crash it simply works.
///
/// # Errors
/// `Unauthenticated` for an unknown key without a valid token, and for retired machines.
pub async fn authenticate_node(
    platform: &Platform,
    ctx: &OpContext,
    credentials: &NodeCredentials,
) -> Result<Principal> {
    let refused = || Error::new(ErrorCode::Unauthenticated).with_key("error-node-unknown");
    if credentials.key.len() < 32 || credentials.key.len() > 256 {
        return Err(refused());
    }
    let key_hash = secrets::sha256(credentials.key.as_bytes());
    let system = ctx.as_system(SystemActor::Metrics);
    let mut tx = platform.db().begin(&system).await?;
    if let Some(known) = store::machine_by_key(&mut tx, &key_hash).await? {
        tx.commit().await?;
        // A key that was switched off stays so: no join token makes it good again.
        return if known.allowed {
            Ok(Principal::Node { machine: known.id, code: known.code })
        } else {
            Err(refused())
        };
    }
    let Some(token) = credentials.join_token.as_deref() else { return Err(refused()) };
    let token_hash = secrets::sha256(token.as_bytes());
    let token = store::use_token(&mut tx, &token_hash, ctx.now()).await?.ok_or_else(refused)?;
    let (machine, code) = match token.machine {
        Some(machine) => store::attach_key(&mut tx, machine, &key_hash, ctx.now()).await?.ok_or_else(refused)?,
        None => {
            let name = credentials.host_name.as_deref().unwrap_or("host");
            store::insert_joined(&mut tx, name, &key_hash).await?
        }
    };
    let principal = Principal::Node { machine, code: code.clone() };
    let who = ctx.as_principal(principal.clone());
    let after = serde_json::json!({ "joinToken": token.id });
    audit::record_in_tx(&mut tx, &who, entry("machines:join", &code, None, Some(after))).await?;
    tx.commit().await?;
    platform.live().forget_catalog();
    tracing::info!(machine = code, "a machine joined");
    Ok(principal)
}

/// Join tokens that can still be used, and those of the last week, newest first.
pub async fn list_join_tokens(platform: &Platform, ctx: &OpContext) -> Result<Vec<JoinTokenView>> {
    let mut tx = platform.db().begin(ctx).await?;
    ctx.authorize(EnrollMachines, &Fleet)?;
    let list = store::join_tokens(&mut tx, ctx.now() - TimeDelta::days(7)).await?;
    tx.commit().await?;
    Ok(list)
}

/// Makes a join token; its secret is in this answer and nowhere else.
pub async fn create_join_token(
    platform: &Platform,
    ctx: &OpContext,
    request: JoinTokenCreate,
) -> Result<JoinTokenSecret> {
    let ctx = &ctx.trying_new("machines:create-join-token", "join_token");
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(EnrollMachines, &Fleet)?;
    let (hours, max_uses) = check(&request)?;
    let machine = match request.machine.as_deref().map(str::trim).filter(|code| !code.is_empty()) {
        None => None,
        Some(code) => {
            Some(store::id_of(&mut tx, code).await?.ok_or_else(|| Error::field("machine", "field-machine-unknown"))?)
        }
    };
    let secret = format!("rgj_{}", hex::encode(secrets::random_bytes::<24>()));
    let expires_at: DateTime<Utc> = ctx.now() + TimeDelta::hours(i64::from(hours));
    let new = store::NewToken {
        secret_hash: secrets::sha256(secret.as_bytes()),
        note: request.note.trim().to_owned(),
        machine,
        max_uses,
        created_by: ctx.user().map(|user| user.id),
        created_at: ctx.now(),
        expires_at,
    };
    let id = store::insert_token(&mut tx, &granted, &new).await?;
    let token = store::join_token(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let after = serde_json::json!({ "note": token.note, "maxUses": max_uses, "expiresAt": expires_at, "machine": token.machine });
    let mut made = entry("machines:create-join-token", "", None, Some(after));
    (made.target_kind, made.target_id) = ("join_token", Some(id.to_string()));
    audit::record_in_tx(&mut tx, ctx, made).await?;
    tx.commit().await?;
    let url = &platform.settings().public_url;
    // An assignment before a command is not among its words, which everybody on the host can read.
    let install_command = format!("curl -fsSL {url}/install.sh | REMOTEGPU_JOIN_TOKEN={secret} sh");
    Ok(JoinTokenSecret { token, secret, install_command })
}

/// Ends a token; agents that joined with it stay.
pub async fn revoke_join_token(platform: &Platform, ctx: &OpContext, id: JoinTokenId) -> Result<JoinTokenView> {
    let ctx = &ctx.trying_on("machines:revoke-join-token", "join_token", id);
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(EnrollMachines, &Fleet)?;
    store::revoke_token(&mut tx, &granted, id, ctx.now()).await?;
    let token = store::join_token(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let before = serde_json::json!({ "note": token.note });
    let mut gone = entry("machines:revoke-join-token", "", Some(before), None);
    (gone.target_kind, gone.target_id) = ("join_token", Some(id.to_string()));
    audit::record_in_tx(&mut tx, ctx, gone).await?;
    tx.commit().await?;
    Ok(token)
}

fn check(request: &JoinTokenCreate) -> Result<(u32, u32)> {
    let (hours, max_uses) = (request.hours.unwrap_or(24), request.max_uses.unwrap_or(1));
    let mut wrong = Error::new(ErrorCode::Validation);
    let mut range = |path, value: u32, max: u32| {
        if value == 0 || value > max {
            let args = vec![("min", "1".to_owned()), ("max", max.to_string())];
            wrong.fields.push(FieldError { path, key: "field-number-range", args });
        }
    };
    range("hours", hours, 720);
    range("maxUses", max_uses, 1000);
    if request.note.chars().count() > 100 {
        wrong.fields.push(FieldError { path: "note", key: "field-too-long", args: vec![("max", "100".to_owned())] });
    }
    if request.machine.is_some() && max_uses != 1 {
        wrong = wrong.with_field("maxUses", "field-one-use-for-machine");
    }
    wrong.into_result()?;
    Ok((hours, max_uses))
}
