//! Sign-in and sign-out of a browser.

use contract::ApiError;
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{door, paths};

/// Signs a browser in and sends it to `next`, or to its portal; where a code is asked for, to the page that asks. The
/// password goes no further than this request.
#[server]
pub async fn sign_in(
    username: String,
    password: String,
    otp: Option<String>,
    next: Option<String>,
) -> Result<(), ApiError> {
    use platform::accounts::{SignInStep, begin_sign_in, open_challenge};
    let (platform, ctx) = door::door();
    let next = next.as_deref().and_then(paths::local).map(str::to_owned);
    let form = paths::login(next.as_deref());
    let typed = vec![("username", username.clone())];
    let request = contract::accounts::LoginRequest { username, password, otp };
    let result = async {
        let session = door::session()?;
        match begin_sign_in(&platform, &ctx, &request).await? {
            SignInStep::Done(who) => session.establish(who).await?,
            SignInStep::CodeNeeded(needed) if door::wants_page() => {
                open_challenge(&platform, &ctx, needed, &session.begin().await?).await?;
                return Ok(paths::login_code(next.as_deref()));
            }
            SignInStep::CodeNeeded(_) => {
                return Err(platform::Error::new(contract::ErrorCode::SecondFactorRequired));
            }
        }
        // `/` knows which portal is whose.
        Ok(next.clone().unwrap_or_else(|| paths::HOME.to_owned()))
    };
    door::form_answer((&platform, &ctx), result.await, |next| next, &form, typed).await
}

/// The second step: signs this browser in by a code. When too much time went by or too many were wrong, back to the first.
#[server]
pub async fn sign_in_code(code: String, next: Option<String>) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let next = next.as_deref().and_then(paths::local).map(str::to_owned);
    let result = async {
        let session = door::session()?;
        let over = || platform::Error::new(contract::ErrorCode::Unauthenticated).with_key("error-challenge-over");
        let browser = session.secret_hash().ok_or_else(over)?;
        let who = platform::accounts::answer_challenge(&platform, &ctx, &browser, &code).await?;
        session.establish(who).await
    };
    let form = paths::login_code(next.as_deref());
    let next = |()| next.unwrap_or_else(|| paths::HOME.to_owned());
    door::form_answer((&platform, &ctx), result.await, next, &form, Vec::new()).await
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
