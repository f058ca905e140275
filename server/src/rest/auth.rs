//! /api/auth: for programs; browsers sign in through their page.

use axum::http::{HeaderMap, header};
use axum::response::Response;
use contract::accounts::{
    EmailChangeConfirm, EmailChangeRequest, InvitationAccept, LoginAnswer, LoginRequest, PasswordResetConfirm,
    PasswordResetRequest, Profile,
};
use contract::{Envelope, ListColumns};
use platform::accounts;

use super::{Body, Part, Rest};

/// Signs in with name or e-mail and password.
#[utoipa::path(post, path = "/api/auth/login", tag = "auth", request_body = LoginRequest,
    responses((status = 200, body = Envelope<LoginAnswer>), (status = 401, description = "1101: wrong credentials"),
        (status = 429, description = "1600: too many attempts; Retry-After says when")))]
pub async fn login(rest: Rest, headers: HeaderMap, Body(request): Body<LoginRequest>) -> Response {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    rest.answer(accounts::issue_access_token(&rest.platform, &rest.ctx, &request, agent).await).await
}

/// Ends the session of the access token.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", responses((status = 200, description = "Ended")))]
pub async fn logout(rest: Rest) -> Response {
    rest.answer(accounts::sign_out(&rest.platform, &rest.ctx).await).await
}

/// Who one is and what one may do.
#[utoipa::path(get, path = "/api/auth/profile", tag = "auth", responses((status = 200, body = Envelope<Profile>)))]
pub async fn profile(rest: Rest) -> Response {
    rest.answer(accounts::profile(&rest.platform, &rest.ctx).await).await
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

/// Sends a link to a new address, and a notice to the old one; nothing changes before the link is used.
#[utoipa::path(post, path = "/api/auth/email-change/request", tag = "auth", request_body = EmailChangeRequest,
    responses((status = 200, description = "Asked for")))]
pub async fn request_email_change(rest: Rest, Body(body): Body<EmailChangeRequest>) -> Response {
    rest.answer(accounts::request_email_change(&rest.platform, &rest.ctx, &body).await).await
}

/// Takes the new address with the link's token.
#[utoipa::path(post, path = "/api/auth/email-change/confirm", tag = "auth", request_body = EmailChangeConfirm,
    responses((status = 200, description = "Changed"), (status = 400, description = "1000: the link")))]
pub async fn confirm_email_change(rest: Rest, Body(body): Body<EmailChangeConfirm>) -> Response {
    rest.answer(accounts::confirm_email_change(&rest.platform, &rest.ctx, &body).await).await
}

/// Makes the account of an invited person.
#[utoipa::path(post, path = "/api/auth/invitation/accept", tag = "auth", request_body = InvitationAccept,
    responses((status = 200, description = "Made"), (status = 400, description = "1000: the link or a field")))]
pub async fn accept_invitation(rest: Rest, Body(body): Body<InvitationAccept>) -> Response {
    rest.answer(accounts::accept_invitation(&rest.platform, &rest.ctx, &body).await).await
}
