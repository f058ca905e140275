//! `/instances`: one's customer's instances, or one's own.

use contract::apps::SharedAppView;
use contract::instances::{InstanceQuery, InstanceSort, InstanceState, InstanceView};
use contract::{Page, Permission};
use leptos::prelude::*;

use super::apps::shared_card;
use super::cells::{follow, price_now, since, spec_line, standing_of_list, state_cell, state_options};
use super::idle::idle_since;
use crate::door::door;
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::options_view;
use crate::ui::lists::{ListQuery, pager, past_the_end, sort_header};
use crate::ui::table::list_table;
use crate::words::Words;

/// What the address of a list asks for.
pub fn query_of(list: &ListQuery) -> InstanceQuery {
    InstanceQuery {
        page: list.page(),
        page_size: list.page_size(),
        sort: list.some("sort").filter(|sort| contract::sort_of(Some(sort), InstanceSort::parse).is_ok()),
        q: list.some("q"),
        state: InstanceState::parse(list.get("state")),
        machine: list.some("machine"),
        customer_id: list.get("customerId").parse().ok(),
        deleted: None,
    }
}

/// So often a list is looked at again, seconds.
pub const EVERY: u32 = 5;

/// Where the list of an address is taken away as a workbook: all pages of it.
pub fn export_address(path: &str, list: &ListQuery) -> String {
    let narrowed = ["q", "state", "machine", "customerId", "sort"].map(|name| (name, list.get(name)));
    paths::with_query(path, narrowed)
}

/// Where the same list is told to programs.
pub fn followed(path: &str, query: &InstanceQuery) -> String {
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let (page, size) = (number(query.page), number(query.page_size));
    let customer = query.customer_id.map(|id| id.to_string()).unwrap_or_default();
    let pairs = [
        ("page", page.as_str()),
        ("pageSize", size.as_str()),
        ("sort", query.sort.as_deref().unwrap_or_default()),
        ("q", query.q.as_deref().unwrap_or_default()),
        ("state", query.state.map(InstanceState::code).unwrap_or_default()),
        ("machine", query.machine.as_deref().unwrap_or_default()),
        ("customerId", customer.as_str()),
    ];
    paths::with_query(path, pairs)
}

/// `/instances`.
#[component]
pub fn OwnInstancesPage() -> impl IntoView {
    let list = ListQuery::here(paths::OWN_INSTANCES, ["q", "state", "sort", "pageSize", "page"]);
    let query = query_of(&list);
    let href = followed("/api/customer/instances", &query);
    let (platform, ctx) = door();
    page(
        async move {
            let found = platform::instances::list(&platform, &ctx, &query).await?;
            // None where the installation has no place for applications.
            Ok((found, platform::instances::shared_apps(&platform, &ctx).await.unwrap_or_default()))
        },
        move |(page, apps)| list_view(list, href, page, apps),
    )
}

fn list_view(query: ListQuery, href: String, page: Page<InstanceView>, apps: Vec<SharedAppView>) -> AnyView {
    let (words, ctx) = (Words::now(), door().1);
    let follow = follow(words, href, standing_of_list(&page), EVERY);
    let head = PageFrame::new(words.t("instances-title"), Area::OwnInstances)
        .beside(view! {
            <span class="sub" data-part="count">{words.with("instances-count", &[("n", page.total.to_string())])}</span>
        })
        .actions(view! {
            <a class="btn" href=export_address("/api/customer/instances/export", &query) download="">
                {words.t("list-export")}
            </a>
            <a class="btn" href=paths::OWN_ACCESS>{words.t("access-title")}</a>
            {ctx.holds(Permission::InstancesCreate).then(|| {
                view! { <a class="btn primary" href=paths::INSTANCE_NEW>{words.t("instances-add")}</a> }
            })}
        });
    let filtered = ["q", "state"].iter().any(|name| !query.get(name).is_empty());
    let body = if page.total == 0 && !filtered {
        view! { <div class="empty"><p>{words.t("instances-empty")}</p></div> }.into_any()
    } else {
        view! {
            <form class="filters" method="get" action=paths::OWN_INSTANCES>
                <input class="filter-q" r#type="search" name="q" value=query.get("q").to_owned()
                    placeholder=words.t("instances-filter") aria-label=words.t("instances-filter") />
                <select name="state" aria-label=words.t("instance-state")>
                    {options_view(state_options(words), query.get("state"))}
                </select>
                <button class="btn">{words.t("filter-apply")}</button>
                <a class="btn ghost" href=paths::OWN_INSTANCES>{words.t("filter-reset")}</a>
            </form>
            {table(words, &query, page)}
        }
        .into_any()
    };
    frame(
        head,
        view! {
            {follow}
            <section class="card" data-part="list">{body}</section>
            {shared_card(words, apps)}
        },
    )
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
        view! {
            <tr>
                <th scope="row"><a href=paths::own_instance(view.id)>{view.name.clone()}</a></th>
                <td data-label=words.t("instance-state")>{state_cell(words, view.state)} " " {idle_since(words, &view)}</td>
                <td data-label=words.t("instance-since")>{since(&view)}</td>
                <td data-label=words.t("instance-spec")>{spec_line(words, &view.spec)}</td>
                <td data-label=words.t("instance-image")>{view.image_name.clone()}</td>
                <td data-label=words.t("instance-machine")>{view.machine_name.clone()}</td>
                <td class="num" data-label=words.t("instance-price")>{price_now(words, &view)}</td>
                <td data-label=words.t("instance-created-by")>{view.created_by.clone()}</td>
            </tr>
        }
    });
    let head = view! {
        {heading(InstanceSort::Name, "instance-name")}
        {heading(InstanceSort::State, "instance-state")}
        {heading(InstanceSort::Started, "instance-since")}
        <th scope="col">{words.t("instance-spec")}</th>
        <th scope="col">{words.t("instance-image")}</th>
        {heading(InstanceSort::Machine, "instance-machine")}
        <th scope="col" class="num">{words.t("instance-price")}</th>
        <th scope="col">{words.t("instance-created-by")}</th>
    };
    view! {
        {list_table(words.t("instances-title"), head, rows.collect_view())}
        {pager(words, query, page.page, page.page_size, page.total)}
    }
    .into_any()
}
