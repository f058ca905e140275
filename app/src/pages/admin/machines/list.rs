//! The machine list: filters, order and page are in the address.

use contract::machines::{MachineFacets, MachineQuery, MachineRow, Pool, Presence, ServiceState};
use contract::{Page, Permission};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::door::{door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::cells::figure;
use crate::ui::format::{self, NOT_MEASURED};
use crate::ui::forms::options_view;
use crate::ui::lists::{ListQuery, pager, sort_header};
use crate::ui::state::{Tone, state};
use crate::ui::time::time;
use crate::words::Words;

/// Order when nothing is said.
const DEFAULT_SORT: &str = "id";
/// Filters beside the search field.
const FILTERS: [&str; 5] = ["region", "pool", "presence", "serviceState", "gpuModel"];

/// `/admin/machines`.
#[component]
pub fn ListPage() -> impl IntoView {
    let (list_query, query) = read_query();
    let (platform, ctx) = door();
    page(
        async move {
            let list = platform::machines::list(&platform, &ctx, &query).await?;
            let facets = platform::machines::facets(&platform, &ctx).await?;
            Ok((list, facets))
        },
        move |(list, facets)| list_view(list_query, list, facets),
    )
}

/// The address as the page's state and as the operation's query. Words we do not know filter nothing.
fn read_query() -> (ListQuery, MachineQuery) {
    let map = use_query_map().get_untracked();
    let get = |name: &str| map.get(name).map(|value| value.trim().to_owned()).unwrap_or_default();
    let names = ["q", "region", "pool", "presence", "serviceState", "gpuModel", "sort", "pageSize", "page"];
    let list = ListQuery { path: paths::MACHINES, pairs: names.into_iter().map(|name| (name, get(name))).collect() };
    let some = |name: &str| Some(list.get(name).to_owned()).filter(|value| !value.is_empty());
    let number = |name: &str| list.get(name).parse::<u32>().ok().filter(|n| *n > 0);
    let query = MachineQuery {
        page: number("page"),
        page_size: number("pageSize").filter(|n| contract::PAGE_SIZES.contains(n)),
        sort: some("sort"),
        q: some("q"),
        region: some("region"),
        pool: Pool::parse(list.get("pool")),
        presence: Presence::parse(list.get("presence")),
        service_state: ServiceState::parse(list.get("serviceState")),
        gpu_model: some("gpuModel"),
        listed: None,
    };
    let query = if query.sort_columns().is_ok() { query } else { MachineQuery { sort: None, ..query } };
    (list, query)
}

fn list_view(query: ListQuery, list: Page<MachineRow>, facets: MachineFacets) -> AnyView {
    let words = Words::now();
    let ctx = door().1;
    let count =
        words.with("machines-count", &[("machines", facets.machines.to_string()), ("gpus", facets.gpus.to_string())]);
    let head = PageFrame::new(words.t("machines-title"), Area::Machines)
        .beside(view! { <span class="sub">{count}</span> })
        .actions((
            ctx.holds(Permission::MachinesEnroll)
                .then(|| view! { <a class="btn" href=paths::JOIN_TOKENS>{words.t("machines-join")}</a> }),
            ctx.holds(Permission::MachinesCreate)
                .then(|| view! { <a class="btn primary" href=paths::MACHINE_NEW>{words.t("machines-add")}</a> }),
        ));
    let body = if facets.machines == 0 {
        let add = ctx.holds(Permission::MachinesEnroll);
        view! {
            <section class="card empty">
                <p>{words.t("machines-empty")}</p>
                {add.then(|| view! { <a class="btn primary" href=paths::JOIN_TOKENS>{words.t("wall-empty-action")}</a> })}
            </section>
        }
        .into_any()
    } else {
        view! {
            <section class="card">
                {filters(words, &query, &facets)}
                {table(words, &query, list)}
            </section>
        }
        .into_any()
    };
    frame(head, body)
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
                <summary>{words.t("filter-more")}</summary>
                <div class="filter-grid">
                    {select("region", "machine-region", plain(&facets.regions))}
                    {select("pool", "machine-pool", coded("pool", Pool::ALL.iter().map(|p| p.code()).collect()))}
                    {select("presence", "machines-presence", coded("presence", Presence::ALL.iter().map(|p| p.code()).collect()))}
                    {select("serviceState", "machines-service", coded("service", ServiceState::ALL.iter().map(|s| s.code()).collect()))}
                    {select("gpuModel", "hardware-gpu-model", plain(&facets.gpu_models))}
                </div>
            </details>
        </form>
    }
}

fn table(words: Words, query: &ListQuery, list: Page<MachineRow>) -> AnyView {
    if list.list.is_empty() {
        return view! {
            <div class="empty">
                <p>{words.t("list-none-match")}</p>
                <a class="btn" href=paths::MACHINES>{words.t("list-clear-filters")}</a>
            </div>
        }
        .into_any();
    }
    let head = |column, key: &str, numeric| sort_header(query, column, DEFAULT_SORT, words.t(key), numeric);
    let rows = list.list.into_iter().map(|machine| row(words, machine)).collect_view();
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label=words.t("machines-title")>
            <table class="cards">
                <thead>
                    <tr>
                        {head("name", "machine-name", false)}
                        {head("id", "machine-code", false)}
                        <th scope="col">{words.t("machines-state")}</th>
                        {head("gpuModel", "machines-gpu", false)}
                        <th scope="col" class="num">{words.t("machines-cpu")}</th>
                        <th scope="col" class="num">{words.t("machines-memory")}</th>
                        {head("region", "machine-region", false)}
                        <th scope="col">{words.t("machine-pool")}</th>
                        {head("lastSeenAt", "machines-last-seen", false)}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {pager(words, query, list.page, list.page_size, list.total)}
    }
    .into_any()
}

/// The worst that is known about a machine in one state.
fn machine_state(words: Words, machine: &MachineRow) -> AnyView {
    if machine.gpus_lost > 0 {
        return state(Tone::Bad, words.t("trouble-gpu_lost")).into_any();
    }
    let tone = match machine.presence {
        Presence::Online => Tone::Ok,
        Presence::Offline | Presence::NeverSeen => Tone::Off,
    };
    let presence = words.t(&format!("presence-{}", machine.presence.code()));
    match machine.service_state {
        ServiceState::InService => state(tone, presence).into_any(),
        service => {
            (state(tone, presence), " ", state(Tone::Info, words.t(&format!("service-{}", service.code())))).into_any()
        }
    }
}

fn row(words: Words, machine: MachineRow) -> impl IntoView {
    let zone = look().zone;
    let why = words.t("hardware-not-stated");
    let gpus = match (machine.gpu_count, &machine.gpu_model) {
        (Some(count), Some(model)) if count > 0 => format!("{count} × {model}"),
        (Some(0), _) => words.t("machines-no-gpu"),
        _ => NOT_MEASURED.to_owned(),
    };
    let differences = (machine.differences > 0)
        .then(|| state(Tone::Warn, words.with("hardware-differences", &[("n", machine.differences.to_string())])));
    let cores = machine.cpu_cores.map(|n| words.with("machines-cores", &[("n", n.to_string())]));
    let memory = machine.memory_bytes.map(|bytes| format::bytes(bytes as f64));
    let status = machine_state(words, &machine);
    view! {
        <tr>
            <th scope="row"><a href=paths::machine(&machine.id)>{machine.name}</a></th>
            <td class="mono" data-label=words.t("machine-code")>{machine.id}</td>
            <td data-label=words.t("machines-state")>{status}</td>
            <td data-label=words.t("machines-gpu")>{gpus} " " {differences}</td>
            <td class="num" data-label=words.t("machines-cpu")>{cores.unwrap_or_else(|| NOT_MEASURED.to_owned())}</td>
            <td class="num" data-label=words.t("machines-memory")>{figure(memory, &why)}</td>
            <td data-label=words.t("machine-region")>
                {machine.region.map_or_else(|| NOT_MEASURED.into_any(), |region| view! { <span class="tag">{region}</span> }.into_any())}
            </td>
            <td data-label=words.t("machine-pool")>{words.t(&format!("pool-{}", machine.pool.code()))}</td>
            <td data-label=words.t("machines-last-seen")>
                {machine.last_seen_at.map_or_else(|| NOT_MEASURED.into_any(), |at| time(at, zone).into_any())}
            </td>
        </tr>
    }
}
