//! `/images/mine`: one's customer's own images, and the form that brings one in.

use contract::images::{ImageSort, ImageSource, ImageState, ImageView};
use contract::{ImageId, May, Page, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use platform::images::OpenedOwn;

use super::server_fns::{DeleteOwnImage, ShareOwnImage, UpdateOwnImage};
use crate::door::{Refused, door, id_of_path, look, may_open};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::images::cells::{
    architecture, facts_card, is_own_alone, listed_cell, or_dash, size, state_cell, state_options,
};
use crate::pages::admin::images::edit::form_view;
use crate::pages::admin::images::list::query_of;
use crate::pages::admin::images::page::delete_card;
use crate::pages::admin::images::upload::upload_form;
use crate::paths;
use crate::ui::ask::go;
use crate::ui::forms::{form_fault, options_view};
use crate::ui::lists::{ListQuery, pager, past_the_end, sort_header};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// `/images/mine`.
#[component]
pub fn OwnImagesPage() -> impl IntoView {
    let list = ListQuery::here(paths::OWN_IMAGES, ["q", "state", "sort", "pageSize", "page"]);
    let query = query_of(&list);
    let (platform, ctx) = door();
    page(async move { platform::images::list_own(&platform, &ctx, &query).await }, move |page| list_view(list, page))
}

/// `/images/upload`.
#[component]
pub fn OwnImageUploadPage() -> impl IntoView {
    let (_, ctx) = door();
    page(async move { may_open(&ctx, Permission::ImagesUpload) }, |()| {
        let words = Words::now();
        let head = PageFrame::new(words.t("image-upload-title"), Area::OwnImages)
            .crumb(words.t("nav-own-images"), paths::OWN_IMAGES)
            .upload();
        frame(head, upload_form(words, "/api/customer/images/upload", (paths::OWN_IMAGES, "/images/mine/")))
    })
}

/// `/images/mine/{id}`.
#[component]
pub fn OwnImagePage() -> impl IntoView {
    let id: ImageId = id_of_path();
    let (platform, ctx) = door();
    page(
        async move {
            let own = platform::images::open_own(&platform, &ctx, id).await?;
            let ruled = platform::images::may_be_shared(&own.view, !own.view.shared);
            let may_share = platform::may(&ctx, own.may_change, ruled)?;
            Ok((own, may_share))
        },
        |(own, may_share)| image_view(own, &may_share),
    )
}

/// `/images/mine/{id}/edit`.
#[component]
pub fn EditOwnImagePage() -> impl IntoView {
    let id: ImageId = id_of_path();
    let (platform, ctx) = door();
    page(async move { platform::images::open_own_to_change(&platform, &ctx, id).await }, |image| {
        let words = Words::now();
        let title = words.with("image-edit-title", &[("name", image.name.clone())]);
        let head = PageFrame::new(title, Area::OwnImages)
            .crumb(words.t("nav-own-images"), paths::OWN_IMAGES)
            .crumb(image.name.clone(), paths::own_image(image.id));
        let back = paths::own_image(image.id);
        let note = what_a_change_does(words, &image);
        frame(head, form_view(words, Some(image), note, UpdateOwnImage::url(), back))
    })
}

/// By the rule by which it is refused, or waits again.
fn what_a_change_does(words: Words, image: &ImageView) -> Option<String> {
    match image.state {
        _ if image.listed => Some(words.t("image-edit-listed")),
        ImageState::Approved => Some(words.t("image-edit-approved")),
        ImageState::PendingReview | ImageState::Rejected => None,
    }
}

fn image_view(OpenedOwn { view: image, may_change }: OpenedOwn, may_share: &May) -> AnyView {
    let (words, ctx) = (Words::now(), door().1);
    let refused = Refused::from_query();
    let deploys = ctx.holds(Permission::InstancesCreate) && platform::images::is_usable(&image);
    let deploy = deploys.then(|| {
        let href = paths::new_instance(&image.id.to_string(), "");
        view! { <a class="btn primary" href=href>{words.t("market-deploy")}</a> }
    });
    let head = PageFrame::new(image.name.clone(), Area::OwnImages)
        .crumb(words.t("nav-own-images"), paths::OWN_IMAGES)
        .beside((state_cell(words, &image), image.listed.then(|| listed_cell(words, true))))
        .actions((
            deploy,
            may_change.then(|| {
                view! { <a class="btn" href=paths::own_image_edit(image.id)>{words.t("image-edit")}</a> }
            }),
        ));
    let message = refused.as_ref().map(|refused| refused.message(words.0));
    let delete = may_change.then(|| delete_card(words, DeleteOwnImage::url(), image.id));
    let alone = is_own_alone(&image).then(|| view! { <p class="note-line">{words.t("image-own-hint")}</p> });
    let sharing = (image.source == ImageSource::Instance).then(|| sharing_card(words, &image, may_share));
    frame(
        head,
        view! {
            {form_fault(message)}
            <div class="main-column">
                {alone}
                {facts_card(words, &image, false)}
                {sharing}
                {delete}
            </div>
        },
    )
}

/// Who of its customer finds it, and for whose it is the button that changes it.
fn sharing_card(words: Words, image: &ImageView, may_share: &May) -> impl IntoView + use<> {
    let (says, does) = match image.shared {
        true => ("image-shared", "image-unshare"),
        false => ("image-not-shared", "image-share"),
    };
    let fields = vec![("id", image.id.to_string()), ("shared", (!image.shared).to_string())];
    let change = go("share", words.t(does), may_share, ShareOwnImage::url(), fields, "btn");
    view! {
        <section class="card" id="sharing">
            <header><h2>{words.t("image-sharing")}</h2></header>
            <p class="note-line">{words.t(says)}</p>
            <div class="actions">{change}</div>
        </section>
    }
}

fn list_view(query: ListQuery, page: Page<ImageView>) -> AnyView {
    let (words, ctx) = (Words::now(), door().1);
    let narrowed = ["q", "state", "sort"].map(|name| (name, query.get(name)));
    let export = paths::with_query("/api/customer/images/mine/export", narrowed);
    let head = PageFrame::new(words.t("own-images-title"), Area::OwnImages)
        .beside(view! { <span class="sub">{words.with("images-count", &[("n", page.total.to_string())])}</span> })
        .actions((
            view! { <a class="btn" href=export download="">{words.t("list-export")}</a> },
            ctx.holds(Permission::ImagesUpload).then(|| {
                view! { <a class="btn primary" href=paths::OWN_IMAGE_UPLOAD>{words.t("images-upload")}</a> }
            }),
        ));
    let filtered = ["q", "state"].iter().any(|name| !query.get(name).is_empty());
    let body = if page.total == 0 && !filtered {
        view! { <div class="empty"><p>{words.t("own-images-empty")}</p></div> }.into_any()
    } else {
        view! {
            <form class="filters" method="get" action=paths::OWN_IMAGES>
                <input class="filter-q" r#type="search" name="q" value=query.get("q").to_owned()
                    placeholder=words.t("own-images-filter") aria-label=words.t("own-images-filter") />
                <select name="state" aria-label=words.t("image-state")>
                    {options_view(state_options(words), query.get("state"))}
                </select>
                <button class="btn">{words.t("filter-apply")}</button>
                <a class="btn ghost" href=paths::OWN_IMAGES>{words.t("filter-reset")}</a>
            </form>
            {table(words, &query, page)}
        }
        .into_any()
    };
    frame(head, view! { <section class="card">{body}</section> })
}

fn table(words: Words, query: &ListQuery, page: Page<ImageView>) -> AnyView {
    if let Some(past) = past_the_end(words, query, page.page, page.page_size, page.total) {
        return past;
    }
    if page.list.is_empty() {
        return view! { <div class="empty"><p>{words.t("list-none-match")}</p></div> }.into_any();
    }
    let heading = |column: ImageSort, key: &str, numeric: bool| {
        sort_header(query, column.code(), ImageSort::Name.code(), words.t(key), numeric)
    };
    let rows = page.list.into_iter().map(|image| {
        view! {
            <tr>
                <th scope="row"><a href=paths::own_image(image.id)>{image.name.clone()}</a></th>
                <td data-label=words.t("image-framework")>{or_dash(image.framework.as_ref())}</td>
                <td data-label=words.t("image-architecture")>{architecture(words, image.architecture)}</td>
                <td class="num" data-label=words.t("image-size")>{size(image.size)}</td>
                <td data-label=words.t("image-state")>{state_cell(words, &image)}</td>
                <td data-label=words.t("image-created")>{image.created_by.clone()} " " {time(image.created_at, look().zone)}</td>
            </tr>
        }
    });
    view! {
        {list_table(words.t("own-images-title"), view! {
            {heading(ImageSort::Name, "image-name", false)}
            {heading(ImageSort::Framework, "image-framework", false)}
            <th scope="col">{words.t("image-architecture")}</th>
            {heading(ImageSort::Size, "image-size", true)}
            {heading(ImageSort::State, "image-state", false)}
            {heading(ImageSort::Created, "image-created", false)}
        }, rows.collect_view())}
        {pager(words, query, page.page, page.page_size, page.total)}
    }
    .into_any()
}
