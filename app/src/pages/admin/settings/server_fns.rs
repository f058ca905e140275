//! What the settings' forms call.

use std::collections::BTreeMap;

use contract::notifications::ChannelView;
use contract::settings::SettingView;
use contract::{ApiError, ChannelId, SettingsImportId};
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
    let typed = super::page::typed(&form, &seen, &flags);
    let only_logo = form.len() == 1 && form.get("branding.logo").is_some_and(String::is_empty);
    let result = platform::settings::change(&platform, &ctx, changes).await;
    let next = |()| if only_logo { paths::settings_done("logo-removed") } else { paths::settings_saved() };
    door::form_answer((&platform, &ctx), result, next, paths::SETTINGS, typed).await
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

/// The platform's robots.
#[server]
pub async fn list_channels() -> Result<Vec<ChannelView>, ApiError> {
    use platform::notifications::{Whose, list_channels};
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, list_channels(&platform, &ctx, Whose::Platform).await).await
}

/// Adds one.
#[server]
pub async fn add_channel(
    #[server(default)] kind: String,
    #[server(default)] name: String,
    #[server(default)] url: String,
    #[server(default)] secret: String,
    #[server(default)] kinds: Vec<String>,
) -> Result<(), ApiError> {
    use crate::pages::customer::notifications::channels::kinds_of;
    use contract::notifications::{ChannelCreate, ChannelKind};
    let (platform, ctx) = door::door();
    let typed = vec![("form", "new".to_owned()), ("name", name.clone()), ("kind", kind.clone())];
    let result = async {
        let kind = ChannelKind::parse(&kind).ok_or_else(|| platform::Error::field("kind", "field-unknown-value"));
        match kind.and_then(|kind| Ok((kind, kinds_of(&kinds)?))) {
            Ok((kind, kinds)) => {
                let body = ChannelCreate { kind, name, url, secret: Some(secret), kinds: Some(kinds) };
                platform::notifications::add_channel(&platform, &ctx, body).await
            }
            Err(error) => door::must_hold(&ctx, contract::Permission::SettingsUpdate).and(Err(error)),
        }
    };
    let next = |_| paths::channels_done(paths::CHANNELS, "added");
    door::form_answer((&platform, &ctx), result.await, next, paths::CHANNELS, typed).await
}

/// Changes one; an empty address or secret stays what it is, unless the secret is to be forgotten.
#[server]
pub async fn change_channel(
    id: ChannelId,
    #[server(default)] name: String,
    #[server(default)] url: String,
    #[server(default)] secret: String,
    #[server(default)] forget_secret: bool,
    #[server(default)] enabled: bool,
    #[server(default)] kinds: Vec<String>,
) -> Result<(), ApiError> {
    use crate::pages::customer::notifications::channels::change_of;
    use platform::notifications::{Whose, update_channel};
    let (platform, ctx) = door::door();
    let typed = vec![("form", id.to_string()), ("name", name.clone())];
    let result = async {
        match change_of(name, url, secret, forget_secret, enabled, Some(&kinds)) {
            Ok(body) => update_channel(&platform, &ctx, Whose::Platform, id, body).await,
            Err(error) => door::must_hold(&ctx, contract::Permission::SettingsUpdate).and(Err(error)),
        }
    };
    let next = |_| paths::channels_done(paths::CHANNELS, "saved");
    door::form_answer((&platform, &ctx), result.await, next, paths::CHANNELS, typed).await
}

/// Removes one, with what it still had to deliver.
#[server]
pub async fn remove_channel(id: ChannelId) -> Result<(), ApiError> {
    use platform::notifications::{Whose, remove_channel};
    let (platform, ctx) = door::door();
    let result = remove_channel(&platform, &ctx, Whose::Platform, id).await;
    let next = |()| paths::channels_done(paths::CHANNELS, "removed");
    door::form_answer((&platform, &ctx), result, next, paths::CHANNELS, Vec::new()).await
}

/// Sends a test message now; the page says how far it came.
#[server]
pub async fn test_channel(id: ChannelId) -> Result<(), ApiError> {
    use crate::pages::customer::notifications::channels::tested;
    use platform::notifications::{Whose, test_channel};
    let (platform, ctx) = door::door();
    let result = test_channel(&platform, &ctx, Whose::Platform, id).await;
    let next = |ended| tested(Whose::Platform, id, ended);
    door::form_answer((&platform, &ctx), result, next, paths::CHANNELS, Vec::new()).await
}
