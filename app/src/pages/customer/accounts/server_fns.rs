//! One's own account: how the product looks to one, and what one proves oneself with.

use contract::accounts::{ApiTokenSecret, ApiTokenView, RecoveryCodes, SessionView, SshKeyView};
use contract::{ApiError, CustomerId, IdentityId, Page, PageQuery, SessionId, SshKeyId};
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

/// Has this session act for another of one's customers, from its first page on.
#[server]
pub async fn switch_customer(customer: CustomerId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::switch_customer(&platform, &ctx, customer).await;
    door::form_answer((&platform, &ctx), result, |_| paths::HOME.to_owned(), paths::ACCOUNT, Vec::new()).await
}

/// Takes oneself out of a customer; the browser goes on with what is left.
#[server]
pub async fn leave_customer(customer: CustomerId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = async {
        let who = platform::accounts::leave(&platform, &ctx, customer).await?;
        door::go_on(&ctx, who).await
    };
    let next = |()| paths::ACCOUNT.to_owned();
    door::form_answer((&platform, &ctx), result.await, next, paths::ACCOUNT, Vec::new()).await
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

/// Changes the name that is shown.
#[server]
pub async fn update_profile(#[server(default)] display_name: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let user = ctx.user();
    let body = contract::accounts::ProfileUpdate {
        display_name: Some(display_name.clone()),
        language: user.and_then(|user| user.language),
        time_zone: user.and_then(|user| user.time_zone.clone()),
    };
    let result = platform::accounts::update_profile(&platform, &ctx, body).await;
    let (next, typed) = (|_| paths::ACCOUNT.to_owned(), vec![("displayName", display_name)]);
    door::form_answer((&platform, &ctx), result, next, paths::ACCOUNT, typed).await
}

/// Changes one's password; this browser goes on under a new session, everything else ends. No password is sent back.
#[server]
pub async fn change_password(
    old_password: String,
    new_password: String,
    again: Option<String>,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let same = again.is_none_or(|again| again == new_password);
    let change = contract::accounts::PasswordChange { old_password, new_password };
    let result = async {
        if !same {
            door::must_hold(&ctx, contract::Permission::AccountsSecureOwn)?;
            return Err(platform::Error::field("again", "field-password-differs"));
        }
        let who = platform::accounts::change_password(&platform, &ctx, &change).await?;
        door::go_on(&ctx, who).await
    };
    let page = paths::ACCOUNT_SECURITY;
    let next = |()| paths::with_query(page, [("done", "password")]);
    door::form_answer((&platform, &ctx), result.await, next, page, Vec::new()).await
}

/// Makes a secret for an authenticator app, with the password, and shows it on its page.
#[server]
pub async fn enroll_totp(#[server(default)] password: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::enroll_totp(&platform, &ctx, &password).await;
    let next = |_| paths::ACCOUNT_TOTP.to_owned();
    door::form_answer((&platform, &ctx), result, next, paths::ACCOUNT_SECURITY, Vec::new()).await
}

/// Switches the second factor on. Who reads pages finds the recovery codes on the next one, once.
#[server]
pub async fn confirm_totp(code: String) -> Result<Option<RecoveryCodes>, ApiError> {
    use platform::accounts::{ShownOnce, keep_for_page};
    let (platform, ctx) = door::door();
    let result = async {
        let (codes, who) = platform::accounts::confirm_totp(&platform, &ctx, &code).await?;
        if door::wants_page() {
            let text = codes.recovery_codes.join("\n");
            keep_for_page(&platform, &ctx, ShownOnce::RecoveryCodes, &text).await?;
        }
        door::go_on(&ctx, who).await.map(|()| codes)
    };
    match result.await {
        Ok(codes) if !door::wants_page() => Ok(Some(codes)),
        result => {
            let next = |_| paths::ACCOUNT_SECURITY.to_owned();
            let answer = door::form_answer((&platform, &ctx), result, next, paths::ACCOUNT_TOTP, Vec::new());
            answer.await.map(|()| None)
        }
    }
}

/// Switches the second factor off.
#[server]
pub async fn disable_totp(#[server(default)] password: String, code: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let request = contract::accounts::TotpProof { password, code };
    let result = async {
        let who = platform::accounts::disable_totp(&platform, &ctx, &request).await?;
        door::go_on(&ctx, who).await
    };
    let page = paths::ACCOUNT_SECURITY;
    let next = |()| paths::with_query(page, [("done", "totp-off")]);
    door::form_answer((&platform, &ctx), result.await, next, page, Vec::new()).await
}

/// Makes new recovery codes, with the password and a code. Who reads pages finds them on the next one, once.
#[server]
pub async fn renew_recovery_codes(
    #[server(default)] password: String,
    code: String,
) -> Result<Option<RecoveryCodes>, ApiError> {
    let (platform, ctx) = door::door();
    let request = contract::accounts::TotpProof { password, code };
    let made = platform::accounts::renew_recovery_codes(&platform, &ctx, &request).await;
    let text = |codes: &RecoveryCodes| Some(codes.recovery_codes.join("\n"));
    let secret = (platform::accounts::ShownOnce::RecoveryCodes, text);
    let page = paths::ACCOUNT_SECURITY;
    // Which of the page's forms it was; nothing that was typed goes back.
    let typed = vec![("renew", "1".to_owned())];
    door::secret_answer((&platform, &ctx), made, secret, |_| page.to_owned(), page, typed).await
}

/// Binds one's account to the identity that came back from a sign-in service, with the password or a code.
#[server]
pub async fn confirm_identity_link(
    #[server(default)] password: String,
    #[server(default)] code: String,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let proof = contract::accounts::TotpProof { password, code };
    let result = platform::accounts::identity::confirm_link(&platform, &ctx, &proof).await;
    let page = paths::ACCOUNT_SECURITY;
    // Which of the page's forms it was; nothing that was typed goes back.
    let typed = vec![("link", "1".to_owned())];
    let next = |()| paths::with_query(page, [("done", "bound")]);
    door::form_answer((&platform, &ctx), result, next, page, typed).await
}

/// Forgets it.
#[server]
pub async fn forget_identity_link() -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::identity::forget_link(&platform, &ctx).await;
    let page = paths::ACCOUNT_SECURITY;
    door::form_answer((&platform, &ctx), result, |()| page.to_owned(), page, Vec::new()).await
}

/// Parts one's account from a sign-in service.
#[server]
pub async fn unlink_identity(id: IdentityId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::identity::unlink(&platform, &ctx, id).await;
    let page = paths::ACCOUNT_SECURITY;
    // Whoever lost roles by it is signed out here, too.
    let next = |ended: bool| match ended {
        true => paths::login_after("parted"),
        false => paths::with_query(page, [("done", "parted")]),
    };
    door::form_answer((&platform, &ctx), result, next, page, Vec::new()).await
}

/// Where one is signed in.
#[server]
pub async fn list_sessions(#[server(default)] query: PageQuery) -> Result<Page<SessionView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::accounts::list_sessions(&platform, &ctx, &query).await).await
}

/// Ends one of one's sessions.
#[server]
pub async fn end_session(id: SessionId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::end_session(&platform, &ctx, id).await;
    let next = |()| paths::with_query(paths::ACCOUNT_SESSIONS, [("done", "one")]);
    door::form_answer((&platform, &ctx), result, next, paths::ACCOUNT_SESSIONS, Vec::new()).await
}

/// Ends every session but this one.
#[server]
pub async fn end_other_sessions() -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::end_other_sessions(&platform, &ctx).await;
    let next = |_| paths::with_query(paths::ACCOUNT_SESSIONS, [("done", "others")]);
    door::form_answer((&platform, &ctx), result, next, paths::ACCOUNT_SESSIONS, Vec::new()).await
}

/// One's API tokens.
#[server]
pub async fn list_api_tokens(#[server(default)] query: PageQuery) -> Result<Page<ApiTokenView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::accounts::list_api_tokens(&platform, &ctx, &query).await).await
}

/// Makes an API token: for everything (`reach` is not `some`), or for the permissions named. Who reads pages finds the
/// secret on the next one, once.
#[server]
pub async fn create_api_token(
    #[server(default)] name: String,
    #[server(default)] reach: String,
    #[server(default)] days: String,
    #[server(default)] scopes: Vec<String>,
) -> Result<Option<ApiTokenSecret>, ApiError> {
    use platform::accounts::{ShownOnce, keep_for_page};
    let (platform, ctx) = door::door();
    let typed = vec![("name", name.clone()), ("reach", reach.clone()), ("days", days.clone())];
    let result = async {
        let body = super::tokens::read_form(&ctx, name, &reach, &days, &scopes)?;
        let made = platform::accounts::create_api_token(&platform, &ctx, body).await?;
        if door::wants_page() {
            keep_for_page(&platform, &ctx, ShownOnce::ApiToken, &made.secret).await?;
        }
        Ok(made)
    };
    match result.await {
        Ok(made) if !door::wants_page() => Ok(Some(made)),
        result => {
            let next = |_| paths::ACCOUNT_TOKENS.to_owned();
            let answer = door::form_answer((&platform, &ctx), result, next, paths::ACCOUNT_TOKENS, typed);
            answer.await.map(|()| None)
        }
    }
}

/// Ends an API token.
#[server]
pub async fn revoke_api_token(id: SessionId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::revoke_api_token(&platform, &ctx, id).await;
    let next = |()| paths::with_query(paths::ACCOUNT_TOKENS, [("done", "one")]);
    door::form_answer((&platform, &ctx), result, next, paths::ACCOUNT_TOKENS, Vec::new()).await
}

/// Ends all of one's API tokens.
#[server]
pub async fn revoke_api_tokens() -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::revoke_api_tokens(&platform, &ctx).await;
    let next = |_| paths::with_query(paths::ACCOUNT_TOKENS, [("done", "all")]);
    door::form_answer((&platform, &ctx), result, next, paths::ACCOUNT_TOKENS, Vec::new()).await
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

/// One's public keys for SSH.
#[server]
pub async fn list_ssh_keys(#[server(default)] query: PageQuery) -> Result<Page<SshKeyView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::accounts::list_ssh_keys(&platform, &ctx, &query).await).await
}

/// Adds a public key for SSH.
#[server]
pub async fn add_ssh_key(
    #[server(default)] name: String,
    #[server(default)] public_key: String,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    // A private key that was pasted by mistake goes nowhere, not even back into the field.
    let again = if public_key.contains("PRIVATE KEY") { String::new() } else { public_key.clone() };
    let typed = vec![("name", name.clone()), ("publicKey", again)];
    let body = contract::accounts::SshKeyCreate { name: Some(name), public_key };
    let result = platform::accounts::add_ssh_key(&platform, &ctx, body).await;
    let next = |_| paths::ACCOUNT_SSH_KEYS.to_owned();
    door::form_answer((&platform, &ctx), result, next, paths::ACCOUNT_SSH_KEYS, typed).await
}

/// Removes a public key.
#[server]
pub async fn remove_ssh_key(id: SshKeyId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::remove_ssh_key(&platform, &ctx, id).await;
    let next = |()| paths::with_query(paths::ACCOUNT_SSH_KEYS, [("done", "one")]);
    door::form_answer((&platform, &ctx), result, next, paths::ACCOUNT_SSH_KEYS, Vec::new()).await
}

/// Removes all of one's public keys.
#[server]
pub async fn remove_ssh_keys() -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::remove_ssh_keys(&platform, &ctx).await;
    let next = |_| paths::with_query(paths::ACCOUNT_SSH_KEYS, [("done", "all")]);
    door::form_answer((&platform, &ctx), result, next, paths::ACCOUNT_SSH_KEYS, Vec::new()).await
}

/// Takes one's picture away.
#[server]
pub async fn remove_avatar() -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::remove_avatar(&platform, &ctx).await;
    let next = |()| paths::account_done("picture-removed");
    door::form_answer((&platform, &ctx), result, next, paths::ACCOUNT, Vec::new()).await
}
