//! What staff do with a machine: out of service and back, maintenance, how its host is reached, away for good.

use contract::machines::{ConnectionView, HostKeysView, MachineAction, MachineView, MaintenanceView};
use contract::{May, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_params_map;
use platform::allocations::ToCome;

use super::bulk::will_wait;
use super::server_fns::{ActOnMachine, CancelMaintenance, PlanMaintenance, SetConnection};
use crate::door::{Refused, door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::ask::{Ask, held_back};
use crate::ui::forms::{TextField, check_field, form_fault, text_area, text_field};
use crate::ui::state::{Tone, state};
use crate::ui::time::time;
use crate::words::Words;

/// `/admin/machines/{code}/service`.
#[component]
pub fn ServicePage() -> impl IntoView {
    let code = use_params_map().get_untracked().get("code").unwrap_or_default();
    let (platform, ctx) = door();
    page(
        async move {
            crate::door::may_open(&ctx, Permission::MachinesView)?;
            let machine = platform::machines::get(&platform, &ctx, &code).await?;
            if !ctx.holds(Permission::MachinesConnect) {
                crate::door::may_open(&ctx, Permission::MachinesOperate)?;
            }
            let may = platform::machines::may_act(&platform, &ctx, &code, ACTIONS).await?;
            let mut to_come = platform::machines::leases_to_come(&platform, &ctx, std::slice::from_ref(&code)).await?;
            Ok((machine, may, to_come.remove(&code)))
        },
        |(machine, may, to_come)| service_view(machine, &may, to_come.as_ref()),
    )
}

/// What is done with one machine, the last by a page of its own.
const ACTIONS: [MachineAction; 5] = [
    MachineAction::Uncordon,
    MachineAction::Cordon,
    MachineAction::Drain,
    MachineAction::Retire,
    MachineAction::Delete,
];

type Possible = [(MachineAction, May); 5];

fn service_view(machine: MachineView, may: &Possible, to_come: Option<&ToCome>) -> AnyView {
    let (words, ctx) = (Words::now(), door().1);
    let refused = Refused::from_query();
    let head = PageFrame::new(words.with("service-title", &[("name", machine.name.clone())]), Area::Machines)
        .crumb(words.t("nav-machines"), paths::MACHINES)
        .crumb(machine.name.clone(), paths::machine(&machine.id))
        .beside(service_state(words, &machine));
    let message = refused.as_ref().map(|refused| refused.message(words.0));
    let delete = delete_card(words, &machine, may);
    let operates = ctx.holds(Permission::MachinesOperate);
    frame(
        head,
        view! {
            {form_fault(message)}
            <div class="main-column">
                {operates.then(|| actions_card(words, &machine, (may, to_come), refused.as_ref()))}
                {operates.then(|| maintenance_card(words, &machine, refused.as_ref()))}
                {ctx.holds(Permission::MachinesConnect).then(|| connection_card(words, &machine, refused.as_ref()))}
                {delete}
            </div>
        },
    )
}

/// Where the admin's decision stands, with why and since when.
pub fn service_state(words: Words, machine: &MachineView) -> impl IntoView + use<> {
    let zone = look().zone;
    let tone = match machine.service_state {
        contract::machines::ServiceState::InService => Tone::Ok,
        contract::machines::ServiceState::Retired => Tone::Off,
        _ => Tone::Warn,
    };
    let since = machine
        .service_changed_at
        .map(|at| view! { <span class="sub">{words.t("service-since")} " " {time(at, zone)}</span> });
    let why = machine.service_note.clone().map(|note| view! { <span class="sub">{note}</span> });
    view! {
        {state(tone, words.t(&format!("service-{}", machine.service_state.code())))}
        {why}
        {since}
    }
}

fn actions_card(
    words: Words,
    machine: &MachineView,
    (may, to_come): (&Possible, Option<&ToCome>),
    refused: Option<&Refused>,
) -> impl IntoView + use<> {
    // What makes no sense in this state is left out; what something else is in the way of says what.
    let rows = may
        .iter()
        .filter(|(action, may)| machine.service_state.after(*action).is_some() && may.is_shown())
        .map(|(action, may)| {
            let action = *action;
            let word = words.t(&format!("action-{}", action.code()));
            if let Some(why) = may.why_not.clone() {
                return view! { <li>{held_back(action.code().to_owned(), word, why, "btn")}</li> }.into_any();
            }
            let class = if action == MachineAction::Uncordon { "btn primary" } else { "btn" };
            let waits = to_come.filter(|_| action.keeps_out()).map(|lease| will_wait(words, lease));
            let waits = waits.map(|waits| view! { <span class="sub">{waits}</span> });
            view! {
                <li>
                    <button class=class name="action" value=action.code()>{word}</button>
                    <span class="sub">{words.t(&format!("action-{}-hint", action.code()))}</span>
                    {waits}
                </li>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <section class="card">
            <header><h2>{words.t("machines-service")}</h2></header>
            <form class="form" method="post" action=ActOnMachine::url()>
                <input r#type="hidden" name="code" value=machine.id.clone() />
                {text_field(TextField {
                    label: words.t("service-note"),
                    name: "note".to_owned(),
                    value: refused.and_then(|refused| refused.typed.get("note").cloned()).unwrap_or_default(),
                    fault: refused.and_then(|refused| refused.fault(words.0, "note")),
                    hint: Some(words.t("service-note-hint")),
                    max_length: Some(1000),
                    ..TextField::default()
                })}
                <ul class="choices">{rows}</ul>
            </form>
        </section>
    }
}

/// One window in words.
pub fn window_line(words: Words, window: &MaintenanceView) -> impl IntoView + use<> {
    let zone = look().zone;
    let tone = if window.state == contract::machines::MaintenanceState::Active { Tone::Warn } else { Tone::Info };
    view! {
        {state(tone, words.t(&format!("maintenance-{}", window.state.code())))}
        " " {time(window.starts_at, zone)} " – " {time(window.ends_at, zone)}
        <span class="remark">{window.message.clone()}</span>
    }
}

fn maintenance_card(words: Words, machine: &MachineView, refused: Option<&Refused>) -> impl IntoView + use<> {
    let fault = |path: &str| refused.and_then(|refused| refused.fault(words.0, path));
    let typed = |name: &str| refused.and_then(|refused| refused.typed.get(name).cloned()).unwrap_or_default();
    let windows = machine.maintenance.iter().map(|window| {
        let opens = format!("maintenance-cancel-{}", window.state.code());
        let question = words.t(&format!("{opens}-hint"));
        let cancel = Ask::new(format!("window-{}", window.id), words.t(&opens), question, CancelMaintenance::url())
            .class("btn")
            .field("code", &machine.id)
            .field("id", window.id);
        view! {
            <li>
                <div>{window_line(words, window)}</div>
                <div>{cancel.view(words)}</div>
            </li>
        }
    });
    let windows =
        (!machine.maintenance.is_empty()).then(|| view! { <ul class="choices">{windows.collect_view()}</ul> });
    let zone = look().zone.name().to_owned();
    view! {
        <section class="card">
            <header><h2>{words.t("maintenance-title")}</h2></header>
            {windows}
            <form class="form" method="post" action=PlanMaintenance::url()>
                <input r#type="hidden" name="code" value=machine.id.clone() />
                <p class="sub">{words.with("maintenance-hint", &[("zone", zone)])}</p>
                <fieldset>
                    {text_field(TextField {
                        label: words.t("maintenance-starts"),
                        name: "form[starts]".to_owned(),
                        value: typed("starts"),
                        fault: fault("startsAt"),
                        hint: Some(words.t("maintenance-starts-hint")),
                        kind: "datetime-local",
                        ..TextField::default()
                    })}
                    {text_field(TextField {
                        label: words.t("maintenance-ends"),
                        name: "form[ends]".to_owned(),
                        value: typed("ends"),
                        fault: fault("endsAt"),
                        kind: "datetime-local",
                        required: true,
                        ..TextField::default()
                    })}
                    {text_area(TextField {
                        label: words.t("maintenance-message"),
                        name: "form[message]".to_owned(),
                        value: typed("message"),
                        fault: fault("message"),
                        max_length: Some(1000),
                        ..TextField::default()
                    })}
                </fieldset>
                <p class="actions"><button class="btn primary">{words.t("maintenance-plan")}</button></p>
            </form>
        </section>
    }
}

fn connection_card(words: Words, machine: &MachineView, refused: Option<&Refused>) -> impl IntoView + use<> {
    let zone = look().zone;
    let known = machine.connection.clone().unwrap_or_default();
    let fault = |path: &str| refused.and_then(|refused| refused.fault(words.0, path));
    let typed =
        |name: &str, known: String| refused.and_then(|refused| refused.typed.get(name).cloned()).unwrap_or(known);
    let ConnectionView { port, user, secret_kind, secret_set_at, hami_core_path, keys } = known;
    let stored = match (secret_kind, secret_set_at) {
        (Some(kind), Some(at)) => view! {
            <p>
                {state(Tone::Ok, words.t(&format!("connection-stored-{}", kind.code())))} " " {time(at, zone)}
            </p>
        }
        .into_any(),
        _ => view! { <p>{state(Tone::Off, words.t("connection-none-stored"))}</p> }.into_any(),
    };
    view! {
        <section class="card">
            <header><h2>{words.t("connection-title")}</h2></header>
            {keys_line(words, keys)}
            <form class="form" method="post" action=SetConnection::url() autocomplete="off">
                <input r#type="hidden" name="code" value=machine.id.clone() />
                <p class="sub">{words.t("connection-hint")}</p>
                {stored}
                <fieldset>
                    {text_field(TextField {
                        label: words.t("connection-user"),
                        name: "form[user]".to_owned(),
                        value: typed("user", user.unwrap_or_default()),
                        fault: fault("user"),
                        // The host's account, not the reader's own.
                        autocomplete: Some("off"),
                        max_length: Some(64),
                        ..TextField::default()
                    })}
                    {text_field(TextField {
                        label: words.t("connection-port"),
                        name: "form[port]".to_owned(),
                        value: typed("port", port.map(|port| port.to_string()).unwrap_or_default()),
                        fault: fault("port"),
                        hint: Some(words.t("connection-port-hint")),
                        kind: "number",
                        ..TextField::default()
                    })}
                    {text_field(TextField {
                        label: words.t("connection-password"),
                        name: "form[password]".to_owned(),
                        fault: fault("password"),
                        hint: Some(words.t("connection-keep")),
                        kind: "password",
                        autocomplete: Some("new-password"),
                        max_length: Some(256),
                        ..TextField::default()
                    })}
                    {text_field(TextField {
                        label: words.t("connection-hami"),
                        name: "form[hami_core_path]".to_owned(),
                        value: typed("hamiCorePath", hami_core_path.unwrap_or_default()),
                        fault: fault("hamiCorePath"),
                        max_length: Some(255),
                        ..TextField::default()
                    })}
                    {text_area(TextField {
                        label: words.t("connection-key"),
                        name: "form[private_key]".to_owned(),
                        fault: fault("privateKey"),
                        max_length: Some(16_384),
                        ..TextField::default()
                    })}
                    {check_field(words.t("connection-forget"), None, "form[forget]", false)}
                </fieldset>
                <p class="actions"><button class="btn primary">{words.t("form-save")}</button></p>
            </form>
        </section>
    }
}

/// Who manages customers' keys on the host, and what the agent saw of them.
fn keys_line(words: Words, keys: Option<HostKeysView>) -> impl IntoView + use<> {
    let Some(keys) = keys else {
        let nobody = words.t("connection-keys-nobody");
        return view! { <p class="note-line" id="keys">{nobody}</p> }.into_any();
    };
    let fault = keys.fault.map(|fault| {
        let what = words.t(&format!("connection-keys-fault-{}", fault.code()));
        let what = match keys.detail.clone() {
            Some(detail) => words.labelled(what, detail),
            None => what,
        };
        view! { <p class="note-line">{state(Tone::Bad, what)}</p> }
    });
    let count =
        [("account", keys.account), ("n", keys.fingerprints.len().to_string()), ("others", keys.others.to_string())];
    let list = keys.fingerprints.into_iter().map(|fingerprint| view! { <code>{fingerprint}</code> " " });
    let seen = keys.seen_at.map(|at| time(at, look().zone));
    view! {
        <dl class="facts start" id="keys">
            <dt>{words.t("connection-keys")}</dt>
            <dd>{words.with("connection-keys-agent", &count)} " " {seen} " " {list.collect_view()}</dd>
        </dl>
        {fault}
    }
    .into_any()
}

/// It leads to a page that asks.
fn delete_card(words: Words, machine: &MachineView, may: &Possible) -> Option<AnyView> {
    let may = may.iter().find(|(action, _)| *action == MachineAction::Delete).map(|(_, may)| may)?;
    if let Some(why) = may.why_not.clone() {
        let button = held_back("delete".to_owned(), words.t("action-delete"), why, "btn danger");
        let card = view! {
            <section class="card">
                <header><h2>{words.t("action-delete")}</h2></header>
                <p class="note-line">{button}</p>
            </section>
        };
        return Some(card.into_any());
    }
    let card = view! {
        <section class="card">
            <header><h2>{words.t("action-delete")}</h2></header>
            <form class="form" method="get" action=paths::MACHINES_BULK>
                <input r#type="hidden" name="ids" value=machine.id.clone() />
                <p class="sub">{words.t("action-delete-hint")}</p>
                <p class="actions">
                    <button class="btn danger" name="action" value=MachineAction::Delete.code()>{words.t("action-delete")}</button>
                </p>
            </form>
        </section>
    };
    may.allowed.then(|| card.into_any())
}
