//! Who is, or was, in instances, by SSH, by the browser's terminal and to applications, and ending that.

use contract::access::{AccessKind, AccessQuery, AccessSession};
use contract::{Page, Permission};
use serde_json::json;
use uuid::Uuid;

use super::store::{self, AccessRow, Row};
use super::{entry, listed, system};
use crate::authz::{InstanceRef, ManageOwnInstance, OperateInstance, OwnInstanceRef};
use crate::{Error, OpContext, Platform, Result, accounts, audit, customers};

/// A page of those in one's customer's instances, or in one's own, the newest first.
///
/// # Errors
/// `NotFound` for who has no instances.
pub async fn list_access(platform: &Platform, ctx: &OpContext, query: &AccessQuery) -> Result<Page<AccessSession>> {
    let whose = listed(ctx)?;
    let may = |row: &Row| ctx.authorize(ManageOwnInstance, &row.own()).is_ok();
    page(platform, ctx, whose, query, may).await
}

/// The same of everybody's, for staff.
///
/// # Errors
/// `NotFound` for others.
pub async fn list_all_access(platform: &Platform, ctx: &OpContext, query: &AccessQuery) -> Result<Page<AccessSession>> {
    ctx.authorize_list::<InstanceRef>(Permission::InstancesView)?;
    let may = |row: &Row| ctx.authorize(OperateInstance, &row.of_staff()).is_ok();
    page(platform, ctx, (None, None), query, may).await
}

async fn page(
    platform: &Platform,
    ctx: &OpContext,
    whose: (Option<contract::CustomerId>, Option<contract::UserId>),
    query: &AccessQuery,
    may: impl Fn(&Row) -> bool,
) -> Result<Page<AccessSession>> {
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let (found, total) = store::list_access(&mut tx, whose, query, (page, page_size)).await?;
    let ids: Vec<i64> = found.iter().map(|it| it.instance.0).collect();
    let instances = store::rows(&mut tx, &ids).await?;
    let users: Vec<i64> = found.iter().map(|it| it.user.0).collect();
    let people = accounts::names(&mut tx, &users).await?;
    let of: Vec<i64> = instances.iter().map(|row| row.customer.0).collect();
    let customers = match ctx.is_staff() {
        true => customers::names(&mut tx, &of).await?,
        false => std::collections::HashMap::new(),
    };
    tx.commit().await?;
    let list = found.into_iter().zip(instances).map(|(it, row)| AccessSession {
        may_end: it.ended_at.is_none() && may(&row),
        user_name: people.get(&it.user.0).cloned().unwrap_or_default(),
        customer_name: customers.get(&row.customer.0).cloned(),
        customer_id: row.customer,
        instance: row.id,
        instance_name: row.name,
        id: it.id.to_string(),
        kind: it.kind,
        user: it.user,
        address: it.address,
        client: it.client,
        fingerprint: it.fingerprint,
        opened_at: it.opened_at,
        ended_at: it.ended_at,
        reason: it.reason,
    });
    Ok(Page { list: list.collect(), total, page, page_size })
}

/// Ends one in one's own instance: the connection is closed within seconds. One that is over stays so.
///
/// # Errors
/// `NotFound` where there is none, `Forbidden` for one in another person's instance.
pub async fn end_access(platform: &Platform, ctx: &OpContext, id: &str) -> Result<()> {
    ctx.trying_new(END, "instance").authorize_list::<OwnInstanceRef>(Permission::InstancesUse)?;
    end(platform, ctx, id, |ctx, row| ctx.authorize(ManageOwnInstance, &row.own()).map(|_| ())).await
}

/// The same of anybody's, for staff; its customer reads of it in its own log.
///
/// # Errors
/// As [`end_access`].
pub async fn end_any_access(platform: &Platform, ctx: &OpContext, id: &str) -> Result<()> {
    ctx.trying_new(END, "instance").authorize_list::<InstanceRef>(Permission::InstancesView)?;
    end(platform, ctx, id, |ctx, row| ctx.authorize(OperateInstance, &row.of_staff()).map(|_| ())).await
}

/// In the audit log; of the instance that somebody is in.
const END: &str = "instances:end-access";

async fn end(
    platform: &Platform,
    ctx: &OpContext,
    id: &str,
    may: impl Fn(&OpContext, &Row) -> Result<()>,
) -> Result<()> {
    let id: Uuid = id.parse().map_err(|_| Error::not_found())?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let found = store::find_access(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let row = store::find(&mut tx, found.instance).await?.ok_or_else(Error::not_found)?;
    may(&ctx.trying_on(END, "instance", row.id), &row)?;
    if found.ended_at.is_some() {
        return Ok(());
    }
    let person = accounts::names(&mut tx, &[found.user.0]).await?.remove(&found.user.0).unwrap_or_default();
    let facts = json!({ "kind": found.kind, "person": person, "address": found.address, "openedAt": found.opened_at });
    audit::record_in_tx(&mut tx, ctx, entry(END, &row, Some(facts), None)).await?;
    let session = end_in_tx(&mut tx, ctx, &found).await?;
    tx.commit().await?;
    if let Some(session) = session {
        accounts::tell_ended(platform, session);
    }
    super::terminals::close_here(platform, id);
    Ok(())
}

/// A connection ends with its session, which every server looks at; a terminal by its row.
async fn end_in_tx(tx: &mut crate::db::Tx, ctx: &OpContext, found: &AccessRow) -> Result<Option<contract::SessionId>> {
    match (found.kind, found.session) {
        (AccessKind::Ssh, session) => {
            store::end_visit(tx, found.id, "access", ctx.now()).await?;
            if let Some(session) = session {
                accounts::end_ssh_session_in_tx(tx, session, ctx.now()).await?;
            }
            Ok(session)
        }
        // The session of the portal stays: its browser is let in again by whom may be.
        (AccessKind::App, _) => {
            store::end_app_visit(tx, found.id, "access", ctx.now()).await?;
            Ok(None)
        }
        (AccessKind::Terminal, _) => {
            store::end_terminal(tx, found.id, ("closed", None), ctx.now()).await?;
            Ok(None)
        }
    }
}
