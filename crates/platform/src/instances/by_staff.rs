//! What staff do with a customer's instance: never without a reason, which stands in its history and in its customer's log, and
//! of which whose it is is told.

use contract::InstanceId;
use contract::instances::{InstanceAction, InstanceView, StaffInstanceAct};

use super::{get_any, name_of, staff_row, wish};
use crate::authz::OperateInstance;
use crate::fields::Wrong;
use crate::{OpContext, Platform, Result};

/// As [`super::act`] with anybody's.
///
/// # Errors
/// As [`super::act`], and `Validation` without a reason that says something.
pub async fn act_on_any(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    action: InstanceAction,
    body: StaffInstanceAct,
) -> Result<InstanceView> {
    let tried = ctx.trying_on(name_of(action), "instance", id);
    let row = staff_row(platform, &tried, id).await?;
    let granted = tried.authorize(OperateInstance, &row.of_staff())?;
    let mut wrong = Wrong::new();
    let reason = wrong.reason(Some(body.reason));
    wrong.into_result()?;
    wish(platform, ctx, &granted, (action, reason.as_deref())).await?;
    get_any(platform, ctx, id).await
}
