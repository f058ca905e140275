//! A machine's passport: to read, to print, to give away.

use contract::machines::{
    GpuErrors, HealthLoss, MachinePassport, MachineView, MaintenanceView, PassportEvent, PassportGpu, PassportLease,
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::hardware::hardware_card;
use crate::door::{door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::format::{self, NOT_MEASURED, whole};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::ways;
use crate::words::Words;

/// `/admin/machines/{code}/passport`.
#[component]
pub fn PassportPage() -> impl IntoView {
    let code = use_params_map().get_untracked().get("code").unwrap_or_default();
    let (platform, ctx) = door();
    page(async move { platform::machines::passport(&platform, &ctx, &code).await }, passport_view)
}

fn passport_view(passport: MachinePassport) -> AnyView {
    let words = Words::now();
    let MachinePassport { machine, written_at, gpus, events, more_events, errors_since, maintenance, leases } =
        passport;
    let figures = gpus.iter().any(|gpu| gpu.errors.is_some());
    let head = PageFrame::new(words.with("passport-title", &[("machine", machine.name.clone())]), Area::Machines)
        .crumb(words.t("nav-machines"), paths::MACHINES)
        .crumb(machine.name.clone(), paths::machine(&machine.id))
        .actions(view! {
            <rg-print><button r#type="button" class="btn primary">{words.t("handover-print")}</button></rg-print>
        });
    let zone = look().zone;
    frame(
        head,
        view! {
            <div class="main-column">
                <p class="note-line">
                    {words.t("passport-hint")} " " {words.t("passport-written")} " " {time(written_at, zone)}
                </p>
                {about_card(words, &machine)}
                {hardware_card(words, &machine)}
                {gpus_card(words, gpus)}
                {events_card(words, events, more_events)}
                {figures.then(|| view! {
                    <p class="note-line">{words.t("passport-since")} " " {time(errors_since, zone)}</p>
                })}
                {maintenance_card(words, maintenance)}
                {leases.map(|leases| leases_card(words, leases))}
            </div>
        },
    )
}

/// A card with a table, or the sentence that says why there is none.
fn table_card(
    words: Words,
    (title, none): (&str, &str),
    columns: &[(&str, bool)],
    rows: Vec<AnyView>,
) -> impl IntoView + use<> {
    let title = words.t(title);
    let body = if rows.is_empty() {
        view! { <div class="empty"><p>{words.t(none)}</p></div> }.into_any()
    } else {
        let head = columns.iter().map(|(key, number)| {
            let class = number.then_some("num");
            view! { <th scope="col" class=class>{words.t(key)}</th> }
        });
        list_table(title.clone(), head.collect_view(), rows.into_iter().collect_view())
    };
    view! {
        <section class="card">
            <header><h2>{title}</h2></header>
            {body}
        </section>
    }
}

fn about_card(words: Words, machine: &MachineView) -> impl IntoView + use<> {
    let zone = look().zone;
    let text = |text: Option<String>| text.unwrap_or_else(|| NOT_MEASURED.to_owned());
    let found = machine.discovered.clone().unwrap_or_default();
    view! {
        <section class="card">
            <header><h2>{words.t("machine-facts")}</h2></header>
            <dl class="facts">
                <dt>{words.t("machine-code")}</dt>
                <dd class="mono select">{machine.id.clone()}</dd>
                <dt>{words.t("machine-region")}</dt>
                <dd>{text(machine.region.clone())}</dd>
                <dt>{words.t("machine-pool")}</dt>
                <dd>{words.t(&format!("pool-{}", machine.pool.code()))}</dd>
                <dt>{words.t("machines-service")}</dt>
                <dd>{words.t(&format!("service-{}", machine.service_state.code()))}</dd>
                <dt>{words.t("machine-added")}</dt>
                <dd>{time(machine.created_at, zone)}</dd>
                <dt>{words.t("machines-last-seen")}</dt>
                <dd>{match machine.last_seen_at {
                    Some(at) => time(at, zone).into_any(),
                    None => words.t("presence-never_seen").into_any(),
                }}</dd>
                <dt>{words.t("agent-system")}</dt>
                <dd>{text(found.os)}</dd>
                <dt>{words.t("agent-driver")}</dt>
                <dd class="mono">{text(found.driver_version)}</dd>
            </dl>
        </section>
    }
}

/// `12 h power limit, 3 h heat`, or a word for none.
fn held_back(words: Words, errors: &GpuErrors) -> String {
    let hours = errors.throttled_hours.iter().map(|(reason, hours)| {
        let reason = words.t(&format!("throttle-{reason}"));
        words.with("passport-held-back", &[("reason", reason), ("hours", hours.to_string())])
    });
    let hours: Vec<_> = hours.collect();
    if hours.is_empty() { words.t("passport-none") } else { hours.join(" · ") }
}

fn gpus_card(words: Words, gpus: Vec<PassportGpu>) -> impl IntoView + use<> {
    let zone = look().zone;
    let rows = gpus.into_iter().map(|gpu| {
        let count = |count: Option<u64>| count.map_or_else(|| NOT_MEASURED.to_owned(), whole);
        let errors = gpu.errors.as_ref();
        let (xid, ecc, lost) =
            (count(errors.map(|e| e.xid)), count(errors.map(|e| e.ecc_uncorrected)), count(errors.map(|e| e.lost)));
        let held_back = errors.map_or_else(|| NOT_MEASURED.to_owned(), |errors| held_back(words, errors));
        let memory = format::text(gpu.memory_bytes.map(|bytes| format::bytes(bytes as f64)));
        let standing = match (gpu.removed_at, gpu.lost) {
            (Some(at), _) => {
                view! { {state(Tone::Off, words.t("passport-gpu-removed"))} " " {time(at, zone)} }.into_any()
            }
            (None, true) => state(Tone::Bad, words.t("trouble-gpu_lost")).into_any(),
            (None, false) => state(Tone::Ok, words.t("passport-gpu-there")).into_any(),
        };
        view! {
            <tr>
                <th scope="row">
                    {format!("GPU {}", gpu.index)} " " <span class="sub">{gpu.model}</span>
                </th>
                <td class="says" data-label="UUID"><span class="mono select">{gpu.uuid}</span></td>
                <td class="num" data-label=words.t("gpu-memory")>{memory}</td>
                <td data-label=words.t("gpu-state")>{standing}</td>
                <td data-label=words.t("passport-gpu-since")>{time(gpu.first_seen_at, zone)}</td>
                <td class="num" data-label=words.t("trouble-xid")>{xid}</td>
                <td class="num" data-label=words.t("handover-ecc")>{ecc}</td>
                <td class="num" data-label=words.t("passport-gpu-lost")>{lost}</td>
                <td class="says brief" data-label=words.t("passport-gpu-held-back")>{held_back}</td>
            </tr>
        }
        .into_any()
    });
    let columns = [
        ("gpu-index", false),
        ("passport-uuid", false),
        ("gpu-memory", true),
        ("gpu-state", false),
        ("passport-gpu-since", false),
        ("trouble-xid", true),
        ("handover-ecc", true),
        ("passport-gpu-lost", true),
        ("passport-gpu-held-back", false),
    ];
    table_card(words, ("passport-gpus", "passport-gpus-none"), &columns, rows.collect())
}

fn events_card(words: Words, events: Vec<PassportEvent>, more: bool) -> impl IntoView + use<> {
    let zone = look().zone;
    let shown = events.len().to_string();
    let rows = events.into_iter().map(|event| {
        let value = event.value.unwrap_or_default().to_string();
        let what = words.with(&format!("passport-event-{}", event.kind), &[("value", value)]);
        let times = (event.times > 1).then(|| {
            let times = words.with("passport-times", &[("n", event.times.to_string())]);
            view! { " " <span class="sub">{times}</span> }
        });
        view! {
            <tr>
                <th scope="row">{time(event.until, zone)}</th>
                <td data-label=words.t("gpu-index") title=event.uuid>{format!("GPU {}", event.gpu)}</td>
                <td data-label=words.t("passport-what")>{what} {times}</td>
            </tr>
        }
        .into_any()
    });
    let columns = [("step-at", false), ("gpu-index", false), ("passport-what", false)];
    let card = table_card(words, ("passport-events", "passport-events-none"), &columns, rows.collect());
    let more = more.then(|| view! { <p class="note-line">{words.with("passport-more", &[("n", shown)])}</p> });
    view! { {card} {more} }
}

fn maintenance_card(words: Words, windows: Vec<MaintenanceView>) -> impl IntoView + use<> {
    let zone = look().zone;
    let rows = windows.into_iter().map(|window| {
        view! {
            <tr>
                <th scope="row">{time(window.starts_at, zone)}</th>
                <td data-label=words.t("allocation-ends")>{time(window.ends_at, zone)}</td>
                <td class="says" data-label=words.t("passport-what")>{window.message}</td>
                <td data-label=words.t("passport-by")>{window.created_by}</td>
            </tr>
        }
        .into_any()
    });
    let columns =
        [("allocation-starts", false), ("allocation-ends", false), ("passport-what", false), ("passport-by", false)];
    table_card(words, ("passport-maintenance", "passport-maintenance-none"), &columns, rows.collect())
}

fn leases_card(words: Words, leases: Vec<PassportLease>) -> impl IntoView + use<> {
    let zone = look().zone;
    let rows = leases.into_iter().map(|lease| {
        let id = lease.allocation.id;
        let health = health(words, &lease);
        let allocation = lease.allocation;
        let ends = allocation.ended_at.unwrap_or(allocation.ends_at);
        let standing = words.t(&format!("allocation-state-{}", allocation.state.code()));
        view! {
            <tr>
                <th scope="row">{ways::name(paths::handover(id), allocation.customer_name)}</th>
                <td data-label=words.t("allocation-starts")>{time(allocation.starts_at, zone)}</td>
                <td data-label=words.t("allocation-ends")>{time(ends, zone)}</td>
                <td data-label=words.t("allocation-state")>{standing}</td>
                <td class="num" data-label=words.t("trouble-xid")>{lease.xid_errors}</td>
                <td class="says" data-label=words.t("passport-lease-health")>{health}</td>
            </tr>
        }
        .into_any()
    });
    let columns = [
        ("allocation-customer", false),
        ("allocation-starts", false),
        ("allocation-ends", false),
        ("allocation-state", false),
        ("trouble-xid", true),
        ("passport-lease-health", false),
    ];
    table_card(words, ("passport-leases", "passport-leases-none"), &columns, rows.collect())
}

/// What the lease took from the machine, in words.
fn health(words: Words, lease: &PassportLease) -> AnyView {
    match (lease.worse, &lease.handed_over) {
        (Some(HealthLoss { missing_gpus: 0, ecc_uncorrected: 0 }), _) => {
            state(Tone::Ok, words.t("passport-lease-same")).into_any()
        }
        (Some(loss), _) => {
            let loss = [("missing", loss.missing_gpus.to_string()), ("ecc", loss.ecc_uncorrected.to_string())];
            state(Tone::Bad, words.with("passport-lease-worse", &loss)).into_any()
        }
        (None, Some(_)) if lease.allocation.state.holds() => words.t("passport-lease-runs").into_any(),
        (None, None) if lease.returned.is_some() => state(Tone::Off, words.t("passport-lease-no-baseline")).into_any(),
        (None, _) => state(Tone::Off, words.t("passport-lease-unknown")).into_any(),
    }
}
