//! What both portals show of use and costs: what it adds up to, and the rows that it comes of.

use chrono_tz::Tz;
use contract::billing::{BillingGroup, BillingQuery, BillingUsage, LedgerLine, LedgerQuery, UsageLine};
use contract::{InstanceId, Page};
use leptos::prelude::*;

use crate::pages::admin::audit::filters::days;
use crate::pages::admin::audit::list::at_midnight;
use crate::pages::admin::audit::unread::unread;
use crate::paths;
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::options_view;
use crate::ui::lexicon::UNITS;
use crate::ui::lists::{ListQuery, hidden_filters, pager, past_the_end};
use crate::ui::money::{money, per_hour};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::ways;
use crate::words::Words;

/// What the address of the page may say.
pub const NAMES: [&str; 11] = [
    "groupBy",
    "from",
    "until",
    "customerId",
    "userId",
    "machine",
    "specId",
    "instanceId",
    "pageSize",
    "page",
    "budget",
];
/// What a line of the use narrows the page to.
const NARROWED: [&str; 5] = ["customerId", "userId", "machine", "specId", "instanceId"];

/// Whose page it is.
#[derive(Clone, Copy)]
pub struct Side {
    /// Where the workbooks are.
    pub rest: &'static str,
    /// With customers, and links into the fleet.
    pub staff: bool,
}

impl Side {
    fn instance(self, id: InstanceId) -> String {
        if self.staff { paths::instance(id) } else { paths::own_instance(id) }
    }
}

/// What the address asks for.
pub fn query_of(list: &ListQuery) -> BillingQuery {
    BillingQuery {
        group_by: BillingGroup::parse(list.get("groupBy")),
        from: at_midnight(list.get("from"), 0),
        until: at_midnight(list.get("until"), 1),
        customer_id: list.get("customerId").parse().ok(),
        user_id: list.get("userId").parse().ok(),
        machine: list.some("machine"),
        spec_id: list.get("specId").parse().ok(),
        instance_id: list.get("instanceId").parse().ok(),
    }
}

/// The same of the rows.
pub fn ledger_query(list: &ListQuery, query: &BillingQuery) -> LedgerQuery {
    LedgerQuery {
        page: list.page(),
        page_size: list.page_size(),
        from: query.from,
        until: query.until,
        customer_id: query.customer_id,
        user_id: query.user_id,
        machine: query.machine.clone(),
        spec_id: query.spec_id,
        instance_id: query.instance_id,
    }
}

/// The workbooks, of what the page shows: they take instants where the page takes days.
pub fn exports(words: Words, side: Side, query: &BillingQuery) -> impl IntoView + use<> {
    let text = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    let at = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
    let pairs = [
        ("from", at(query.from)),
        ("until", at(query.until)),
        ("customerId", text(query.customer_id.map(|id| id.0))),
        ("userId", text(query.user_id.map(|id| id.0))),
        ("machine", query.machine.clone().unwrap_or_default()),
        ("specId", text(query.spec_id.map(|id| id.0))),
        ("instanceId", text(query.instance_id.map(|id| id.0))),
    ];
    let pairs = || pairs.iter().map(|(name, value)| (*name, value.as_str()));
    let by = query.group_by.map(BillingGroup::code).unwrap_or_default();
    let usage = paths::with_query(&format!("{}/usage/export", side.rest), pairs().chain([("groupBy", by)]));
    let ledger = paths::with_query(&format!("{}/ledger/export", side.rest), pairs());
    view! {
        <a class="btn" href=usage download="">{words.t("billing-export-usage")}</a>
        <a class="btn" href=ledger download="">{words.t("billing-export-ledger")}</a>
    }
}

/// In words, and exactly where one asks.
fn length(words: Words, seconds: &str) -> impl IntoView + use<> {
    let whole = seconds.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or_default();
    let exact = words.with("billing-exact-seconds", &[("seconds", seconds.to_owned())]);
    view! { <span title=exact>{words.lexicon(&UNITS).duration(whole)}</span> }
}

/// Period and grouping; without script, too.
pub fn filters(words: Words, side: Side, list: &ListQuery) -> impl IntoView + use<> {
    let offered = BillingGroup::ALL.iter().filter(|by| side.staff || **by != BillingGroup::Customer);
    let groups = offered.map(|by| (by.code().to_owned(), words.t(&format!("billing-by-{}", by.code())))).collect();
    let chosen = BillingGroup::parse(list.get("groupBy")).unwrap_or(BillingGroup::Day).code();
    view! {
        <form class="filters" method="get" action=list.path.to_string()>
            <select name="groupBy" aria-label=words.t("billing-by")>{options_view(groups, chosen)}</select>
            {days(words, list)}
            {hidden_filters(list, &NARROWED)}
            <button class="btn">{words.t("filter-apply")}</button>
            <a class="btn ghost" href=list.path.to_string()>{words.t("filter-reset")}</a>
        </form>
    }
}

/// What it adds up to.
pub fn usage_card(words: Words, side: Side, list: &ListQuery, usage: BillingUsage) -> AnyView {
    let zone: Tz = usage.time_zone.parse().unwrap_or(Tz::UTC);
    let by = usage.group_by;
    let period = view! {
        {time(usage.from, zone)} " – " {time(usage.until, zone)}
    };
    let totals = usage.totals.iter().map(|total| {
        view! {
            <dt>{words.t("billing-total")}</dt>
            <dd><strong>{money(words, &total.cost, &total.currency)}</strong> " · " {length(words, &total.seconds)}</dd>
        }
    });
    let totals = view! { <dl class="facts start">{totals.collect_view()}</dl> };
    let body = if usage.lines.is_empty() {
        view! { <div class="empty"><p role="status">{words.t("billing-none")}</p></div> }.into_any()
    } else {
        let rows = usage.lines.iter().map(|line| usage_row(words, side, list, (by, zone), line)).collect_view();
        let head = view! {
            <th scope="col">{words.t(&format!("billing-by-{}", by.code()))}</th>
            <th scope="col" class="num">{words.t("billing-length")}</th>
            <th scope="col" class="num">{words.t("billing-cost")}</th>
        };
        view! { {list_table(words.t("billing-usage"), head, rows)} {totals} }.into_any()
    };
    view! {
        <section class="card">
            <header><h2>{words.t("billing-usage")}</h2> <span class="sub">{period} " " {zone.name()}</span></header>
            {filters(words, side, list)}
            {unread(words, list)}
            {body}
            <p class="note-line">{words.t("billing-explained")}</p>
        </section>
    }
    .into_any()
}

fn usage_row(
    words: Words,
    side: Side,
    list: &ListQuery,
    (by, zone): (BillingGroup, Tz),
    line: &UsageLine,
) -> impl IntoView + use<> {
    let key = line.key.clone().unwrap_or_default();
    let name = line.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| key.clone());
    let narrowed = |name: &str| list.with(&[(name, key.as_str()), ("groupBy", ""), ("page", "")]);
    let at =
        |format: &str| line.starts_at.map(|at| at.with_timezone(&zone).format(format).to_string()).unwrap_or_default();
    let what = match by {
        BillingGroup::Hour => line.starts_at.map(|at| time(at, zone)).into_any(),
        BillingGroup::Day => at("%Y-%m-%d").into_any(),
        BillingGroup::Month => at("%Y-%m").into_any(),
        BillingGroup::User => view! { <a href=narrowed("userId")>{name}</a> }.into_any(),
        BillingGroup::Customer => view! { <a href=narrowed("customerId")>{name}</a> }.into_any(),
        BillingGroup::Machine => view! { <a href=narrowed("machine")>{name}</a> }.into_any(),
        BillingGroup::Spec => view! { <a href=narrowed("specId")>{name}</a> }.into_any(),
        BillingGroup::Instance => match key.parse() {
            Ok(id) => ways::name(side.instance(id), name),
            Err(_) => name.into_any(),
        },
    };
    view! {
        <tr>
            <th scope="row">{what}</th>
            <td class="num" data-label=words.t("billing-length")>{length(words, &line.seconds)}</td>
            <td class="num" data-label=words.t("billing-cost")>{money(words, &line.cost, &line.currency)}</td>
        </tr>
    }
}

/// The rows that it comes of; each leads to its instance, where its events are.
pub fn ledger_card(words: Words, side: Side, list: &ListQuery, zone: Tz, page: Page<LedgerLine>) -> AnyView {
    let (number, size, total) = (page.page, page.page_size, page.total);
    let body = if let Some(past) = past_the_end(words, list, number, size, total) {
        past
    } else if page.list.is_empty() {
        view! { <div class="empty"><p>{words.t("billing-none")}</p></div> }.into_any()
    } else {
        let rows = page.list.into_iter().map(|line| ledger_row(words, side, zone, line)).collect_view();
        let head = view! {
            <th scope="col">{words.t("billing-instance")}</th>
            <th scope="col">{words.t("billing-started")}</th>
            <th scope="col">{words.t("billing-ended")}</th>
            <th scope="col" class="num">{words.t("billing-length")}</th>
            <th scope="col">{words.t("billing-user")}</th>
            <th scope="col">{words.t("billing-spec")}</th>
            <th scope="col" class="num">{words.t("billing-price")}</th>
            <th scope="col" class="num">{words.t("billing-cost")}</th>
        };
        view! {
            {list_table(words.t("billing-ledger"), head, rows)}
            {pager(words, list, number, size, total)}
        }
        .into_any()
    };
    view! {
        <section class="card" id="ledger">
            <header><h2>{words.t("billing-ledger")}</h2></header>
            {body}
        </section>
    }
    .into_any()
}

fn ledger_row(words: Words, side: Side, zone: Tz, line: LedgerLine) -> impl IntoView {
    let opened = words.t(&format!("billing-opened-{}", line.opened_by.code()));
    let closed = line.closed_by.map(|by| words.t(&format!("billing-closed-{}", by.code())));
    let price = per_hour(words, &line.price_per_hour, &line.currency);
    let customer = side.staff.then(|| {
        view! { {ways::name(paths::customer(line.customer_id), line.customer_name.clone())} " " }
    });
    let ended = match line.ended_at {
        Some(at) => view! { <span title=closed>{time(at, zone)}</span> }.into_any(),
        None => words.t("billing-goes-on").into_any(),
    };
    let machine = match side.staff {
        true => ways::name(paths::machine(&line.machine), line.machine_name.clone()),
        false => line.machine_name.clone().into_any(),
    };
    let user = Some(line.user_name.clone()).filter(|name| !name.is_empty());
    view! {
        <tr>
            <th scope="row">{ways::name(side.instance(line.instance_id), line.instance_name.clone())}</th>
            <td data-label=words.t("billing-started")><span title=opened>{time(line.started_at, zone)}</span></td>
            <td data-label=words.t("billing-ended")>{ended}</td>
            <td class="num" data-label=words.t("billing-length")>{length(words, &line.seconds)}</td>
            <td data-label=words.t("billing-user")>{customer} {user.unwrap_or_else(|| NOT_MEASURED.to_owned())}</td>
            <td data-label=words.t("billing-spec")>{line.spec_name.clone()} " · " {machine}</td>
            <td class="num" data-label=words.t("billing-price")>{price}</td>
            <td class="num" data-label=words.t("billing-cost")>{money(words, &line.cost, &line.currency)}</td>
        </tr>
    }
}
