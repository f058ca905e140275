//! `/admin/instances`: filters and page are in the address.

use contract::Page;
use contract::instances::{InstanceSort, InstanceView};
use leptos::prelude::*;

use crate::door::door;
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::customer::instances::cells::{
    follow, price_now, since, spec_line, standing_of_list, state_cell, state_options,
};
use crate::pages::customer::instances::idle::idle_since;
use crate::pages::customer::instances::list::{EVERY, export_address, followed, query_of};
use crate::paths;
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::options_view;
use crate::ui::lists::{ListQuery, pager, past_the_end, sort_header};
use crate::ui::table::list_table;
use crate::ways;
use crate::words::Words;

/// `/admin/instances`.
#[component]
pub fn InstanceListPage() -> impl IntoView {
    let names = ["q", "state", "machine", "customerId", "sort", "pageSize", "page"];
    let list = ListQuery::here(paths::INSTANCES, names);
    let query = query_of(&list);
    let (platform, ctx) = door();
    let href = followed("/api/admin/instances", &query);
    page(async move { platform::instances::list_all(&platform, &ctx, &query).await }, move |page| {
        list_view(list, href, page)
    })
}

fn list_view(query: ListQuery, href: String, page: Page<InstanceView>) -> AnyView {
    let words = Words::now();
    let follow = follow(words, href, standing_of_list(&page), EVERY);
    let head = PageFrame::new(words.t("instances-title"), Area::Instances)
        .beside(view! {
            <span class="sub" data-part="count">{words.with("instances-count", &[("n", page.total.to_string())])}</span>
        })
        .actions(view! {
            <a class="btn" href=export_address("/api/admin/instances/export", &query) download="">
                {words.t("list-export")}
            </a>
            <a class="btn" href=paths::ACCESS>{words.t("access-title")}</a>
        });
    let filtered = ["q", "state", "machine", "customerId"].iter().any(|name| !query.get(name).is_empty());
    let body = if page.total == 0 && !filtered {
        view! { <div class="empty"><p>{words.t("instances-empty-all")}</p></div> }.into_any()
    } else {
        view! {
            <form class="filters" method="get" action=paths::INSTANCES>
                <input class="filter-q" r#type="search" name="q" value=query.get("q").to_owned()
                    placeholder=words.t("instances-filter") aria-label=words.t("instances-filter") />
                <input r#type="search" name="machine" value=query.get("machine").to_owned()
                    placeholder=words.t("instances-filter-machine") aria-label=words.t("instances-filter-machine") />
                <select name="state" aria-label=words.t("instance-state")>
                    {options_view(state_options(words), query.get("state"))}
                </select>
                <button class="btn">{words.t("filter-apply")}</button>
                <a class="btn ghost" href=paths::INSTANCES>{words.t("filter-reset")}</a>
            </form>
            {table(words, &query, page)}
        }
        .into_any()
    };
    frame(head, view! { {follow} <section class="card" data-part="list">{body}</section> })
}

fn table(words: Words, query: &ListQuery, page: Page<InstanceView>) -> AnyView {
    if let Some(past) = past_the_end(words, query, page.page, page.page_size, page.total) {
        return past;
    }
    if page.list.is_empty() {
        return view! { <div class="empty"><p>{words.t("list-none-match")}</p></div> }.into_any();
    }
    let heading = |column: InstanceSort, key: &str| sort_header(query, column.code(), "", words.t(key), false);
    let rows = page.list.into_iter().map(|view| {
        let customer = view.customer_name.clone().unwrap_or_else(|| NOT_MEASURED.to_owned());
        view! {
            <tr>
                <th scope="row"><a href=paths::instance(view.id)>{view.name.clone()}</a></th>
                <td data-label=words.t("instance-state")>{state_cell(words, view.state)} " " {idle_since(words, &view)}</td>
                <td data-label=words.t("instance-since")>{since(&view)}</td>
                <td data-label=words.t("instance-customer")>
                    {ways::name(paths::customer(view.customer_id), customer)} " " {view.created_by.clone()}
                </td>
                <td data-label=words.t("instance-machine")>
                    {ways::name(paths::machine(&view.machine), view.machine.clone())}
                </td>
                <td data-label=words.t("instance-spec")>{spec_line(words, &view.spec)}</td>
                <td data-label=words.t("instance-image")>{view.image_name.clone()}</td>
                <td class="num" data-label=words.t("instance-price")>{price_now(words, &view)}</td>
            </tr>
        }
    });
    let head = view! {
        {heading(InstanceSort::Name, "instance-name")}
        {heading(InstanceSort::State, "instance-state")}
        {heading(InstanceSort::Started, "instance-since")}
        <th scope="col">{words.t("instance-customer")}</th>
        {heading(InstanceSort::Machine, "instance-machine")}
        <th scope="col">{words.t("instance-spec")}</th>
        <th scope="col">{words.t("instance-image")}</th>
        <th scope="col" class="num">{words.t("instance-price")}</th>
    };
    view! {
        {list_table(words.t("instances-title"), head, rows.collect_view())}
        {pager(words, query, page.page, page.page_size, page.total)}
    }
    .into_any()
}
