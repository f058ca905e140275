//! The form that brings an archive in: posted as it is without JavaScript, in chunks with it (`frontend/js/src/rg-upload.js`).

use contract::Permission;
use contract::files::MAX_FORM_FILE_BYTES;
use leptos::prelude::*;

use super::edit::said_fields;
use super::form::ImageForm;
use crate::door::{Refused, door, may_open};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::{described_by, fault_view, form_fault};
use crate::words::Words;

/// `/admin/images/upload`.
#[component]
pub fn ImageUploadPage() -> impl IntoView {
    let (_, ctx) = door();
    page(async move { may_open(&ctx, Permission::ImagesManage).and(may_open(&ctx, Permission::FilesUpload)) }, |()| {
        let words = Words::now();
        let head = PageFrame::new(words.t("image-upload-title"), Area::Images)
            .crumb(words.t("nav-images"), paths::IMAGES)
            .upload();
        frame(head, upload_form(words, "/api/admin/images/upload", (paths::IMAGES, "/admin/images/")))
    })
}

/// The form; it goes on below `page`, or back.
pub fn upload_form(
    words: Words,
    action: &'static str,
    (back, page): (&'static str, &'static str),
) -> impl IntoView + use<> {
    let refused = Refused::from_query();
    let form = refused.as_ref().map(ImageForm::from_typed).unwrap_or_default();
    let general = refused.as_ref().map(|refused| refused.message(words.0));
    let fault = refused.as_ref().and_then(|refused| refused.fault(words.0, "file"));
    let described = described_by("archive", &fault, &Some(String::new()));
    let plain = words.with("upload-plain-hint", &[("mib", (MAX_FORM_FILE_BYTES >> 20).to_string())]);
    let left_open = |key: &str, names: &[&'static str]| {
        let args: Vec<_> = names.iter().map(|name| (*name, format!("{{{name}}}"))).collect();
        words.with(key, &args)
    };
    let element = view! {
        <rg-upload
            data-uploads="/api/files/uploads"
            data-purpose="image"
            data-page=page
            data-label=words.t("image-upload-title")
            data-pause=words.t("upload-pause")
            data-resume=words.t("upload-resume")
            data-cancel=words.t("upload-cancel")
            data-again=left_open("upload-again", &["name"])
            data-progress=left_open("upload-progress", &["done", "all"])
            data-checking=words.t("upload-checking")
            data-paused=words.t("upload-paused")
            data-retrying=words.t("upload-retrying")
            data-failed=words.t("upload-failed")
            data-hash=words.t("upload-hash")
        >
            <div class="form-row wide">
                <label r#for="archive">{words.t("upload-file")}</label>
                <input id="archive" r#type="file" name="file" required=true accept=".tar,application/x-tar"
                    aria-describedby=described aria-invalid=fault.is_some().then_some("true") />
                {fault_view("archive", fault)}
                <span class="hint" id="archive-hint">{words.t("upload-file-hint")}</span>
                <span class="hint" data-plain="">{plain}</span>
            </div>
        </rg-upload>
    };
    view! {
        <form class="form card" method="post" action=action enctype="multipart/form-data">
            {form_fault(general)}
            <fieldset>{said_fields(words, refused.as_ref(), &form, str::to_owned)}</fieldset>
            {element}
            <p class="actions">
                <button class="btn primary">{words.t("upload-start")}</button>
                <a class="btn" href=back>{words.t("form-cancel")}</a>
            </p>
        </form>
    }
}
