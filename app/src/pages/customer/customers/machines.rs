//! The machines on a customer's workbench: how they are doing now, found and put in order.

use contract::Page;
use contract::allocations::{AllocationSort, AllocationState, AllocationView, MachineLoad};
use contract::machines::{Presence, gpus_in_words};
use leptos::prelude::*;

use crate::door::look;
use crate::pages::admin::allocations::list::allocation_state;
use crate::paths;
use crate::ui::copy::copy_button;
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::options_view;
use crate::ui::lists::{ListQuery, pager_of, past_the_end, sort_header};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::end_time;
use crate::words::Words;

/// So few are seen at a glance.
const FEW: u64 = 5;

/// Machines in the order they end, unless another one is asked for; what is over is not shown here.
pub(super) fn machines_card(words: Words, found: Page<AllocationView>, query: &ListQuery) -> impl IntoView + use<> {
    let filtered = ["q", "state"].iter().any(|name| !query.get(name).is_empty());
    let filters = (filtered || found.total > FEW).then(|| filters(words, query));
    let pager = pager_of(words, query, &found);
    let past = past_the_end(words, query, found.page, found.page_size, found.total);
    let body = match (found.list.is_empty(), filtered) {
        (true, _) if past.is_some() => past.into_any(),
        (true, true) => view! {
            <div class="empty">
                <p>{words.t("home-machines-none-match")}</p>
                <a class="btn" href=paths::HOME>{words.t("list-clear-filters")}</a>
            </div>
        }
        .into_any(),
        (true, false) => view! { <div class="empty"><p>{words.t("home-machines-empty")}</p></div> }.into_any(),
        (false, _) => table(words, found.list, query),
    };
    view! {
        <section class="card">
            <header><h2>{words.t("home-machines")}</h2></header>
            {filters}
            {body}
            {pager}
        </section>
    }
}

fn table(words: Words, list: Vec<AllocationView>, query: &ListQuery) -> AnyView {
    let heading =
        |column: AllocationSort, key: &str| sort_header(query, column.code(), "", words.t(key), false).into_any();
    let rows = list.into_iter().map(|row| machine_row(words, row)).collect_view();
    view! {
        {list_table(words.t("home-machines"), view! {
            {heading(AllocationSort::Machine, "allocation-machine")}
            {heading(AllocationSort::State, "allocation-state")}
            <th scope="col">{words.t("home-presence")}</th>
            <th scope="col">{words.t("home-load")}</th>
            <th scope="col">{words.t("machines-gpu")}</th>
            <th scope="col">{words.t("home-ssh")}</th>
            {heading(AllocationSort::Ends, "allocation-ends")}
        }, rows)}
        <rg-loads></rg-loads>
    }
    .into_any()
}

fn machine_row(words: Words, row: AllocationView) -> impl IntoView {
    let gpus = row.gpu_model.as_ref().map(|model| gpus_in_words(row.gpu_count.unwrap_or(0), model));
    let presence = row.presence.map(|presence| match presence {
        _ if !row.monitored => state(Tone::Off, words.t("tile-not-monitored")),
        Presence::Online => state(Tone::Ok, words.t("presence-online")),
        other => state(Tone::Off, words.t(&format!("presence-{}", other.code()))),
    });
    // What is told of a machine is told while one has it.
    let followed = (row.state == AllocationState::Active && row.monitored).then(|| row.machine.clone());
    let line = row.ssh.clone().map(|line| ssh_line(words, line));
    view! {
        <tr>
            <th scope="row"><a href=paths::my_machine(&row.machine)>{row.machine_name.clone()}</a></th>
            <td data-label=words.t("allocation-state")>{allocation_state(words, &row)}</td>
            <td data-label=words.t("home-presence")>{presence}</td>
            <td data-label=words.t("home-load") data-load=followed>{load(row.load)}</td>
            <td data-label=words.t("machines-gpu")>{gpus.unwrap_or_else(|| NOT_MEASURED.to_owned())}</td>
            <td data-label=words.t("home-ssh")>{line}</td>
            <td data-label=words.t("allocation-ends")>{end_time(row.ends_at, look().zone)}</td>
        </tr>
    }
}

/// How one gets onto it: its beginning, to be copied whole.
fn ssh_line(words: Words, line: String) -> impl IntoView + use<> {
    view! {
        <span class="pasted">
            <code class="shortened" title=line.clone()>{line.clone()}</code>
            {copy_button(line, words.t("copy"), words.t("copied"))}
        </span>
    }
}

/// As `rg-loads.js` writes it.
fn load(load: Option<MachineLoad>) -> String {
    let Some(MachineLoad { util_percent, memory_percent }) = load else { return NOT_MEASURED.to_owned() };
    let percent = |value: Option<u32>| value.map_or_else(|| NOT_MEASURED.to_owned(), |value| format!("{value} %"));
    format!("{} · {}", percent(util_percent), percent(memory_percent))
}

fn filters(words: Words, query: &ListQuery) -> impl IntoView + use<> {
    let mut states = vec![(String::new(), words.t("filter-all"))];
    states.extend(
        AllocationState::ALL
            .iter()
            .filter(|state| state.holds())
            .map(|state| (state.code().to_owned(), words.t(&format!("allocation-state-{}", state.code())))),
    );
    // These have no field of their own.
    let kept = ["sort", "pageSize"].map(|name| {
        let value = query.get(name).to_owned();
        (!value.is_empty()).then(|| view! { <input r#type="hidden" name=name value=value /> })
    });
    view! {
        <form class="filters" method="get" action=paths::HOME>
            <input class="filter-q" r#type="search" name="q" value=query.get("q").to_owned()
                placeholder=words.t("home-machines-filter") aria-label=words.t("home-machines-filter") />
            <select name="state" aria-label=words.t("allocation-state")>{options_view(states, query.get("state"))}</select>
            {kept}
            <button class="btn">{words.t("filter-apply")}</button>
            <a class="btn ghost" href=paths::HOME>{words.t("filter-reset")}</a>
        </form>
    }
}
