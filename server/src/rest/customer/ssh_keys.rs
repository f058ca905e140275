//! /api/customer/settings/ssh-keys: one's own public keys.

use axum::response::Response;
use contract::accounts::{SshKeyCreate, SshKeyView, SshKeysRemoved};
use contract::{Envelope, Page, PageQuery, SshKeyId};
use platform::accounts;

use crate::rest::{Body, Params, Part, Rest};

/// One's public keys for SSH.
#[utoipa::path(get, path = "/api/customer/settings/ssh-keys", tag = "auth", params(PageQuery),
    responses((status = 200, body = Envelope<Page<SshKeyView>>)))]
pub async fn list(rest: Rest, Params(query): Params<PageQuery>) -> Response {
    rest.answer(accounts::list_ssh_keys(&rest.platform, &rest.ctx, &query).await).await
}

/// Adds one: Ed25519, ECDSA, RSA from 3072 bits, or the first two on a security key. An API token cannot add one.
#[utoipa::path(post, path = "/api/customer/settings/ssh-keys", tag = "auth", request_body = SshKeyCreate,
    responses((status = 201, body = Envelope<SshKeyView>), (status = 400, description = "1000: `data.fields` says why")))]
pub async fn add(rest: Rest, Body(body): Body<SshKeyCreate>) -> Response {
    let result = accounts::add_ssh_key(&rest.platform, &rest.ctx, body).await;
    rest.created(result, |_| "/api/customer/settings/ssh-keys".to_owned()).await
}

/// Removes all of them at once. An API token cannot do it.
#[utoipa::path(delete, path = "/api/customer/settings/ssh-keys", tag = "auth",
    responses((status = 200, body = Envelope<SshKeysRemoved>)))]
pub async fn remove_all(rest: Rest) -> Response {
    rest.answer(accounts::remove_ssh_keys(&rest.platform, &rest.ctx).await).await
}

/// Removes one at once.
#[utoipa::path(delete, path = "/api/customer/settings/ssh-keys/{id}", tag = "auth", params(("id" = SshKeyId, Path)),
    responses((status = 200, description = "Removed")))]
pub async fn remove(rest: Rest, Part(id): Part<SshKeyId>) -> Response {
    rest.answer(accounts::remove_ssh_key(&rest.platform, &rest.ctx, id).await).await
}
