//! What machine pages and forms call.

use contract::machines::{JoinTokenCreate, JoinTokenSecret, JoinTokenView, MachineQuery, MachineRow, MachineView};
use contract::metrics::{HistoryRange, MachineLive};
use contract::{ApiError, JoinTokenId, Page};
use leptos::prelude::*;

use super::form::MachineForm;
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

/// Every join token.
#[server]
pub async fn list_join_tokens() -> Result<Vec<JoinTokenView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::machines::list_join_tokens(&platform, &ctx).await).await
}

/// Makes a join token; the secret is in this answer and nowhere else, so it is never part of an address.
#[server]
pub async fn create_join_token(body: JoinTokenCreate) -> Result<JoinTokenSecret, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::machines::create_join_token(&platform, &ctx, body).await).await
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
