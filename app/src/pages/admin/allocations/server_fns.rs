//! What allocation pages and forms call.

use contract::allocations::{AllocationAction, AllocationQuery, AllocationView};
use contract::{AllocationId, ApiError, BulkOutcome, Page, RenewalRequestId};
use leptos::prelude::*;

use super::form::LeaseForm;
#[cfg(feature = "ssr")]
use crate::{door, paths};

/// A page of allocations.
#[server]
pub async fn list_allocations(#[server(default)] query: AllocationQuery) -> Result<Page<AllocationView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::allocations::list(&platform, &ctx, &query).await).await
}

/// Lends a machine and goes to the allocation.
#[server]
pub async fn allocate_machine(code: String, #[server(default)] form: LeaseForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match form.create(platform::settings::time_zone(&platform).await) {
        Ok(body) => platform::allocations::create(&platform, &ctx, &code, body).await,
        Err(error) => door::must_hold(&ctx, contract::Permission::AllocationsCreate).and(Err(error)),
    };
    let next = |made: contract::allocations::AllocationDetail| paths::allocation(made.allocation.id);
    door::form_answer((&platform, &ctx), result, next, &paths::machine_allocate(&code), form.typed()).await
}

/// Moves an end.
#[server]
pub async fn renew_allocation(id: AllocationId, #[server(default)] form: LeaseForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match form.renew(platform::settings::time_zone(&platform).await) {
        Ok(body) => platform::allocations::renew(&platform, &ctx, id, body).await,
        Err(error) => door::must_hold(&ctx, contract::Permission::AllocationsUpdate).and(Err(error)),
    };
    door::form_answer((&platform, &ctx), result, |_| paths::allocation(id), &paths::allocation(id), form.typed()).await
}

/// Takes the machine back, or calls off what has not begun.
#[server]
pub async fn end_allocation(id: AllocationId, #[server(default)] form: LeaseForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let note = Some(form.word.clone()).filter(|word| !word.trim().is_empty());
    let body = contract::allocations::AllocationEnd { note };
    let result = platform::allocations::end(&platform, &ctx, id, body).await;
    door::form_answer((&platform, &ctx), result, |_| paths::allocation(id), &paths::allocation(id), form.typed()).await
}

/// Leaves a waiting step out.
#[server]
pub async fn skip_reclaim_step(id: AllocationId, step: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::allocations::skip_step(&platform, &ctx, id, &step).await;
    door::form_answer((&platform, &ctx), result, |_| paths::allocation(id), &paths::allocation(id), Vec::new()).await
}

/// Renews or reclaims many. Back to the list when all is done, else to what is left, with why; with `preview`, the address of
/// the page that shows what would become of each, only there.
#[server]
pub async fn act_on_allocations(
    action: AllocationAction,
    #[server(default)] ids: Vec<AllocationId>,
    #[server(default)] revisions: Vec<i64>,
    months: Option<u32>,
    #[server(default)] note: String,
    #[server(default)] preview: String,
    #[server(default)] back: String,
) -> Result<Vec<BulkOutcome>, ApiError> {
    let (platform, ctx) = door::door();
    // Only a look at what these months would do: the button is that of the page the form stands on.
    if let Some(page) = paths::local(&preview).filter(|page| page.starts_with(paths::ALLOCATIONS_BULK)) {
        let months = months.map(|months| format!("&months={months}")).unwrap_or_default();
        door::done(&format!("{page}{months}"))?;
        return Ok(Vec::new());
    }
    let note = Some(note);
    let chosen: Vec<_> = ids.iter().map(ToString::to_string).collect();
    let page = paths::allocations_bulk(action.code(), months, &chosen, 0);
    let page = paths::with_filters(page, paths::ALLOCATIONS, &back);
    let bulk = contract::allocations::AllocationBulk { ids, matching: None, action, revisions, months, note };
    let outcomes = platform::allocations::act_on_many(&platform, &ctx, bulk).await;
    let Some(outcomes) = door::answer_or_back((&platform, &ctx), outcomes, &page).await? else { return Ok(Vec::new()) };
    let is_changed =
        |outcome: &platform::Result<()>| outcome.as_ref().is_err_and(|error| error.key == "error-allocation-changed");
    let changed = if outcomes.iter().any(|(_, outcome)| is_changed(outcome)) { "&changed=1" } else { "" };
    let named = outcomes.into_iter().map(|(id, outcome)| (id.to_string(), outcome)).collect();
    let outcomes = door::outcomes(&platform, &ctx, named).await;
    if door::wants_page() {
        let left: Vec<_> = outcomes.iter().filter(|one| !one.done).map(|one| one.id.clone()).collect();
        let done = outcomes.len() - left.len();
        let next = if left.is_empty() {
            paths::allocations_done(action.code(), months, done)
        } else {
            paths::allocations_bulk(action.code(), months, &left, done) + changed
        };
        let next = paths::with_filters(next, paths::ALLOCATIONS, &back);
        door::see_other(&door::signed_afterword(&next));
    }
    Ok(outcomes)
}

/// Answers a wish for more time; a refused answer comes back to the page it was given on.
#[server]
pub async fn decide_renewal(
    id: RenewalRequestId,
    #[server(default)] form: LeaseForm,
    #[server(default)] back: String,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match form.decide(platform::settings::time_zone(&platform).await) {
        Ok(body) => platform::allocations::decide_renewal(&platform, &ctx, id, body).await,
        Err(error) => door::must_hold(&ctx, contract::Permission::AllocationsUpdate).and(Err(error)),
    };
    let next = |made: contract::allocations::AllocationDetail| paths::allocation(made.allocation.id);
    // There may be several on the page: which one it was comes back with it.
    let typed = form.typed().into_iter().chain([("request", id.to_string())]).collect();
    let page = paths::local(&back).unwrap_or(paths::ALLOCATIONS);
    door::form_answer((&platform, &ctx), result, next, page, typed).await
}
