//! One action with many people; each stands for itself.

use contract::machines::MAX_BULK;
use contract::users::{UserAction, UserBulk, UserRow};
use contract::{ErrorCode, Permission, UserId};

use super::{complete, may_be_switched, set_active, store};
use crate::authz::UserRef;
use crate::{Error, OpContext, Platform, Result};

/// Does it; some may be refused while others are done.
pub async fn act_on_many(platform: &Platform, ctx: &OpContext, bulk: UserBulk) -> Result<Vec<(String, Result<()>)>> {
    let action = if bulk.action == UserAction::Enable { "users:enable" } else { "users:disable" };
    checked(&ctx.trying_new(action, "user"), &bulk)?;
    if bulk.ids.is_empty() {
        return Err(Error::field("ids", "field-choose-some"));
    }
    let mut outcomes = Vec::with_capacity(bulk.ids.len());
    for id in once_each(&bulk.ids) {
        let done = set_active(platform, ctx, id, bulk.action == UserAction::Enable).await.map(|_| ());
        outcomes.push((id.to_string(), done));
    }
    Ok(outcomes)
}

/// What would become of each, as far as can be said before; who does not exist is left out.
pub async fn preview_many(platform: &Platform, ctx: &OpContext, bulk: &UserBulk) -> Result<Vec<(UserRow, Result<()>)>> {
    checked(ctx, bulk)?;
    let mut tx = platform.db().begin(ctx).await?;
    let mut found = Vec::with_capacity(bulk.ids.len());
    for id in once_each(&bulk.ids) {
        let (Some(view), Some(locked)) = (store::view(&mut tx, id, ctx.now()).await?, store::lock(&mut tx, id).await?)
        else {
            continue;
        };
        let possible = may_be_switched(&mut tx, ctx, id, locked.state, bulk.action == UserAction::Enable).await;
        found.push((view.user, possible));
    }
    complete(&mut tx, found.iter_mut().map(|(row, _)| row).collect()).await?;
    tx.commit().await?;
    Ok(found)
}

fn checked(ctx: &OpContext, bulk: &UserBulk) -> Result<()> {
    ctx.authorize_list::<UserRef>(Permission::UsersView)?;
    ctx.authorize_list::<UserRef>(bulk.action.permission())?;
    if bulk.ids.len() > MAX_BULK {
        return Err(Error::new(ErrorCode::Validation).with_field("ids", "field-too-many"));
    }
    Ok(())
}

fn once_each(ids: &[UserId]) -> impl Iterator<Item = UserId> {
    let mut seen = std::collections::HashSet::new();
    ids.iter().copied().filter(move |id| seen.insert(*id))
}
