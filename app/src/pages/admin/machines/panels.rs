//! Views that the machine's islands are made of.

use chrono::{DateTime, Utc};
use contract::metrics::{GpuFigures, MachineLive, ProcessView};
use leptos::prelude::*;

use super::figures;
use crate::pages::admin::metrics::tile::OLD_AFTER_SECONDS;
use crate::ui::cells::{figure, figure_cell, meter, text_cell};
#[cfg(feature = "hydrate")]
use crate::ui::format::percent_of;
use crate::ui::format::{self, NOT_MEASURED, load_step};
use crate::ui::lexicon::Lexicon;
use crate::ui::state::{Tone, state};

/// Values of the key figures' lines, in their order.
#[cfg(feature = "hydrate")]
pub(super) fn spark_values(live: &MachineLive) -> [Option<f32>; 6] {
    let sums = figures::totals(&live.gpus);
    [
        sums.util,
        percent_of(sums.memory_used, sums.memory_total).map(f32::from),
        sums.temperature,
        sums.power,
        live.host.cpu_percent,
        percent_of(live.host.memory_used_bytes, live.host.memory_total_bytes).map(f32::from),
    ]
}

/// How old figures are, once that is worth saying.
pub(super) fn age(at: Option<DateTime<Utc>>, now: i64, words: &Lexicon) -> Option<String> {
    let age = now - at?.timestamp();
    (age > OLD_AFTER_SECONDS).then(|| words.fill("figures-age", &[&words.duration(age)]))
}

/// One cell per GPU, load by colour, memory as a bar.
pub(super) fn gpu_cells(live: &MachineLive, words: &Lexicon) -> impl IntoView + use<> {
    live.gpus
        .iter()
        .map(|gpu| {
            let (class, text, title) = match (gpu.lost, gpu.util_percent) {
                (true, _) => ("gpu lost".to_owned(), "×".to_owned(), words.t("trouble-gpu_lost")),
                (_, None) => ("gpu na".to_owned(), NOT_MEASURED.to_owned(), words.t("not-measured")),
                (_, Some(util)) => {
                    let util = util.round().clamp(0.0, 100.0) as u8;
                    let memory = figures::memory_percent(gpu).unwrap_or(0);
                    (format!("gpu l{} v{memory}", load_step(util)), util.to_string(), gpu.model.clone())
                }
            };
            view! { <div class=class title=title>{text}</div> }
        })
        .collect_view()
}

pub(super) fn gpu_head(words: &Lexicon) -> impl IntoView + use<> {
    let number = ["gpu-util", "gpu-memory", "gpu-temperature", "gpu-power", "gpu-clock", "gpu-fan"]
        .map(|key| view! { <th scope="col" class="num">{words.t(key)}</th> });
    view! {
        <tr>
            <th scope="col">{words.t("gpu-index")}</th>
            {number.collect_view()}
            <th scope="col">{words.t("gpu-state")}</th>
        </tr>
    }
}

/// What is wrong with a GPU, worst first.
fn gpu_state(gpu: &GpuFigures, words: &Lexicon) -> AnyView {
    if gpu.lost {
        return state(Tone::Bad, words.t("trouble-gpu_lost")).into_any();
    }
    if gpu.ecc_uncorrected.is_some_and(|n| n > 0) {
        return state(Tone::Bad, words.t("trouble-ecc_uncorrected")).into_any();
    }
    if let Some(xid) = gpu.last_xid {
        return state(Tone::Warn, words.fill("gpu-xid", &[&xid.to_string()])).into_any();
    }
    match gpu.throttle.first() {
        Some(reason) => state(Tone::Warn, words.t(&format!("throttle-{reason}"))).into_any(),
        None if gpu.util_percent.is_none() => figure(None, &words.t("not-measured")),
        None => state(Tone::Ok, words.t("gpu-fine")).into_any(),
    }
}

pub(super) fn gpu_rows(live: &MachineLive, words: &Lexicon) -> impl IntoView + use<> {
    let why = words.t("not-measured");
    let rows: Vec<_> = live
        .gpus
        .iter()
        .map(|gpu| {
            let (used, of) = figures::used_of(gpu.memory_used_bytes, gpu.memory_total_bytes);
            let power = match (figures::watts(gpu.power_w), gpu.power_limit_w) {
                (Some((value, unit)), Some(limit)) => {
                    let (limit, limit_unit) = format::watts(f64::from(limit));
                    let unit = if unit == limit_unit { String::new() } else { format!(" {unit}") };
                    view! { <span>{value}</span><span class="unit">{format!("{unit} / {limit} {limit_unit}")}</span> }
                        .into_any()
                }
                (power, _) => figure(power, &why),
            };
            let clock = gpu.sm_clock_mhz.map(|mhz| (format::whole(mhz.into()), "MHz"));
            view! {
                <tr>
                    <th scope="row">
                        {format!("GPU {}", gpu.index)} " " <span class="sub">{gpu.model.clone()}</span>
                    </th>
                    {figure_cell(words.t("gpu-util"), figures::percent(gpu.util_percent), &why)}
                    <td class="num" data-label=words.t("gpu-memory")>
                        {meter(figures::memory_percent(gpu))} <span>{used}</span> <span class="unit">{of}</span>
                    </td>
                    {figure_cell(words.t("gpu-temperature"), figures::degrees(gpu.temperature_c), &why)}
                    <td class="num" data-label=words.t("gpu-power")>{power}</td>
                    {figure_cell(words.t("gpu-clock"), clock, &why)}
                    {figure_cell(words.t("gpu-fan"), figures::percent(gpu.fan_percent), &why)}
                    <td data-label=words.t("gpu-state")>{gpu_state(gpu, words)}</td>
                </tr>
            }
        })
        .collect();
    rows
}

pub(super) fn process_head(words: &Lexicon) -> impl IntoView + use<> {
    view! {
        <tr>
            <th scope="col">{words.t("process-pid")}</th>
            <th scope="col">{words.t("process-command")}</th>
            <th scope="col">{words.t("process-user")}</th>
            <th scope="col">{words.t("process-container")}</th>
            <th scope="col">{words.t("process-gpus")}</th>
            <th scope="col" class="num">{words.t("process-memory")}</th>
            <th scope="col" class="num">{words.t("process-running")}</th>
        </tr>
    }
}

/// `0–3, 5`.
fn gpu_ranges(gpus: &[u32]) -> String {
    let mut sorted = gpus.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let runs = sorted.chunk_by(|a, b| a + 1 == *b);
    let texts = runs.map(|run| match (run[0], run[run.len() - 1]) {
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}–{last}"),
    });
    texts.collect::<Vec<_>>().join(", ")
}

fn process_row(process: &ProcessView, now: i64, words: &Lexicon) -> impl IntoView + use<> {
    let why = words.t("process-unknown");
    // Whose a stray one is, nothing says: that is worth more than that it is in no container.
    let place = process.container.clone().or_else(|| process.stray.then(|| words.t("process-stray")));
    let running = process.started_at.map(|at| (words.duration(now - at.timestamp()), ""));
    view! {
        <tr>
            <th scope="row" class="mono">{process.pid.to_string()}</th>
            <td class="command mono" data-label=words.t("process-command") title=process.command.clone()>
                {process.command.clone().unwrap_or_else(|| NOT_MEASURED.to_owned())}
            </td>
            {text_cell(words.t("process-user"), process.user.clone(), &why)}
            {text_cell(words.t("process-container"), place, &words.t("process-no-container"))}
            <td data-label=words.t("process-gpus")>{gpu_ranges(&process.gpus)}</td>
            {figure_cell(words.t("process-memory"), figures::bytes(process.gpu_memory_bytes), &why)}
            {figure_cell(words.t("process-running"), running, &why)}
        </tr>
    }
}

pub(super) fn process_rows(live: &MachineLive, now: i64, words: &Lexicon) -> impl IntoView + use<> {
    live.processes.iter().map(|process| process_row(process, now, words)).collect_view()
}

#[cfg(test)]
mod tests {
    use super::gpu_ranges;

    #[test]
    fn gpus_of_a_process_read_as_ranges() {
        for (gpus, expected) in [(&[0, 1, 2, 3, 5][..], "0–3, 5"), (&[4], "4"), (&[], ""), (&[2, 1, 1], "1–2")] {
            assert_eq!(gpu_ranges(gpus), expected);
        }
    }
}
