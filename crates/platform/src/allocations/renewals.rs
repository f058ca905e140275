//! A customer's wish for more time, and the answer to it.

use chrono::{DateTime, TimeDelta, Utc};
use contract::allocations::{
    AllocationDetail, AllocationState, MAX_MONTHS, RenewalDecision, RenewalQuery, RenewalRequestCreate,
    RenewalRequestView, RenewalSort, RenewalState,
};
use contract::{AllocationId, ErrorCode, May, Page, Permission, RenewalRequestId};

use super::{detail, event, keep, move_end, notices, store};
use crate::authz::{AllocationRef, Granted, RequestRenewal, UpdateAllocation};
use crate::calendar::add_months;
use crate::db::Tx;
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, customers, machines, settings};

/// How often a customer may ask for more time and take that back, of one machine within a day.
const MOST_TAKEN_BACK: u64 = 5;

/// Who has just heard of such a wish hears of no other: it stands where they were led.
const QUIET: TimeDelta = TimeDelta::hours(4);

/// Asks for more time for a machine one has.
pub async fn request_renewal(
    platform: &Platform,
    ctx: &OpContext,
    machine: &str,
    body: RenewalRequestCreate,
) -> Result<AllocationDetail> {
    // Of the machine, until it is known by which allocation one has it.
    let ctx = &ctx.trying(machines::attempt("allocations:request-renewal", machine));
    let customer = super::own_customer(ctx, Permission::AllocationsView)?;
    let zone = settings::time_zone(platform).await;
    // What staff are told is the system's.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let id = machines::id_in_tx(&mut tx, machine).await?.ok_or_else(Error::not_found)?;
    let Some(row) = store::current(&mut tx, id, customer).await? else {
        let unseen = ctx.unseen(Permission::AllocationsRequestRenewal, "machine", machine);
        return Err(super::access::unless_had(&mut tx, id, customer, unseen).await?);
    };
    let tried = ctx.trying_on("allocations:request-renewal", "allocation", row.id);
    let granted = tried.authorize(RequestRenewal, &row.resource())?;
    // It may be taken back just now: what is asked for after that would wait for ever.
    let row = store::lock(&mut tx, row.id).await?.ok_or_else(Error::not_found)?;
    let mut wrong = Wrong::new();
    let months = body.months.unwrap_or(0);
    if months == 0 || months > MAX_MONTHS {
        let bounds = vec![("min", "1".to_owned()), ("max", MAX_MONTHS.to_string())];
        wrong.add_with("months", "field-number-range", bounds);
    }
    let message = wrong.text("message", body.message, 1000);
    if row.open_request.is_some() {
        wrong.add("months", "field-renewal-open");
    }
    wrong.into_result()?;
    may_be_longer(&mut tx, &row, ctx.now()).await?;
    let told = store::was_taken_back(&mut tx, row.id, ctx.now() - QUIET).await?;
    let wanted =
        add_months(row.ends_at, months, zone, Some(row.starts_at)).ok_or_else(|| Error::internal("a far date"))?;
    store::insert_request(&mut tx, &granted, &row, wanted, message.as_deref(), ctx).await?;
    event(&mut tx, ctx, row.id, "renewal_requested", None, Some(wanted), message.as_deref()).await?;
    let entry = audit::Entry {
        action: "allocations:request-renewal",
        target_kind: "allocation",
        target_id: Some(row.id.to_string()),
        customer: Some(customer),
        before: None,
        after: Some(serde_json::json!({ "wantedUntil": wanted, "message": message })),
    };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    if told {
        notices::wished_again(platform, &mut tx, ctx, &row, wanted).await?;
    } else {
        notices::wished(platform, &mut tx, ctx, &row, wanted).await?;
    }
    // As the customer sees it; before it is kept, so that nothing is kept that is answered with an error.
    let row = store::get(&mut tx, row.id).await?.ok_or_else(Error::not_found)?;
    let detail = detail(platform, ctx, &mut tx, row).await?;
    tx.commit().await?;
    Ok(detail)
}

/// Takes back what one's customer asked for and nobody has answered.
///
/// # Errors
/// `WrongState` where nothing is asked for any more.
pub async fn withdraw_renewal(platform: &Platform, ctx: &OpContext, machine: &str) -> Result<AllocationDetail> {
    // Of the machine, until it is known by which allocation one has it.
    let ctx = &ctx.trying(machines::attempt("allocations:withdraw-renewal", machine));
    let customer = super::own_customer(ctx, Permission::AllocationsView)?;
    // By the database's own rules a customer changes no request that is there.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let id = machines::id_in_tx(&mut tx, machine).await?.ok_or_else(Error::not_found)?;
    let Some(row) = store::current(&mut tx, id, customer).await? else {
        let unseen = ctx.unseen(Permission::AllocationsRequestRenewal, "machine", machine);
        return Err(super::access::unless_had(&mut tx, id, customer, unseen).await?);
    };
    let tried = ctx.trying_on("allocations:withdraw-renewal", "allocation", row.id);
    let granted = tried.authorize(RequestRenewal, &row.resource())?;
    // Somebody may be answering it.
    let row = store::lock(&mut tx, row.id).await?.ok_or_else(Error::not_found)?;
    let none_open = || Error::new(ErrorCode::WrongState).with_key("error-renewal-none-open");
    let open = row.open_request.ok_or_else(none_open)?;
    let request = store::lock_request(&mut tx, open).await?.filter(|request| request.state == RenewalState::Open);
    let wanted = request.ok_or_else(none_open)?.wanted_until;
    store::withdraw(&mut tx, &granted, open, ctx.now()).await?;
    event(&mut tx, ctx, row.id, "renewal_withdrawn", None, None, None).await?;
    notices::wish_withdrawn(platform, &mut tx, ctx, &row, wanted).await?;
    let entry = audit::Entry {
        action: "allocations:withdraw-renewal",
        target_kind: "allocation",
        target_id: Some(row.id.to_string()),
        customer: Some(customer),
        before: Some(serde_json::json!({ "wantedUntil": wanted })),
        after: None,
    };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    let row = store::get(&mut tx, row.id).await?.ok_or_else(Error::not_found)?;
    let detail = detail(platform, ctx, &mut tx, row).await?;
    tx.commit().await?;
    Ok(detail)
}

/// Whether more time can be asked for as things stand.
async fn may_be_longer(tx: &mut Tx, row: &store::Row, now: DateTime<Utc>) -> Result<()> {
    if !matches!(row.state, AllocationState::Active | AllocationState::Grace) {
        return Err(super::wrong_state(row.state));
    }
    // What staff could not grant either is not waited for.
    if !machines::takes_renewals(tx, row.machine).await? {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-renew-service-state"));
    }
    if store::taken_back(tx, row.id, now - TimeDelta::days(1)).await? >= MOST_TAKEN_BACK {
        let error = Error::new(ErrorCode::WrongState).with_key("error-renewal-often");
        return Err(error.with_arg("max", MOST_TAKEN_BACK.to_string()));
    }
    Ok(())
}

/// Whether the caller may ask for more time for a machine its customer has, and why not.
///
/// # Errors
/// `NotFound` when it does not have it.
pub async fn may_request_renewal(platform: &Platform, ctx: &OpContext, machine: &str) -> Result<May> {
    let customer = super::own_customer(ctx, Permission::AllocationsView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let id = machines::id_in_tx(&mut tx, machine).await?.ok_or_else(Error::not_found)?;
    let row = store::current(&mut tx, id, customer).await?.ok_or_else(Error::not_found)?;
    let permitted = ctx.holds(Permission::AllocationsRequestRenewal);
    let may = crate::may(ctx, permitted, may_be_longer(&mut tx, &row, ctx.now()).await)?;
    tx.commit().await?;
    Ok(may)
}

/// Requests of every customer, open ones first.
pub async fn list_renewals(platform: &Platform, ctx: &OpContext, open: bool) -> Result<Vec<RenewalRequestView>> {
    ctx.authorize_list::<AllocationRef>(Permission::AllocationsManage)?;
    let mut tx = platform.db().begin(ctx).await?;
    let requests = store::requests(&mut tx, open).await?;
    let list = named(&mut tx, platform, ctx, requests).await?;
    tx.commit().await?;
    Ok(list)
}

/// A page of requests; open ones first, then the newest, unless another order is asked for.
pub async fn page_of_renewals(
    platform: &Platform,
    ctx: &OpContext,
    query: &RenewalQuery,
) -> Result<Page<RenewalRequestView>> {
    ctx.authorize_list::<AllocationRef>(Permission::AllocationsManage)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let sort = contract::sort_of(query.sort.as_deref(), RenewalSort::parse)
        .map_err(|_| Error::field("sort", "field-sort-unknown"))?;
    let mut tx = platform.db().begin(ctx).await?;
    let (requests, total) = store::page_of_requests(&mut tx, query, &sort, page, page_size).await?;
    let list = named(&mut tx, platform, ctx, requests).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// Whether there is such a request, for the log of what was tried.
pub(crate) async fn is_requested(tx: &mut Tx, id: RenewalRequestId) -> Result<bool> {
    Ok(store::allocation_of(tx, id).await?.is_some())
}

/// Grants, changes or refuses a request.
pub async fn decide_renewal(
    platform: &Platform,
    ctx: &OpContext,
    id: RenewalRequestId,
    body: RenewalDecision,
) -> Result<AllocationDetail> {
    let action = if body.approve { "allocations:renew" } else { "allocations:refuse-renewal" };
    ctx.trying_on(action, "renewal_request", id).authorize_list::<AllocationRef>(Permission::AllocationsView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let unseen =
        || ctx.trying_on(action, "renewal_request", id).unseen(Permission::AllocationsView, "renewal_request", id);
    let allocation = store::allocation_of(&mut tx, id).await?.ok_or_else(unseen)?;
    let ctx = &ctx.trying_on(action, "allocation", allocation);
    let row = super::lock(&mut tx, ctx, allocation).await?;
    let granted = ctx.authorize(UpdateAllocation, &row.resource())?;
    let request = store::lock_request(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let mut wrong = Wrong::new();
    let answer = wrong.text("answer", body.answer, 1000);
    if !body.approve && answer.is_none() {
        wrong.add("answer", "field-answer-required");
    }
    wrong.into_result()?;
    if request.state != RenewalState::Open {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-renewal-decided"));
    }
    let row = if body.approve {
        let until = body.ends_at.unwrap_or(request.wanted_until);
        // Who asks for more time is never answered by having some taken away: renewed meanwhile beyond what was asked for, a
        // plain yes would do that, and so would an earlier day by mistake. To shorten a lease is to move its end.
        match body.ends_at {
            None if until < row.ends_at => {
                return Err(Error::new(ErrorCode::WrongState).with_key("error-renewal-overtaken"));
            }
            Some(end) if end <= row.ends_at => return Err(Error::field("endsAt", "field-renewal-not-later")),
            _ => {}
        }
        let state = if until == request.wanted_until { RenewalState::Approved } else { RenewalState::Changed };
        close(&mut tx, ctx, &granted, (row.id, id), (state, Some(until)), answer.as_deref()).await?;
        move_end(platform, &mut tx, ctx, &row, ("endsAt", until), answer.as_deref()).await?
    } else {
        close(&mut tx, ctx, &granted, (row.id, id), (RenewalState::Refused, None), answer.as_deref()).await?;
        event(&mut tx, ctx, row.id, "renewal_refused", None, None, answer.as_deref()).await?;
        let entry = audit::Entry {
            action: "allocations:refuse-renewal",
            target_kind: "allocation",
            target_id: Some(row.id.to_string()),
            customer: Some(row.customer),
            before: None,
            after: Some(serde_json::json!({ "answer": answer })),
        };
        audit::record_in_tx(&mut tx, ctx, entry).await?;
        store::get(&mut tx, row.id).await?.ok_or_else(Error::not_found)?
    };
    let refusal = (!body.approve).then_some(answer.as_deref().unwrap_or_default());
    notices::decided(platform, &mut tx, ctx, &row, refusal).await?;
    let detail = detail(platform, ctx, &mut tx, row).await?;
    keep(platform, tx).await?;
    Ok(detail)
}

/// Stores the answer, and has it stand in what those who may answer were told.
async fn close(
    tx: &mut Tx,
    ctx: &OpContext,
    granted: &Granted<UpdateAllocation>,
    (allocation, id): (AllocationId, RenewalRequestId),
    (state, until): (RenewalState, Option<DateTime<Utc>>),
    answer: Option<&str>,
) -> Result<()> {
    store::decide(tx, granted, id, state, until, answer, ctx).await?;
    notices::wish_answered(tx, ctx, allocation, state, until).await
}

/// More time that is given without looking at what was asked for answers that too: nobody is left waiting for a word.
pub(super) async fn answer_open(tx: &mut Tx, ctx: &OpContext, row: &store::Row, ends_at: DateTime<Utc>) -> Result<()> {
    let Some(id) = row.open_request.filter(|_| ends_at > row.ends_at) else { return Ok(()) };
    let granted = ctx.authorize(UpdateAllocation, &row.resource())?;
    let Some(request) = store::lock_request(tx, id).await?.filter(|request| request.state == RenewalState::Open) else {
        return Ok(());
    };
    let state = if ends_at == request.wanted_until { RenewalState::Approved } else { RenewalState::Changed };
    close(tx, ctx, &granted, (row.id, id), (state, Some(ends_at)), None).await
}

/// Closes what nobody answered of a lease that is over: it has no object any more, and who asked reads so.
pub(super) async fn lapse_open(tx: &mut Tx, ctx: &OpContext, row: &store::Row) -> Result<()> {
    let Some(id) = row.open_request else { return Ok(()) };
    let granted = ctx.authorize(UpdateAllocation, &row.resource())?;
    let Some(request) = store::lock_request(tx, id).await?.filter(|request| request.state == RenewalState::Open) else {
        return Ok(());
    };
    store::lapse(tx, &granted, id, ctx.now()).await?;
    event(tx, ctx, row.id, "renewal_lapsed", None, None, None).await?;
    notices::wish_lapsed(tx, row.id).await?;
    let code = machines::codes(tx, &[row.machine.0]).await?.remove(&row.machine.0);
    let entry = audit::Entry {
        action: "allocations:lapse-renewal",
        target_kind: "allocation",
        target_id: Some(row.id.to_string()),
        customer: Some(row.customer),
        before: Some(serde_json::json!({ "name": code, "wantedUntil": request.wanted_until })),
        after: Some(serde_json::json!({ "name": code, "wantedUntil": null })),
    };
    audit::record_in_tx(tx, ctx, entry).await
}

/// Requests of one allocation, newest first.
pub(super) async fn of_allocation(
    platform: &Platform,
    ctx: &OpContext,
    tx: &mut Tx,
    row: &store::Row,
) -> Result<Vec<RenewalRequestView>> {
    let requests = store::requests_of(tx, row.id).await?;
    named(tx, platform, ctx, requests).await
}

async fn named(
    tx: &mut Tx,
    platform: &Platform,
    ctx: &OpContext,
    requests: Vec<store::Request>,
) -> Result<Vec<RenewalRequestView>> {
    let machine_ids: Vec<i64> = requests.iter().map(|request| request.machine.0).collect();
    let customer_ids: Vec<i64> = requests.iter().map(|request| request.customer.0).collect();
    let briefs = machines::briefs(platform, tx, &machine_ids, ctx.now()).await?;
    let names = customers::names(tx, &customer_ids).await?;
    Ok(requests
        .into_iter()
        .map(|request| {
            let brief = briefs.get(&request.machine.0).cloned().unwrap_or_default();
            let customer = names.get(&request.customer.0).cloned().unwrap_or_default();
            view(request, brief.code, brief.name, customer)
        })
        .collect())
}

fn view(request: store::Request, machine: String, machine_name: String, customer_name: String) -> RenewalRequestView {
    RenewalRequestView {
        id: request.id,
        allocation_id: request.allocation,
        machine,
        machine_name,
        customer_id: request.customer,
        customer_name,
        ends_at: request.ends_at,
        wanted_until: request.wanted_until,
        message: request.message,
        state: request.state,
        lapsed: request.lapsed,
        granted_until: request.granted_until,
        answer: request.answer,
        requested_by: request.requested_by,
        created_at: request.created_at,
        decided_at: request.decided_at,
    }
}
