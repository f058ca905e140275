//! The data disk of an instance whose container is to be made again. Where somebody took it away at the machine, nothing is put
//! in its place by itself: the instance fails with that as its reason, and begins with an empty disk when its people say so.

use contract::instances::{InstanceAction, InstanceView};
use contract::{ErrorCode, InstanceId};
use runtime::docker::containers::Containers;
use serde_json::json;

use super::store::{self, Row};
use super::work::{self, Trouble};
use super::{entry, made_of, own_row, system, views, wish, worker};
use crate::authz::ManageOwnInstance;
use crate::{Error, OpContext, Platform, Result, audit};

/// Why an instance failed.
pub(super) const GONE: &str = "data-gone";
/// In its history, of a container that was made with an empty disk instead of that.
pub(super) const EMPTY: &str = "data-empty";
/// In the audit log.
const RENEW: &str = "instances:renew-data";

/// With which a container can be made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Disk {
    /// It is there, or there never was one.
    Fine,
    /// It is gone, and its people want an empty one.
    Renewed,
}

/// Asks its engine, before a container of it is made. Nothing where the instance is given up, because it is gone.
pub(super) async fn ready(platform: &Platform, engine: &Containers, row: &Row) -> Result<Option<Disk>, Trouble> {
    let had = row.made_at.is_some() && row.made_of().data_disk_gb > 0 && row.spec.data_disk_gb > 0;
    if !had {
        return Ok(Some(Disk::Fine));
    }
    let ctx = worker(platform);
    let name = made_of::name(platform, &ctx, row.id).await?;
    let is_there = engine.has_volume(&made_of::data_volume(&name)).await?;
    let mut tx = platform.db().begin(&ctx).await?;
    let agreed = store::begins_empty(&mut tx, row.id).await?;
    if is_there {
        store::keep_disk(&mut tx, row.id).await?;
    }
    tx.commit().await.map_err(Error::from)?;
    if is_there {
        return Ok(Some(Disk::Fine));
    }
    if !agreed {
        work::give_up(platform, row, GONE, "").await?;
    }
    Ok(agreed.then_some(Disk::Renewed))
}

/// Has one of one's own whose data disk is gone begin with an empty one, and starts it.
///
/// # Errors
/// `NotFound` where there is none, `Forbidden` for one that is another person's, `WrongState` for one that did not fail for
/// that, and as [`super::act`]'s.
pub async fn renew_data(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<InstanceView> {
    let tried = ctx.trying_on(RENEW, "instance", id);
    let row = own_row(platform, &tried, id).await?;
    let granted = tried.authorize(ManageOwnInstance, &row.own())?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let row = store::lock(&mut tx, granted.id()).await?.ok_or_else(Error::not_found)?;
    if row.failure.as_deref() != Some(GONE) {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-instance-data-there"));
    }
    store::begin_empty(&mut tx, row.id).await?;
    let facts = json!({ "name": row.name, "machine": row.machine_code });
    audit::record_in_tx(&mut tx, ctx, entry(RENEW, &row, None, Some(facts))).await?;
    tx.commit().await?;
    let row = wish(platform, ctx, &granted, (InstanceAction::Start, None)).await?;
    views::one(platform, ctx, row).await
}
