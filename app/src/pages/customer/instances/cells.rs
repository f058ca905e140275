//! What both portals show of an instance.

use contract::instances::{InstanceEvent, InstanceSpec, InstanceState, InstanceView};
use leptos::prelude::*;

use crate::door::look;
use crate::ui::format::{NOT_MEASURED, whole};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// Where it stands, with an icon and a word.
pub fn state_cell(words: Words, known: InstanceState) -> AnyView {
    use InstanceState as S;
    let tone = match known {
        S::Running => Tone::Ok,
        S::Creating | S::Starting | S::Stopping | S::Deleting => Tone::Info,
        S::Stopped | S::Deleted => Tone::Off,
        S::Lost => Tone::Warn,
        S::Failed => Tone::Bad,
    };
    state(tone, words.t(&format!("instance-state-{}", known.code()))).into_any()
}

/// For a filter.
pub fn state_options(words: Words) -> Vec<(String, String)> {
    let known = InstanceState::ALL
        .iter()
        .map(|known| (known.code().to_owned(), words.t(&format!("instance-state-{}", known.code()))));
    std::iter::once((String::new(), words.t("filter-all"))).chain(known).collect()
}

/// `2 × H100 · 8 cores · 64 GB`.
pub fn spec_line(words: Words, spec: &InstanceSpec) -> String {
    let cards = match &spec.gpu_model {
        Some(model) => format!("{} × {model}", spec.gpu_count),
        None => words.t("spec-cpu-only"),
    };
    let size = whole(spec.memory_gb.into());
    words.with("instance-spec-line", &[("cards", cards), ("cores", spec.cpu_cores.to_string()), ("memory", size)])
}

/// What an hour costs.
pub fn price(words: Words, spec: &InstanceSpec) -> String {
    words.with("spec-per-hour", &[("price", spec.price_per_hour.clone()), ("currency", spec.currency.clone())])
}

/// When it began to run, or when it ended.
pub fn since(view: &InstanceView) -> AnyView {
    let at = match view.state {
        InstanceState::Running => view.started_at,
        InstanceState::Lost => view.lost_since,
        InstanceState::Stopped | InstanceState::Failed => view.ended_at,
        _ => None,
    };
    at.map_or_else(|| NOT_MEASURED.into_any(), |at| time(at, look().zone).into_any())
}

/// Why it is failed, or that its machine cannot be asked, with what to do.
pub fn reason_card(words: Words, view: &InstanceView) -> Option<AnyView> {
    let lost = view.state == InstanceState::Lost;
    if !lost && view.message.is_none() {
        return None;
    }
    let text = view.message.clone().unwrap_or_else(|| words.t("instance-lost-hint"));
    let code = view.exit_code.filter(|_| !lost).map(|code| {
        view! { <p class="sub">{words.with("instance-exit-code", &[("code", code.to_string())])}</p> }
    });
    let detail = view.detail.clone().map(|detail| view! { <p class="sub">{detail}</p> });
    let held = (!view.holds).then(|| view! { <p class="sub">{words.t("instance-holds-nothing")}</p> });
    let card = view! {
        <section class="card" role="status">
            <header><h2>{words.t("instance-why")}</h2></header>
            <div class="form">
                <p>{text}</p>
                {code}
                {detail}
                {held}
            </div>
        </section>
    };
    Some(card.into_any())
}

/// What it is made of.
pub fn facts_card(words: Words, view: &InstanceView) -> impl IntoView + use<> {
    let zone = look().zone;
    let customer = view.customer_name.clone().map(|name| {
        view! {
            <dt>{words.t("instance-customer")}</dt>
            <dd>{name}</dd>
        }
    });
    let remark = view.remark.clone().map(|remark| {
        view! {
            <dt>{words.t("instance-remark")}</dt>
            <dd class="remark">{remark}</dd>
        }
    });
    let variables = match view.variables.is_empty() {
        true => NOT_MEASURED.to_owned(),
        false => view.variables.join(", "),
    };
    let command = view.command.as_ref().map_or_else(|| words.t("instance-command-image"), |words| words.join(" "));
    let machine = format!("{} ({})", view.machine_name, view.machine);
    view! {
        <section class="card">
            <header><h2>{words.t("instance-facts")}</h2></header>
            <dl class="facts">
                {customer}
                <dt>{words.t("instance-created-by")}</dt>
                <dd>{view.created_by.clone()} " " {time(view.created_at, zone)}</dd>
                <dt>{words.t("instance-machine")}</dt>
                <dd>{machine}</dd>
                <dt>{words.t("instance-image")}</dt>
                <dd>{view.image_name.clone()}</dd>
                <dt>{words.t("instance-spec")}</dt>
                <dd>{view.spec.name.clone()} " · " {spec_line(words, &view.spec)}</dd>
                <dt>{words.t("instance-price")}</dt>
                <dd>{price(words, &view.spec)}</dd>
                <dt>{words.t("instance-since")}</dt>
                <dd>{since(view)}</dd>
                <dt>{words.t("instance-variables")}</dt>
                <dd>{variables}</dd>
                <dt>{words.t("instance-command")}</dt>
                <dd>{command}</dd>
                {remark}
            </dl>
        </section>
    }
}

/// What happened to it, the newest first.
pub fn events_card(words: Words, events: Vec<InstanceEvent>) -> impl IntoView {
    let zone = look().zone;
    let rows = events.into_iter().map(|event| {
        let code = event.exit_code.map(|code| words.with("instance-exit-code", &[("code", code.to_string())]));
        let said: Vec<String> = [event.message, code, event.detail].into_iter().flatten().collect();
        let actor = if event.actor.is_empty() { NOT_MEASURED.to_owned() } else { event.actor };
        view! {
            <tr>
                <td data-label=words.t("instance-event-at")>{time(event.at, zone)}</td>
                <th scope="row">{words.t(&format!("instance-event-{}", event.kind.code().replace('_', "-")))}</th>
                <td data-label=words.t("instance-event-by")>{actor}</td>
                <td data-label=words.t("instance-event-said")>{said.join(" · ")}</td>
            </tr>
        }
    });
    let head = view! {
        <th scope="col">{words.t("instance-event-at")}</th>
        <th scope="col">{words.t("instance-event-what")}</th>
        <th scope="col">{words.t("instance-event-by")}</th>
        <th scope="col">{words.t("instance-event-said")}</th>
    };
    view! {
        <section class="card" id="events">
            <header><h2>{words.t("instance-events")}</h2></header>
            {list_table(words.t("instance-events"), head, rows.collect_view())}
        </section>
    }
}
