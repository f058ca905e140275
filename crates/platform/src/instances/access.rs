//! Who is, or was, in instances, by SSH, by the browser's terminal and to applications, or looked on at a terminal; and ending
//! that.

use std::collections::HashMap;

use contract::access::{AccessKind, AccessQuery, AccessSession, StaffEnding};
use contract::{CustomerId, Page, Permission, UserId};
use serde_json::json;
use uuid::Uuid;

use super::store::{self, AccessRow, Row};
use super::{entry, listed, notices, system};
use crate::authz::{InstanceRef, ManageOwnInstance, OperateInstance, OwnInstanceRef};
use crate::db::Tx;
use crate::exports::Pages;
use crate::fields::owed_reason;
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
    whose: (Option<CustomerId>, Option<UserId>),
    query: &AccessQuery,
    may: impl Fn(&Row) -> bool,
) -> Result<Page<AccessSession>> {
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let (list, total) = some(&mut tx, ctx, whose, query, (page, page_size), may).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

async fn some(
    tx: &mut Tx,
    ctx: &OpContext,
    whose: (Option<CustomerId>, Option<UserId>),
    query: &AccessQuery,
    place: (u32, u32),
    may: impl Fn(&Row) -> bool,
) -> Result<(Vec<AccessSession>, u64)> {
    let (found, mut total) = store::list_access(tx, whose, query, place).await?;
    // No row of a page beyond the end says how many there are.
    if found.is_empty() && place.0 > 1 {
        total = store::list_access(tx, whose, query, (1, 1)).await?.1;
    }
    let ids: Vec<i64> = found.iter().map(|it| it.instance.0).collect();
    let instances = store::rows(tx, &ids).await?;
    let users: Vec<i64> = found.iter().map(|it| it.user.0).collect();
    let people = accounts::names(tx, &users).await?;
    let of: Vec<i64> = instances.iter().map(|row| row.customer.0).collect();
    let customers = match ctx.is_staff() {
        true => customers::names(tx, &of).await?,
        false => HashMap::new(),
    };
    // Whoever lists one person's alone finds nobody else's recordings.
    let sees = |it: &AccessRow| whose.1.is_none_or(|person| person == it.user);
    // Who of the platform it was is no customer's to know, as in their log.
    let names = |it: &AccessRow| ctx.is_staff() || !it.by_staff;
    let staff = texts::message(ctx.language(), "own-audit-actor-staff", &[]);
    let list = found.into_iter().zip(instances).map(|(it, row)| AccessSession {
        may_end: it.ended_at.is_none() && may(&row),
        may_see_recordings: it.recordings > 0 && sees(&it),
        recordings: it.recordings,
        user_name: match names(&it) {
            true => people.get(&it.user.0).cloned().unwrap_or_default(),
            false => staff.clone(),
        },
        customer_name: customers.get(&row.customer.0).cloned(),
        customer_id: row.customer,
        instance: row.id,
        instance_name: row.name,
        id: it.id.to_string(),
        kind: it.kind,
        user: it.user,
        address: it.address.clone().filter(|_| names(&it)),
        client: it.client,
        fingerprint: it.fingerprint,
        opened_at: it.opened_at,
        ended_at: it.ended_at,
        reason: it.reason,
    });
    Ok((list.collect(), total))
}

/// All of them for a workbook, as they were at one instant; true when there are more than fit. Who takes them away is in the log.
///
/// # Errors
/// As [`list_access`]'s, and whatever `take` gives.
pub async fn export_access(
    platform: &Platform,
    ctx: &OpContext,
    query: &AccessQuery,
    take: impl FnMut(AccessSession) -> Result<()> + Send,
) -> Result<bool> {
    let whose = listed(&ctx.trying_new(EXPORT, "instance"))?;
    export(platform, ctx, whose, query, take).await
}

/// The same of everybody's, for staff.
///
/// # Errors
/// As [`list_all_access`]'s, and whatever `take` gives.
pub async fn export_all_access(
    platform: &Platform,
    ctx: &OpContext,
    query: &AccessQuery,
    take: impl FnMut(AccessSession) -> Result<()> + Send,
) -> Result<bool> {
    ctx.trying_new(EXPORT, "instance").authorize_list::<InstanceRef>(Permission::InstancesView)?;
    export(platform, ctx, (None, None), query, take).await
}

async fn export(
    platform: &Platform,
    ctx: &OpContext,
    whose: (Option<CustomerId>, Option<UserId>),
    query: &AccessQuery,
    mut take: impl FnMut(AccessSession) -> Result<()> + Send,
) -> Result<bool> {
    audit::record_export(platform, ctx, (EXPORT, "instance"), whose.0, query).await?;
    let mut tx = platform.db().snapshot(&system(ctx)).await?;
    let mut pages = Pages::new();
    while let Some(place) = pages.wanted() {
        let (list, _) = some(&mut tx, ctx, whose, query, place, |_| false).await?;
        pages.hand_on(list, &mut take)?;
    }
    tx.commit().await?;
    Ok(pages.cut())
}

/// In the audit log, of a list that was taken away.
const EXPORT: &str = "instances:export-access";

/// Ends one in one's own instance: the connection is closed within seconds. One that is over stays so.
///
/// # Errors
/// `NotFound` where there is none, `Forbidden` for one in another person's instance.
pub async fn end_access(platform: &Platform, ctx: &OpContext, id: &str) -> Result<()> {
    ctx.trying_new(END, "instance").authorize_list::<OwnInstanceRef>(Permission::InstancesUse)?;
    let may = |ctx: &OpContext, row: &Row| ctx.authorize(ManageOwnInstance, &row.own_in_customer(ctx)).map(|_| ());
    end(platform, ctx, id, None, may).await
}

/// The same of anybody's, for staff: whose instance it is, and who was in it, are told why, and its customer reads it in its own
/// log.
///
/// # Errors
/// As [`end_access`], and `Validation` without a reason that says something.
pub async fn end_any_access(platform: &Platform, ctx: &OpContext, id: &str, why: StaffEnding) -> Result<()> {
    ctx.trying_new(END, "instance").authorize_list::<InstanceRef>(Permission::InstancesView)?;
    let may = |ctx: &OpContext, row: &Row| ctx.authorize(OperateInstance, &row.of_staff()).map(|_| ());
    end(platform, ctx, id, Some(why.reason), may).await
}

/// In the audit log; of the instance that somebody is in.
const END: &str = "instances:end-access";

async fn end(
    platform: &Platform,
    ctx: &OpContext,
    id: &str,
    why: Option<String>,
    may: impl Fn(&OpContext, &Row) -> Result<()>,
) -> Result<()> {
    let id: Uuid = id.parse().map_err(|_| Error::not_found())?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let found = store::find_access(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let row = store::find(&mut tx, found.instance).await?.ok_or_else(Error::not_found)?;
    may(&ctx.trying_on(END, "instance", row.id), &row)?;
    let reason = owed_reason(why)?;
    if found.ended_at.is_some() {
        return Ok(());
    }
    let person = accounts::names(&mut tx, &[found.user.0]).await?.remove(&found.user.0).unwrap_or_default();
    // The customer reads it, too: not who of the platform it was.
    let (person, address) = match found.by_staff {
        true => (None, None),
        false => (Some(person), found.address.clone()),
    };
    let facts = json!({ "kind": found.kind, "person": person, "address": address, "openedAt": found.opened_at });
    let after = reason.as_ref().map(|reason| json!({ "reason": reason }));
    audit::record_in_tx(&mut tx, ctx, entry(END, &row, Some(facts), after)).await?;
    if let Some(reason) = reason.as_deref() {
        let person = (!found.by_staff).then_some(found.user);
        notices::access_ended(platform, &mut tx, ctx, &row, person, (found.kind.code(), "", reason)).await?;
    }
    let session = end_in_tx(&mut tx, ctx, &found).await?;
    tx.commit().await?;
    if let Some(session) = session {
        accounts::tell_ended(platform, session);
    }
    super::terminals::close_here(platform, id);
    Ok(())
}

/// Ends what is open to somebody in a customer's instances whom it has no more, whichever customer their sessions act for. Their
/// shells and connections end with the sessions that act for it.
pub(crate) async fn end_access_of_in_tx(tx: &mut Tx, ctx: &OpContext, who: (UserId, CustomerId)) -> Result<()> {
    store::end_watches_of(tx, who, ctx.now()).await?;
    store::end_app_visits_of(tx, who, ctx.now()).await
}

/// A connection ends with its session, which every server looks at; a terminal by its row.
async fn end_in_tx(tx: &mut Tx, ctx: &OpContext, found: &AccessRow) -> Result<Option<contract::SessionId>> {
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
        (AccessKind::Watch, _) => {
            store::end_watch(tx, found.id, "closed", ctx.now()).await?;
            Ok(None)
        }
        (AccessKind::Terminal, _) => {
            store::end_terminal(tx, found.id, ("closed", None), ctx.now()).await?;
            Ok(None)
        }
    }
}
