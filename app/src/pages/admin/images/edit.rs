//! The form of an image, for a new one by its address and for one that exists.

use contract::images::{Architecture, ImageSource, ImageView};
use contract::{ImageId, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::form::ImageForm;
use super::server_fns::{CreateImage, UpdateImage};
use crate::door::{Refused, door, id_of_path, may_open};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::{TextField, check_field, form_fault, select_field, text_area, text_field};
use crate::words::Words;

/// `/admin/images/new`.
#[component]
pub fn NewImagePage() -> impl IntoView {
    let (_, ctx) = door();
    page(async move { may_open(&ctx, Permission::ImagesManage) }, |()| {
        let words = Words::now();
        let head = PageFrame::new(words.t("image-new-title"), Area::Images).crumb(words.t("nav-images"), paths::IMAGES);
        frame(head, form_view(words, None, None, CreateImage::url(), paths::IMAGES.to_owned()))
    })
}

/// `/admin/images/{id}/edit`.
#[component]
pub fn EditImagePage() -> impl IntoView {
    let id: ImageId = id_of_path();
    let (platform, ctx) = door();
    page(
        async move {
            let image = platform::images::get(&platform, &ctx, id).await?;
            may_open(&ctx, Permission::ImagesManage)?;
            Ok(image)
        },
        |image| {
            let words = Words::now();
            let title = words.with("image-edit-title", &[("name", image.name.clone())]);
            let head = PageFrame::new(title, Area::Images)
                .crumb(words.t("nav-images"), paths::IMAGES)
                .crumb(image.name.clone(), paths::image(image.id));
            let back = paths::image(image.id);
            frame(head, form_view(words, Some(image), None, UpdateImage::url(), back))
        },
    )
}

/// The form, posted to this address; `note` says what comes of it.
pub fn form_view(
    words: Words,
    image: Option<ImageView>,
    note: Option<String>,
    action: &'static str,
    back: String,
) -> impl IntoView + use<> {
    let refused = Refused::from_query();
    let form = match (refused.as_ref().and_then(Refused::with_typed), &image) {
        (Some(refused), _) => ImageForm::from_typed(refused),
        (None, Some(image)) => ImageForm::of(image),
        (None, None) => ImageForm::beginning(),
    };
    let general = refused.as_ref().map(|refused| refused.message(words.0));
    let of_registry = image.as_ref().is_none_or(|image| image.source == ImageSource::Registry);
    let hidden = image.as_ref().map(|image| {
        view! {
            <input r#type="hidden" name="id" value=image.id.to_string() />
            <input r#type="hidden" name="form[revision]" value=form.revision.clone() />
        }
    });
    let address = TextField {
        required: true,
        max_length: Some(512),
        ..field(words, refused.as_ref(), ("address", &form.address), "form[address]")
    };
    let mut known = vec![(String::new(), words.t("image-architecture-unknown"))];
    known.extend(Architecture::ALL.iter().map(|known| (known.code().to_owned(), known.code().to_owned())));
    let architecture =
        select_field(words.t("image-architecture"), "form[architecture]", known, &form.architecture, None);
    view! {
        <form class="form card" method="post" action=action>
            {hidden}
            {form_fault(general)}
            {note.map(|note| view! { <p class="note-line">{note}</p> })}
            <fieldset>
                {of_registry.then(|| (text_field(address), architecture))}
                {said_fields(words, refused.as_ref(), &form, |name| format!("form[{name}]"))}
            </fieldset>
            <p class="actions">
                <button class="btn primary">{words.t("form-save")}</button>
                <a class="btn" href=back>{words.t("form-cancel")}</a>
            </p>
        </form>
    }
}

/// The fields that every image has.
pub fn said_fields(
    words: Words,
    refused: Option<&Refused>,
    form: &ImageForm,
    name: fn(&str) -> String,
) -> impl IntoView + use<> {
    let text = |key: &'static str, value: &str, most: u32| TextField {
        max_length: Some(most),
        required: key == "name",
        ..field(words, refused, (key, value), &name(key))
    };
    (
        text_field(text("name", &form.name, 100)),
        text_field(text("framework", &form.framework, 100)),
        text_field(text("cuda_version", &form.cuda_version, 20)),
        check_field(words.t("image-memory-split"), None, &name("memory_split"), !form.memory_split.is_empty()),
        text_area(text("description", &form.description, 2000)),
        text_area(text("remark", &form.remark, 1000)),
    )
}

fn field(words: Words, refused: Option<&Refused>, (key, value): (&str, &str), name: &str) -> TextField {
    let word = format!("image-{}", key.replace('_', "-"));
    let path = if key == "cuda_version" { "cudaVersion" } else { key };
    TextField {
        label: words.t(&word),
        name: name.to_owned(),
        value: value.to_owned(),
        fault: refused.and_then(|refused| refused.fault(words.0, path)),
        hint: texts::known_message(words.0, &format!("{word}-hint"), &[]),
        ..TextField::default()
    }
}
