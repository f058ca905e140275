//! `/admin/images/{id}`: an image, whether customers may choose it, and what somebody decided about it.

use contract::images::{ImageCopy, ImageRegistry, ImageSource, ImageState, ImageView};
use contract::{ImageId, May, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::cells::{facts_card, is_own_alone, listed_cell, state_cell};
use super::copies::copies_card;
use super::registry::registry_card;
use super::server_fns::{ApproveImage, DeleteImage, RejectImage, SetImageListed};
use crate::door::{Refused, door, id_of_path};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::ask::{Ask, go};
use crate::ui::forms::{TextField, form_fault, text_area};
use crate::words::Words;

/// `/admin/images/{id}`.
#[component]
pub fn ImagePage() -> impl IntoView {
    let id: ImageId = id_of_path();
    let (platform, ctx) = door();
    page(
        async move {
            let image = platform::images::get(&platform, &ctx, id).await?;
            let copies = platform::images::copies(&platform, &ctx, id).await?;
            let registry = platform::images::image_registry(&platform, &ctx, id).await?;
            let ruled = platform::images::may_be_listed(&image, !image.listed);
            let may_list = platform::may(&ctx, ctx.holds(Permission::ImagesManage), ruled)?;
            Ok((image, copies, registry, may_list))
        },
        |(image, copies, registry, may_list)| image_view(image, (copies, registry), may_list),
    )
}

fn image_view(image: ImageView, (copies, registry): (Vec<ImageCopy>, ImageRegistry), may_list: May) -> AnyView {
    let (words, ctx) = (Words::now(), door().1);
    let refused = Refused::from_query();
    let manages = ctx.holds(Permission::ImagesManage);
    let reviews = ctx.holds(Permission::ImagesReview) && image.source != ImageSource::Registry;
    let approved = image.state == ImageState::Approved;
    let head = PageFrame::new(image.name.clone(), Area::Images)
        .crumb(words.t("nav-images"), paths::IMAGES)
        .beside((state_cell(words, &image), listed_cell(words, image.listed)))
        .actions(manages.then(|| {
            let (key, class) = if image.listed { ("image-delist", "btn") } else { ("image-list", "btn primary") };
            let hidden = vec![("id", image.id.to_string()), ("listed", (!image.listed).to_string())];
            view! {
                {go("list", words.t(key), &may_list, SetImageListed::url(), hidden, class)}
                <a class="btn" href=paths::image_edit(image.id)>{words.t("image-edit")}</a>
            }
        }));
    let message = refused.as_ref().map(|refused| refused.message(words.0));
    let review = reviews.then(|| review_card(words, &image, refused.as_ref()));
    let brings = manages && approved && ctx.holds(Permission::MachinesOperate);
    let copies = (approved || !copies.is_empty()).then(|| copies_card(words, &image, copies, brings, refused.as_ref()));
    let registry = registry_card(words, &image, registry, manages, refused.as_ref());
    let delete = manages.then(|| delete_card(words, DeleteImage::url(), image.id));
    frame(
        head,
        view! {
            {form_fault(message)}
            <div class="main-column">
                {review}
                {facts_card(words, &image, true)}
                {copies}
                {registry}
                {delete}
            </div>
        },
    )
}

fn review_card(words: Words, image: &ImageView, refused: Option<&Refused>) -> impl IntoView + use<> {
    let id = image.id.to_string();
    let approve = (image.state != ImageState::Approved).then(|| {
        view! {
            <form class="form" method="post" action=ApproveImage::url()>
                <input r#type="hidden" name="id" value=id.clone() />
                <p class="actions"><button class="btn primary">{words.t("image-approve")}</button></p>
            </form>
        }
    });
    // The forms that bring it somewhere have a reason of their own.
    let refused = refused.filter(|refused| refused.typed.contains_key("reason"));
    let reason = TextField {
        label: words.t("image-reason"),
        name: "reason".to_owned(),
        value: refused.and_then(|refused| refused.typed.get("reason").cloned()).unwrap_or_default(),
        fault: refused.and_then(|refused| refused.fault(words.0, "reason")),
        hint: Some(words.t("image-reason-hint")),
        required: true,
        max_length: Some(1000),
        ..TextField::default()
    };
    let reject = (image.state != ImageState::Rejected).then(|| {
        view! {
            <form class="form" method="post" action=RejectImage::url()>
                <input r#type="hidden" name="id" value=id.clone() />
                {text_area(reason)}
                <p class="actions"><button class="btn danger">{words.t("image-reject")}</button></p>
            </form>
        }
    });
    let tags = (!image.tags.is_empty()).then(|| {
        let tags = words.with("image-review-tags", &[("tags", image.tags.join(", "))]);
        view! { <p class="note-line">{tags}</p> }
    });
    view! {
        <section class="card" id="review">
            <header><h2>{words.t("image-review")}</h2></header>
            <p class="note-line">{words.t(if is_own_alone(image) { "image-review-hint-saved" } else { "image-review-hint" })}</p>
            {tags}
            {approve}
            {reject}
        </section>
    }
}

/// What takes one away, and what goes with it.
pub fn delete_card(words: Words, action: &'static str, id: ImageId) -> impl IntoView + use<> {
    let delete = Ask::new("image", words.t("image-delete"), words.t("image-delete-hint"), action)
        .yes(words.t("image-delete-confirm"))
        .field("id", id);
    view! {
        <section class="card">
            <header><h2>{words.t("image-delete")}</h2></header>
            <p class="note-line">{words.t("image-delete-hint")}</p>
            <div class="actions">{delete.view(words)}</div>
        </section>
    }
}
