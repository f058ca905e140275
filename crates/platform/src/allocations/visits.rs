//! Who is, or was, on whole machines by the SSH door; and ending that. What is done there is not recorded: with one's own key, it
//! passes the door sealed.

use std::collections::HashMap;

use chrono::TimeDelta;
use contract::access::{AccessKind, MachineAccess, MachineAccessQuery, StaffEnding};
use contract::{CustomerId, Page, Permission, UserId};
use serde_json::json;
use uuid::Uuid;

use super::notices;
use super::store::{self, VisitRow};
use crate::authz::{AllocationRef, EndMachineVisit, MachineVisitRef, OperateMachine, Scope};
use crate::fields::owed_reason;
use crate::{Error, OpContext, Platform, Result, SystemActor, accounts, audit, customers, machines};

/// As long as those in instances are.
const KEPT: TimeDelta = TimeDelta::days(90);
/// In the audit log; of the allocation whose machine somebody is on.
const END: &str = "allocations:end-access";

/// A page of those on one's customer's machines, for its owners, or of oneself there, the newest first.
///
/// # Errors
/// `NotFound` for who acts for no customer.
pub async fn list_visits(
    platform: &Platform,
    ctx: &OpContext,
    query: &MachineAccessQuery,
) -> Result<Page<MachineAccess>> {
    let acts_for = || ctx.user().and_then(|user| user.active_customer).ok_or_else(Error::not_found);
    let whose = match ctx.authorize_list::<MachineVisitRef>(Permission::InstancesUse)? {
        Scope::Customer(customer) => (Some(customer), None),
        Scope::Own(person) => (Some(acts_for()?), Some(person)),
        Scope::All => return Err(Error::not_found()),
    };
    let may = |row: &VisitRow| ctx.authorize(EndMachineVisit, &row.resource()).is_ok();
    page(platform, ctx, whose, query, may).await
}

/// The same of everybody's, for staff.
///
/// # Errors
/// `NotFound` for others.
pub async fn list_all_visits(
    platform: &Platform,
    ctx: &OpContext,
    query: &MachineAccessQuery,
) -> Result<Page<MachineAccess>> {
    ctx.authorize_list::<AllocationRef>(Permission::AllocationsManage)?;
    let may = |row: &VisitRow| ctx.authorize(OperateMachine, &machines::resource(row.machine)).is_ok();
    page(platform, ctx, (None, None), query, may).await
}

async fn page(
    platform: &Platform,
    ctx: &OpContext,
    whose: (Option<CustomerId>, Option<UserId>),
    query: &MachineAccessQuery,
    may: impl Fn(&VisitRow) -> bool,
) -> Result<Page<MachineAccess>> {
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Worker)).await?;
    let (found, mut total) = store::visits(&mut tx, whose, query, (page, page_size)).await?;
    // No row of a page beyond the end says how many there are.
    if found.is_empty() && page > 1 {
        total = store::visits(&mut tx, whose, query, (1, 1)).await?.1;
    }
    let users: Vec<i64> = found.iter().map(|row| row.user.0).collect();
    let people = accounts::names(&mut tx, &users).await?;
    let of: Vec<i64> = found.iter().map(|row| row.customer.0).collect();
    let customers = match ctx.is_staff() {
        true => customers::names(&mut tx, &of).await?,
        false => HashMap::new(),
    };
    tx.commit().await?;
    let list = found.into_iter().map(|row| MachineAccess {
        may_end: row.ended_at.is_none() && may(&row),
        id: row.id.to_string(),
        machine: row.machine_code,
        allocation: row.allocation,
        customer_id: row.customer,
        customer_name: customers.get(&row.customer.0).cloned(),
        user: row.user,
        user_name: people.get(&row.user.0).cloned().unwrap_or_default(),
        address: row.address,
        client: row.client,
        fingerprint: row.fingerprint,
        opened_at: row.opened_at,
        ended_at: row.ended_at,
        reason: row.reason,
    });
    Ok(Page { list: list.collect(), total, page, page_size })
}

/// Ends one on one's customer's machine, or one's own: the connection is closed within seconds. One that is over stays so.
///
/// # Errors
/// `NotFound` where there is none that the caller may see, `Forbidden` for who may begin none.
pub async fn end_visit(platform: &Platform, ctx: &OpContext, id: &str) -> Result<()> {
    ctx.trying_new(END, "allocation").authorize_list::<MachineVisitRef>(Permission::InstancesUse)?;
    let may = |ctx: &OpContext, row: &VisitRow| ctx.authorize(EndMachineVisit, &row.resource()).map(|_| ());
    end(platform, ctx, id, None, may).await
}

/// The same of anybody's, for staff: who was on it and the customer's owners are told why, and it stands in its own log.
///
/// # Errors
/// As [`end_visit`], and `Validation` without a reason that says something.
pub async fn end_any_visit(platform: &Platform, ctx: &OpContext, id: &str, why: StaffEnding) -> Result<()> {
    ctx.trying_new(END, "allocation").authorize_list::<AllocationRef>(Permission::AllocationsManage)?;
    let may =
        |ctx: &OpContext, row: &VisitRow| ctx.authorize(OperateMachine, &machines::resource(row.machine)).map(|_| ());
    end(platform, ctx, id, Some(why.reason), may).await
}

async fn end(
    platform: &Platform,
    ctx: &OpContext,
    id: &str,
    why: Option<String>,
    may: impl Fn(&OpContext, &VisitRow) -> Result<()>,
) -> Result<()> {
    let id: Uuid = id.parse().map_err(|_| Error::not_found())?;
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Worker)).await?;
    let row = store::find_visit(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    may(&ctx.trying_on(END, "allocation", row.allocation), &row)?;
    let reason = owed_reason(why)?;
    if row.ended_at.is_some() {
        return Ok(());
    }
    let person = accounts::names(&mut tx, &[row.user.0]).await?.remove(&row.user.0).unwrap_or_default();
    let facts = json!({
        "name": row.machine_code, "kind": AccessKind::Ssh, "person": person, "address": row.address,
        "openedAt": row.opened_at,
    });
    let entry = audit::Entry {
        action: END,
        target_kind: "allocation",
        target_id: Some(row.allocation.to_string()),
        customer: Some(row.customer),
        before: Some(facts),
        after: reason.as_ref().map(|reason| json!({ "name": row.machine_code, "reason": reason })),
    };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    if let Some(reason) = reason.as_deref() {
        notices::access_ended(platform, &mut tx, ctx, &row, reason).await?;
    }
    store::end_visit(&mut tx, id, "access", ctx.now()).await?;
    // It ends with its session, which every server looks at.
    if let Some(session) = row.session {
        accounts::end_ssh_session_in_tx(&mut tx, session, ctx.now()).await?;
    }
    tx.commit().await?;
    if let Some(session) = row.session {
        accounts::tell_ended(platform, session);
    }
    Ok(())
}

/// Writes of those whose server died that they are over, and forgets the old ones. Run by the job queue.
///
/// # Errors
/// The database is away.
pub async fn tidy_visits(platform: &Platform) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    store::tidy_visits(&mut tx, ctx.now() - KEPT).await?;
    tx.commit().await?;
    Ok(())
}
