//! What the settings' forms call.

use std::collections::BTreeMap;

use contract::settings::SettingView;
use contract::{ApiError, SettingsImportId};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{door, paths};

/// Every setting as it is now.
#[server]
pub async fn list_settings() -> Result<Vec<SettingView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::settings::list(&platform, &ctx).await).await
}

/// Sets what a form names, all or none. An empty secret stays what it is unless it is to be forgotten.
///
/// `form` holds key → what was typed, `seen` key → version, `flags` the boxes that count as no when they were not posted,
/// `forget` the secrets to forget.
#[server]
pub async fn save_settings(
    #[server(default)] form: BTreeMap<String, String>,
    #[server(default)] seen: BTreeMap<String, i64>,
    #[server(default)] flags: Vec<String>,
    #[server(default)] forget: Vec<String>,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let changes = super::page::changes(&form, &seen, &flags, &forget);
    let typed = super::page::typed(&form, &flags);
    let result = platform::settings::change(&platform, &ctx, changes).await;
    door::form_answer((&platform, &ctx), result, |()| paths::settings_saved(), paths::SETTINGS, typed).await
}

/// Writes a configuration that waits.
#[server]
pub async fn confirm_settings_import(id: SettingsImportId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::settings::confirm_import(&platform, &ctx, id).await;
    let form = paths::settings_import(id);
    door::form_answer((&platform, &ctx), result, |()| paths::settings_saved(), &form, Vec::new()).await
}

/// Sends a test mail now; the page says how far it came.
#[server]
pub async fn test_mail(#[server(default)] to: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let typed = vec![("to", to.clone())];
    let result = platform::mail::test(&platform, &ctx, contract::mail::MailTestRequest { to }).await;
    let next = |failure: Option<platform::mail::Failure>| {
        let code = failure.as_ref().and_then(|failure| failure.code).map(|code| code.to_string()).unwrap_or_default();
        paths::mail_tested(failure.map_or("done", |failure| failure.step.code()), &code)
    };
    door::form_answer((&platform, &ctx), result, next, paths::SETTINGS, typed).await
}
