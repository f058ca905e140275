//! What the page of registries calls.

use contract::registries::RegistryView;
use contract::{ApiError, RegistryId};
use leptos::prelude::*;

use super::form::RegistryForm;
#[cfg(feature = "ssr")]
use crate::{door, paths};

/// Every registry.
#[server]
pub async fn list_registries() -> Result<Vec<RegistryView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::images::list_registries(&platform, &ctx).await).await
}

/// Attaches one, or replaces what is said of it.
#[server]
pub async fn save_registry(#[server(default)] form: RegistryForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let (typed, id) = (form.typed(), form.id.parse::<RegistryId>().ok());
    let result = match id {
        Some(id) => platform::images::update_registry(&platform, &ctx, id, form.read()).await,
        None => platform::images::create_registry(&platform, &ctx, form.read()).await,
    };
    let next = |view: RegistryView| paths::registry(view.id);
    door::form_answer_sealed((&platform, &ctx), result, next, paths::REGISTRIES, typed).await
}

/// Forgets one.
#[server]
pub async fn delete_registry(id: RegistryId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::images::delete_registry(&platform, &ctx, id).await;
    let next = |()| paths::REGISTRIES.to_owned();
    door::form_answer((&platform, &ctx), result, next, paths::REGISTRIES, Vec::new()).await
}

/// Tries one; the page says what came of it.
#[server]
pub async fn test_registry(id: RegistryId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::images::test_registry(&platform, &ctx, id).await;
    let next = |_| paths::registry(id);
    door::form_answer((&platform, &ctx), result, next, paths::REGISTRIES, Vec::new()).await
}
