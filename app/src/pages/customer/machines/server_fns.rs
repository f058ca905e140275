//! What the customer's machine pages call.

use contract::allocations::{AllocationQuery, AllocationView};
use contract::{ApiError, Page};
use leptos::prelude::*;

use crate::pages::admin::allocations::form::LeaseForm;
#[cfg(feature = "ssr")]
use crate::{door, paths};

/// What one's customer has, had and will have.
#[server]
pub async fn list_my_machines(#[server(default)] query: AllocationQuery) -> Result<Page<AllocationView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::allocations::mine(&platform, &ctx, &query).await).await
}

/// Asks for more time.
#[server]
pub async fn request_renewal(code: String, #[server(default)] form: LeaseForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match form.request() {
        Ok(body) => platform::allocations::request_renewal(&platform, &ctx, &code, body).await,
        Err(error) => door::must_hold(&ctx, contract::Permission::AllocationsRequestRenewal).and(Err(error)),
    };
    let page = paths::my_machine(&code);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, form.typed()).await
}

/// Takes back what was asked for.
#[server]
pub async fn withdraw_renewal(code: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::allocations::withdraw_renewal(&platform, &ctx, &code).await;
    let page = paths::my_machine(&code);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, Vec::new()).await
}
