//! Sign-in and sign-out of a browser, and what the links in mail lead to.

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
    captcha_id: Option<String>,
    captcha: Option<String>,
    next: Option<String>,
) -> Result<(), ApiError> {
    use platform::accounts::{SignInStep, begin_sign_in, open_challenge};
    let (platform, ctx) = door::door();
    let next = next.as_deref().and_then(paths::local).map(str::to_owned);
    let form = paths::login(next.as_deref());
    let typed = vec![("username", username.clone())];
    let request = contract::accounts::LoginRequest { username, password, otp, captcha_id, captcha };
    let result = async {
        let session = door::session()?;
        match begin_sign_in(&platform, &ctx, &request).await? {
            SignInStep::Done(who) => {
                session.establish(who).await?;
                // Who came from a directory for the first time: read before anything else.
                if platform::accounts::identity::has_address_notice(&platform, &ctx, who.user).await? {
                    return Ok(paths::ACCOUNT_SECURITY.to_owned());
                }
            }
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

/// Ends the browser's session, and goes to `next` where somebody else is to sign in there, else to the sign-in page.
#[server]
pub async fn sign_out(next: Option<String>) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let next = next.as_deref().and_then(paths::local).map(str::to_owned);
    let result = async {
        platform::accounts::sign_out(&platform, &ctx).await?;
        door::session()?.end().await
    };
    let next = |()| next.unwrap_or_else(|| paths::login(None));
    door::form_answer((&platform, &ctx), result.await, next, paths::HOME, Vec::new()).await
}

/// Asks for a link to a new password; the answer is the same for every name.
#[server]
pub async fn request_password_reset(
    #[server(default)] account: String,
    captcha_id: Option<String>,
    captcha: Option<String>,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let typed = vec![("account", account.clone())];
    let body = contract::accounts::PasswordResetRequest { account, captcha_id, captcha };
    let result = platform::accounts::request_password_reset(&platform, &ctx, &body).await;
    let next = |()| format!("{}?sent=1", paths::FORGOT);
    door::form_answer((&platform, &ctx), result, next, paths::FORGOT, typed).await
}

/// Asks for the link that makes an account; the answer is the same for every address.
#[server]
pub async fn request_sign_up(
    #[server(default)] email: String,
    captcha_id: Option<String>,
    captcha: Option<String>,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let typed = vec![("email", email.clone())];
    let body = contract::accounts::SignUpRequest { email, captcha_id, captcha };
    let result = platform::accounts::request_sign_up(&platform, &ctx, &body).await;
    let next = |()| format!("{}?sent=1", paths::REGISTER);
    door::form_answer((&platform, &ctx), result, next, paths::REGISTER, typed).await
}

/// Makes the account of somebody whose address a link proved, who then signs in.
#[server]
pub async fn sign_up(
    #[server(default)] token: String,
    #[server(default)] username: String,
    #[server(default)] password: String,
    #[server(default)] display_name: String,
    again: Option<String>,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let alike = typed_alike(&password, again.as_deref());
    let (body, form, typed) = by_link(paths::REGISTER_ACCOUNT, token, username, password, display_name);
    let result = async {
        alike?;
        platform::accounts::sign_up(&platform, &ctx, &body).await
    };
    door::form_answer((&platform, &ctx), result.await, |()| paths::login_after("account"), &form, typed).await
}

/// What the forms of a new account send, where they are, and what comes back into them when they are refused.
#[cfg(feature = "ssr")]
fn by_link(
    page: &str,
    token: String,
    username: String,
    password: String,
    display_name: String,
) -> (contract::accounts::AccountByLink, String, Vec<(&'static str, String)>) {
    let form = paths::with_query(page, [("token", token.as_str())]);
    let typed = vec![("username", username.clone()), ("display_name", display_name.clone())];
    let display_name = Some(display_name).filter(|name| !name.trim().is_empty());
    (contract::accounts::AccountByLink { token, username, password, display_name }, form, typed)
}

/// What is typed twice is the same twice; a program types it once.
#[cfg(feature = "ssr")]
fn typed_alike(password: &str, again: Option<&str>) -> platform::Result<()> {
    match again.is_none_or(|again| again == password) {
        true => Ok(()),
        false => Err(platform::Error::field("again", "field-password-differs")),
    }
}

/// Sets a new password with a link's token.
#[server]
pub async fn confirm_password_reset(
    #[server(default)] token: String,
    #[server(default)] new_password: String,
    again: Option<String>,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let form = paths::with_query(paths::RESET, [("token", token.as_str())]);
    let alike = typed_alike(&new_password, again.as_deref());
    let body = contract::accounts::PasswordResetConfirm { token, new_password };
    let result = async {
        alike?;
        platform::accounts::confirm_password_reset(&platform, &ctx, &body).await
    };
    door::form_answer((&platform, &ctx), result.await, |()| paths::login_after("password"), &form, Vec::new()).await
}

/// Takes a new address with a link's token.
#[server]
pub async fn confirm_email_change(#[server(default)] token: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let form = paths::with_query(paths::EMAIL, [("token", token.as_str())]);
    let body = contract::accounts::EmailChangeConfirm { token };
    let result = platform::accounts::confirm_email_change(&platform, &ctx, &body).await;
    let next = |()| format!("{}?done=1", paths::EMAIL);
    door::form_answer((&platform, &ctx), result, next, &form, Vec::new()).await
}

/// Makes the account of an invited person, who then signs in.
#[server]
pub async fn accept_invitation(
    #[server(default)] token: String,
    #[server(default)] username: String,
    #[server(default)] password: String,
    #[server(default)] display_name: String,
    again: Option<String>,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let alike = typed_alike(&password, again.as_deref());
    let (body, form, typed) = by_link(paths::INVITATION, token, username, password, display_name);
    let result = async {
        alike?;
        platform::accounts::accept_invitation(&platform, &ctx, &body).await
    };
    door::form_answer((&platform, &ctx), result.await, |()| paths::login_after("account"), &form, typed).await
}

/// Accepts an invitation with the account that is signed in here, which acts for the customer from now on.
#[server]
pub async fn join_by_invitation(#[server(default)] token: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let form = paths::with_query(paths::INVITATION, [("token", token.as_str())]);
    let body = contract::accounts::InvitationJoin { token };
    let result = async {
        let (joined, who) = platform::accounts::join(&platform, &ctx, &body).await?;
        door::go_on(&ctx, who).await.map(|()| joined)
    };
    let next = |_| paths::with_query(paths::HOME, [("done", "joined")]);
    door::form_answer((&platform, &ctx), result.await, next, &form, Vec::new()).await
}
