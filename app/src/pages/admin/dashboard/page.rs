//! `/admin`: the fleet, its leases and what happened last.

use contract::Permission;
use contract::allocations::{AllocationQuery, AllocationView, ENDING_SOON_DAYS};
use contract::audit::{AuditQuery, AuditView};
use contract::metrics::FleetTotals;
use contract::reports::{CustomerShare, DashboardStats, GpuTrend, TrendQuery, TrendRange};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::door::{door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::allocations::list::allocation_state;
use crate::pages::admin::audit::list::{all_link, event_line};
use crate::pages::admin::machines::charts::{Chart, Line, chart_card};
use crate::pages::admin::metrics::islands::{LiveWall, WALL_WORDS};
use crate::pages::admin::metrics::page::link_chip;
use crate::paths;
use crate::ui::table::list_table;
use crate::ui::time::{self, end_time};
use crate::ways;
use crate::words::Words;

/// Rows of each short list.
const ROWS: u32 = 8;

struct Found {
    totals: FleetTotals,
    trend: GpuTrend,
    /// Nothing for those who may not see what is lent to whom.
    leases: Option<Leases>,
    /// Nothing for those who may not read the log.
    activities: Option<Vec<AuditView>>,
}

struct Leases {
    stats: DashboardStats,
    shares: Vec<CustomerShare>,
    ending: Vec<AllocationView>,
}

/// `/admin`.
#[component]
pub fn DashboardPage() -> impl IntoView {
    let range = use_query_map().get_untracked().get("range").and_then(|range| TrendRange::parse(&range));
    let range = range.unwrap_or(TrendRange::Day);
    let (platform, ctx) = door();
    page(
        async move {
            let days = u32::try_from(ENDING_SOON_DAYS).ok();
            let ending = AllocationQuery { days, page_size: Some(ROWS), ..AllocationQuery::default() };
            let newest = AuditQuery { page_size: Some(ROWS), ..AuditQuery::default() };
            let activities = match ctx.holds(Permission::AuditView) {
                true => Some(platform::audit::list(&platform, &ctx, &newest).await?.list),
                false => None,
            };
            let lends = ctx.holds(Permission::AllocationsManage) && ctx.holds(Permission::CustomersManage);
            let leases = match lends {
                true => Some(Leases {
                    stats: platform::reports::dashboard(&platform, &ctx).await?,
                    shares: platform::reports::largest_customers(&platform, &ctx).await?,
                    ending: platform::allocations::list(&platform, &ctx, &ending).await?.list,
                }),
                false => None,
            };
            let totals = match &leases {
                Some(leases) => leases.stats.fleet.clone(),
                None => FleetTotals::of(platform::metrics::wall(&platform, &ctx).await?.machines.iter()),
            };
            Ok(Found {
                totals,
                trend: platform::reports::gpu_trend(&platform, &ctx, &TrendQuery { range: Some(range) }).await?,
                leases,
                activities,
            })
        },
        move |found| dashboard_view(range, found),
    )
}

fn dashboard_view(range: TrendRange, found: Found) -> AnyView {
    let (words, zone, ctx) = (Words::now(), look().zone, door().1);
    let now = ctx.now();
    let Found { totals, trend, leases: lent, activities } = found;
    let head = PageFrame::new(words.t("dashboard-title"), Area::Dashboard)
        .beside(link_chip(words, time::clock(now, zone)))
        .live()
        .elements();
    let begin = (totals.machines == 0).then(|| {
        view! {
            <section class="card empty">
                <p>{words.t("dashboard-empty")}</p>
                {ways::button("btn primary", paths::JOIN_TOKENS, words.t("wall-empty-action"))}
            </section>
        }
    });
    let lexicon = words.lexicon(&WALL_WORDS);
    let (stats, below) = match lent {
        Some(Leases { stats, shares, ending }) => {
            let cards = view! { <div class="columns">{ending_card(words, ending)} {largest_card(words, shares)}</div> };
            (Some(leases(words, &stats)), Some(cards))
        }
        None => (None, None),
    };
    frame(
        head,
        view! {
            {begin}
            <LiveWall words=lexicon options=None totals=totals />
            {stats}
            <div>
                {ranges(words, range)}
                {chart_card(words, "fleet", &chart(words, &trend), zone)}
            </div>
            {below}
            {activities.map(|activities| activities_card(words, activities))}
        },
    )
}

/// Leases in numbers; each leads to its list.
fn leases(words: Words, stats: &DashboardStats) -> impl IntoView + use<> {
    let entry = |label: String, number: u64, href: String| {
        view! {
            <div>
                <dt>{label}</dt>
                <dd>{ways::name(href, number)}</dd>
            </div>
        }
    };
    let soon = ENDING_SOON_DAYS.to_string();
    view! {
        <dl class="stats card">
            {entry(words.t("dashboard-lent"), stats.machines_lent, paths::ALLOCATIONS_TIMELINE.to_owned())}
            {entry(words.t("dashboard-free"), stats.machines_free, paths::machines_lendable())}
            {entry(words.t("dashboard-customers"), stats.customers_active, format!("{}?state=active", paths::CUSTOMERS))}
            {entry(
                words.with("dashboard-ending", &[("days", soon.clone())]),
                stats.allocations_ending,
                format!("{}?days={soon}", paths::ALLOCATIONS),
            )}
            {entry(words.t("dashboard-renewals"), stats.renewals_open, paths::ALLOCATIONS.to_owned())}
        </dl>
    }
}

fn ranges(words: Words, range: TrendRange) -> impl IntoView {
    let links = TrendRange::ALL
        .iter()
        .map(|other| {
            let href = match other {
                TrendRange::Day => paths::ADMIN.to_owned(),
                TrendRange::Week => format!("{}?range={}", paths::ADMIN, other.code()),
            };
            let here = (*other == range).then_some("true");
            view! { <a href=href aria-current=here>{words.t(&format!("dashboard-range-{}", other.code()))}</a> }
        })
        .collect_view();
    view! { <nav class="seg" aria-label=words.t("dashboard-range")>{links}</nav> }
}

fn chart(words: Words, trend: &GpuTrend) -> Chart {
    let rounded = |values: &[Option<f32>]| {
        values.iter().map(|value| value.map(|value| (f64::from(value) * 10.0).round() / 10.0)).collect()
    };
    let line = |key: &str, values: &[Option<f32>]| Line {
        label: words.t(key),
        unit: "%",
        avg: rounded(values),
        min: None,
        max: None,
    };
    Chart {
        title: words.t("dashboard-trend"),
        from: trend.from,
        to: trend.to,
        step: trend.step_seconds,
        at: trend.at.clone(),
        top: Some(100.0),
        lines: vec![line("chart-utilisation", &trend.util_percent), line("chart-gpu-memory", &trend.memory_percent)],
    }
}

fn ending_card(words: Words, rows: Vec<AllocationView>) -> impl IntoView {
    let zone = look().zone;
    let body = if rows.is_empty() {
        view! { <div class="empty"><p>{words.t("dashboard-expiring-none")}</p></div> }.into_any()
    } else {
        let rows = rows.into_iter().map(|row| {
            view! {
                <tr>
                    <th scope="row">{ways::name(paths::allocation(row.id), row.machine_name.clone())}</th>
                    <td data-label=words.t("allocation-customer")>{row.customer_name.clone()}</td>
                    <td data-label=words.t("allocation-state")>{allocation_state(words, &row)}</td>
                    <td data-label=words.t("allocation-ends")>{end_time(row.ends_at, zone)}</td>
                </tr>
            }
        });
        view! {
            {list_table(words.t("dashboard-expiring"), view! {
                <th scope="col">{words.t("allocation-machine")}</th>
                <th scope="col">{words.t("allocation-customer")}</th>
                <th scope="col">{words.t("allocation-state")}</th>
                <th scope="col">{words.t("allocation-ends")}</th>
            }, rows.collect_view())}
        }
        .into_any()
    };
    let all = format!("{}?days={ENDING_SOON_DAYS}", paths::ALLOCATIONS);
    view! {
        <section class="card">
            <header>
                <h2>{words.t("dashboard-expiring")}</h2>
                {all_link(words, all, "dashboard-expiring")}
            </header>
            {body}
        </section>
    }
}

fn largest_card(words: Words, shares: Vec<CustomerShare>) -> impl IntoView {
    let body = if shares.is_empty() {
        view! { <div class="empty"><p>{words.t("dashboard-largest-none")}</p></div> }.into_any()
    } else {
        let rows = shares.into_iter().map(|share| {
            view! {
                <tr>
                    <th scope="row">{ways::name(paths::customer(share.customer_id), share.name)}</th>
                    <td class="num" data-label=words.t("dashboard-customer-machines")>{share.machines}</td>
                    <td class="num" data-label=words.t("dashboard-customer-gpus")>{share.gpus}</td>
                </tr>
            }
        });
        view! {
            {list_table(words.t("dashboard-largest"), view! {
                <th scope="col">{words.t("allocation-customer")}</th>
                <th scope="col" class="num">{words.t("dashboard-customer-machines")}</th>
                <th scope="col" class="num">{words.t("dashboard-customer-gpus")}</th>
            }, rows.collect_view())}
        }
        .into_any()
    };
    view! {
        <section class="card">
            <header>
                <h2>{words.t("dashboard-largest")}</h2>
                {all_link(words, paths::CUSTOMERS.to_owned(), "dashboard-largest")}
            </header>
            {body}
        </section>
    }
}

fn activities_card(words: Words, activities: Vec<AuditView>) -> impl IntoView {
    let body = if activities.is_empty() {
        view! { <div class="empty"><p>{words.t("dashboard-activities-none")}</p></div> }.into_any()
    } else {
        let lines = activities.into_iter().map(|event| event_line(words, event));
        view! { <ol class="log">{lines.collect_view()}</ol> }.into_any()
    };
    view! {
        <section class="card">
            <header>
                <h2>{words.t("dashboard-activities")}</h2>
                {all_link(words, paths::AUDIT.to_owned(), "dashboard-activities")}
            </header>
            {body}
        </section>
    }
}
