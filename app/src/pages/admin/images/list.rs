//! `/admin/images`: filters and page are in the address.

use contract::images::{Architecture, ImageQuery, ImageSort, ImageSource, ImageState, ImageView};
use contract::{Page, Permission};
use leptos::prelude::*;

use super::cells::{architecture, listed_cell, or_dash, size, state_cell, state_options};
use crate::door::{door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::options_view;
use crate::ui::lists::{ListQuery, pager, past_the_end, sort_header};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::ways;
use crate::words::Words;

const FILTERS: [&str; 5] = ["q", "state", "source", "architecture", "listed"];

/// `/admin/images`.
#[component]
pub fn ImageListPage() -> impl IntoView {
    let names = ["q", "state", "source", "architecture", "listed", "sort", "pageSize", "page"];
    let list = ListQuery::here(paths::IMAGES, names);
    let query = query_of(&list);
    let (platform, ctx) = door();
    page(
        async move {
            let waiting = platform::images::waiting(&platform, &ctx).await?;
            Ok((platform::images::list(&platform, &ctx, &query).await?, waiting))
        },
        move |(page, waiting)| list_view(list, page, waiting),
    )
}

/// What the address asks for.
pub fn query_of(list: &ListQuery) -> ImageQuery {
    ImageQuery {
        page: list.page(),
        page_size: list.page_size(),
        sort: list.some("sort").filter(|sort| contract::sort_of(Some(sort), ImageSort::parse).is_ok()),
        q: list.some("q"),
        state: ImageState::parse(list.get("state")),
        source: ImageSource::parse(list.get("source")),
        architecture: Architecture::parse(list.get("architecture")),
        listed: list.get("listed").parse().ok(),
    }
}

fn list_view(query: ListQuery, page: Page<ImageView>, waiting: u64) -> AnyView {
    let (words, ctx) = (Words::now(), door().1);
    let narrowed = FILTERS.into_iter().chain(["sort"]).map(|name| (name, query.get(name)));
    let export = paths::with_query("/api/admin/images/export", narrowed);
    let head = PageFrame::new(words.t("images-title"), Area::Images)
        .beside(view! { <span class="sub">{words.with("images-count", &[("n", page.total.to_string())])}</span> })
        .actions((
            view! { <a class="btn" href=export download="">{words.t("list-export")}</a> },
            ways::button("btn", paths::IMAGE_CLEANUP, words.t("images-cleanup")),
            ctx.holds(Permission::ImagesManage).then(|| {
                view! {
                    {ways::button("btn", paths::IMAGE_UPLOAD, words.t("images-upload"))}
                    <a class="btn primary" href=paths::IMAGE_NEW>{words.t("images-add")}</a>
                }
            }),
        ));
    let filtered = FILTERS.iter().any(|name| !query.get(name).is_empty());
    let review = (waiting > 0).then(|| {
        view! {
            <p role="status">
                {words.with("images-waiting", &[("n", waiting.to_string())])} " "
                <a href=paths::IMAGES_WAITING>{words.t("images-review")}</a>
            </p>
        }
    });
    let body = if page.total == 0 && !filtered {
        view! { <div class="empty"><p>{words.t("images-empty")}</p></div> }.into_any()
    } else {
        view! {
            {filters(words, &query)}
            {table(words, &query, page)}
        }
        .into_any()
    };
    frame(
        head,
        view! {
            {review}
            <section class="card">{body}</section>
        },
    )
}

fn filters(words: Words, query: &ListQuery) -> impl IntoView + use<> {
    let sources = ImageSource::ALL.iter().map(|source| source.code());
    let sources = sources.map(|code| (code.to_owned(), words.t(&format!("image-source-{code}"))));
    let architectures = Architecture::ALL.iter().map(|known| (known.code().to_owned(), known.code().to_owned()));
    let listed = [("true", "image-listed"), ("false", "image-not-listed")];
    let listed = listed.map(|(value, key)| (value.to_owned(), words.t(key)));
    let choice = |name: &'static str, key: &str, mut options: Vec<(String, String)>| {
        // Several of them that all read "All" would say nothing.
        if name != "state" {
            options.insert(0, (String::new(), words.labelled(words.t(key), words.t("filter-all"))));
        }
        view! { <select name=name aria-label=words.t(key)>{options_view(options, query.get(name))}</select> }
    };
    let sort = query.get("sort").to_owned();
    let sort = (!sort.is_empty()).then(|| view! { <input r#type="hidden" name="sort" value=sort /> });
    view! {
        <form class="filters" method="get" action=paths::IMAGES>
            <input class="filter-q" r#type="search" name="q" value=query.get("q").to_owned()
                placeholder=words.t("images-filter") aria-label=words.t("images-filter") />
            {choice("state", "image-state", state_options(words))}
            {choice("source", "image-source", sources.collect())}
            {choice("architecture", "image-architecture", architectures.collect())}
            {choice("listed", "image-listed", listed.into())}
            {sort}
            <button class="btn">{words.t("filter-apply")}</button>
            <a class="btn ghost" href=paths::IMAGES>{words.t("filter-reset")}</a>
        </form>
    }
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
    let rows = page.list.into_iter().map(|image| row(words, &image));
    view! {
        {list_table(words.t("images-title"), view! {
            {heading(ImageSort::Name, "image-name", false)}
            <th scope="col">{words.t("image-source")}</th>
            <th scope="col">{words.t("image-owner")}</th>
            {heading(ImageSort::Framework, "image-framework", false)}
            <th scope="col">{words.t("image-cuda-version")}</th>
            <th scope="col">{words.t("image-architecture")}</th>
            {heading(ImageSort::Size, "image-size", true)}
            {heading(ImageSort::State, "image-state", false)}
            {heading(ImageSort::Listed, "image-listed", false)}
            {heading(ImageSort::Created, "image-created", false)}
        }, rows.collect_view())}
        {pager(words, query, page.page, page.page_size, page.total)}
    }
    .into_any()
}

fn row(words: Words, image: &ImageView) -> impl IntoView + use<> {
    let owner = image.customer_name.clone().unwrap_or_else(|| words.t("image-owner-platform"));
    view! {
        <tr>
            <th scope="row"><a href=paths::image(image.id)>{image.name.clone()}</a></th>
            <td data-label=words.t("image-source")>{words.t(&format!("image-source-{}", image.source.code()))}</td>
            <td data-label=words.t("image-owner")>{owner}</td>
            <td data-label=words.t("image-framework")>{or_dash(image.framework.as_ref())}</td>
            <td data-label=words.t("image-cuda-version")>{or_dash(image.cuda_version.as_ref())}</td>
            <td data-label=words.t("image-architecture")>{architecture(words, image.architecture)}</td>
            <td class="num" data-label=words.t("image-size")>{size(image.size)}</td>
            <td data-label=words.t("image-state")>{state_cell(words, image)}</td>
            <td data-label=words.t("image-listed")>{listed_cell(words, image.listed)}</td>
            <td data-label=words.t("image-created")>{time(image.created_at, look().zone)}</td>
        </tr>
    }
}
