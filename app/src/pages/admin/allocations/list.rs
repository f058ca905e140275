//! Every allocation, and what customers ask for.

use chrono::{DateTime, TimeDelta, Utc};
use contract::allocations::{
    AllocationAction, AllocationQuery, AllocationSort, AllocationState, AllocationView, ENDING_SOON_DAYS,
    RenewalRequestView, WaitReason, days_left,
};
use contract::{Page, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;

use super::server_fns::DecideRenewal;
use crate::door::{Refused, afterword_is_ours, door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::{described_by, fault_view, form_fault, options_view};
use crate::ui::lists::{ListQuery, all_matching, hidden_filters, pager, past_the_end, sort_header};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::{end_date_time, end_time, time};
use crate::ways;
use crate::words::Words;

/// What narrows the list; a customer's own page leads here with its id.
pub(super) const FILTERS: [&str; 4] = ["q", "state", "days", "customerId"];

/// `/admin/allocations`.
#[component]
pub fn AllocationListPage() -> impl IntoView {
    let (list, query) = read_query();
    let (platform, ctx) = door();
    page(
        async move {
            let found = platform::allocations::list(&platform, &ctx, &query).await?;
            let requests = platform::allocations::list_renewals(&platform, &ctx, true).await?;
            Ok((found, requests))
        },
        move |(found, requests)| list_view(list, found, requests),
    )
}

/// The address as the page's state and as the operation's query. Words we do not know filter nothing.
pub(super) fn read_query() -> (ListQuery, AllocationQuery) {
    let names = ["q", "state", "days", "customerId", "sort", "pageSize", "page"];
    let list = ListQuery::here(paths::ALLOCATIONS, names);
    let query = AllocationQuery {
        page: list.page(),
        page_size: list.page_size(),
        q: Some(list.get("q").to_owned()).filter(|q| !q.is_empty()),
        state: AllocationState::parse(list.get("state")),
        days: list.number("days"),
        customer_id: list.get("customerId").parse().ok(),
        sort: Some(list.get("sort").to_owned())
            .filter(|sort| contract::sort_of(Some(sort), AllocationSort::parse).is_ok()),
        ..AllocationQuery::default()
    };
    (list, query)
}

fn list_view(query: ListQuery, page: Page<AllocationView>, requests: Vec<RenewalRequestView>) -> AnyView {
    let words = Words::now();
    let may_change = door().1.holds(Permission::AllocationsUpdate);
    let refused = Refused::from_query().map(|r| {
        let faults: Vec<_> = r.fields.keys().filter_map(|path| r.fault(words.0, path)).collect();
        format!("{} {}", r.message(words.0), faults.join(" "))
    });
    let filtered = FILTERS.iter().any(|name| !query.get(name).is_empty());
    let body = if let Some(past) = past_the_end(words, &query, page.page, page.page_size, page.total) {
        view! { {filters(words, &query)} {past} }.into_any()
    } else if page.list.is_empty() && !filtered {
        view! { <div class="empty"><p>{words.t("allocations-empty")}</p></div> }.into_any()
    } else if page.list.is_empty() {
        view! {
            {filters(words, &query)}
            <div class="empty">
                <p>{words.t("allocations-none-match")}</p>
                <a class="btn" href=paths::ALLOCATIONS>{words.t("list-clear-filters")}</a>
            </div>
        }
        .into_any()
    } else {
        let (number, size, total) = (page.page, page.page_size, page.total);
        let more = total > page.list.len() as u64;
        view! {
            {filters(words, &query)}
            {may_change.then(|| tools(words, &query, more, total))}
            {table_of(words, page.list, true, may_change, Some(&query))}
            {pager(words, &query, number, size, total)}
        }
        .into_any()
    };
    let filters = FILTERS.iter().chain(&["sort"]).map(|name| (*name, query.get(name)));
    let export = paths::with_query("/api/admin/allocations/export", filters);
    frame(
        PageFrame::new(words.t("allocations-title"), Area::Allocations).actions(view! {
            <a class="btn" href=export download="">{words.t("list-export")}</a>
            <a class="btn" href=paths::ALLOCATIONS_TIMELINE>{words.t("timeline-title")}</a>
        }),
        view! {
            {form_fault(refused)}
            {afterword(words)}
            {(!requests.is_empty()).then(|| requests_view(words, requests))}
            <section class="card">{body}</section>
        },
    )
}

/// What was done with many, where one comes from that.
fn afterword(words: Words) -> Option<impl IntoView + use<>> {
    let map = use_query_map().get_untracked();
    let did = AllocationAction::parse(&map.get("did").filter(|_| afterword_is_ours())?)?;
    let number = |name: &str| map.get(name).and_then(|n| n.parse::<u32>().ok());
    let done = number("done").filter(|done| *done > 0)?;
    let args = [("n", done.to_string()), ("months", number("months").unwrap_or_default().to_string())];
    let says = words.with(&format!("allocations-bulk-{}-done", did.code()), &args);
    Some(view! { <section class="card notice" role="status"><p>{state(Tone::Ok, says)}</p></section> })
}

fn filters(words: Words, query: &ListQuery) -> impl IntoView + use<> {
    let mut states = vec![(String::new(), words.t("filter-all"))];
    states.extend(
        AllocationState::ALL.iter().map(|s| (s.code().to_owned(), words.t(&format!("allocation-state-{}", s.code())))),
    );
    let soon = ENDING_SOON_DAYS.to_string();
    let ends = vec![
        (String::new(), words.t("allocations-any-end")),
        (soon.clone(), words.with("allocations-ending", &[("days", soon)])),
        ("7".to_owned(), words.with("allocations-ending", &[("days", "7".to_owned())])),
    ];
    // These have no field of their own.
    let kept = ["customerId", "sort"].map(|name| {
        let value = query.get(name).to_owned();
        (!value.is_empty()).then(|| view! { <input r#type="hidden" name=name value=value /> })
    });
    view! {
        <form class="filters" method="get" action=paths::ALLOCATIONS>
            <input class="filter-q" r#type="search" name="q" value=query.get("q").to_owned()
                placeholder=words.t("allocations-filter") aria-label=words.t("allocations-filter") />
            <select name="state" aria-label=words.t("allocation-state")>{options_view(states, query.get("state"))}</select>
            {kept}
            <select name="days" aria-label=words.t("allocation-ends")>{options_view(ends, query.get("days"))}</select>
            <button class="btn">{words.t("filter-apply")}</button>
            <a class="btn ghost" href=paths::ALLOCATIONS>{words.t("filter-reset")}</a>
        </form>
    }
}

/// Allocations as rows; `customers` says whether it is worth naming whose they are.
pub(crate) fn allocation_table(words: Words, list: Vec<AllocationView>, customers: bool) -> AnyView {
    table_of(words, list, customers, false, None)
}

/// What can be done with the chosen rows.
fn tools(words: Words, query: &ListQuery, more: bool, total: u64) -> impl IntoView + use<> {
    // What is done with some of them leads back to the list as it is.
    let all = match more {
        true => all_matching(words, query, &FILTERS, total).into_any(),
        false => hidden_filters(query, &FILTERS).into_any(),
    };
    view! {
        <div class="list-tools">
            <form id="bulk" class="bulk" method="get" action=paths::ALLOCATIONS_BULK>
                {all}
                {hidden_filters(query, &["sort", "pageSize"])}
                <button class="btn" name="action" value="renew">{words.t("allocations-bulk-renew")}</button>
                <button class="btn" name="action" value="reclaim">{words.t("allocations-bulk-reclaim")}</button>
            </form>
        </div>
    }
}

/// With a box before each row when they can be chosen, and headings that sort where the list has an address.
fn table_of(
    words: Words,
    list: Vec<AllocationView>,
    customers: bool,
    choose: bool,
    query: Option<&ListQuery>,
) -> AnyView {
    let zone = look().zone;
    let heading = |column: AllocationSort, key: &str| match query {
        Some(query) => sort_header(query, column.code(), "", words.t(key), false).into_any(),
        None => view! { <th scope="col">{words.t(key)}</th> }.into_any(),
    };
    let rows = list.into_iter().map(|row| {
        let customer = customers.then(|| {
            view! {
                <td data-label=words.t("allocation-customer")>
                    {ways::name(paths::customer(row.customer_id), row.customer_name.clone())}
                </td>
            }
        });
        let asked = row.open_request.map(|_| state(Tone::Info, words.t("allocation-asked")));
        let pick = choose.then(|| {
            let label = words.with("list-choose", &[("name", row.machine_name.clone())]);
            let chosen =
                view! { <input r#type="checkbox" form="bulk" name="ids" value=row.id.to_string() aria-label=label /> };
            view! { <td class="pick">{row.state.holds().then_some(chosen)}</td> }
        });
        view! {
            <tr>
                {pick}
                <th scope="row">{ways::name(paths::allocation(row.id), row.machine_name.clone())}</th>
                {customer}
                <td data-label=words.t("allocation-state")>{allocation_state(words, &row)} " " {asked}</td>
                <td data-label=words.t("allocation-starts")>{time(row.starts_at, zone)}</td>
                <td data-label=words.t("allocation-ends")>{end_time(row.ends_at, zone)}</td>
            </tr>
        }
    });
    view! {
        {list_table(words.t("allocations-title"), view! {
            {choose.then(|| view! {
                <th scope="col" class="pick"><rg-check-all data-label=words.t("list-check-all")></rg-check-all></th>
            })}
            {heading(AllocationSort::Machine, "allocation-machine")}
            {customers.then(|| heading(AllocationSort::Customer, "allocation-customer"))}
            {heading(AllocationSort::State, "allocation-state")}
            {heading(AllocationSort::Starts, "allocation-starts")}
            {heading(AllocationSort::Ends, "allocation-ends")}
        }, rows.collect_view())}
    }
    .into_any()
}

/// Where it stands, with the days left while that matters, what it waits for, and until when its grace is.
pub(crate) fn allocation_state(words: Words, row: &AllocationView) -> AnyView {
    let now = door().1.now();
    match row.state {
        AllocationState::Scheduled if row.waits_for.is_some() => {
            state(Tone::Warn, standing_word(words, row.state, row.waits_for)).into_any()
        }
        // The moment between the end and the grace is of the grace.
        AllocationState::Active | AllocationState::Grace if is_in_grace(row, now) => {
            let until = end_date_time(grace_end(row), look().zone);
            state(Tone::Warn, words.with("allocation-grace-until", &[("until", until)])).into_any()
        }
        standing => lease_state(words, standing, row.ends_at),
    }
}

/// What it is called where there is room for words alone, with what it waits for.
pub fn standing_word(words: Words, lease: AllocationState, waits_for: Option<WaitReason>) -> String {
    match waits_for.filter(|_| lease == AllocationState::Scheduled) {
        Some(reason) => words.t(&format!("allocation-waits-for-{}", reason.code())),
        None => words.t(&format!("allocation-state-{}", lease.code())),
    }
}

/// Whether its time is over while what is on the machine can still be there to save.
pub(crate) fn is_in_grace(row: &AllocationView, now: DateTime<Utc>) -> bool {
    let is_over = row.state == AllocationState::Grace || (row.state == AllocationState::Active && row.ends_at <= now);
    is_over && row.grace_days > 0
}

/// When the machine is taken back of who has not been given more time.
pub(crate) fn grace_end(row: &AllocationView) -> DateTime<Utc> {
    row.ends_at + TimeDelta::days(i64::from(row.grace_days))
}

/// The same of what is known of it elsewhere.
pub(crate) fn lease_state(words: Words, lease: AllocationState, ends_at: DateTime<Utc>) -> AnyView {
    let now = door().1.now();
    let days_left = days_left(ends_at, now);
    let days = || time_left_view(words, ends_at, now, |unit| format!("allocation-{unit}-left"));
    let word = words.t(&format!("allocation-state-{}", lease.code()));
    match lease {
        // Nothing is wrong with a lease that ends.
        AllocationState::Active if days_left <= 7 => state_of(Tone::Warn, days()),
        AllocationState::Active if days_left <= ENDING_SOON_DAYS => state_of(Tone::Info, days()),
        AllocationState::Active => state_of(Tone::Ok, days()),
        AllocationState::Scheduled => state(Tone::Info, word).into_any(),
        AllocationState::Grace | AllocationState::Reclaiming => state(Tone::Warn, word).into_any(),
        AllocationState::Ended | AllocationState::Cancelled => state(Tone::Off, word).into_any(),
    }
}

/// A state whose word lives.
pub(crate) fn state_of(tone: Tone, word: AnyView) -> AnyView {
    view! {
        <span class=format!("state {}", tone.class())>
            <span class="icon" inner_html=tone.icon()></span>
            <span>{word}</span>
        </span>
    }
    .into_any()
}

/// What ends so soon is told in other words while a page is open.
const SOON_SECONDS: i64 = 2 * 86_400;

/// How long still, in words of which `key` makes a text key by the unit. Pages that load `rg-left` keep it true.
pub(crate) fn time_left_view(
    words: Words,
    ends_at: DateTime<Utc>,
    now: DateTime<Utc>,
    key: fn(&str) -> String,
) -> AnyView {
    let (unit, n) = time_left(ends_at, now);
    let text = words.with(&key(unit), &[("n", n.to_string())]);
    let seconds = (ends_at - now).num_seconds();
    if seconds > SOON_SECONDS {
        return text.into_any();
    }
    view! { <rg-left data-seconds=seconds.to_string() data-words=left_words(words, key)>{text}</rg-left> }.into_any()
}

/// The words for one and for any other number of each unit, as `rg-left` reads them.
fn left_words(words: Words, key: fn(&str) -> String) -> String {
    let say = |unit: &str, n: &str| words.with(&key(unit), &[("n", n.to_owned())]);
    let both = |unit: &str| [say(unit, "1"), say(unit, "2").replace('2', "{}")];
    serde_json::json!({ "days": both("days"), "hours": both("hours"), "minutes": both("minutes") }).to_string()
}

/// How long still, begun ones counted, and in what: days, in the last day hours, and in the last hour minutes. The unit is part
/// of a text key.
pub(crate) fn time_left(ends_at: DateTime<Utc>, now: DateTime<Utc>) -> (&'static str, i64) {
    let seconds = (ends_at - now).num_seconds().max(0);
    let (unit, length) = match seconds {
        ..=3_600 => ("minutes", 60),
        3_601..=86_400 => ("hours", 3_600),
        _ => ("days", 86_400),
    };
    (unit, (seconds + length - 1) / length)
}

/// What waits for an answer.
fn requests_view(words: Words, requests: Vec<RenewalRequestView>) -> impl IntoView {
    let refused = Refused::from_query();
    let cards = requests.into_iter().map(|request| decision_form(words, request, refused.as_ref(), None));
    view! {
        <section class="card">
            <header><h2>{words.t("renewals-open")}</h2></header>
            {cards.collect_view()}
        </section>
    }
}

/// The answer to one wish: granted, changed or refused. `back`: the page of its own allocation, where a refused form comes back
/// to and where nobody has to be told whose it is.
pub(super) fn decision_form(
    words: Words,
    request: RenewalRequestView,
    refused: Option<&Refused>,
    back: Option<String>,
) -> impl IntoView + use<> {
    let zone = look().zone;
    let refused =
        refused.filter(|refused| refused.typed.get("request").is_some_and(|id| *id == request.id.to_string()));
    let typed = |name: &str| refused.and_then(|refused| refused.typed.get(name).cloned()).unwrap_or_default();
    let fault = |path: &str| refused.and_then(|refused| refused.fault(words.0, path));
    let days_of = platform::settings::usual_time_zone(&door().0).name().to_owned();
    let (word_id, until_id) = (format!("rr-word-{}", request.id), format!("rr-until-{}", request.id));
    let (word, until) = (fault("answer"), fault("endsAt"));
    let (word_says, until_says) = (described_by(&word_id, &word, &None), described_by(&until_id, &until, &None));
    let whose = back.is_none().then(|| {
        view! {
            <p>
                <a href=paths::allocation(request.allocation_id)>{request.machine_name}</a>
                " · " {request.customer_name}
            </p>
        }
    });
    view! {
        <form class="form inline" method="post" action=DecideRenewal::url()>
            <input r#type="hidden" name="id" value=request.id.to_string() />
            {back.map(|back| view! { <input r#type="hidden" name="back" value=back /> })}
            <div>
                {whose}
                <p class="sub">
                    {words.t("renewal-wanted")} " " {end_time(request.wanted_until, zone)}
                    {request.message.map(|message| format!(" · {message}"))}
                </p>
            </div>
            <div class="form-row">
                <label r#for=until_id.clone()>{words.with("renewal-other-end", &[("zone", days_of)])}</label>
                <input id=until_id.clone() r#type="date" name="form[ends]" value=typed("ends")
                    aria-invalid=until.is_some().then_some("true") aria-describedby=until_says />
                {fault_view(&until_id, until)}
            </div>
            <div class="form-row">
                <label r#for=word_id.clone()>{words.t("renewal-answer")}</label>
                <input id=word_id.clone() r#type="text" name="form[word]" maxlength="1000" value=typed("word")
                    aria-invalid=word.is_some().then_some("true") aria-describedby=word_says />
                {fault_view(&word_id, word)}
            </div>
            <p class="actions">
                <button class="btn primary" name="form[decision]" value="approve">{words.t("renewal-approve")}</button>
                <button class="btn" name="form[decision]" value="refuse">{words.t("renewal-refuse")}</button>
            </p>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use contract::accounts::Language;

    use super::*;

    #[test]
    fn an_open_page_is_given_the_words_for_every_number() {
        let en = left_words(Words(Language::En), |unit| format!("allocation-{unit}-left"));
        assert!(en.contains(r#""minutes":["1 minute left","{} minutes left"]"#), "{en}");
        let zh = left_words(Words(Language::Zh), |unit| format!("home-ends-{unit}"));
        assert!(zh.contains(r#""hours":["还有 1 小时到期","还有 {} 小时到期"]"#), "{zh}");
    }

    #[test]
    fn the_last_day_is_told_in_hours_and_the_last_hour_in_minutes() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        for (seconds, expected) in [
            (-5, ("minutes", 0)),
            (30, ("minutes", 1)),
            (3_600, ("minutes", 60)),
            (3_601, ("hours", 2)),
            (86_400, ("hours", 24)),
            (86_401, ("days", 2)),
            (47 * 86_400, ("days", 47)),
        ] {
            assert_eq!(time_left(now + TimeDelta::seconds(seconds), now), expected, "{seconds}");
        }
    }
}
