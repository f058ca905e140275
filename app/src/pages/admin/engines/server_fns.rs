//! What the page of a machine's engine calls.

use contract::ApiError;
use contract::engines::EngineView;
use leptos::prelude::*;

use super::form::EngineForm;
#[cfg(feature = "ssr")]
use crate::{door, paths};

/// How a machine's engine is reached.
#[server]
pub async fn get_engine(code: String) -> Result<EngineView, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::engines::get(&platform, &ctx, &code).await).await
}

/// Says it, or says it anew.
#[server]
pub async fn set_engine(code: String, #[server(default)] form: EngineForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let (page, typed) = (paths::machine_docker(&code), form.typed());
    let result = match form.read() {
        Ok(body) => platform::engines::set(&platform, &ctx, &code, body).await,
        // Who may not do it at all hears that first.
        Err(error) => door::must_hold(&ctx, contract::Permission::MachinesConnect).and(Err(error)),
    };
    let next = |_| paths::machine_docker_saved(&code);
    door::form_answer((&platform, &ctx), result, next, &page, typed).await
}

/// Forgets it, with certificates and key.
#[server]
pub async fn remove_engine(code: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let page = paths::machine_docker(&code);
    let result = platform::engines::remove(&platform, &ctx, &code).await;
    door::form_answer((&platform, &ctx), result, |()| page.clone(), &page, Vec::new()).await
}

/// Goes on with the other engine that answers now.
#[server]
pub async fn accept_engine(code: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let page = paths::machine_docker(&code);
    let result = platform::engines::accept_other(&platform, &ctx, &code).await;
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, Vec::new()).await
}

/// Tries it; the page says what came of it.
#[server]
pub async fn test_engine(code: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let page = paths::machine_docker(&code);
    let result = platform::engines::test(&platform, &ctx, &code).await;
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, Vec::new()).await
}
