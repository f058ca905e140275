//! /api/auth: for programs; browsers sign in through their page.

use axum::Extension;
use axum::response::Response;
use contract::accounts::{
    AccountByLink, ApiTokenCreate, ApiTokenSecret, ApiTokenView, CaptchaQuery, CaptchaView, CustomerSwitch,
    EmailChangeConfirm, EmailChangeRequest, InvitationJoin, InvitationJoined, LoginAnswer, LoginRequest,
    PasswordChange, PasswordChanged, PasswordResetConfirm, PasswordResetRequest, Preferences, Profile, ProfileUpdate,
    RecoveryCodes, RefreshRequest, SessionView, SessionsEnded, SignUpRequest, TotpConfirm, TotpEnroll, TotpEnrollment,
    TotpProof,
};
use contract::menus::MenuRecord;
use contract::{CustomerId, Envelope, ListColumns, Page, PageQuery, Permission, SessionId};
use platform::accounts::{self, SignedIn, identity};
use platform::{Credential, Result};
use tower_sessions::Session;

use super::{Body, Params, Part, Rest};
use crate::authn::browser::{self, Client};

/// A change ended every session of the account. A browser that calls the API goes on under a new one; a program signs in
/// again.
async fn go_on(rest: &Rest, session: &Session, who: SignedIn) -> Result<()> {
    match rest.ctx.user().map(|user| &user.credential) {
        Some(Credential::Browser) => browser::establish(session, who, Client::of(&rest.ctx)).await,
        _ => Ok(()),
    }
}

/// Signs in with name or e-mail and password, and the code of the second factor where one is asked for.
#[utoipa::path(post, path = "/api/auth/login", tag = "auth", request_body = LoginRequest, security(()),
    responses((status = 200, body = Envelope<LoginAnswer>),
        (status = 401, description = "1101: wrong credentials; 1102: a solved challenge is missing; 1103: `otp` is missing or wrong"),
        (status = 429, description = "1600: too many attempts; Retry-After says when")))]
pub async fn login(rest: Rest, Body(request): Body<LoginRequest>) -> Response {
    rest.answer(accounts::issue_access_token(&rest.platform, &rest.ctx, &request).await).await
}

/// A challenge, for operations that answer 1102. It counts once, within five minutes, also when the answer was wrong.
#[utoipa::path(get, path = "/api/auth/captcha", tag = "auth", params(CaptchaQuery), security(()),
    responses((status = 200, body = Envelope<CaptchaView>),
        (status = 429, description = "1600: too many requests; Retry-After says when")))]
pub async fn captcha(rest: Rest, Params(query): Params<CaptchaQuery>) -> Response {
    rest.answer(accounts::new_captcha(&rest.platform, &rest.ctx, query.kind).await).await
}

/// Renews an access token. A refresh token counts once; one that is shown again ends the whole sign-in.
#[utoipa::path(post, path = "/api/auth/refresh", tag = "auth", request_body = RefreshRequest, security(()),
    responses((status = 200, body = Envelope<LoginAnswer>), (status = 401, description = "1100: not, or no longer, open")))]
pub async fn refresh(rest: Rest, Body(request): Body<RefreshRequest>) -> Response {
    rest.answer(accounts::refresh(&rest.platform, &rest.ctx, &request.refresh_token).await).await
}

/// Ends the session of the token that is shown, with its refresh tokens.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", responses((status = 200, description = "Ended")))]
pub async fn logout(rest: Rest) -> Response {
    rest.answer(accounts::sign_out(&rest.platform, &rest.ctx).await).await
}

/// Who one is and what one may do.
#[utoipa::path(get, path = "/api/auth/profile", tag = "auth", responses((status = 200, body = Envelope<Profile>)))]
pub async fn profile(rest: Rest) -> Response {
    rest.answer(accounts::profile(&rest.platform, &rest.ctx).await).await
}

/// The menu as one may see it: groups of entries, each with the buttons that may be pressed there.
#[utoipa::path(get, path = "/api/auth/menus", tag = "auth", responses((status = 200, body = Envelope<Vec<MenuRecord>>)))]
pub async fn menus(rest: Rest) -> Response {
    let held = app::door::must_hold(&rest.ctx, Permission::AccountsViewOwn);
    rest.answer(held.map(|()| app::menus::records(&rest.ctx))).await
}

/// Replaces what one may say about oneself.
#[utoipa::path(put, path = "/api/auth/profile", tag = "auth", request_body = ProfileUpdate,
    responses((status = 200, body = Envelope<Profile>)))]
pub async fn update_profile(rest: Rest, Body(body): Body<ProfileUpdate>) -> Response {
    rest.answer(accounts::update_profile(&rest.platform, &rest.ctx, body).await).await
}

/// Changes how the product looks to one, wherever one is signed in; what is absent stays.
#[utoipa::path(patch, path = "/api/auth/preferences", tag = "auth", request_body = Preferences,
    responses((status = 200, body = Envelope<Profile>), (status = 400, description = "1000: no such time zone")))]
pub async fn update_preferences(rest: Rest, Body(body): Body<Preferences>) -> Response {
    let changed = accounts::update_preferences(&rest.platform, &rest.ctx, body).await;
    let result = match changed {
        Ok(()) => accounts::profile(&rest.platform, &rest.ctx).await,
        Err(error) => Err(error),
    };
    rest.answer(result).await
}

/// Has this session, and the tokens of it, act for another of one's customers.
#[utoipa::path(put, path = "/api/auth/customer", tag = "auth", request_body = CustomerSwitch,
    responses((status = 200, body = Envelope<Profile>), (status = 422, description = "1402: staff, or an API token")))]
pub async fn switch_customer(rest: Rest, Body(body): Body<CustomerSwitch>) -> Response {
    rest.answer(accounts::switch_customer(&rest.platform, &rest.ctx, body.customer_id).await).await
}

/// Takes oneself out of a customer; the account stays. What is signed in for the customer ends, this session too if it acts for
/// it; a browser goes on under a new one.
#[utoipa::path(delete, path = "/api/auth/customers/{id}", tag = "auth", params(("id" = CustomerId, Path)),
    responses((status = 200, description = "Left"), (status = 403, description = "1200: an API token leaves nothing"),
        (status = 422, description = "1402: the last owner")))]
pub async fn leave_customer(
    rest: Rest,
    Extension(session): Extension<Session>,
    Part(id): Part<CustomerId>,
) -> Response {
    let result = match accounts::leave(&rest.platform, &rest.ctx, id).await {
        Ok(who) => go_on(&rest, &session, who).await,
        Err(error) => Err(error),
    };
    rest.answer(result).await
}

/// Where one is signed in.
#[utoipa::path(get, path = "/api/auth/sessions", tag = "auth", params(PageQuery),
    responses((status = 200, body = Envelope<Page<SessionView>>)))]
pub async fn sessions(rest: Rest, Params(query): Params<PageQuery>) -> Response {
    rest.answer(accounts::list_sessions(&rest.platform, &rest.ctx, &query).await).await
}

/// Ends every session but this one, API tokens too.
#[utoipa::path(delete, path = "/api/auth/sessions", tag = "auth",
    responses((status = 200, body = Envelope<SessionsEnded>)))]
pub async fn end_other_sessions(rest: Rest) -> Response {
    rest.answer(accounts::end_other_sessions(&rest.platform, &rest.ctx).await).await
}

/// Ends one of one's sessions at once.
#[utoipa::path(delete, path = "/api/auth/sessions/{id}", tag = "auth", params(("id" = SessionId, Path)),
    responses((status = 200, description = "Ended")))]
pub async fn end_session(rest: Rest, Part(id): Part<SessionId>) -> Response {
    rest.answer(accounts::end_session(&rest.platform, &rest.ctx, id).await).await
}

/// One's API tokens.
#[utoipa::path(get, path = "/api/auth/tokens", tag = "auth", params(PageQuery),
    responses((status = 200, body = Envelope<Page<ApiTokenView>>)))]
pub async fn tokens(rest: Rest, Params(query): Params<PageQuery>) -> Response {
    rest.answer(accounts::list_api_tokens(&rest.platform, &rest.ctx, &query).await).await
}

/// Makes an API token; the only answer that holds its secret. An API token cannot make one.
#[utoipa::path(post, path = "/api/auth/tokens", tag = "auth", request_body = ApiTokenCreate,
    responses((status = 201, body = Envelope<ApiTokenSecret>)))]
pub async fn create_token(rest: Rest, Body(body): Body<ApiTokenCreate>) -> Response {
    let result = accounts::create_api_token(&rest.platform, &rest.ctx, body).await;
    rest.created(result, |_| "/api/auth/tokens".to_owned()).await
}

/// Ends every API token of one's own at once. An API token cannot do it.
#[utoipa::path(delete, path = "/api/auth/tokens", tag = "auth",
    responses((status = 200, body = Envelope<SessionsEnded>)))]
pub async fn revoke_tokens(rest: Rest) -> Response {
    rest.answer(accounts::revoke_api_tokens(&rest.platform, &rest.ctx).await).await
}

/// Ends an API token at once.
#[utoipa::path(delete, path = "/api/auth/tokens/{id}", tag = "auth", params(("id" = SessionId, Path)),
    responses((status = 200, description = "Ended")))]
pub async fn revoke_token(rest: Rest, Part(id): Part<SessionId>) -> Response {
    rest.answer(accounts::revoke_api_token(&rest.platform, &rest.ctx, id).await).await
}

/// Changes one's password. Every session and token of the account ends, the one that asked too: sign in again. What the
/// account is bound to does not end.
#[utoipa::path(post, path = "/api/auth/password/change", tag = "auth", request_body = PasswordChange,
    responses((status = 200, body = Envelope<PasswordChanged>),
        (status = 400, description = "1000: `data.fields` says why"),
        (status = 429, description = "1600: too many failures; Retry-After says when")))]
pub async fn change_password(
    rest: Rest,
    Extension(session): Extension<Session>,
    Body(body): Body<PasswordChange>,
) -> Response {
    let result = async {
        let who = accounts::change_password(&rest.platform, &rest.ctx, &body).await?;
        go_on(&rest, &session, who).await?;
        let bound = identity::identities(&rest.platform, &rest.ctx).await?;
        Ok(PasswordChanged { stays_bound: bound.into_iter().map(|identity| identity.provider_name).collect() })
    };
    rest.answer(result.await).await
}

/// Makes a secret for an authenticator app, with the password; it counts once it is confirmed.
#[utoipa::path(post, path = "/api/auth/totp/enroll", tag = "auth", request_body = TotpEnroll,
    responses((status = 200, body = Envelope<TotpEnrollment>),
        (status = 422, description = "1402: it is on, or there is no password here and the session is older than ten minutes"),
        (status = 429, description = "1600: too many failures; Retry-After says when")))]
pub async fn enroll_totp(rest: Rest, Body(body): Body<TotpEnroll>) -> Response {
    rest.answer(accounts::enroll_totp(&rest.platform, &rest.ctx, &body.password).await).await
}

/// Switches the second factor on; the only answer that holds the recovery codes. Every session of the account ends.
#[utoipa::path(post, path = "/api/auth/totp/confirm", tag = "auth", request_body = TotpConfirm,
    responses((status = 200, body = Envelope<RecoveryCodes>), (status = 422, description = "1402: nothing to confirm")))]
pub async fn confirm_totp(
    rest: Rest,
    Extension(session): Extension<Session>,
    Body(body): Body<TotpConfirm>,
) -> Response {
    let result = match accounts::confirm_totp(&rest.platform, &rest.ctx, &body.code).await {
        Ok((codes, who)) => go_on(&rest, &session, who).await.map(|()| codes),
        Err(error) => Err(error),
    };
    rest.answer(result).await
}

/// Switches the second factor off, with password and code. Every session of the account ends.
#[utoipa::path(post, path = "/api/auth/totp/disable", tag = "auth", request_body = TotpProof,
    responses((status = 200, description = "Off"), (status = 422, description = "1402: it is not on, or has to be")))]
pub async fn disable_totp(rest: Rest, Extension(session): Extension<Session>, Body(body): Body<TotpProof>) -> Response {
    let result = match accounts::disable_totp(&rest.platform, &rest.ctx, &body).await {
        Ok(who) => go_on(&rest, &session, who).await,
        Err(error) => Err(error),
    };
    rest.answer(result).await
}

/// Makes new recovery codes, with the password or a code; the only answer that holds them. Those so far count no more.
#[utoipa::path(post, path = "/api/auth/totp/recovery-codes", tag = "auth", request_body = TotpProof,
    responses((status = 200, body = Envelope<RecoveryCodes>), (status = 422, description = "1402: no second factor is on"),
        (status = 429, description = "1600: too many failures; Retry-After says when")))]
pub async fn renew_recovery_codes(rest: Rest, Body(body): Body<TotpProof>) -> Response {
    rest.answer(accounts::renew_recovery_codes(&rest.platform, &rest.ctx, &body).await).await
}

/// Which columns one sees in a list.
#[utoipa::path(get, path = "/api/auth/list-columns/{list}", tag = "auth", params(("list" = String, Path)),
    responses((status = 200, body = Envelope<ListColumns>)))]
pub async fn list_columns(rest: Rest, Part(list): Part<String>) -> Response {
    rest.answer(accounts::columns_of(&rest.platform, &rest.ctx, &list).await).await
}

/// Chooses them; none at all goes back to the usual ones.
#[utoipa::path(put, path = "/api/auth/list-columns/{list}", tag = "auth", params(("list" = String, Path)),
    request_body = ListColumns, responses((status = 200, body = Envelope<ListColumns>)))]
pub async fn choose_columns(rest: Rest, Part(list): Part<String>, Body(body): Body<ListColumns>) -> Response {
    rest.answer(accounts::choose_columns(&rest.platform, &rest.ctx, &list, body).await).await
}

/// Sends a link to a new password, if there is such an account; the answer is the same for every name.
#[utoipa::path(post, path = "/api/auth/password-reset/request", tag = "auth", request_body = PasswordResetRequest,
    responses((status = 200, description = "Asked for"),
        (status = 401, description = "1102: a solved challenge is missing"),
        (status = 429, description = "1600: too many requests; Retry-After says when")))]
pub async fn request_password_reset(rest: Rest, Body(body): Body<PasswordResetRequest>) -> Response {
    rest.answer(accounts::request_password_reset(&rest.platform, &rest.ctx, &body).await).await
}

/// Sets a new password with the link's token and ends every session of the person.
#[utoipa::path(post, path = "/api/auth/password-reset/confirm", tag = "auth", request_body = PasswordResetConfirm,
    responses((status = 200, description = "Set"), (status = 400, description = "1000: the link or the password")))]
pub async fn confirm_password_reset(rest: Rest, Body(body): Body<PasswordResetConfirm>) -> Response {
    rest.answer(accounts::confirm_password_reset(&rest.platform, &rest.ctx, &body).await).await
}

/// Sends the link that makes an account to an address, where the settings are open to everybody; the answer is the same for
/// every address. A solved challenge always comes with it.
#[utoipa::path(post, path = "/api/auth/register/request", tag = "auth", request_body = SignUpRequest,
    responses((status = 200, description = "Asked for"),
        (status = 401, description = "1102: a solved challenge is missing"),
        (status = 422, description = "1402: accounts are made by administrators or by invitation only"),
        (status = 429, description = "1600: too many requests; Retry-After says when")))]
pub async fn request_sign_up(rest: Rest, Body(body): Body<SignUpRequest>) -> Response {
    rest.answer(accounts::request_sign_up(&rest.platform, &rest.ctx, &body).await).await
}

/// Makes the account of somebody whose address the link proved. It belongs to no customer yet.
#[utoipa::path(post, path = "/api/auth/register", tag = "auth", request_body = AccountByLink,
    responses((status = 200, description = "Made"), (status = 400, description = "1000: the link or a field"),
        (status = 409, description = "1401: the name or the address is taken"),
        (status = 422, description = "1402: as above")))]
pub async fn sign_up(rest: Rest, Body(body): Body<AccountByLink>) -> Response {
    rest.answer(accounts::sign_up(&rest.platform, &rest.ctx, &body).await).await
}

/// Sends a link to a new address, and a notice to the old one; nothing changes before the link is used.
#[utoipa::path(post, path = "/api/auth/email-change/request", tag = "auth", request_body = EmailChangeRequest,
    responses((status = 200, description = "Asked for"),
        (status = 429, description = "1600: too many mails or failures; Retry-After says when")))]
pub async fn request_email_change(rest: Rest, Body(body): Body<EmailChangeRequest>) -> Response {
    rest.answer(accounts::request_email_change(&rest.platform, &rest.ctx, &body).await).await
}

/// Takes the new address with the link's token.
#[utoipa::path(post, path = "/api/auth/email-change/confirm", tag = "auth", request_body = EmailChangeConfirm,
    responses((status = 200, description = "Changed"), (status = 400, description = "1000: the link")))]
pub async fn confirm_email_change(rest: Rest, Body(body): Body<EmailChangeConfirm>) -> Response {
    rest.answer(accounts::confirm_email_change(&rest.platform, &rest.ctx, &body).await).await
}

/// Makes the account of an invited person. Who has an account accepts with it, at `join`.
#[utoipa::path(post, path = "/api/auth/invitation/accept", tag = "auth", request_body = AccountByLink,
    responses((status = 200, description = "Made"), (status = 400, description = "1000: the link or a field"),
        (status = 409, description = "1401: the name is taken, or the address has an account"),
        (status = 422, description = "1402: only administrators make accounts")))]
pub async fn accept_invitation(rest: Rest, Body(body): Body<AccountByLink>) -> Response {
    rest.answer(accounts::accept_invitation(&rest.platform, &rest.ctx, &body).await).await
}

/// Accepts an invitation with the account one is signed in with, whose address must be the invited one. A member who was
/// invited as an owner becomes one, and sessions for that customer end: sign in again. Not with an API token.
#[utoipa::path(post, path = "/api/auth/invitation/join", tag = "auth", request_body = InvitationJoin,
    responses((status = 200, body = Envelope<InvitationJoined>), (status = 400, description = "1000: the link"),
        (status = 422, description = "1402: the invitation is for another address, or one is in the customer already")))]
pub async fn join_by_invitation(
    rest: Rest,
    Extension(session): Extension<Session>,
    Body(body): Body<InvitationJoin>,
) -> Response {
    let result = match accounts::join(&rest.platform, &rest.ctx, &body).await {
        Ok((joined, who)) => go_on(&rest, &session, who).await.map(|()| joined),
        Err(error) => Err(error),
    };
    rest.answer(result).await
}
