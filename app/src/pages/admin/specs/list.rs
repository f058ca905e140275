//! `/admin/specs`: filters and page are in the address.

use contract::specs::{GpuUse, SpecQuery, SpecSort, SpecView};
use contract::{Page, Permission};
use leptos::prelude::*;

use crate::door::door;
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::format::{NOT_MEASURED, whole};
use crate::ui::forms::options_view;
use crate::ui::lists::{ListQuery, pager, past_the_end, sort_header};
use crate::ui::money::per_hour;
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::words::Words;

/// `/admin/specs`.
#[component]
pub fn SpecListPage() -> impl IntoView {
    let list = ListQuery::here(paths::SPECS, ["q", "gpuModel", "listed", "sort", "pageSize", "page"]);
    let query = SpecQuery {
        page: list.page(),
        page_size: list.page_size(),
        sort: list.some("sort").filter(|sort| contract::sort_of(Some(sort), SpecSort::parse).is_ok()),
        q: list.some("q"),
        gpu_model: list.some("gpuModel"),
        listed: list.get("listed").parse().ok(),
    };
    let (platform, ctx) = door();
    page(
        async move {
            let models = platform::specs::models(&platform, &ctx).await?;
            Ok((platform::specs::list(&platform, &ctx, &query).await?, models))
        },
        move |(page, models)| list_view(list, page, models),
    )
}

fn list_view(query: ListQuery, page: Page<SpecView>, models: Vec<String>) -> AnyView {
    let (words, ctx) = (Words::now(), door().1);
    let narrowed = ["q", "gpuModel", "listed", "sort"].map(|name| (name, query.get(name)));
    let export = paths::with_query("/api/admin/specs/export", narrowed);
    let head = PageFrame::new(words.t("specs-title"), Area::Specs)
        .beside(view! { <span class="sub">{words.with("specs-count", &[("n", page.total.to_string())])}</span> })
        .actions((
            view! { <a class="btn" href=export download="">{words.t("list-export")}</a> },
            ctx.holds(Permission::SpecsManage).then(|| {
                view! { <a class="btn primary" href=paths::SPEC_NEW>{words.t("specs-add")}</a> }
            }),
        ));
    let filtered = ["q", "gpuModel", "listed"].iter().any(|name| !query.get(name).is_empty());
    let body = if page.total == 0 && !filtered {
        view! { <div class="empty"><p>{words.t("specs-empty")}</p></div> }.into_any()
    } else {
        view! {
            {filters(words, &query, models)}
            {table(words, &query, page)}
        }
        .into_any()
    };
    frame(head, view! { <section class="card">{body}</section> })
}

fn filters(words: Words, query: &ListQuery, models: Vec<String>) -> impl IntoView + use<> {
    let all = |key: &str| (String::new(), words.labelled(words.t(key), words.t("filter-all")));
    let states = vec![
        all("spec-state"),
        ("true".to_owned(), words.t("spec-listed")),
        ("false".to_owned(), words.t("spec-not-listed")),
    ];
    let models = models.into_iter().map(|model| (model.clone(), model));
    let models = std::iter::once(all("spec-gpu-model")).chain(models).collect();
    let sort = query.get("sort").to_owned();
    let sort = (!sort.is_empty()).then(|| view! { <input r#type="hidden" name="sort" value=sort /> });
    view! {
        <form class="filters" method="get" action=paths::SPECS>
            <input class="filter-q" r#type="search" name="q" value=query.get("q").to_owned()
                placeholder=words.t("specs-filter") aria-label=words.t("specs-filter") />
            <select name="gpuModel" aria-label=words.t("spec-gpu-model")>
                {options_view(models, query.get("gpuModel"))}
            </select>
            <select name="listed" aria-label=words.t("spec-state")>{options_view(states, query.get("listed"))}</select>
            {sort}
            <button class="btn">{words.t("filter-apply")}</button>
            <a class="btn ghost" href=paths::SPECS>{words.t("filter-reset")}</a>
        </form>
    }
}

fn table(words: Words, query: &ListQuery, page: Page<SpecView>) -> AnyView {
    if let Some(past) = past_the_end(words, query, page.page, page.page_size, page.total) {
        return past;
    }
    if page.list.is_empty() {
        return view! { <div class="empty"><p>{words.t("list-none-match")}</p></div> }.into_any();
    }
    let heading = |column: SpecSort, key: &str, numeric: bool| {
        sort_header(query, column.code(), SpecSort::Name.code(), words.t(key), numeric)
    };
    let rows = page.list.into_iter().map(|spec| row(words, spec));
    view! {
        {list_table(words.t("specs-title"), view! {
            {heading(SpecSort::Name, "spec-name", false)}
            {heading(SpecSort::GpuModel, "spec-gpus", false)}
            {heading(SpecSort::GpuMemory, "spec-gpu-memory", true)}
            {heading(SpecSort::Cpu, "spec-cpu-cores", true)}
            {heading(SpecSort::Memory, "spec-memory", true)}
            <th scope="col">{words.t("spec-disks")}</th>
            {heading(SpecSort::Price, "spec-price", true)}
            {heading(SpecSort::Listed, "spec-state", false)}
        }, rows.collect_view())}
        {pager(words, query, page.page, page.page_size, page.total)}
    }
    .into_any()
}

fn row(words: Words, spec: SpecView) -> impl IntoView {
    view! {
        <tr>
            <th scope="row"><a href=paths::spec(spec.id)>{spec.name.clone()}</a></th>
            <td data-label=words.t("spec-gpus")>{gpus(words, &spec)}</td>
            <td class="num" data-label=words.t("spec-gpu-memory")>{gb(spec.gpu_memory_gb)}</td>
            <td class="num" data-label=words.t("spec-cpu-cores")>{spec.cpu_cores}</td>
            <td class="num" data-label=words.t("spec-memory")>{gib(spec.memory_gb)}</td>
            <td data-label=words.t("spec-disks")>{disks(words, &spec)}</td>
            <td class="num" data-label=words.t("spec-price")>{price(words, &spec)}</td>
            <td data-label=words.t("spec-state")>{listed(words, spec.listed)}</td>
        </tr>
    }
}

/// `2 × H100`, a share of one, or none.
pub(super) fn gpus(words: Words, spec: &SpecView) -> String {
    let Some(model) = &spec.gpu_model else { return words.t("spec-cpu-only") };
    let cards = format!("{} × {model}", spec.gpu_count);
    match spec.gpu_use {
        GpuUse::Whole => cards,
        GpuUse::Share => words.with("spec-share-of", &[("cards", cards)]),
    }
}

pub(super) fn gb(size: Option<u32>) -> String {
    size.map_or_else(|| NOT_MEASURED.to_owned(), |gb| format!("{} GB", whole(gb.into())))
}

/// Memory counts in powers of two, GPUs and disks as they are sold.
pub(super) fn gib(size: u32) -> String {
    format!("{} GiB", whole(size.into()))
}

/// System and data disk.
pub(super) fn disks(words: Words, spec: &SpecView) -> String {
    let system = gb(Some(spec.system_disk_gb));
    match spec.data_disk_gb {
        0 => system,
        data => words.with("spec-disks-both", &[("system", system), ("data", gb(Some(data)))]),
    }
}

/// What an hour costs now.
pub(super) fn price(words: Words, spec: &SpecView) -> String {
    match &spec.price_per_hour {
        Some(price) => per_hour(words, price, &spec.currency),
        None => NOT_MEASURED.to_owned(),
    }
}

/// Whether customers may choose it.
pub(super) fn listed(words: Words, listed: bool) -> AnyView {
    match listed {
        true => state(Tone::Ok, words.t("spec-listed")).into_any(),
        false => state(Tone::Off, words.t("spec-not-listed")).into_any(),
    }
}
