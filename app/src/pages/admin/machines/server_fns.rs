//! What machine pages and forms call.

use contract::machines::{
    JoinTokenSecret, JoinTokenView, MachineAction, MachineBulkOutcome, MachineQuery, MachineRow, MachineView,
};
use contract::metrics::{HistoryRange, MachineLive};
use contract::{ApiError, BulkOutcome, JoinTokenId, MaintenanceId, Page};
use leptos::prelude::*;

use super::form::MachineForm;
use super::service_form::{ConnectionForm, MaintenanceForm};
#[cfg(feature = "ssr")]
use crate::{door, paths};

/// A page of machines.
#[server]
pub async fn list_machines(#[server(default)] query: MachineQuery) -> Result<Page<MachineRow>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::machines::list(&platform, &ctx, &query).await).await
}

/// A machine in full.
#[server]
pub async fn get_machine(code: String) -> Result<MachineView, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::machines::get(&platform, &ctx, &code).await).await
}

/// Adds a machine and goes to it.
#[server]
pub async fn create_machine(#[server(default)] form: MachineForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match form.create() {
        Ok(body) => platform::machines::create(&platform, &ctx, body).await,
        Err(error) => door::must_hold(&ctx, contract::Permission::MachinesCreate).and(Err(error)),
    };
    let next = |machine: MachineView| paths::machine(&machine.id);
    door::form_answer((&platform, &ctx), result, next, paths::MACHINE_NEW, form.typed()).await
}

/// Changes a machine and goes back to it.
#[server]
pub async fn update_machine(code: String, #[server(default)] form: MachineForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match form.update() {
        Ok(body) => platform::machines::update(&platform, &ctx, &code, body).await,
        Err(error) => door::must_hold(&ctx, contract::Permission::MachinesUpdate).and(Err(error)),
    };
    let next = |machine: MachineView| paths::machine(&machine.id);
    door::form_answer((&platform, &ctx), result, next, &paths::machine_edit(&code), form.typed()).await
}

/// Takes a machine out of service, or back; stays on its service page, or on the page it was asked from.
#[server]
pub async fn act_on_machine(
    code: String,
    action: MachineAction,
    #[server(default)] note: String,
    #[server(default)] back: String,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let typed = vec![("note", note.clone())];
    let result = platform::machines::act(&platform, &ctx, &code, action, Some(note)).await;
    let page = paths::local(&back).map_or_else(|| paths::machine_service(&code), ToOwned::to_owned);
    let next = |machine: Option<MachineView>| machine.map_or_else(|| paths::MACHINES.to_owned(), |_| page.clone());
    door::form_answer((&platform, &ctx), result, next, &page, typed).await
}

/// The same with many. Back to the list, which says so, when all is done, else to what is left, with why.
#[server]
pub async fn act_on_machines(
    action: MachineAction,
    #[server(default)] ids: Vec<String>,
    #[server(default)] note: String,
    #[server(default)] back: String,
) -> Result<Vec<MachineBulkOutcome>, ApiError> {
    let (platform, ctx) = door::door();
    let page = paths::with_filters(paths::machines_bulk(action.code(), &ids, 0), paths::MACHINES, &back);
    let bulk = contract::machines::MachineBulk { ids, matching: None, action, note: Some(note) };
    let result = platform::machines::act_on_many(&platform, &ctx, bulk).await;
    let Some(outcomes) = door::answer_or_back((&platform, &ctx), result, &page).await? else { return Ok(Vec::new()) };
    let outcomes = door::machine_outcomes(&platform, &ctx, outcomes).await;
    if door::wants_page() {
        let became: Vec<_> = outcomes.iter().map(|one| one.outcome.clone()).collect();
        door::see_other(&door::signed_afterword(&after_bulk(action.code(), &became, &back)));
    }
    Ok(outcomes)
}

/// Plans maintenance.
#[server]
pub async fn plan_maintenance(code: String, #[server(default)] form: MaintenanceForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match form.read() {
        Ok(body) => platform::machines::plan_maintenance(&platform, &ctx, &code, body).await,
        Err(error) => door::must_hold(&ctx, contract::Permission::MachinesOperate).and(Err(error)),
    };
    let page = paths::machine_service(&code);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, form.typed()).await
}

/// Plans the same maintenance for many. Back to the list when all is done, else to what is left, with why.
#[server]
pub async fn plan_maintenance_for_many(
    #[server(default)] ids: Vec<String>,
    #[server(default)] form: MaintenanceForm,
    #[server(default)] back: String,
) -> Result<Vec<BulkOutcome>, ApiError> {
    let (platform, ctx) = door::door();
    let asked = ids.clone();
    let result = match form.read() {
        Ok(window) => {
            let bulk = contract::machines::MaintenanceBulk {
                ids,
                starts_at: window.starts_at,
                ends_at: Some(window.ends_at),
                message: Some(window.message),
                ..Default::default()
            };
            platform::machines::plan_for_many(&platform, &ctx, bulk).await
        }
        Err(error) => door::must_hold(&ctx, contract::Permission::MachinesOperate).and(Err(error)),
    };
    let window = [("starts", &form.starts), ("ends", &form.ends), ("message", &form.message)];
    let window = window.map(|(name, value)| format!("&{name}={}", paths::encode(value))).concat();
    let page = paths::with_filters(paths::machines_bulk("maintenance", &asked, 0) + &window, paths::MACHINES, &back);
    // What is wrong with the window stands by its fields, on the page that asks for it.
    if door::wants_page()
        && let Err(error) = &result
        && error.code == contract::ErrorCode::Validation
    {
        door::see_other(&page);
        return Ok(Vec::new());
    }
    let Some(outcomes) = door::answer_or_back((&platform, &ctx), result, &page).await? else { return Ok(Vec::new()) };
    let outcomes = door::outcomes(&platform, &ctx, outcomes).await;
    if door::wants_page() {
        let mut next = after_bulk("maintenance", &outcomes, &back);
        if outcomes.iter().any(|one| !one.done) {
            next += &window;
        }
        door::see_other(&door::signed_afterword(&next));
    }
    Ok(outcomes)
}

/// The list as it was, which says what was done; or the page of what is left, with why.
#[cfg(feature = "ssr")]
fn after_bulk(action: &str, outcomes: &[BulkOutcome], back: &str) -> String {
    let (done, left): (Vec<_>, Vec<_>) = outcomes.iter().partition(|one| one.done);
    let ids = |some: Vec<&BulkOutcome>| some.into_iter().map(|one| one.id.clone()).collect::<Vec<_>>();
    let next = if left.is_empty() {
        paths::machines_done(action, &ids(done))
    } else {
        paths::machines_bulk(action, &ids(left), done.len())
    };
    paths::with_filters(next, paths::MACHINES, back)
}

/// Calls maintenance off, or ends it.
#[server]
pub async fn cancel_maintenance(code: String, id: MaintenanceId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::machines::cancel_maintenance(&platform, &ctx, &code, id).await;
    let page = paths::machine_service(&code);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, Vec::new()).await
}

/// Says how a host is reached.
#[server]
pub async fn set_connection(code: String, #[server(default)] form: ConnectionForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match form.read() {
        Ok(body) => platform::machines::set_connection(&platform, &ctx, &code, body).await,
        Err(error) => door::must_hold(&ctx, contract::Permission::MachinesConnect).and(Err(error)),
    };
    let page = paths::machine_service(&code);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, form.typed()).await
}

/// Every join token.
#[server]
pub async fn list_join_tokens() -> Result<Vec<JoinTokenView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::machines::list_join_tokens(&platform, &ctx).await).await
}

/// Makes a join token; the page shows its install command once.
#[server]
pub async fn create_join_token(
    #[server(default)] note: String,
    #[server(default)] uses: String,
    #[server(default)] hours: String,
    #[server(default)] machine: String,
) -> Result<Option<JoinTokenSecret>, ApiError> {
    use platform::accounts::ShownOnce;
    let (platform, ctx) = door::door();
    let typed =
        vec![("note", note.clone()), ("maxUses", uses.clone()), ("hours", hours.clone()), ("machine", machine.clone())];
    let made = match super::join_tokens::read_form(note, &uses, &hours, &machine) {
        Ok(body) => platform::machines::create_join_token(&platform, &ctx, body).await,
        // Who may not do it at all hears that first.
        Err(error) => platform::machines::list_join_tokens(&platform, &ctx).await.and_then(|_| Err(error)),
    };
    let text = |made: &JoinTokenSecret| Some(made.install_command.clone());
    let next = |_: &JoinTokenSecret| paths::JOIN_TOKENS.to_owned();
    let secret = (ShownOnce::InstallCommand, text);
    door::secret_answer((&platform, &ctx), made, secret, next, paths::JOIN_TOKENS, typed).await
}

/// Ends a join token; machines that joined with it stay.
#[server]
pub async fn revoke_join_token(id: JoinTokenId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::machines::revoke_join_token(&platform, &ctx, id).await;
    let next = |_| paths::JOIN_TOKENS.to_owned();
    door::form_answer((&platform, &ctx), result, next, paths::JOIN_TOKENS, Vec::new()).await
}

/// The newest figures of a machine.
#[server(name = ReadMachineLive)]
pub async fn machine_live(code: String) -> Result<MachineLive, ApiError> {
    let (platform, ctx) = door::door();
    let live = if super::charts::is_staffs(&ctx) {
        platform::metrics::machine_live(&platform, &ctx, &code).await
    } else {
        platform::allocations::machine_live(&platform, &ctx, &code).await
    };
    door::answer(&platform, &ctx, live).await
}

/// The charts of a machine, ready to draw: one JSON text per chart.
#[server(name = ReadMachineHistory)]
pub async fn machine_history(code: String, range: HistoryRange) -> Result<Vec<String>, ApiError> {
    let (platform, ctx) = door::door();
    let charts = super::charts::load(&platform, &ctx, &code, range).await;
    let texts = charts.map(|charts| charts.iter().map(|chart| chart.json()).collect());
    door::answer(&platform, &ctx, texts).await
}
