//! What lives on the wall: the key figures, the link's state, and the tiles.

use contract::metrics::FleetTotals;
use leptos::prelude::*;

use super::order::WallOptions;
use crate::live::Link;
use crate::ui::format::{self, NOT_MEASURED};
use crate::ui::lexicon::Lexicon;
use crate::ui::spark::spark;

/// Id of the element that holds the tiles.
pub const WALL_ID: &str = "wall";
/// Id of the sentence that stands where no tile is shown.
pub const WALL_EMPTY_ID: &str = "wall-empty";

/// Texts of the key figures.
pub const WALL_WORDS: [&str; 12] = [
    "wall-gpus-busy",
    "wall-utilisation",
    "wall-gpu-memory",
    "wall-power",
    "wall-machines-online",
    "wall-machines-offline",
    "wall-none-offline",
    "wall-troubles",
    "wall-troubles-some",
    "wall-troubles-none",
    "wall-no-gpus",
    "not-measured",
];
/// Texts of the chip.
pub const LINK_WORDS: [&str; 5] = ["live-on", "live-reconnecting", "live-as-of", "live-over", "live-ended"];

/// How the page's link stands, in words. `as_of` is the server's time of what is shown, `zone` the reader's.
#[island]
pub fn LiveChip(words: Lexicon, zone: String, as_of: String) -> impl IntoView {
    let link = RwSignal::new(Link::Waiting);
    #[cfg(feature = "hydrate")]
    crate::live::on_link(move |now| link.set(now));
    let class = move || match link.get() {
        Link::Live => "live on",
        Link::Waiting => "live",
        Link::Reconnecting { .. } | Link::Over | Link::Ended => "live lost",
    };
    let text = move || match link.get() {
        Link::Live => words.t("live-on"),
        Link::Waiting => words.fill("live-as-of", &[&as_of]),
        Link::Reconnecting { heard_ms } => words.fill("live-reconnecting", &[&clock(heard_ms, &zone)]),
        Link::Over => words.t("live-over"),
        Link::Ended => words.t("live-ended"),
    };
    view! {
        <span class=class role="status">
            <i aria-hidden="true"></i>
            <span>{text}</span>
        </span>
    }
}

#[cfg(feature = "hydrate")]
fn clock(ms: f64, zone: &str) -> String {
    crate::live::clock(ms, zone)
}

/// Only the browser ever reconnects.
#[cfg(not(feature = "hydrate"))]
fn clock(_ms: f64, _zone: &str) -> String {
    String::new()
}

/// The key figures of the fleet; with options, it also keeps the tiles beside it (`#wall`) up to date.
#[island]
pub fn LiveWall(words: Lexicon, options: Option<WallOptions>, totals: FleetTotals) -> impl IntoView {
    let totals = RwSignal::new(totals);
    let sparks = [(); 4].map(|()| RwSignal::new(Vec::<f32>::new()));
    #[cfg(feature = "hydrate")]
    super::wall_client::start(words.clone(), options, totals, sparks);
    #[cfg(not(feature = "hydrate"))]
    let _ = options;

    let no_gpus = words.t("wall-no-gpus");
    let busy = move || {
        totals.with(|t| match t.gpus {
            0 => (NOT_MEASURED.to_owned(), no_gpus.clone()),
            n => (format::whole(t.gpus_busy.into()), format!("/ {}", format::whole(n.into()))),
        })
    };
    let utilisation = move || match totals.with(|t| t.gpu_util_percent) {
        Some(percent) => (format::whole(percent.round().max(0.0) as u64), "%".to_owned()),
        None => (NOT_MEASURED.to_owned(), String::new()),
    };
    let memory = move || {
        let mib = |m: u64| format::bytes(m as f64 * 1_048_576.0);
        totals.with(|t| match (t.gpu_memory_used_mib, t.gpu_memory_total_mib) {
            (Some(used), Some(total)) => {
                let ((used, used_unit), (total, unit)) = (mib(used), mib(total));
                let used_unit = if used_unit == unit { "" } else { used_unit };
                (used, format!("{used_unit} / {total} {unit}"))
            }
            _ => (NOT_MEASURED.to_owned(), String::new()),
        })
    };
    let power = move || match totals.with(|t| t.power_w) {
        Some(w) => {
            let (value, unit) = format::watts(f64::from(w));
            (value, unit.to_owned())
        }
        None => (NOT_MEASURED.to_owned(), String::new()),
    };
    let online = move || {
        totals.with(|t| (format::whole(t.machines_online.into()), format!("/ {}", format::whole(t.machines.into()))))
    };
    let offline_note = {
        let (some, none) = (words.clone(), words.t("wall-none-offline"));
        move || match totals.with(|t| t.machines_offline) {
            0 => none.clone(),
            n => some.fill("wall-machines-offline", &[&n.to_string()]),
        }
    };
    let troubles = move || (format::whole(totals.with(|t| t.machines_in_trouble).into()), String::new());
    let trouble_note = {
        let (some, none) = (words.t("wall-troubles-some"), words.t("wall-troubles-none"));
        move || if totals.with(|t| t.machines_in_trouble) == 0 { none.clone() } else { some.clone() }
    };
    let any_offline = move || totals.with(|t| t.machines_offline) > 0;
    let any_trouble = move || totals.with(|t| t.machines_in_trouble) > 0;
    view! {
        <dl class="stats card">
            {stat(words.t("wall-gpus-busy"), busy, Some((sparks[0], None)))}
            {stat(words.t("wall-utilisation"), utilisation, Some((sparks[1], Some(100.0))))}
            {stat(words.t("wall-gpu-memory"), memory, Some((sparks[2], None)))}
            {stat(words.t("wall-power"), power, Some((sparks[3], None)))}
            <div>
                <dt>{words.t("wall-machines-online")}</dt>
                <dd>{figure(online)}</dd>
                <dd class="note" class:bad=any_offline>{offline_note}</dd>
            </div>
            <div>
                <dt>{words.t("wall-troubles")}</dt>
                <dd>{figure(troubles)}</dd>
                <dd class="note" class:bad=any_trouble>{trouble_note}</dd>
            </div>
        </dl>
    }
}

/// A figure and its unit.
pub fn figure(value: impl Fn() -> (String, String) + Clone + Send + Sync + 'static) -> impl IntoView {
    let unit = value.clone();
    view! {
        <span>{move || value().0}</span>
        <small>{move || unit().1}</small>
    }
}

/// One key figure with its line.
pub fn stat(
    label: String,
    value: impl Fn() -> (String, String) + Clone + Send + Sync + 'static,
    line: Option<(RwSignal<Vec<f32>>, Option<f32>)>,
) -> impl IntoView {
    view! {
        <div>
            <dt>{label}</dt>
            <dd>{figure(value)}</dd>
            {line.map(|(values, top)| view! { <dd class="note">{spark(values, top)}</dd> })}
        </div>
    }
}
