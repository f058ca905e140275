//! /api/admin/settings.

use app::{door, paths};
use axum::Json;
use axum::extract::{FromRequest as _, Request};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use contract::settings::{
    Configuration, MAX_CONFIGURATION_BYTES, MAX_LOGO_BYTES, SettingUpdate, SettingView, SettingsImportView,
};
use contract::{Envelope, SettingsImportId};
use platform::settings;

use crate::rest::upload::{FileForm, RawBytes};
use crate::rest::{Body, Part, Rest, upload};

/// Every setting as it is now; of secrets only whether they are set.
#[utoipa::path(get, path = "/api/admin/settings", tag = "settings",
    responses((status = 200, body = Envelope<Vec<SettingView>>)))]
pub async fn list(rest: Rest) -> Response {
    rest.answer(settings::list(&rest.platform, &rest.ctx).await).await
}

/// One of them.
#[utoipa::path(get, path = "/api/admin/settings/{key}", tag = "settings", params(("key" = String, Path)),
    responses((status = 200, body = Envelope<SettingView>)))]
pub async fn get(rest: Rest, Part(key): Part<String>) -> Response {
    rest.answer(settings::get(&rest.platform, &rest.ctx, &key).await).await
}

/// Sets one; every server acts by it within two seconds. A fault is named by the setting's key.
#[utoipa::path(put, path = "/api/admin/settings/{key}", tag = "settings", params(("key" = String, Path)),
    request_body = SettingUpdate,
    responses((status = 200, body = Envelope<SettingView>), (status = 409, description = "1400: changed meanwhile")))]
pub async fn update(rest: Rest, Part(key): Part<String>, request: Request) -> Response {
    // Who may not change settings at all learns so whatever the body looks like.
    if let Err(error) = settings::may_change(&rest.ctx, &key) {
        return rest.answer::<()>(Err(error)).await;
    }
    match Body::<SettingUpdate>::from_request(request, &()).await {
        Ok(Body(body)) => rest.answer(settings::update(&rest.platform, &rest.ctx, &key, body).await).await,
        Err(refused) => refused,
    }
}

/// Everything but the secrets, as a file to be imported elsewhere; not in an envelope.
#[utoipa::path(get, path = "/api/admin/settings/export", tag = "settings",
    responses((status = 200, body = Configuration)))]
pub async fn export(rest: Rest) -> Response {
    match settings::export(&rest.platform, &rest.ctx).await {
        Ok(configuration) => {
            let name = format!("attachment; filename=\"settings-{}.json\"", rest.ctx.now().format("%Y%m%d-%H%M"));
            let mut response = Json(configuration).into_response();
            if let Ok(name) = HeaderValue::from_str(&name) {
                response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
            }
            response
        }
        Err(error) => crate::rest::refuse(&rest.platform, &rest.ctx, error).await,
    }
}

/// Takes an exported configuration and says what it would change; nothing changes until it is confirmed. The body itself,
/// or the first file of a form; a browser's form is led to the page of what would change.
#[utoipa::path(post, path = "/api/admin/settings/import", tag = "settings", request_body = Configuration,
    responses((status = 201, body = Envelope<SettingsImportView>)))]
pub async fn stage_import(rest: Rest, request: Request) -> Response {
    let wants_page = upload::accepts_html(&request);
    let staged = match taken(settings::may_import(&rest.ctx), request, MAX_CONFIGURATION_BYTES).await {
        Ok(bytes) => settings::stage_import(&rest.platform, &rest.ctx, &bytes).await,
        Err(error) => Err(error),
    };
    match staged {
        Ok(view) if wants_page => Redirect::to(&paths::settings_import(view.id)).into_response(),
        Err(error) if wants_page => back(&rest, error, "import").await,
        staged => rest.created(staged, |view| format!("/api/admin/settings/import/{}", view.id)).await,
    }
}

/// What a configuration that waits would change now.
#[utoipa::path(get, path = "/api/admin/settings/import/{id}", tag = "settings", params(("id" = SettingsImportId, Path)),
    responses((status = 200, body = Envelope<SettingsImportView>)))]
pub async fn get_import(rest: Rest, Part(id): Part<SettingsImportId>) -> Response {
    rest.answer(settings::get_import(&rest.platform, &rest.ctx, id).await).await
}

/// Writes it, all or nothing.
#[utoipa::path(post, path = "/api/admin/settings/import/{id}/confirm", tag = "settings",
    params(("id" = SettingsImportId, Path)),
    responses((status = 200, description = "Written"), (status = 409, description = "1400: changed meanwhile")))]
pub async fn confirm_import(rest: Rest, Part(id): Part<SettingsImportId>) -> Response {
    rest.answer(settings::confirm_import(&rest.platform, &rest.ctx, id).await).await
}

/// Takes a PNG or JPEG as the logo: the body itself, or the first file of a form. PUT of null to `branding.logo` takes it away.
#[utoipa::path(post, path = "/api/admin/settings/logo", tag = "settings",
    request_body(content(
        (inline(RawBytes) = "image/png"), (inline(RawBytes) = "image/jpeg"), (inline(FileForm) = "multipart/form-data")
    )),
    responses((status = 200, description = "Kept"), (status = 413, description = "1700: more than 64 KiB")))]
pub async fn set_logo(rest: Rest, request: Request) -> Response {
    let wants_page = upload::accepts_html(&request);
    let kept = match taken(settings::may_change(&rest.ctx, settings::LOGO), request, MAX_LOGO_BYTES).await {
        Ok(bytes) => settings::set_logo(&rest.platform, &rest.ctx, bytes).await,
        Err(error) => Err(error),
    };
    match kept {
        Ok(()) if wants_page => Redirect::to(&paths::settings_done("logo")).into_response(),
        Err(error) if wants_page => back(&rest, error, "logo").await,
        kept => rest.answer(kept).await,
    }
}

/// The bytes handed in; who may not change settings at all learns so before anything is taken in.
async fn taken(allowed: platform::Result<()>, request: Request, max: usize) -> platform::Result<Vec<u8>> {
    allowed?;
    upload::bytes(request, max).await
}

/// Back to the page, which shows at the form of this name what was wrong.
async fn back(rest: &Rest, error: platform::Error, form: &str) -> Response {
    let typed = vec![("form", form.to_owned())];
    let address = door::refused_address((&rest.platform, &rest.ctx), error, paths::SETTINGS, typed).await;
    Redirect::to(&address).into_response()
}
