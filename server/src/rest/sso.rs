//! /api/auth/oidc and what belongs to it: the way of a browser to a sign-in service and back.

use app::{door, paths};
use axum::Extension;
use axum::extract::RawQuery;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use contract::accounts::{IdentityView, OidcStart, SignInService};
use contract::{Envelope, ErrorCode, IdentityId};
use platform::accounts::identity::{self, Finished, Returned, Turned};
use platform::accounts::{self, SignInStep};
use platform::{Credential, Error};
use tower_sessions::Session;

use super::{Params, Part, Rest};
use crate::authn::browser::{self, Client};

/// The ways to sign in beside a password kept here.
#[utoipa::path(get, path = "/api/auth/services", tag = "auth", security(()),
    responses((status = 200, body = Envelope<Vec<SignInService>>)))]
pub async fn services(rest: Rest) -> Response {
    rest.answer(identity::services(&rest.platform, &rest.ctx).await).await
}

/// Sends a browser to a sign-in service; one that is signed in, to bind the account to it.
#[utoipa::path(get, path = "/api/auth/oidc/start", tag = "auth", params(OidcStart), security(()),
    responses((status = 303, description = "On to the service"), (status = 503, description = "1901: it cannot be reached")))]
pub async fn start(
    rest: Rest,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    Params(query): Params<OidcStart>,
) -> Response {
    let wanted = query.next.filter(|next| paths::local(next).is_some());
    let (provider, next) = (query.provider, wanted.clone());
    let result = async {
        let provider = provider.ok_or_else(|| Error::field("provider", "field-required"))?;
        let browser = match rest.ctx.user().map(|user| &user.credential) {
            None => browser::begun(&session).await?,
            Some(Credential::Browser) => browser::hash_of_session(&session).ok_or_else(over)?,
            // A program has no browser that could go there.
            Some(_) => return Err(over()),
        };
        identity::begin(&rest.platform, &rest.ctx, provider, next, &browser).await
    };
    let result = result.await.map_err(|error| Turned { error, next: wanted });
    led(&rest, &headers, result).await
}

/// Where a sign-in service sends browsers back to. What it sends counts once, and only in the browser that began.
#[utoipa::path(get, path = "/api/auth/oidc/callback", tag = "auth", security(()),
    params(("state" = Option<String>, Query), ("code" = Option<String>, Query), ("error" = Option<String>, Query),
        ("iss" = Option<String>, Query)),
    responses((status = 303, description = "Signed in, or asked for a code"),
        (status = 401, description = "1101: what the service says does not hold"),
        (status = 422, description = "1402: not begun in this browser, or over")))]
pub async fn callback(
    rest: Rest,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let returned = returned(query.as_deref().unwrap_or_default());
    let result = come_back(&rest, &session, &returned).await;
    led(&rest, &headers, result).await
}

/// Services send more than they have to: what is not known is left alone. A parameter that comes twice is none.
pub(crate) fn returned(query: &str) -> Returned {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let get = |name: &str| {
        let mut found = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone());
        let first = found.next();
        if found.next().is_some() { None } else { first }
    };
    Returned { state: get("state"), code: get("code"), error: get("error"), iss: get("iss") }
}

async fn come_back(rest: &Rest, session: &Session, returned: &Returned) -> std::result::Result<String, Turned> {
    let hash = browser::hash_of_session(session);
    let next = |next: Option<String>| next.filter(|next| paths::local(next).is_some());
    match identity::finish(&rest.platform, &rest.ctx, hash, returned).await? {
        Finished::SignIn(SignInStep::Done(who), wanted) => {
            browser::establish(session, who, Client::of(&rest.ctx)).await?;
            // Read before anything else: it looks like an account that has lost everything.
            if identity::has_address_notice(&rest.platform, &rest.ctx, who.user).await? {
                return Ok(paths::ACCOUNT_SECURITY.to_owned());
            }
            // `/` knows which portal is whose.
            Ok(next(wanted).unwrap_or_else(|| paths::HOME.to_owned()))
        }
        Finished::SignIn(SignInStep::CodeNeeded(needed), wanted) => {
            let browser = browser::begin(session).await?;
            accounts::open_challenge(&rest.platform, &rest.ctx, needed, &browser).await?;
            Ok(paths::login_code(next(wanted).as_deref()))
        }
        Finished::LinkProposed => Ok(format!("{}#link", paths::ACCOUNT_SECURITY)),
    }
}

fn over() -> Error {
    Error::new(ErrorCode::WrongState).with_key("error-sso-over")
}

/// On to where it leads; a browser that is refused goes back to a page that says why.
async fn led(rest: &Rest, headers: &HeaderMap, result: std::result::Result<String, Turned>) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let wants_page = accept.is_some_and(|accept| accept.contains("text/html"));
    match result {
        Ok(address) => Redirect::to(&address).into_response(),
        Err(Turned { error, next }) if wants_page => {
            let next = next.filter(|next| paths::local(next).is_some());
            let page = match rest.ctx.user() {
                Some(_) => paths::ACCOUNT_SECURITY.to_owned(),
                None => paths::login(next.as_deref()),
            };
            let address = door::refused_address((&rest.platform, &rest.ctx), error, &page, Vec::new()).await;
            Redirect::to(&address).into_response()
        }
        Err(Turned { error, .. }) => super::refuse(&rest.platform, &rest.ctx, error).await,
    }
}

/// The sign-in services and directories one's account is bound to.
#[utoipa::path(get, path = "/api/auth/identities", tag = "auth",
    responses((status = 200, body = Envelope<Vec<IdentityView>>)))]
pub async fn identities(rest: Rest) -> Response {
    rest.answer(identity::identities(&rest.platform, &rest.ctx).await).await
}

/// Parts one's account from one of them. The sessions that came in by it end, but the one that asks.
#[utoipa::path(delete, path = "/api/auth/identities/{id}", tag = "auth", params(("id" = IdentityId, Path)),
    responses((status = 200, description = "Parted"), (status = 422, description = "1402: it is the only way in")))]
pub async fn unlink(rest: Rest, Part(id): Part<IdentityId>) -> Response {
    rest.answer(identity::unlink(&rest.platform, &rest.ctx, id).await.map(|_| ())).await
}
