//! Parting somebody's account from a sign-in service, for staff: whoever is there may be nobody whom the owner knows.
//!
//! Invariants: nobody parts the account of somebody who may more than they do; nobody parts their own here; the only way in
//! stays unless it is said that it may go; whoever came in by any way signs in again.

use contract::users::UserView;
use contract::{ErrorCode, IdentityId, UserId};
use serde_json::json;

use super::{end_sessions_in_tx, entry, exists_in_tx, may_be_parted, read};
use crate::accounts::store::identity as store;
use crate::accounts::{SessionEnding, identity as providers};
use crate::authz::{UpdateUser, UserRef};
use crate::{Error, OpContext, Platform, Result, SystemActor, audit};

/// Parts an account from an identity; the roles that its groups gave go with it, every session ends, and the owner is told.
///
/// # Errors
/// `NotFound` for an identity that is not theirs; `WrongState` for one's own, for a deleted account, and for the only way in
/// of an account without a password, unless `only_way` says that it may go; `Forbidden` when the person may what the caller
/// does not hold.
pub async fn unlink_identity(
    platform: &Platform,
    ctx: &OpContext,
    (user, id): (UserId, IdentityId),
    only_way: bool,
) -> Result<UserView> {
    let ctx = &ctx.trying(entry("users:unlink-identity", user));
    // What is told, and the roles that go, are the system's.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let granted = ctx.authorize(UpdateUser, &UserRef::of_platform(user))?;
    exists_in_tx(&mut tx, user).await?;
    // Not locked: customers whose people change come before the person.
    let state = super::store::view(&mut tx, user, ctx.now()).await?.ok_or_else(Error::not_found)?.user.state;
    may_be_parted(&mut tx, ctx, user, state).await?;
    let all = store::identities_of(&mut tx, user).await?;
    let identity = all.iter().find(|identity| identity.id == id).ok_or_else(Error::not_found)?;
    if identity.only_way && !only_way {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-user-identity-only-way"));
    }
    let given = store::delete_identity_of(&mut tx, &granted, id).await?.ok_or_else(Error::not_found)?;
    let (roles, _) = providers::take_back_in_tx(&mut tx, user, given).await?;
    let entry = audit::Entry {
        before: Some(json!({ "provider": identity.provider_name, "label": identity.label })),
        after: Some(json!({ "roles": roles })),
        ..entry("users:unlink-identity", user)
    };
    audit::record_of_person_in_tx(&mut tx, ctx, user, entry).await?;
    providers::tell(platform, &mut tx, ctx, user, ("parted", &identity.provider_name, &identity.label)).await?;
    end_sessions_in_tx(&mut tx, user).await?;
    let view = read(&mut tx, ctx, user).await?;
    tx.commit().await?;
    let _ = platform.endings().send(SessionEnding::User(user));
    Ok(view)
}
