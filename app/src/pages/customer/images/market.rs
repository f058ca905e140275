//! `/images`: what customers may choose.

use contract::Page;
use contract::images::{Architecture, MarketImage, MarketQuery};
use leptos::prelude::*;

use crate::door::door;
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::images::cells::{architecture, or_dash, size};
use crate::paths;
use crate::ui::forms::options_view;
use crate::ui::lists::{ListQuery, pager, past_the_end};
use crate::ui::table::list_table;
use crate::words::Words;

const FILTERS: [&str; 3] = ["q", "architecture", "memorySplit"];

/// `/images`.
#[component]
pub fn MarketPage() -> impl IntoView {
    let list = ListQuery::here(paths::MARKET, ["q", "architecture", "memorySplit", "pageSize", "page"]);
    let query = MarketQuery {
        page: list.page(),
        page_size: list.page_size(),
        q: list.some("q"),
        architecture: Architecture::parse(list.get("architecture")),
        memory_split: list.get("memorySplit").parse().ok(),
    };
    let (platform, ctx) = door();
    page(async move { platform::images::market(&platform, &ctx, &query).await }, move |page| market_view(list, page))
}

fn market_view(query: ListQuery, page: Page<MarketImage>) -> AnyView {
    let words = Words::now();
    let narrowed = FILTERS.map(|name| (name, query.get(name)));
    let export = paths::with_query("/api/customer/images/market/export", narrowed);
    let head = PageFrame::new(words.t("market-title"), Area::Market)
        .beside(view! { <span class="sub">{words.with("images-count", &[("n", page.total.to_string())])}</span> })
        .actions(view! { <a class="btn" href=export download="">{words.t("list-export")}</a> });
    let filtered = FILTERS.iter().any(|name| !query.get(name).is_empty());
    let body = if page.total == 0 && !filtered {
        view! { <div class="empty"><p>{words.t("market-empty")}</p></div> }.into_any()
    } else {
        view! {
            {filters(words, &query)}
            {table(words, &query, page)}
        }
        .into_any()
    };
    frame(head, view! { <section class="card">{body}</section> })
}

fn filters(words: Words, query: &ListQuery) -> impl IntoView + use<> {
    let all = |key: &str| (String::new(), words.labelled(words.t(key), words.t("filter-all")));
    let mut known = vec![all("image-architecture")];
    known.extend(Architecture::ALL.iter().map(|known| (known.code().to_owned(), known.code().to_owned())));
    let split = vec![all("image-memory-split-short"), ("true".to_owned(), words.t("market-split-only"))];
    view! {
        <form class="filters" method="get" action=paths::MARKET>
            <input class="filter-q" r#type="search" name="q" value=query.get("q").to_owned()
                placeholder=words.t("market-filter") aria-label=words.t("market-filter") />
            <select name="architecture" aria-label=words.t("image-architecture")>
                {options_view(known, query.get("architecture"))}
            </select>
            <select name="memorySplit" aria-label=words.t("image-memory-split-short")>
                {options_view(split, query.get("memorySplit"))}
            </select>
            <button class="btn">{words.t("filter-apply")}</button>
            <a class="btn ghost" href=paths::MARKET>{words.t("filter-reset")}</a>
        </form>
    }
}

fn table(words: Words, query: &ListQuery, page: Page<MarketImage>) -> AnyView {
    if let Some(past) = past_the_end(words, query, page.page, page.page_size, page.total) {
        return past;
    }
    if page.list.is_empty() {
        return view! { <div class="empty"><p>{words.t("list-none-match")}</p></div> }.into_any();
    }
    let creates = door().1.holds(contract::Permission::InstancesCreate);
    let rows = page.list.into_iter().map(|image| {
        let deploy = creates.then(|| {
            let href = paths::new_instance(&image.id.to_string(), "");
            let label = words.with("market-deploy-image", &[("image", image.name.clone())]);
            view! { <a class="btn" href=href aria-label=label>{words.t("market-deploy")}</a> }
        });
        let split = if image.memory_split { "\u{2713}" } else { "" };
        view! {
            <tr>
                <th scope="row">{image.name}</th>
                <td data-label=words.t("image-framework")>{or_dash(image.framework.as_ref())}</td>
                <td data-label=words.t("image-cuda-version")>{or_dash(image.cuda_version.as_ref())}</td>
                <td data-label=words.t("image-architecture")>{architecture(words, image.architecture)}</td>
                <td data-label=words.t("image-memory-split-short")>{split}</td>
                <td class="num" data-label=words.t("image-size")>{size(image.size)}</td>
                <td class="says" data-label=words.t("image-description")>{or_dash(image.description.as_ref())}</td>
                <td>{deploy}</td>
            </tr>
        }
    });
    let heads = ["name", "framework", "cuda-version", "architecture", "memory-split-short", "size", "description"];
    let heads = heads.map(|key| view! { <th scope="col">{words.t(&format!("image-{key}"))}</th> }).into_iter();
    let heads = view! { {heads.collect_view()} <th scope="col">{words.t("market-actions")}</th> };
    view! {
        {list_table(words.t("market-title"), heads, rows.collect_view())}
        {pager(words, query, page.page, page.page_size, page.total)}
    }
    .into_any()
}
