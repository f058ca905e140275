//! A machine: what it is, how it is doing now, and how it has been doing.

use contract::Permission;
use contract::machines::{MachineView, Presence, ServiceState, gpus_in_words, models_in_words};
use contract::metrics::{History, HistoryRange, MachineLive};
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::charts::{RANGES, chart_card, charts, history, refresh_seconds};
use super::gpu_card::{explained, gpu_card};
use super::hardware::{agent_card, facts_card, hardware_card};
use super::islands::{CHARTS_ID, ChartFeed, GpuPanel, MachineFigures, MachineState, ProcessPanel, STATE_WORDS};
use super::lease::{self, Leases};
use super::service::window_line;
use crate::door::{door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::metrics::page::link_chip;
use crate::paths;
use crate::ui::copy::copy_button;
use crate::ui::state::{Tone, state};
use crate::ui::time::clock;
use crate::ways;
use crate::words::Words;

struct Data {
    machine: MachineView,
    /// Nothing for those who do not see allocations.
    leases: Option<Leases>,
    /// Nothing for those who may not see figures.
    figures: Option<(MachineLive, History)>,
    range: HistoryRange,
}

/// `/admin/machines/{code}`.
#[component]
pub fn MachinePage() -> impl IntoView {
    let code = use_params_map().get_untracked().get("code").unwrap_or_default();
    let range = use_query_map().get_untracked().get("range").and_then(|word| HistoryRange::parse(&word));
    let range = range.filter(|range| RANGES.contains(range)).unwrap_or(HistoryRange::Hour);
    let (platform, ctx) = door();
    page(
        async move {
            let machine = platform::machines::get(&platform, &ctx, &code).await?;
            let figures = match ctx.holds(Permission::MetricsView) {
                true => Some((
                    platform::metrics::machine_live(&platform, &ctx, &code).await?,
                    history(&platform, &ctx, &code, range).await?,
                )),
                false => None,
            };
            let leases = Leases::load(&platform, &ctx, &code).await?;
            Ok(Data { machine, leases, figures, range })
        },
        machine_view,
    )
}

fn machine_view(data: Data) -> AnyView {
    let Data { machine, leases, figures, range } = data;
    let (words, zone, ctx) = (Words::now(), look().zone, door().1);
    let code = machine.id.clone();
    let state = figures.as_ref().map(|(live, _)| {
        let bare = MachineLive { processes: Vec::new(), gpus: Vec::new(), host: Default::default(), ..live.clone() };
        let state_words = words.lexicon(&STATE_WORDS);
        let now = ctx.now().timestamp();
        view! { <span class="presence"><MachineState live=bare now=now words=state_words /></span> }
    });
    // Of a machine that never said anything, nothing is live yet.
    let heard = figures.as_ref().filter(|(live, _)| live.presence != Presence::NeverSeen);
    let chip = heard.map(|(live, _)| link_chip(words, clock(live.at.unwrap_or(ctx.now()), zone)));
    let model = model_tag(&machine);
    let lost = machine.gpus.iter().any(|gpu| gpu.lost);
    let lost = lost.then(|| crate::ui::state::state(Tone::Bad, words.t("trouble-gpu_lost")));
    let ruled = platform::allocations::may_be_lent(machine.pool, machine.service_state);
    // The rule asks nobody, so that it cannot fail otherwise.
    let may_lend = platform::may(&ctx, ways::opens(&ctx, &paths::machine_allocate(&code)), ruled).unwrap_or_default();
    let head = PageFrame::new(machine.name.clone(), Area::Machines)
        .crumb(words.t("nav-machines"), paths::MACHINES)
        .beside(view! {
            {state}
            {lost}
            {service(words, machine.service_state, machine.service_note.as_deref())}
            {model.map(|model| view! { <span class="tag">{model}</span> })}
            {chip}
        })
        .actions(view! {
            {copy_button(code.clone(), words.t("machine-copy-code"), words.t("copied"))}
            {lease::actions(words, &code, leases.as_ref(), &may_lend)}
            {ways::button("btn", paths::machine_service(&code), words.t("machine-service"))}
            <a class="btn" href=paths::machine_docker(&code)>{words.t("engine-title")}</a>
            {ways::button("btn", paths::instances_on(&code), words.t("nav-instances"))}
            <a class="btn" href=paths::machine_passport(&code)>{words.t("passport")}</a>
            {ways::button("btn primary", paths::machine_edit(&code), words.t("machine-edit"))}
        })
        .live()
        .elements();
    let figures = figures.map(|(live, history)| figures_view(words, &machine, live, &history, range));
    let windows = notices(words, &machine);
    // Who may see no figures sees what was found, too.
    let bare = figures.is_none().then(|| view! { <div class="main-column">{gpu_card(words, &machine)}</div> });
    frame(
        head,
        view! {
            {windows}
            <div class="split">
                {figures}
                {bare}
                <aside class="side-column" aria-label=words.t("machine-aside")>
                    {leases.as_ref().map(|leases| lease::card(words, &machine, leases, &may_lend))}
                    {agent_card(words, &machine)}
                    {hardware_card(words, &machine)}
                    {facts_card(words, &machine)}
                </aside>
            </div>
        },
    )
}

/// Figures, charts, GPUs and processes.
fn figures_view(
    words: Words,
    machine: &MachineView,
    live: MachineLive,
    history: &History,
    range: HistoryRange,
) -> impl IntoView + use<> {
    let (zone, now) = (look().zone, door().1.now().timestamp());
    let code = machine.id.clone();
    let figures_only = MachineLive { processes: Vec::new(), ..live.clone() };
    let charts = charts(words, machine, history);
    let every = refresh_seconds(history.step_seconds);
    let cards = charts.iter().map(|chart| chart_card(words, &code, chart, zone)).collect_view();
    let panels = (!live.gpus.is_empty()).then(|| {
        view! {
            <GpuPanel live=figures_only.clone() now=now words=explained(words, machine, gpu_words(words)) />
            <ProcessPanel live=live now=now words=process_words(words) />
        }
    });
    view! {
        <div class="main-column">
            <MachineFigures live=figures_only words=figure_words(words) />
            {ranges(words, range, |range| paths::machine_range(&code, range))}
            <div class="chart-grid" id=CHARTS_ID>{cards}</div>
            {panels}
            {gpu_card(words, machine)}
            <ChartFeed code=code range=range every=every />
        </div>
    }
}

/// `8 × H100`, or `2 × A100 + 1 × L40S`; as found or as typed.
fn model_tag(machine: &MachineView) -> Option<String> {
    let (count, models) = match models_in_words(machine.gpus.iter().map(|gpu| gpu.model.as_str())) {
        Some(found) => (machine.gpus.len() as u32, found),
        None => (machine.declared.gpu_count?, machine.declared.gpu_model.clone()?),
    };
    Some(gpus_in_words(count, &models))
}

/// The admin's decision, where it is not the usual one, with why.
pub(super) fn service(words: Words, service: ServiceState, note: Option<&str>) -> Option<impl IntoView + use<>> {
    let word = words.t(&format!("service-{}", service.code()));
    let why = note.map(|note| view! { " " <span class="sub">{note.to_owned()}</span> });
    (service != ServiceState::InService).then(|| (state(Tone::Info, word), why))
}

/// Maintenance that is planned or running, for whoever looks at the machine.
pub(crate) fn notices(words: Words, machine: &MachineView) -> Option<impl IntoView + use<>> {
    let lines = machine.maintenance.iter().map(|window| view! { <p>{window_line(words, window)}</p> }).collect_view();
    (!machine.maintenance.is_empty()).then(|| view! { <div class="card notice" role="note">{lines}</div> })
}

/// Links to the ranges the charts can show.
pub(crate) fn ranges(words: Words, chosen: HistoryRange, href: impl Fn(&str) -> String) -> AnyView {
    let links = RANGES
        .into_iter()
        .map(|range| {
            let href = href(range.code());
            let here = (range == chosen).then_some("true");
            view! { <a href=href aria-current=here>{words.t(&format!("range-{}", range.code()))}</a> }
        })
        .collect_view();
    view! {
        <div class="section-head">
            <h2>{words.t("charts-title")}</h2>
            <nav class="seg" aria-label=words.t("charts-range")>{links}</nav>
        </div>
    }
    .into_any()
}

/// Texts of the island.
pub(crate) fn figure_words(words: Words) -> crate::ui::lexicon::Lexicon {
    words.lexicon(&[
        "figure-gpu-util",
        "figure-gpu-memory",
        "figure-temperature",
        "figure-power",
        "figure-cpu",
        "figure-memory",
        "figure-disk",
        "figure-load",
        "figure-received",
        "figure-sent",
    ])
}

/// Texts of the island.
pub(crate) fn gpu_words(words: Words) -> crate::ui::lexicon::Lexicon {
    words.lexicon(&[
        "gpus-title",
        "figures-age",
        "not-measured",
        "trouble-gpu_lost",
        "trouble-ecc_uncorrected",
        "gpu-xid",
        "gpu-fine",
        "gpu-index",
        "gpu-util",
        "gpu-memory",
        "gpu-temperature",
        "gpu-power",
        "gpu-clock",
        "gpu-fan",
        "gpu-state",
        "throttle-power_cap",
        "throttle-hw_thermal",
        "throttle-sw_thermal",
        "throttle-hw_slowdown",
        "throttle-power_brake",
    ])
}

/// Texts of the island.
pub(crate) fn process_words(words: Words) -> crate::ui::lexicon::Lexicon {
    words.lexicon(&[
        "processes-title",
        "processes-none",
        "figures-age",
        "process-pid",
        "process-command",
        "process-user",
        "process-container",
        "process-no-container",
        "process-stray",
        "process-gpus",
        "process-memory",
        "process-running",
        "process-unknown",
    ])
}
