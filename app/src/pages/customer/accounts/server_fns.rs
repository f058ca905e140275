//! How the product looks to one.

use contract::ApiError;
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{door, paths};

/// Sets language, theme and time zone: for the person when signed in, and for this browser.
#[server]
pub async fn set_preferences(
    language: Option<String>,
    theme: Option<String>,
    time_zone: Option<String>,
    back: Option<String>,
) -> Result<(), ApiError> {
    use platform::accounts::Preferences;
    let (platform, ctx) = door::door();
    let change = Preferences {
        language: language.as_deref().and_then(contract::accounts::Language::parse),
        theme: theme.as_deref().and_then(contract::accounts::Theme::parse),
        time_zone: time_zone.clone(),
    };
    let back = back.as_deref().and_then(paths::local).unwrap_or(paths::HOME).to_owned();
    let typed = time_zone.map(|zone| ("timeZone", zone)).into_iter().collect();
    door::remember_look(&change);
    let result = match ctx.user() {
        Some(_) if !door::is_known_zone(&change) => Err(platform::Error::field("timeZone", "field-time-zone-unknown")),
        Some(_) => platform::accounts::update_preferences(&platform, &ctx, change).await,
        None => Ok(()),
    };
    door::form_answer((&platform, &ctx), result, |()| back, paths::ACCOUNT, typed).await
}

/// Which columns one sees in a list; goes back to where it was chosen.
#[server]
pub async fn choose_columns(
    list: String,
    #[server(default)] columns: Vec<String>,
    #[server(default)] back: String,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let chosen = contract::ListColumns { columns };
    let result = platform::accounts::choose_columns(&platform, &ctx, &list, chosen).await;
    let back = paths::local(&back).unwrap_or(paths::HOME).to_owned();
    door::form_answer((&platform, &ctx), result, |_| back.clone(), &back, Vec::new()).await
}

/// Sends a link to a new address.
#[server]
pub async fn request_email_change(
    #[server(default)] email: String,
    #[server(default)] password: String,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let typed = vec![("email", email.clone())];
    let body = contract::accounts::EmailChangeRequest { email, password };
    let result = platform::accounts::request_email_change(&platform, &ctx, &body).await;
    let next = |()| format!("{}?sent=1", paths::ACCOUNT);
    door::form_answer((&platform, &ctx), result, next, paths::ACCOUNT, typed).await
}
