//! An image that is made of an archive: what the library's route and the customers' have in common.

use app::door;
use axum::extract::{FromRequest as _, Request};
use axum::http::header;
use axum::response::{IntoResponse as _, Redirect, Response};
use contract::ImageId;
use contract::files::FilePurpose;
use contract::images::{ImageUpload, ImageView};
use platform::{Error, Result, files as store, images};

use super::{Body, Rest, files, upload};

/// Where it goes on.
pub(crate) struct Uploaded {
    /// Of the platform, or of one's customer.
    pub of_platform: bool,
    /// The page with the form.
    pub form: &'static str,
    /// The page of an image.
    pub page: fn(ImageId) -> String,
    /// Where images lie in the API.
    pub api: &'static str,
}

/// A body that names a file, or a form that holds one; a browser's form is led to the image's page, or back to what was
/// wrong with it.
pub(crate) async fn uploaded(
    rest: &Rest,
    request: Request,
    pages: Uploaded,
    make: impl AsyncFnOnce(ImageUpload) -> Result<ImageView>,
) -> Response {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let location = |view: &ImageView| format!("{}/{}", pages.api, view.id);
    if !kind.starts_with("multipart/form-data") {
        let body = match Body::<ImageUpload>::from_request(request, &()).await {
            Ok(Body(body)) => body,
            Err(refused) => return refused,
        };
        return rest.created(make(body).await, location).await;
    }
    let wants_page = upload::accepts_html(&request);
    // Who may not do it at all learns so before anything is taken in.
    let taken = match images::may_upload(&rest.ctx, pages.of_platform) {
        Ok(()) => files::whole(rest, request, FilePurpose::Image).await,
        Err(error) => Err(error),
    };
    let (made, typed) = match taken {
        Ok((file, fields)) => {
            let made = make(said(file.id, &fields)).await;
            if made.is_err() {
                forget(rest, file.id).await;
            }
            (made, fields)
        }
        Err(error) => (Err(error), Vec::new()),
    };
    match made {
        Ok(view) if wants_page => Redirect::to(&(pages.page)(view.id)).into_response(),
        Err(error) if wants_page => {
            let typed = FIELDS.iter().map(|name| (*name, field(&typed, name).unwrap_or_default())).collect();
            let address = door::refused_address((&rest.platform, &rest.ctx), error, pages.form, typed).await;
            Redirect::to(&address).into_response()
        }
        made => rest.created(made, location).await,
    }
}

/// Fields of the form before its file.
const FIELDS: [&str; 6] = ["name", "description", "framework", "cuda_version", "memory_split", "remark"];

fn field(fields: &[(String, String)], name: &str) -> Option<String> {
    fields.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone()).filter(|text| !text.is_empty())
}

fn said(file: contract::FileId, fields: &[(String, String)]) -> ImageUpload {
    let text = |name| field(fields, name);
    ImageUpload {
        file,
        name: text("name").unwrap_or_default(),
        description: text("description"),
        framework: text("framework"),
        cuda_version: text("cuda_version"),
        memory_split: text("memory_split").is_some(),
        remark: text("remark"),
    }
}

/// What no image was made of is of no use to anybody.
async fn forget(rest: &Rest, file: contract::FileId) {
    let gone: Result<(), Error> = store::delete(&rest.platform, &rest.ctx, file).await;
    if let Err(error) = gone {
        tracing::warn!(request_id = rest.ctx.request_id(), %error, "an archive that is no image was not taken away");
    }
}
