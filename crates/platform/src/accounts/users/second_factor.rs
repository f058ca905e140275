//! Taking the second factor off somebody who lost the app and the recovery codes, for staff.
//!
//! Invariants: as much is asked as for a new password, because it is half of the way in; nobody takes off their own here, which
//! an API token may not reach; the person is told, and signs in again.

use contract::users::{UserState, UserView};
use contract::{ErrorCode, UserId};

use super::{end_sessions_in_tx, entry, lock_in_tx, may_get_password, not_oneself, read};
use crate::accounts::store::second_factor as store;
use crate::accounts::{SessionEnding, second_factor};
use crate::authz::{UpdateUser, UserRef};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, SystemActor, audit};

const ACTION: &str = "users:reset-second-factor";

/// Switches somebody's second factor off and signs them out everywhere.
///
/// # Errors
/// `WrongState` for one's own, for a deleted account and where none is on; `Forbidden` when the person may what the caller
/// does not hold.
pub async fn reset_second_factor(platform: &Platform, ctx: &OpContext, id: UserId) -> Result<UserView> {
    let ctx = &ctx.trying(entry(ACTION, id));
    // What is told is the system's, and so is somebody else's secret.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let granted = ctx.authorize(UpdateUser, &UserRef::of_platform(id))?;
    let row = lock_in_tx(&mut tx, id).await?;
    may_be_reset(&mut tx, ctx, id, row.state).await?;
    store::remove_of(&mut tx, &granted).await?;
    audit::record_of_person_in_tx(&mut tx, ctx, id, entry(ACTION, id)).await?;
    second_factor::tell(platform, &mut tx, ctx, id, "off").await?;
    end_sessions_in_tx(&mut tx, id).await?;
    let view = read(&mut tx, ctx, id).await?;
    tx.commit().await?;
    let _ = platform.endings().send(SessionEnding::User(id));
    Ok(view)
}

/// Whether it may be taken off by the caller.
pub(super) async fn may_be_reset(tx: &mut Tx, ctx: &OpContext, id: UserId, state: UserState) -> Result<()> {
    not_oneself(ctx, id).map_err(|own| own.with_key("error-user-self-second-factor"))?;
    may_get_password(tx, ctx, id, state).await?;
    match store::is_on(tx, id).await? {
        true => Ok(()),
        false => Err(Error::new(ErrorCode::WrongState).with_key("error-totp-off")),
    }
}
