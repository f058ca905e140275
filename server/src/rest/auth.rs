//! /api/auth: for programs; browsers sign in through their page.

use axum::http::{HeaderMap, header};
use axum::response::Response;
use contract::accounts::{LoginAnswer, LoginRequest, Profile};
use contract::menus::MenuRecord;
use contract::{Envelope, ListColumns, Permission};
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

/// The menu as one may see it: groups of entries, each with the buttons that may be pressed there.
#[utoipa::path(get, path = "/api/auth/menus", tag = "auth", responses((status = 200, body = Envelope<Vec<MenuRecord>>)))]
pub async fn menus(rest: Rest) -> Response {
    let held = app::door::must_hold(&rest.ctx, Permission::AccountsViewOwn);
    rest.answer(held.map(|()| app::menus::records(&rest.ctx))).await
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
