//! Sign-in and sign-out of a browser.

use contract::ApiError;
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{door, paths};

/// Signs a browser in and sends it to `next`, or to its portal.
#[server]
pub async fn sign_in(username: String, password: String, next: Option<String>) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let next = next.as_deref().and_then(paths::local).map(str::to_owned);
    let form = paths::login(next.as_deref());
    let typed = vec![("username", username.clone())];
    let request = contract::accounts::LoginRequest { username, password };
    let result = async {
        let session = door::session()?;
        let who = platform::accounts::sign_in(&platform, &ctx, &request).await?;
        session.establish(who).await
    };
    // `/` knows which portal is whose.
    let next = |()| next.unwrap_or_else(|| paths::HOME.to_owned());
    door::form_answer((&platform, &ctx), result.await, next, &form, typed).await
}

/// Ends the browser's session.
#[server]
pub async fn sign_out() -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = async {
        platform::accounts::sign_out(&platform, &ctx).await?;
        door::session()?.end().await
    };
    door::form_answer((&platform, &ctx), result.await, |()| paths::login(None), paths::HOME, Vec::new()).await
}
