//! /api/admin/settings/identity-providers: what people sign in through.

use axum::extract::{FromRequest as _, Request};
use axum::response::Response;
use contract::accounts::{ProviderBody, ProviderRemoval, ProviderTest, ProviderTestRequest, ProviderView};
use contract::{Envelope, IdentityProviderId};
use platform::accounts::identity;
use platform::settings::{self, ProviderWish};

use crate::rest::{Body, Params, Part, Rest};

/// Every provider; of secrets only whether they are set.
#[utoipa::path(get, path = "/api/admin/settings/identity-providers", tag = "settings",
    responses((status = 200, body = Envelope<Vec<ProviderView>>)))]
pub async fn list(rest: Rest) -> Response {
    rest.answer(identity::list(&rest.platform, &rest.ctx).await).await
}

/// One of them.
#[utoipa::path(get, path = "/api/admin/settings/identity-providers/{id}", tag = "settings",
    params(("id" = IdentityProviderId, Path)), responses((status = 200, body = Envelope<ProviderView>)))]
pub async fn get(rest: Rest, Part(id): Part<IdentityProviderId>) -> Response {
    rest.answer(identity::get(&rest.platform, &rest.ctx, id).await).await
}

/// Adds a directory or a sign-in service.
#[utoipa::path(post, path = "/api/admin/settings/identity-providers", tag = "settings", request_body = ProviderBody,
    responses((status = 201, body = Envelope<ProviderView>), (status = 400, description = "1000: `data.fields` says why")))]
pub async fn create(rest: Rest, request: Request) -> Response {
    let body = match read(&rest, ProviderWish::Create, request).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let result = identity::create(&rest.platform, &rest.ctx, body).await;
    rest.created(result, |view| format!("/api/admin/settings/identity-providers/{}", view.id)).await
}

/// Makes it what the body says. Without a secret the stored one stays, unless it would go to somebody else now.
#[utoipa::path(put, path = "/api/admin/settings/identity-providers/{id}", tag = "settings",
    params(("id" = IdentityProviderId, Path)), request_body = ProviderBody,
    responses((status = 200, body = Envelope<ProviderView>), (status = 409, description = "1400: changed meanwhile")))]
pub async fn update(rest: Rest, Part(id): Part<IdentityProviderId>, request: Request) -> Response {
    match read(&rest, ProviderWish::Update(id), request).await {
        Ok(body) => rest.answer(identity::update(&rest.platform, &rest.ctx, id, body).await).await,
        Err(refused) => refused,
    }
}

/// The body, for who may manage providers at all; the others learn that first, whatever it looks like.
async fn read<T: serde::de::DeserializeOwned + Send>(
    rest: &Rest,
    wish: ProviderWish,
    request: Request,
) -> Result<T, Response> {
    match settings::may_manage_identity(&rest.ctx, wish) {
        Ok(()) => Body::<T>::from_request(request, &()).await.map(|Body(body)| body),
        Err(error) => Err(rest.answer::<()>(Err(error)).await),
    }
}

/// Removes it, with the roles that its groups gave; the accounts stay, their owners are told, and the sessions end that came
/// in by it.
#[utoipa::path(delete, path = "/api/admin/settings/identity-providers/{id}", tag = "settings",
    params(("id" = IdentityProviderId, Path), ProviderRemoval),
    responses((status = 200, description = "Removed"),
        (status = 422, description = "1402: accounts are bound to it, and `partAccounts` does not say that they may be parted")))]
pub async fn delete(
    rest: Rest,
    Part(id): Part<IdentityProviderId>,
    Params(removal): Params<ProviderRemoval>,
) -> Response {
    rest.answer(identity::delete(&rest.platform, &rest.ctx, id, removal.part_accounts).await).await
}

/// Tries it out as it is stored and says, step by step, what was found. Nobody is signed in.
#[utoipa::path(post, path = "/api/admin/settings/identity-providers/{id}/test", tag = "settings",
    params(("id" = IdentityProviderId, Path)), request_body = ProviderTestRequest,
    responses((status = 200, body = Envelope<ProviderTest>)))]
pub async fn test(rest: Rest, Part(id): Part<IdentityProviderId>, request: Request) -> Response {
    match read(&rest, ProviderWish::Test(id), request).await {
        Ok(body) => rest.answer(identity::test(&rest.platform, &rest.ctx, id, body).await).await,
        Err(refused) => refused,
    }
}
