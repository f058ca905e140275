//! A machine's charts as data for `<rg-chart>`, and the table of the last values for those without JavaScript.
//!
//! GPUs are drawn together: the line is their mean (or sum), the band reaches from the lowest to the highest. What was not
//! measured is null, and a gap stays a gap.

use contract::machines::MachineView;
use contract::metrics::{History, HistoryQuery, HistoryRange, Metric, Series};
use leptos::prelude::*;
use platform::{OpContext, Platform};
use serde::Serialize;

use crate::ui::format;
use crate::ui::table::table_of;
use crate::words::Words;

/// Ranges the page offers.
pub const RANGES: [HistoryRange; 5] =
    [HistoryRange::Hour, HistoryRange::SixHours, HistoryRange::Day, HistoryRange::Week, HistoryRange::Month];

/// Rows of the table of last values.
const TABLE_ROWS: usize = 12;

type Values = Vec<Option<f64>>;

/// A line, with the band around it where low and high differ from it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    pub label: String,
    /// `%`, `°C`, `W`, `B/s`.
    pub unit: &'static str,
    pub avg: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Values>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Values>,
}

/// A chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chart {
    #[serde(skip)]
    pub title: String,
    pub from: i64,
    pub to: i64,
    pub step: u32,
    pub at: Vec<i64>,
    /// Upper end of the axis where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<f64>,
    pub lines: Vec<Line>,
}

impl Chart {
    /// As the element takes it.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Seconds between two looks at a range's data.
pub fn refresh_seconds(step: u32) -> u32 {
    step.clamp(10, 120)
}

/// Fetches and draws.
pub async fn load(
    platform: &Platform,
    ctx: &OpContext,
    code: &str,
    range: HistoryRange,
) -> platform::Result<Vec<Chart>> {
    let machine = if is_staffs(ctx) {
        platform::machines::get(platform, ctx, code).await?
    } else {
        platform::allocations::machine(platform, ctx, code).await?
    };
    Ok(charts(Words(ctx.language()), &machine, &history(platform, ctx, code, range).await?))
}

/// What the charts need of the history.
pub async fn history(
    platform: &Platform,
    ctx: &OpContext,
    code: &str,
    range: HistoryRange,
) -> platform::Result<History> {
    let metrics = [
        Metric::Cpu,
        Metric::Memory,
        Metric::NetworkRx,
        Metric::NetworkTx,
        Metric::GpuUtil,
        Metric::GpuMemory,
        Metric::GpuTemperature,
        Metric::GpuPower,
    ];
    let metric = metrics.map(Metric::code).join(",");
    let query = HistoryQuery { range: Some(range), metric: Some(metric), ..HistoryQuery::default() };
    if is_staffs(ctx) {
        platform::metrics::history(platform, ctx, code, &query).await
    } else {
        platform::allocations::history(platform, ctx, code, &query).await
    }
}

/// Staff look at the fleet; everybody else at what their customer has, where the operation says whether that is so.
pub(super) fn is_staffs(ctx: &OpContext) -> bool {
    ctx.holds(contract::Permission::MetricsView)
}

/// One decimal is what can be seen, and a third of the bytes.
fn rounded(values: impl Iterator<Item = Option<f64>>) -> Values {
    values.map(|v| v.map(|v| (v * 10.0).round() / 10.0)).collect()
}

struct Build<'a> {
    history: &'a History,
    machine: &'a MachineView,
}

impl Build<'_> {
    fn of(&self, metric: Metric) -> Vec<&Series> {
        self.history.series.iter().filter(|series| series.metric == metric).collect()
    }

    /// Folds the values of all series at each step; nothing where none was measured.
    fn fold(&self, series: &[&Series], pick: fn(&Series) -> &Values, f: fn(&[f64]) -> f64) -> Values {
        let at_step = |i: usize| {
            let values: Vec<f64> = series.iter().filter_map(|s| pick(s).get(i).copied().flatten()).collect();
            (!values.is_empty()).then(|| f(&values))
        };
        rounded((0..self.history.at.len()).map(at_step))
    }

    /// The mean over the GPUs, with the band from the lowest to the highest.
    fn mean(&self, metric: Metric, label: String, unit: &'static str) -> Line {
        let series = self.of(metric);
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let avg = self.fold(&series, |s| &s.avg, mean);
        let min = self.fold(&series, |s| &s.min, |v| v.iter().copied().fold(f64::INFINITY, f64::min));
        let max = self.fold(&series, |s| &s.max, |v| v.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        let band = min != avg || max != avg;
        Line { label, unit, avg, min: band.then_some(min), max: band.then_some(max) }
    }

    fn sum(&self, metric: Metric, label: String, unit: &'static str) -> Line {
        let avg = self.fold(&self.of(metric), |s| &s.avg, |v| v.iter().sum());
        Line { label, unit, avg, min: None, max: None }
    }

    /// Used bytes as percent of what those that answered have.
    fn share(&self, metric: Metric, label: String) -> Line {
        let series = self.of(metric);
        let total = |series: &Series| match series.gpu {
            Some(index) => self.machine.gpus.iter().find(|gpu| gpu.index == index)?.memory_bytes,
            None => self.machine.discovered.as_ref()?.memory_bytes,
        };
        let parts: Vec<_> = series.iter().filter_map(|s| Some((&s.avg, total(s)? as f64))).collect();
        let at_step = |i: usize| {
            let measured = parts.iter().filter_map(|(values, total)| Some((values.get(i).copied().flatten()?, *total)));
            let (used, total) = measured.fold((0.0, 0.0), |(a, b), (used, total)| (a + used, b + total));
            (total > 0.0).then(|| used / total * 100.0)
        };
        Line { label, unit: "%", avg: rounded((0..self.history.at.len()).map(at_step)), min: None, max: None }
    }

    fn chart(&self, title: String, top: Option<f64>, lines: Vec<Line>) -> Chart {
        let History { from, to, step_seconds, at, .. } = self.history;
        Chart { title, from: from.timestamp(), to: to.timestamp(), step: *step_seconds, at: at.clone(), top, lines }
    }
}

/// The charts of a machine, in the order of the page.
pub fn charts(words: Words, machine: &MachineView, history: &History) -> Vec<Chart> {
    let build = Build { history, machine };
    let t = |key: &str| words.t(key);
    let mut charts = Vec::new();
    let has_gpus = !machine.gpus.is_empty() || history.series.iter().any(|s| s.gpu.is_some());
    if has_gpus {
        let lines = vec![
            build.mean(Metric::GpuUtil, t("chart-utilisation"), "%"),
            build.share(Metric::GpuMemory, t("chart-gpu-memory")),
        ];
        charts.push(build.chart(t("chart-gpu"), Some(100.0), lines));
        let lines = vec![
            build.mean(Metric::GpuTemperature, t("chart-temperature"), "°C"),
            build.sum(Metric::GpuPower, t("chart-power"), "W"),
        ];
        charts.push(build.chart(t("chart-heat"), None, lines));
    }
    let lines = vec![build.mean(Metric::Cpu, t("chart-cpu"), "%"), build.share(Metric::Memory, t("chart-memory"))];
    charts.push(build.chart(t("chart-host"), Some(100.0), lines));
    let lines = vec![
        build.sum(Metric::NetworkRx, t("chart-received"), "B/s"),
        build.sum(Metric::NetworkTx, t("chart-sent"), "B/s"),
    ];
    charts.push(build.chart(t("chart-network"), None, lines));
    charts
}

fn value_text(value: Option<f64>, unit: &str) -> String {
    format::text(value.map(|v| match unit {
        "B/s" => format::rate(v),
        "W" => format::watts(v),
        "%" => (format::decimal(v), "%"),
        _ => (format::decimal(v), "°C"),
    }))
}

/// A chart with its heading, its element, and its table.
pub fn chart_card(words: Words, code: &str, chart: &Chart, zone: chrono_tz::Tz) -> impl IntoView + use<> {
    let measured = |i: &usize| chart.lines.iter().any(|line| line.avg.get(*i).copied().flatten().is_some());
    let last: Vec<_> = (0..chart.at.len()).rev().filter(measured).take(TABLE_ROWS).collect();
    let rows = last
        .iter()
        .map(|&i| {
            let at = chrono::DateTime::from_timestamp(chart.at[i], 0).unwrap_or_default();
            let cells = chart.lines.iter().map(|line| {
                let value = value_text(line.avg.get(i).copied().flatten(), line.unit);
                view! { <td class="num">{value}</td> }
            });
            view! { <tr><th scope="row">{crate::ui::time::date_time(at, zone)}</th>{cells.collect_view()}</tr> }
        })
        .collect_view();
    let head = chart.lines.iter().map(|line| view! { <th scope="col" class="num">{line.label.clone()}</th> });
    let legend = chart.lines.iter().enumerate().map(|(i, line)| {
        view! { <span><i class=format!("line-{i}")></i>{line.label.clone()}</span> }
    });
    let none = last.is_empty().then(|| view! { <p class="empty">{words.t("chart-none")}</p> });
    view! {
        <section class="card chart-card">
            <header>
                <h2>{chart.title.clone()}</h2>
                <span class="end legend" aria-hidden="true">{legend.collect_view()}</span>
            </header>
            {none}
            <rg-chart
                data=chart.json()
                group=code.to_owned()
                zone=zone.name()
                lang=words.0.html_tag()
                label=chart.title.clone()
                hidden=last.is_empty()
            ></rg-chart>
            {(!last.is_empty()).then(|| view! { <noscript><p class="note-line">{words.t("chart-no-script")}</p></noscript> })}
            <details class="chart-table">
                <summary>{words.t("chart-table")}</summary>
                {table_of("", chart.title.clone(), view! { <th scope="col">{words.t("chart-time")}</th> {head.collect_view()} }, rows)}
            </details>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use contract::accounts::Language;

    use super::*;

    fn series(metric: Metric, gpu: Option<u32>, avg: &[Option<f64>]) -> Series {
        Series { metric, unit: metric.unit().to_owned(), gpu, avg: avg.to_vec(), min: avg.to_vec(), max: avg.to_vec() }
    }

    fn machine() -> MachineView {
        let gpu = |index: u32| {
            serde_json::json!({"index": index, "uuid": format!("GPU-{index}"), "model": "H100", "memoryBytes": 100,
                "pciBusId": null, "powerLimitW": null, "migEnabled": null, "eccEnabled": null, "lost": false, "migDevices": []})
        };
        serde_json::from_value(serde_json::json!({
            "id": "host-001", "name": "gpu-1", "region": null, "publicAddress": null, "privateAddress": null,
            "pool": "shared", "monitored": true, "listed": false, "remark": null, "serviceState": "in_service",
            "maintenance": [], "presence": "online", "lastSeenAt": null, "declared": {}, "discovered": null, "differences": [],
            "gpus": [gpu(0), gpu(1)], "agentVersion": null, "revision": 1,
            "createdAt": "2026-11-20T00:00:00Z", "updatedAt": "2026-11-20T00:00:00Z"
        }))
        .expect("is a machine")
    }

    #[test]
    fn every_range_of_the_history_is_offered_in_words() {
        assert_eq!(RANGES[..], HistoryRange::ALL[..]);
        for language in [Language::Zh, Language::En] {
            for range in RANGES {
                let key = format!("range-{}", range.code());
                assert_ne!(Words(language).t(&key), key);
            }
        }
    }

    #[test]
    fn gpus_are_drawn_together_and_gaps_stay_gaps() {
        let history = History {
            id: "host-001".into(),
            from: Default::default(),
            to: Default::default(),
            step_seconds: 10,
            tier: "raw".into(),
            at: vec![0, 10, 20],
            series: vec![
                series(Metric::GpuUtil, Some(0), &[Some(10.0), None, None]),
                series(Metric::GpuUtil, Some(1), &[Some(20.0), Some(40.0), None]),
                series(Metric::GpuMemory, Some(0), &[Some(50.0), None, None]),
                series(Metric::GpuMemory, Some(1), &[Some(100.0), Some(25.0), None]),
            ],
        };
        let charts = charts(Words(Default::default()), &machine(), &history);
        let gpu = &charts[0].lines;
        assert_eq!(gpu[0].avg, [Some(15.0), Some(40.0), None]);
        assert_eq!(gpu[0].min.as_deref(), Some(&[Some(10.0), Some(40.0), None][..]));
        assert_eq!(gpu[1].avg, [Some(75.0), Some(25.0), None]);
        assert_eq!(charts.len(), 4);
        assert!(charts[2].lines.iter().all(|line| line.avg.iter().all(Option::is_none)));
    }
}
