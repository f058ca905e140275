//! What the pages of specs call.

use contract::specs::{SpecPriceView, SpecQuery, SpecView};
use contract::{ApiError, Page, SpecId};
use leptos::prelude::*;

use super::form::SpecForm;
#[cfg(feature = "ssr")]
use crate::{door, paths};

/// A page of specs.
#[server]
pub async fn list_specs(#[server(default)] query: SpecQuery) -> Result<Page<SpecView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::specs::list(&platform, &ctx, &query).await).await
}

/// One of them.
#[server]
pub async fn get_spec(id: SpecId) -> Result<SpecView, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::specs::get(&platform, &ctx, id).await).await
}

/// Adds one and goes to it, where its price is set.
#[server]
pub async fn create_spec(#[server(default)] form: SpecForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match form.read() {
        Ok(body) => platform::specs::create(&platform, &ctx, body).await,
        // Who may not do it at all hears that first.
        Err(error) => door::must_hold(&ctx, contract::Permission::SpecsManage).and(Err(error)),
    };
    let next = |view: SpecView| paths::spec(view.id);
    door::form_answer((&platform, &ctx), result, next, paths::SPEC_NEW, form.typed()).await
}

/// Changes one and goes back to it.
#[server]
pub async fn update_spec(id: SpecId, #[server(default)] form: SpecForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match form.read() {
        Ok(body) => platform::specs::update(&platform, &ctx, id, body).await,
        Err(error) => door::must_hold(&ctx, contract::Permission::SpecsManage).and(Err(error)),
    };
    let next = |view: SpecView| paths::spec(view.id);
    door::form_answer((&platform, &ctx), result, next, &paths::spec_edit(id), form.typed()).await
}

/// Lets customers choose it, or not any more.
#[server]
pub async fn set_spec_listed(id: SpecId, listed: bool) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::specs::set_listed(&platform, &ctx, id, listed).await;
    let page = paths::spec(id);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, Vec::new()).await
}

/// Takes one away.
#[server]
pub async fn delete_spec(id: SpecId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::specs::delete(&platform, &ctx, id).await;
    door::form_answer((&platform, &ctx), result, |()| paths::SPECS.to_owned(), &paths::spec(id), Vec::new()).await
}

/// Its prices, the latest start first.
#[server]
pub async fn list_spec_prices(id: SpecId) -> Result<Vec<SpecPriceView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::specs::prices(&platform, &ctx, id).await).await
}

/// Sets a price from now or from a later time on.
#[server]
pub async fn add_spec_price(
    id: SpecId,
    #[server(default)] price: String,
    #[server(default)] starts: String,
) -> Result<(), ApiError> {
    use contract::specs::SpecPriceCreate;
    let (platform, ctx) = door::door();
    let starts_at = match starts.trim() {
        "" => Ok(None),
        text => crate::pages::admin::machines::service_form::instant("startsAt", text).map(Some),
    };
    let result = match starts_at {
        Ok(starts_at) => {
            let body = SpecPriceCreate { price_per_hour: price.clone(), starts_at };
            platform::specs::add_price(&platform, &ctx, id, body).await
        }
        Err(error) => door::must_hold(&ctx, contract::Permission::SpecsManage).and(Err(error)),
    };
    let page = paths::spec(id);
    let typed = vec![("price", price), ("starts", starts)];
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, typed).await
}
