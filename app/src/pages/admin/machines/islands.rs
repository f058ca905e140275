//! What lives on a machine's page.

use contract::machines::Presence;
use contract::metrics::{HistoryRange, MachineLive};
use leptos::prelude::*;

use super::figures::{self, current, totals};
use super::panels;
use crate::pages::admin::metrics::islands::stat;
use crate::ui::format;
use crate::ui::lexicon::Lexicon;
#[cfg(feature = "hydrate")]
use crate::ui::spark;
use crate::ui::state::{Tone, state};

/// Whole seconds of the server's clock; stands still on the server.
fn ticking(now: i64) -> RwSignal<i64> {
    let now = RwSignal::new(now);
    #[cfg(feature = "hydrate")]
    crate::live::every_second(move || now.set(crate::live::server_now()));
    now
}

/// The newest figures, kept up to date; `then` sees each of them.
fn following(live: MachineLive, then: impl Fn(&MachineLive) + 'static) -> RwSignal<MachineLive> {
    #[cfg(feature = "hydrate")]
    let topic = contract::live::machine_topic(&live.id);
    let signal = RwSignal::new(current(live));
    #[cfg(feature = "hydrate")]
    crate::live::watch(topic, move |data| {
        if let contract::live::LiveData::Machine(live) = data {
            let live = current(live.as_ref().clone());
            then(&live);
            signal.set(live);
        }
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = then;
    signal
}

/// Texts of [`MachineState`].
pub const STATE_WORDS: [&str; 5] =
    ["presence-online", "presence-offline", "presence-never_seen", "machine-offline-for", "tile-not-monitored"];

/// Presence beside the heading: since when it is silent, never green when it is, and neither where nobody listens.
#[island]
pub fn MachineState(live: MachineLive, now: i64, words: Lexicon) -> impl IntoView {
    let live = following(live, |_| {});
    let now = ticking(now);
    move || {
        live.with(|live| match (live.presence, live.at) {
            _ if !live.monitored => state(Tone::Off, words.t("tile-not-monitored")),
            (Presence::Online, _) => state(Tone::Ok, words.t("presence-online")),
            (Presence::Offline, Some(at)) => {
                let silent = words.duration(now.get() - at.timestamp());
                state(Tone::Off, words.fill("machine-offline-for", &[&silent]))
            }
            (Presence::Offline, None) => state(Tone::Off, words.t("presence-offline")),
            (Presence::NeverSeen, _) => state(Tone::Off, words.t("presence-never_seen")),
        })
    }
}

/// Key figures: the GPUs together and the host, or more of the host where there is no GPU.
#[island]
pub fn MachineFigures(live: MachineLive, words: Lexicon) -> impl IntoView {
    let sparks = [(); 6].map(|()| RwSignal::new(Vec::<f32>::new()));
    let has_gpus = !live.gpus.is_empty();
    let live = following(live, move |live| {
        #[cfg(feature = "hydrate")]
        for (line, value) in sparks.into_iter().zip(panels::spark_values(live)) {
            line.update(|line| spark::push(line, value));
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = live;
    });
    let whole = |figure: format::Figure| match figure {
        Some((value, unit)) => (value, unit.to_owned()),
        None => (format::NOT_MEASURED.to_owned(), String::new()),
    };
    let util = move || whole(live.with(|l| figures::percent(totals(&l.gpus).util)));
    let gpu_memory = move || live.with(|l| figures::used_of(totals(&l.gpus).memory_used, totals(&l.gpus).memory_total));
    let temperature = move || whole(live.with(|l| figures::degrees(totals(&l.gpus).temperature)));
    let power = move || whole(live.with(|l| figures::watts(totals(&l.gpus).power)));
    let cpu = move || whole(live.with(|l| figures::percent(l.host.cpu_percent)));
    let memory = move || live.with(|l| figures::used_of(l.host.memory_used_bytes, l.host.memory_total_bytes));
    let disk = move || live.with(|l| figures::used_of(l.host.disk_used_bytes, l.host.disk_total_bytes));
    let received = move || whole(live.with(|l| figures::rate(l.host.net_rx_bytes_per_s)));
    let sent = move || whole(live.with(|l| figures::rate(l.host.net_tx_bytes_per_s)));
    let load = move || whole(live.with(|l| l.host.load1.map(|v| (format::decimal(f64::from(v)), ""))));
    let gpus = has_gpus.then(|| {
        (
            stat(words.t("figure-gpu-util"), util, Some((sparks[0], Some(100.0)))),
            stat(words.t("figure-gpu-memory"), gpu_memory, Some((sparks[1], Some(100.0)))),
            stat(words.t("figure-temperature"), temperature, Some((sparks[2], None))),
            stat(words.t("figure-power"), power, Some((sparks[3], None))),
        )
    });
    let host = (!has_gpus).then(|| {
        (
            stat(words.t("figure-disk"), disk, None),
            stat(words.t("figure-load"), load, None),
            stat(words.t("figure-received"), received, None),
            stat(words.t("figure-sent"), sent, None),
        )
    });
    view! {
        <dl class="stats card">
            {gpus}
            {stat(words.t("figure-cpu"), cpu, Some((sparks[4], Some(100.0))))}
            {stat(words.t("figure-memory"), memory, Some((sparks[5], Some(100.0))))}
            {host}
        </dl>
    }
}

/// Cells and table of the GPUs.
#[island]
pub fn GpuPanel(live: MachineLive, now: i64, words: Lexicon) -> impl IntoView {
    let live = following(live, |_| {});
    let now = ticking(now);
    let (cell_words, row_words, head) = (words.clone(), words.clone(), panels::gpu_head(&words));
    let title = words.t("gpus-title");
    view! {
        <section class="card">
            <header>
                <h2>{title.clone()}</h2>
                <span class="end">{move || live.with(|l| panels::age(l.at, now.get(), &words))}</span>
            </header>
            <div class="gpus large">{move || live.with(|l| panels::gpu_cells(l, &cell_words))}</div>
            <div class="scroll" tabindex="0" role="region" aria-label=title>
                <table class="cards">
                    <thead>{head}</thead>
                    <tbody>{move || live.with(|l| panels::gpu_rows(l, &row_words))}</tbody>
                </table>
            </div>
        </section>
    }
}

/// Who computes on the GPUs.
#[island]
pub fn ProcessPanel(live: MachineLive, now: i64, words: Lexicon) -> impl IntoView {
    let live = following(live, |_| {});
    let now = ticking(now);
    let (head, title) = (panels::process_head(&words), words.t("processes-title"));
    let rows_words = words.clone();
    let empty = words.t("processes-none");
    let none = move || live.with(|l| l.processes.is_empty());
    view! {
        <section class="card">
            <header>
                <h2>{title.clone()}</h2>
                <span class="end">{move || live.with(|l| panels::age(l.processes_at, now.get(), &words))}</span>
            </header>
            <div class="scroll" tabindex="0" role="region" aria-label=title hidden=none>
                <table class="cards">
                    <thead>{head}</thead>
                    <tbody>{move || live.with(|l| panels::process_rows(l, now.get(), &rows_words))}</tbody>
                </table>
            </div>
            <p class="empty" hidden=move || !none()>{empty}</p>
        </section>
    }
}

/// Id of the element that holds the charts.
pub const CHARTS_ID: &str = "charts";

/// Refreshes the charts of the page every `every` seconds; shows nothing itself.
#[island]
pub fn ChartFeed(code: String, range: HistoryRange, every: u32) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    super::charts_client::start(code, range, every);
    #[cfg(not(feature = "hydrate"))]
    let _ = (code, range, every);
}
