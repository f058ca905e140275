//! /api/admin/mails and the test of the way they go.

use axum::response::Response;
use contract::mail::{MailQuery, MailTestRequest, MailTestView, MailView, test_text_key};
use contract::{Envelope, Page};
use platform::mail;

use crate::rest::{Body, Params, Rest};

/// Mail that went out or is to go out, newest first; of its text nothing.
#[utoipa::path(get, path = "/api/admin/mails", tag = "settings", params(MailQuery),
    responses((status = 200, body = Envelope<Page<MailView>>)))]
pub async fn list(rest: Rest, Params(query): Params<MailQuery>) -> Response {
    rest.answer(mail::list(&rest.platform, &rest.ctx, &query).await).await
}

/// Sends a test mail now and says how far it came, and what that means.
#[utoipa::path(post, path = "/api/admin/settings/mail/test", tag = "settings", request_body = MailTestRequest,
    responses((status = 200, body = Envelope<MailTestView>)))]
pub async fn test(rest: Rest, Body(body): Body<MailTestRequest>) -> Response {
    let result = mail::test(&rest.platform, &rest.ctx, body).await;
    let language = rest.ctx.language();
    rest.answer(result.map(|failure| {
        let step = failure.as_ref().map_or("done", |failure| failure.step.code());
        let code = failure.as_ref().and_then(|failure| failure.code);
        MailTestView {
            accepted: failure.is_none(),
            step: step.to_owned(),
            code,
            message: texts::message(language, &test_text_key(step, code), &[]),
            detail: failure.map(|failure| failure.detail),
        }
    }))
    .await
}
