//! /api/admin/machines/{code}/docker: how a machine's Docker Engine is reached.

use axum::response::Response;
use contract::Envelope;
use contract::engines::{EngineTest, EngineView, EngineWrite};
use platform::engines;

use crate::rest::{Body, Part, Rest};

/// How it is reached, and what the last test found out; neither certificates nor the key.
#[utoipa::path(get, path = "/api/admin/machines/{code}/docker", tag = "engines", params(("code" = String, Path)),
    responses((status = 200, body = Envelope<EngineView>), (status = 404, description = "1300: nobody has said it yet")))]
pub async fn get(rest: Rest, Part(code): Part<String>) -> Response {
    rest.answer(engines::get(&rest.platform, &rest.ctx, &code).await).await
}

/// Says it, or says it anew; of certificates and key, those that are absent stay.
#[utoipa::path(put, path = "/api/admin/machines/{code}/docker", tag = "engines", params(("code" = String, Path)),
    request_body = EngineWrite,
    responses((status = 200, body = Envelope<EngineView>),
        (status = 400, description = "1000: faulty fields, or another engine answers there and `otherEngine` is not said"),
        (status = 409, description = "1400: changed meanwhile")))]
pub async fn set(rest: Rest, Part(code): Part<String>, Body(body): Body<EngineWrite>) -> Response {
    rest.answer(engines::set(&rest.platform, &rest.ctx, &code, body).await).await
}

/// Forgets it, with certificates and key.
#[utoipa::path(delete, path = "/api/admin/machines/{code}/docker", tag = "engines", params(("code" = String, Path)),
    responses((status = 200, description = "Forgotten"), (status = 404, description = "1300: nobody has said it yet")))]
pub async fn remove(rest: Rest, Part(code): Part<String>) -> Response {
    rest.answer(engines::remove(&rest.platform, &rest.ctx, &code).await).await
}

/// Goes on with another engine that answers in the place of the one that the machine's instances are on: they are made anew
/// there, with empty volumes where it has none of theirs, and whose they are is told so.
#[utoipa::path(post, path = "/api/admin/machines/{code}/docker/accept", tag = "engines", params(("code" = String, Path)),
    responses((status = 200, body = Envelope<EngineView>), (status = 404, description = "1300: nobody has said it yet"),
        (status = 409, description = "1400: it is yet another engine by now"),
        (status = 422, description = "1402: no other engine answers"),
        (status = 502, description = "1800: it does not say what it has"),
        (status = 503, description = "1802: no engine answers")))]
pub async fn accept(rest: Rest, Part(code): Part<String>) -> Response {
    rest.answer(engines::accept_other(&rest.platform, &rest.ctx, &code).await).await
}

/// Asks the engine what it is; the answer says what is wrong where there is none.
#[utoipa::path(post, path = "/api/admin/machines/{code}/docker/test", tag = "engines", params(("code" = String, Path)),
    responses((status = 200, body = Envelope<EngineTest>), (status = 404, description = "1300: nobody has said it yet")))]
pub async fn test(rest: Rest, Part(code): Part<String>) -> Response {
    rest.answer(engines::test(&rest.platform, &rest.ctx, &code).await).await
}
