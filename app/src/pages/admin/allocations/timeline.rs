//! The time line: machines down, months across, drawn on the server. Every bar is a link; what it says stands in its label,
//! because colour and place are not for everybody.

use chrono::{DateTime, Datelike, Months, Utc};
use chrono_tz::Tz;
use contract::allocations::{AllocationState, Timeline, TimelineBar, TimelineQuery, TimelineRow};
use contract::machines::ServiceState;
use leptos::prelude::*;

use crate::door::{door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::lists::{ListQuery, pager, past_the_end};
use crate::ways;
use crate::words::Words;

/// Height of a machine's row and of the months above, in the drawing's units (CSS pixels).
const ROW: f64 = 30.0;
const HEAD: f64 = 24.0;
/// Width of a month.
const MONTH: f64 = 80.0;

/// `/admin/allocations/timeline`.
#[component]
pub fn TimelinePage() -> impl IntoView {
    let names = ["q", "from", "months", "pageSize", "page"];
    let list = ListQuery::here(paths::ALLOCATIONS_TIMELINE, names);
    let query = TimelineQuery {
        from: list.some("from"),
        months: list.number("months").filter(|n| *n <= 24),
        time_zone: Some(look().zone.name().to_owned()),
        q: list.some("q"),
        page: list.page(),
        page_size: list.page_size(),
    };
    let (platform, ctx) = door();
    page(async move { platform::allocations::timeline(&platform, &ctx, &query).await }, move |timeline| {
        timeline_view(list, timeline)
    })
}

fn timeline_view(query: ListQuery, timeline: Timeline) -> AnyView {
    let (words, now) = (Words::now(), door().1.now());
    // The months are those of the zone that all other times on the page are in.
    let zone: Tz = timeline.time_zone.parse().unwrap_or(Tz::UTC);
    let (from, until) = (timeline.from.with_timezone(&zone), timeline.until.with_timezone(&zone));
    let months = months_between(from, until);
    let first = from.date_naive();
    let step = (months / 2).max(1);
    let month = |day: Option<chrono::NaiveDate>| day.map(|day| day.format("%Y-%m").to_string()).unwrap_or_default();
    let earlier = query.with(&[("from", &month(first.checked_sub_months(Months::new(step))))]);
    let later = query.with(&[("from", &month(first.checked_add_months(Months::new(step))))]);
    let (number, size, total) = (timeline.page, timeline.page_size, timeline.total);
    let body = if let Some(past) = past_the_end(words, &query, number, size, total) {
        past
    } else if timeline.rows.is_empty() {
        view! { <div class="empty"><p>{words.t("list-none-match")}</p></div> }.into_any()
    } else {
        view! {
            <div class="timeline" tabindex="0" role="region" aria-label=words.t("timeline-title")>
                {names(words, &timeline.rows)}
                {picture(words, &timeline.rows, (from, until), now.with_timezone(&zone))}
            </div>
            {legend(words)}
            {pager(words, &query, number, size, total)}
        }
        .into_any()
    };
    let head = PageFrame::new(words.t("timeline-title"), Area::Allocations)
        .crumb(words.t("nav-allocations"), paths::ALLOCATIONS);
    frame(
        head,
        view! {
            <section class="card">
                <form class="filters" method="get" action=paths::ALLOCATIONS_TIMELINE>
                    <input class="filter-q" r#type="search" name="q" value=query.get("q").to_owned()
                        placeholder=words.t("timeline-filter") aria-label=words.t("timeline-filter") />
                    <input r#type="month" name="from" value=month(Some(first)) aria-label=words.t("timeline-from") />
                    <button class="btn">{words.t("filter-apply")}</button>
                    <span class="seg">
                        <a href=earlier aria-label=words.t("timeline-earlier")>"←"</a>
                        <a href=query.with(&[("from", "")])>{words.t("timeline-today")}</a>
                        <a href=later aria-label=words.t("timeline-later")>"→"</a>
                    </span>
                </form>
                {body}
            </section>
        },
    )
}

/// Whole months from one midnight of a first of a month to another.
fn months_between(from: DateTime<Tz>, until: DateTime<Tz>) -> u32 {
    let number = |at: DateTime<Tz>| at.year() * 12 + at.month0() as i32;
    u32::try_from(number(until) - number(from)).unwrap_or(1).max(1)
}

/// The machines, which stay while the picture scrolls.
fn names(words: Words, rows: &[TimelineRow]) -> impl IntoView + use<> {
    let items = rows
        .iter()
        .map(|row| {
            let held = row.allocations.iter().any(|bar| bar.state.holds());
            let standing = match row.service_state {
                ServiceState::InService => words.t("timeline-free"),
                out => words.t(&format!("service-{}", out.code())),
            };
            let free = (!held).then(|| view! { <span class="sub">{standing}</span> });
            view! { <li>{ways::name(paths::machine(&row.machine), row.machine_name.clone())} {free}</li> }
        })
        .collect_view();
    view! { <ol class="timeline-names">{items}</ol> }
}

fn picture(
    words: Words,
    rows: &[TimelineRow],
    (from, until): (DateTime<Tz>, DateTime<Tz>),
    now: DateTime<Tz>,
) -> impl IntoView + use<> {
    let months = months_between(from, until);
    let width = MONTH * f64::from(months);
    let height = HEAD + ROW * rows.len() as f64;
    let first = from.date_naive();
    let mut grid = Vec::new();
    for i in 0..months {
        let Some(day) = first.checked_add_months(Months::new(i)) else { break };
        let x = MONTH * f64::from(i);
        // The year at the first month and at every January.
        let text =
            if i == 0 || day.month() == 1 { day.format("%Y-%m").to_string() } else { day.format("%m").to_string() };
        grid.push(view! {
            <line class="grid" x1=x y1="0" x2=x y2=height />
            <text class="month" x={x + 6.0} y="16">{text}</text>
        });
    }
    let place = |at: DateTime<Utc>| position(from, months, at.with_timezone(&from.timezone()));
    let today = (from..until).contains(&now).then(|| {
        let x = position(from, months, now);
        view! { <line class="today" x1=x y1="0" x2=x y2=height /> }
    });
    let mut lines = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let y = HEAD + ROW * i as f64;
        lines.push(view! { <line class="grid" x1="0" y1=y x2=width y2=y /> }.into_any());
        for bar in &row.allocations {
            lines.push(bar_view(words, row, bar, y, now.with_timezone(&Utc), &place).into_any());
        }
    }
    view! {
        <svg class="timeline-picture" width=width height=height role="group" aria-label=words.t("timeline-title")>
            {grid}
            {lines}
            {today}
        </svg>
    }
}

/// Where an instant lies across, months being equally wide.
fn position(from: DateTime<Tz>, months: u32, at: DateTime<Tz>) -> f64 {
    let whole = (at.year() * 12 + at.month0() as i32) - (from.year() * 12 + from.month0() as i32);
    let first = at.date_naive().with_day(1).unwrap_or_default();
    let next = first.checked_add_months(Months::new(1)).unwrap_or(first);
    let length = (next - first).num_seconds().max(1) as f64;
    let into = (at.naive_local() - first.and_time(chrono::NaiveTime::MIN)).num_seconds() as f64;
    (MONTH * (f64::from(whole) + into / length)).clamp(0.0, MONTH * f64::from(months))
}

/// As much of a name as is about so wide, in the drawing's units; the bar's label has all of it.
fn fitting(name: &str, room: f64) -> String {
    let mut used = 0.0;
    let fits = |letter: &char| {
        // Chinese and the like take the whole square.
        used += if u32::from(*letter) >= 0x1100 { 13.0 } else { 7.0 };
        used <= room
    };
    name.chars().take_while(fits).collect()
}

/// Until when the bar is drawn, and until when its grace. One that came back early held the machine no longer than that;
/// one that is being taken back has no grace any more, and takes as long as it takes.
fn drawn(bar: &TimelineBar, now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    if bar.state == AllocationState::Reclaiming {
        let end = bar.ends_at.max(now.min(bar.held_until));
        return (end, end);
    }
    (bar.ends_at.min(bar.held_until), bar.held_until)
}

fn bar_view(
    words: Words,
    row: &TimelineRow,
    bar: &TimelineBar,
    y: f64,
    now: DateTime<Utc>,
    place: &dyn Fn(DateTime<Utc>) -> f64,
) -> impl IntoView + use<> {
    let zone = look().zone;
    let day = |at: DateTime<Utc>| at.with_timezone(&zone).format("%Y-%m-%d").to_string();
    let (ends_at, held_until) = drawn(bar, now);
    let (start, end, held) = (place(bar.starts_at), place(ends_at), place(held_until));
    let class = match bar.state {
        AllocationState::Scheduled => "bar scheduled",
        AllocationState::Active => "bar active",
        AllocationState::Grace | AllocationState::Reclaiming => "bar leaving",
        AllocationState::Ended | AllocationState::Cancelled => "bar over",
    };
    let state = words.t(&format!("allocation-state-{}", bar.state.code()));
    let label = format!(
        "{} · {} · {} – {} · {state}",
        row.machine_name,
        bar.customer_name,
        day(bar.starts_at),
        day(bar.ends_at)
    );
    let text = label.clone();
    let grace = (held - end > 0.5).then(|| {
        view! { <rect class="bar grace" x=end y={y + 10.0} width={held - end} height={ROW - 20.0} rx="2" /> }
    });
    let name = fitting(&bar.customer_name, end - start - 12.0);
    view! {
        <a href=paths::allocation(bar.id) aria-label=label>
            <title>{text}</title>
            <rect class=class x=start y={y + 5.0} width={(end - start).max(3.0)} height={ROW - 10.0} rx="4" />
            {grace}
            <text class="who" x={start + 6.0} y={y + 19.5}>{name}</text>
        </a>
    }
}

fn legend(words: Words) -> impl IntoView {
    let entry = |class: &'static str, key: &str| view! { <li><i class=class></i> {words.t(key)}</li> };
    view! {
        <ul class="timeline-legend">
            {entry("active", "allocation-state-active")}
            {entry("scheduled", "allocation-state-scheduled")}
            {entry("leaving", "timeline-leaving")}
            {entry("over", "allocation-state-ended")}
            {entry("grace", "allocation-state-grace")}
        </ul>
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    #[test]
    fn names_stay_inside_their_bar() {
        for (name, room, expected) in [
            ("Acme", 40.0, "Acme"),
            ("Acme", 20.0, "Ac"),
            ("中科渲染", 40.0, "中科渲"),
            ("中科", 5.0, ""),
            ("x", -3.0, ""),
        ] {
            assert_eq!(fitting(name, room), expected, "{name} in {room}");
        }
    }

    #[test]
    fn what_comes_back_has_no_grace() {
        let at = |day| Utc.with_ymd_and_hms(2026, 11, day, 0, 0, 0).single().expect("a time");
        let bar = |state, ends, held| TimelineBar {
            id: contract::AllocationId(1),
            customer_name: "Acme".to_owned(),
            state,
            starts_at: at(1),
            ends_at: at(ends),
            held_until: at(held),
        };
        for (state, ends, held, expected) in [
            (AllocationState::Active, 20, 23, (20, 23)),
            (AllocationState::Reclaiming, 5, 23, (9, 9)),
            (AllocationState::Ended, 5, 6, (5, 6)),
            (AllocationState::Ended, 20, 6, (6, 6)),
        ] {
            let expected = (at(expected.0), at(expected.1));
            assert_eq!(drawn(&bar(state, ends, held), at(9)), expected, "{state:?} until {ends}");
        }
    }

    #[test]
    fn places_are_within_their_month() {
        let berlin = Tz::Europe__Berlin;
        for zone in [Tz::UTC, berlin] {
            let at = |year, month, day| zone.with_ymd_and_hms(year, month, day, 0, 0, 0).single().expect("a time");
            let from = at(2026, 11, 1);
            assert_eq!(months_between(from, at(2027, 11, 1)), 12);
            assert_eq!(position(from, 12, from), 0.0);
            assert_eq!(position(from, 12, at(2026, 12, 1)), MONTH);
            assert_eq!(position(from, 12, at(2026, 11, 16)), MONTH / 2.0);
            assert_eq!(position(from, 12, at(2020, 1, 1)), 0.0, "what began before begins at the edge");
            assert_eq!(position(from, 12, at(2030, 1, 1)), MONTH * 12.0);
        }
        let new_year = "2026-12-31T23:00:00Z".parse::<DateTime<Utc>>().expect("a time").with_timezone(&berlin);
        let from = berlin.with_ymd_and_hms(2026, 12, 1, 0, 0, 0).single().expect("a time");
        assert_eq!(position(from, 12, new_year), MONTH, "the year begins an hour before it does in Greenwich");
    }
}
