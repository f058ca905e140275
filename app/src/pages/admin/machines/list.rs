//! The machine list: filters, order and page are in the address.

use contract::machines::{MachineAction, MachineFacets, MachineQuery, MachineRow, Pool, Presence, ServiceState};
use contract::{ListColumns, Page, Permission, list_columns};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;
use platform::OpContext;

use super::bulk::MAINTENANCE;
use super::columns;
use crate::door::{afterword_is_ours, door};
use crate::layouts::{Area, PageFrame, frame, here, page};
use crate::pages::customer::accounts::server_fns::ChooseColumns;
use crate::paths;
use crate::ui::forms::options_view;
use crate::ui::lists::{ListQuery, all_matching, hidden_filters, more_summary, pager, past_the_end};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ways;
use crate::words::Words;

/// Filters beside the search field.
const FILTERS: [&str; 8] =
    ["region", "pool", "presence", "serviceState", "gpuModel", "monitored", "lent", "customerId"];

/// Every filter's name.
pub(super) fn filter_names() -> Vec<&'static str> {
    std::iter::once("q").chain(FILTERS).collect()
}

/// What of the list's state narrows nothing.
const KEPT: [&str; 2] = ["sort", "pageSize"];

/// `/admin/machines`.
#[component]
pub fn ListPage() -> impl IntoView {
    let (list_query, query) = read_query();
    let (platform, ctx) = door();
    page(async move { platform::machines::list_page(&platform, &ctx, &query).await }, move |(list, facets, columns)| {
        list_view(list_query, list, facets, columns)
    })
}

/// The address as the page's state and as the operation's query. Words we do not know filter nothing.
pub(super) fn read_query() -> (ListQuery, MachineQuery) {
    let names = [
        "q",
        "region",
        "pool",
        "presence",
        "serviceState",
        "gpuModel",
        "monitored",
        "lent",
        "customerId",
        "sort",
        "pageSize",
        "page",
    ];
    let list = ListQuery::here(paths::MACHINES, names);
    let yes_no = |name: &str| match list.get(name) {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    let query = MachineQuery {
        page: list.page(),
        page_size: list.page_size(),
        sort: list.some("sort"),
        q: list.some("q"),
        region: list.some("region"),
        pool: Pool::parse(list.get("pool")),
        presence: Presence::parse(list.get("presence")),
        service_state: ServiceState::parse(list.get("serviceState")),
        gpu_model: list.some("gpuModel"),
        listed: None,
        monitored: yes_no("monitored"),
        lent: yes_no("lent"),
        customer_id: list.get("customerId").parse().ok(),
    };
    let query = if query.sort_columns().is_ok() { query } else { MachineQuery { sort: None, ..query } };
    (list, query)
}

fn list_view(query: ListQuery, list: Page<MachineRow>, facets: MachineFacets, columns: ListColumns) -> AnyView {
    let words = Words::now();
    let ctx = door().1;
    let count =
        words.with("machines-count", &[("machines", facets.machines.to_string()), ("gpus", facets.gpus.to_string())]);
    // The filters and the order in force, and every row of them.
    let export =
        query.with(&[("page", ""), ("pageSize", "")]).replacen(paths::MACHINES, "/api/admin/machines/export", 1);
    let head = PageFrame::new(words.t("machines-title"), Area::Machines)
        .beside(view! { <span class="sub">{count}</span> })
        .actions((
            view! { <a class="btn" href=export download="">{words.t("list-export")}</a> },
            ways::button("btn", paths::MACHINES_IMPORT, words.t("import-title")),
            ways::button("btn", paths::JOIN_TOKENS, words.t("machines-join")),
            ways::button("btn primary", paths::MACHINE_NEW, words.t("machines-add")),
        ));
    let body = if facets.machines == 0 {
        view! {
            <section class="card empty">
                <p>{words.t("machines-empty")}</p>
                {ways::button("btn primary", paths::JOIN_TOKENS, words.t("wall-empty-action"))}
            </section>
        }
        .into_any()
    } else {
        view! {
            <section class="card">
                {filters(words, &query, &facets)}
                {tools(words, &ctx, &query, &list, &columns)}
                {table(words, &query, list, &columns)}
            </section>
        }
        .into_any()
    };
    frame(head, view! { {afterword(words)} {body} })
}

/// What was done with many, and with which, where one comes from that.
fn afterword(words: Words) -> Option<impl IntoView + use<>> {
    let map = use_query_map().get_untracked();
    let did = map.get("did").filter(|_| afterword_is_ours())?;
    let key = match MachineAction::parse(&did) {
        Some(action) => format!("action-{}", action.code()),
        None if did == MAINTENANCE => "maintenance-plan".to_owned(),
        None => return None,
    };
    let done = map.get("done").and_then(|n| n.parse::<u32>().ok()).filter(|done| *done > 0)?;
    let says = words.with("bulk-all-done", &[("n", done.to_string()), ("action", words.t(&key))]);
    let rows = paths::unpacked(&map.get_all("ids").unwrap_or_default());
    let rows = rows.into_iter().map(|code| view! { <li class="mono">{code}</li> }).collect_view();
    Some(view! {
        <section class="card notice" role="status">
            <p>{state(Tone::Ok, says)}</p>
            <details><summary>{words.t("bulk-which")}</summary><ul>{rows}</ul></details>
        </section>
    })
}

fn filters(words: Words, query: &ListQuery, facets: &MachineFacets) -> impl IntoView + use<> {
    let open = FILTERS.iter().any(|name| !query.get(name).is_empty());
    let any = |word: String| (String::new(), word);
    let select = |name: &'static str, key: &str, values: Vec<(String, String)>| {
        let options = std::iter::once(any(words.t("filter-all"))).chain(values).collect();
        view! {
            <label class="filter">
                <span>{words.t(key)}</span>
                <select name=name>{options_view(options, query.get(name))}</select>
            </label>
        }
    };
    let plain = |values: &[String]| values.iter().map(|v| (v.clone(), v.clone())).collect::<Vec<_>>();
    let coded = |prefix: &str, codes: Vec<&'static str>| {
        codes.into_iter().map(|code| (code.to_owned(), words.t(&format!("{prefix}-{code}")))).collect::<Vec<_>>()
    };
    let either =
        || ["true", "false"].map(|word| (word.to_owned(), words.t(if word == "true" { "yes" } else { "no" }))).to_vec();
    let sees_holders = door().1.holds(Permission::AllocationsManage);
    let customers = facets.customers.iter().map(|customer| (customer.id.to_string(), customer.name.clone())).collect();
    let sort = query.get("sort").to_owned();
    let size = query.get("pageSize").to_owned();
    view! {
        <form class="filters" method="get" action=paths::MACHINES>
            <input class="filter-q" r#type="search" name="q" value=query.get("q").to_owned()
                placeholder=words.t("machines-filter") aria-label=words.t("machines-filter") />
            {(!sort.is_empty()).then(|| view! { <input r#type="hidden" name="sort" value=sort /> })}
            {(!size.is_empty()).then(|| view! { <input r#type="hidden" name="pageSize" value=size /> })}
            <button class="btn">{words.t("filter-apply")}</button>
            <a class="btn ghost" href=paths::MACHINES>{words.t("filter-reset")}</a>
            <details class="more-filters" open=open>
                {more_summary(words)}
                <div class="filter-grid">
                    {select("region", "machine-region", plain(&facets.regions))}
                    {select("pool", "machine-pool", coded("pool", Pool::ALL.iter().map(|p| p.code()).collect()))}
                    {select("presence", "machines-presence", coded("presence", Presence::ALL.iter().map(|p| p.code()).collect()))}
                    {select("serviceState", "machines-service", coded("service", ServiceState::ALL.iter().map(|s| s.code()).collect()))}
                    {select("gpuModel", "hardware-gpu-model", plain(&facets.gpu_models))}
                    {select("monitored", "machine-monitored", either())}
                    {sees_holders.then(|| select("lent", "machines-lent", either()))}
                    {sees_holders.then(|| select("customerId", "allocation-customer", customers))}
                </div>
            </details>
        </form>
    }
}

fn table(words: Words, query: &ListQuery, list: Page<MachineRow>, columns: &ListColumns) -> AnyView {
    let ctx = door().1;
    let operate = ctx.holds(Permission::MachinesUpdate);
    if let Some(past) = past_the_end(words, query, list.page, list.page_size, list.total) {
        return past;
    }
    if list.list.is_empty() {
        return view! {
            <div class="empty">
                <p>{words.t("list-none-match")}</p>
                <a class="btn" href=paths::MACHINES>{words.t("list-clear-filters")}</a>
            </div>
        }
        .into_any();
    }
    let shared = std::sync::Arc::new(columns.columns.clone());
    let headings = shared.iter().map(|column| columns::heading(words, query, column)).collect_view();
    let rows = list.list.into_iter().map(|machine| row(words, &ctx, &shared, machine)).collect_view();
    view! {
        {list_table(words.t("machines-title"), view! {
            {operate.then(|| view! {
                <th scope="col" class="pick"><rg-check-all data-label=words.t("list-check-all")></rg-check-all></th>
            })}
            {headings}
            <th scope="col" class="row-menu"><span class="unseen-text">{words.t("list-actions")}</span></th>
        }, rows)}
        {pager(words, query, list.page, list.page_size, list.total)}
    }
    .into_any()
}

/// What can be done with the chosen rows, and which columns are shown.
fn tools(
    words: Words,
    ctx: &OpContext,
    query: &ListQuery,
    list: &Page<MachineRow>,
    columns: &ListColumns,
) -> impl IntoView + use<> {
    let mut actions: Vec<_> = MachineAction::ALL
        .iter()
        .filter(|action| ctx.holds(action.permission()))
        .map(|action| (action.code().to_owned(), words.t(&format!("action-{}", action.code()))))
        .collect();
    if ctx.holds(Permission::MachinesOperate) {
        actions.push((MAINTENANCE.to_owned(), words.t("maintenance-plan")));
    }
    let all = (list.total > list.list.len() as u64).then(|| all_matching(words, query, &filter_names(), list.total));
    // What is done with some of them leads back to the list as it is.
    let kept = match all {
        Some(_) => hidden_filters(query, &KEPT).into_any(),
        None => (hidden_filters(query, &filter_names()), hidden_filters(query, &KEPT)).into_any(),
    };
    let bulk = (!actions.is_empty()).then(|| {
        view! {
            <form id="bulk" class="bulk" method="get" action=paths::MACHINES_BULK>
                <select name="action" aria-label=words.t("bulk-action")>{options_view(actions, "")}</select>
                {all}
                {kept}
                <button class="btn">{words.t("bulk-go")}</button>
            </form>
        }
    });
    let boxes = list_columns("machines").unwrap_or_default().iter().skip(1).map(|column| {
        let checked = columns.columns.iter().any(|shown| shown == column);
        view! {
            <label>
                <input r#type="checkbox" name="columns[]" value=*column checked=checked />
                <span>{words.t(columns::word(column))}</span>
            </label>
        }
    });
    view! {
        <div class="list-tools">
            {bulk}
            <details class="menu end">
                <summary class="btn ghost">{words.t("list-columns")}</summary>
                <form class="menu-body columns" method="post" action=ChooseColumns::url()>
                    <input r#type="hidden" name="list" value="machines" />
                    <input r#type="hidden" name="back" value=here() />
                    <input r#type="hidden" name="columns[]" value="name" />
                    {boxes.collect_view()}
                    <button class="btn primary">{words.t("list-columns-show")}</button>
                </form>
            </details>
        </div>
    }
}

fn row(words: Words, ctx: &OpContext, columns: &[String], machine: MachineRow) -> impl IntoView + use<> {
    let cells = columns.iter().map(|column| columns::cell(words, column, &machine)).collect_view();
    let pick = ctx.holds(Permission::MachinesUpdate).then(|| {
        let label = words.with("list-choose", &[("name", machine.name.clone())]);
        view! {
            <td class="pick">
                <input r#type="checkbox" form="bulk" name="ids" value=machine.id.clone() aria-label=label />
            </td>
        }
    });
    let entry = |href: String, key: &str| ways::opens(ctx, &href).then(|| view! { <a href=href>{words.t(key)}</a> });
    // A popover, because the table's scroll region would cut a menu off.
    let menu = format!("menu-{}", machine.id);
    view! {
        <tr>
            {pick}
            {cells}
            <td class="row-menu">
                    <button r#type="button" popovertarget=menu.clone() aria-label=words.with("list-actions-of", &[("name", machine.name.clone())])>
                        "⋯"
                    </button>
                    <div class="menu-body" id=menu popover="auto">
                        <a href=paths::machine(&machine.id)>{words.t("list-open")}</a>
                        {match &machine.holder {
                            Some(holder) => entry(paths::allocation(holder.allocation_id), "lease-open"),
                            None => entry(paths::machine_allocate(&machine.id), "machine-allocate"),
                        }}
                        {entry(paths::machine_edit(&machine.id), "machine-edit")}
                        {entry(paths::machine_service(&machine.id), "machine-service")}
                        <rg-copy data-text=machine.id.clone() data-done=words.t("copied")>
                            <button r#type="button" class="link">{words.t("machine-copy-code")}</button>
                            <span role="status" class="unseen-text"></span>
                        </rg-copy>
                    </div>
            </td>
        </tr>
    }
}
