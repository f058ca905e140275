//! `/admin/jobs`: how the queue stands, its jobs, who works at it, and what became of them; filters and page are in the
//! address.

use contract::customers::CustomerQuery;
use contract::jobs::{
    JobKindStatistics, JobQuery, JobServer, JobState, JobStatistics, JobStatisticsQuery, JobStatus, JobView,
};
use contract::{Page, Permission};
use leptos::prelude::*;
use platform::{OpContext, Platform};

use crate::door::{door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::audit::list::at_midnight;
use crate::pages::admin::audit::unread::unread_days;
use crate::paths;
use crate::ui::format::{NOT_MEASURED, decimal, whole};
use crate::ui::forms::options_view;
use crate::ui::lists::{ListQuery, pager, past_the_end};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::ways;
use crate::words::{Words, job_kind};

/// What narrows the list.
const FILTERS: [&str; 5] = ["kind", "state", "customerId", "from", "until"];
/// In the place of a kind: everything, or what comes round by the clock. Where nothing is said, all but the latter.
const ALL: &str = "all";
const CLOCK: &str = "clock";

struct Shown {
    status: JobStatus,
    jobs: Page<JobView>,
    servers: Vec<JobServer>,
    statistics: JobStatistics,
    /// To choose from, for who sees them.
    customers: Vec<(String, String)>,
}

/// `/admin/jobs`.
#[component]
pub fn JobListPage() -> impl IntoView {
    let list = ListQuery::here(paths::JOBS, FILTERS.into_iter().chain(["pageSize", "page"]));
    let query = query_of(&list);
    let (platform, ctx) = door();
    let load = async move {
        let statistics = JobStatisticsQuery::default();
        Ok(Shown {
            jobs: platform::jobs::list(&platform, &ctx, &query).await?,
            status: platform::jobs::status(&platform, &ctx).await?,
            servers: platform::jobs::workers(&platform, &ctx).await?,
            statistics: platform::jobs::statistics(&platform, &ctx, statistics).await?,
            customers: customers(&platform, &ctx).await?,
        })
    };
    page(load, move |shown| list_view(list, shown))
}

async fn customers(platform: &Platform, ctx: &OpContext) -> platform::Result<Vec<(String, String)>> {
    if !ctx.holds_everywhere(Permission::CustomersManage) {
        return Ok(Vec::new());
    }
    let query = CustomerQuery { page_size: Some(contract::MAX_PAGE_SIZE), ..CustomerQuery::default() };
    let found = platform::customers::list(platform, ctx, &query).await?.list;
    Ok(found.into_iter().map(|customer| (customer.id.to_string(), customer.name)).collect())
}

/// Words we do not know filter nothing.
fn query_of(list: &ListQuery) -> JobQuery {
    let known = |kind: &str| platform::jobs::kinds().any(|known| known == kind);
    let (kind, periodic) = match list.get("kind") {
        ALL => (None, None),
        CLOCK => (None, Some(true)),
        kind if known(kind) => (Some(kind.to_owned()), None),
        _ => (None, Some(false)),
    };
    JobQuery {
        page: list.page(),
        page_size: list.page_size(),
        kind,
        state: None,
        outcome: JobState::parse(list.get("state")),
        periodic,
        customer_id: list.get("customerId").parse().ok(),
        from: at_midnight(list.get("from"), 0),
        until: at_midnight(list.get("until"), 1),
    }
}

/// What is shown, all pages of it.
fn export_address(list: &ListQuery) -> String {
    let query = query_of(list);
    let at = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
    let pairs = [
        ("kind", query.kind.unwrap_or_default()),
        ("periodic", query.periodic.map(|periodic| periodic.to_string()).unwrap_or_default()),
        ("outcome", query.outcome.map(|outcome| outcome.code().to_owned()).unwrap_or_default()),
        ("customerId", query.customer_id.map(|id| id.to_string()).unwrap_or_default()),
        ("from", at(query.from)),
        ("until", at(query.until)),
    ];
    paths::with_query("/api/admin/jobs/export", pairs.iter().map(|(name, value)| (*name, value.as_str())))
}

fn list_view(list: ListQuery, shown: Shown) -> AnyView {
    let words = Words::now();
    let head = PageFrame::new(words.t("jobs-title"), Area::Jobs).actions(view! {
        <a class="btn" href=export_address(&list) download="">{words.t("list-export")}</a>
        <a class="btn" href=list.with(&[])>{words.t("own-jobs-refresh")}</a>
    });
    let Shown { status, jobs, servers, statistics, customers } = shown;
    let body = if let Some(past) = past_the_end(words, &list, jobs.page, jobs.page_size, jobs.total) {
        past
    } else if jobs.list.is_empty() {
        view! { <div class="empty"><p>{words.t("list-none-match")}</p></div> }.into_any()
    } else {
        let (number, size, total) = (jobs.page, jobs.page_size, jobs.total);
        view! { {table(words, jobs.list)} {pager(words, &list, number, size, total)} }.into_any()
    };
    frame(
        head,
        view! {
            {status_card(words, status)}
            <section class="card" id="jobs">
                <header><h2>{words.t("jobs-list")}</h2></header>
                <p class="note-line">{words.t("own-jobs-explained")}</p>
                {filters(words, &list, customers)}
                {unread_days(words, &list, ["jobs-from", "jobs-until"])}
                {body}
            </section>
            {workers_card(words, servers)}
            {statistics_card(words, statistics)}
        },
    )
}

fn status_card(words: Words, status: JobStatus) -> impl IntoView {
    let due = match status.due_seconds {
        Some(seconds) => {
            let wait = words.lexicon(&[]).duration(seconds);
            words.with("jobs-due-since", &[("n", status.due.to_string()), ("wait", wait)])
        }
        None => whole(status.due),
    };
    let failed = match status.failed_lately {
        0 => whole(0).into_any(),
        n => {
            let href = paths::with_query(paths::JOBS, [("kind", ALL), ("state", JobState::Failed.code())]);
            view! { <a href=href>{state(Tone::Bad, whole(n))}</a> }.into_any()
        }
    };
    let servers = match status.servers {
        0 => state(Tone::Bad, words.t("jobs-no-server")).into_any(),
        n => whole(n).into_any(),
    };
    view! {
        <section class="card" id="status">
            <header><h2>{words.t("jobs-status")}</h2></header>
            <dl class="facts">
                <dt>{words.t("jobs-waiting")}</dt>
                <dd>{whole(status.waiting)}</dd>
                <dt>{words.t("jobs-due")}</dt>
                <dd>{due}</dd>
                <dt>{words.t("job-state-running")}</dt>
                <dd>{whole(status.running)}</dd>
                <dt>{words.t("jobs-failed-lately")}</dt>
                <dd>{failed}</dd>
                <dt>{words.t("jobs-servers")}</dt>
                <dd>{servers}</dd>
            </dl>
        </section>
    }
}

fn filters(words: Words, list: &ListQuery, customers: Vec<(String, String)>) -> impl IntoView + use<> {
    let all = |key: &str| (String::new(), words.labelled(words.t(key), words.t("filter-all")));
    let mut kinds = vec![
        (String::new(), words.labelled(words.t("jobs-kind"), words.t("jobs-kind-wanted"))),
        (ALL.to_owned(), words.labelled(words.t("jobs-kind"), words.t("filter-all"))),
        (CLOCK.to_owned(), words.labelled(words.t("jobs-kind"), words.t("jobs-kind-clock"))),
    ];
    kinds.extend(platform::jobs::kinds().map(|kind| (kind.to_owned(), job_kind(words.0, kind))));
    let states =
        JobState::ALL.iter().map(|known| (known.code().to_owned(), words.t(&format!("job-state-{}", known.code()))));
    let states = std::iter::once(all("own-jobs-state")).chain(states).collect();
    let customers = (!customers.is_empty()).then(|| {
        let customers = std::iter::once(all("jobs-customer")).chain(customers).collect();
        view! {
            <select name="customerId" aria-label=words.t("jobs-customer")>{options_view(customers, list.get("customerId"))}</select>
        }
    });
    let size = list.get("pageSize").to_owned();
    view! {
        <form class="filters" method="get" action=paths::JOBS>
            <select name="kind" aria-label=words.t("jobs-kind")>{options_view(kinds, list.get("kind"))}</select>
            <select name="state" aria-label=words.t("own-jobs-state")>{options_view(states, list.get("state"))}</select>
            {customers}
            <input r#type="date" name="from" value=list.get("from").to_owned() aria-label=words.t("jobs-from") title=words.t("jobs-from") />
            <input r#type="date" name="until" value=list.get("until").to_owned() aria-label=words.t("jobs-until") title=words.t("jobs-until") />
            {(!size.is_empty()).then(|| view! { <input r#type="hidden" name="pageSize" value=size /> })}
            <button class="btn">{words.t("filter-apply")}</button>
            <a class="btn ghost" href=paths::JOBS>{words.t("filter-reset")}</a>
        </form>
    }
}

fn table(words: Words, jobs: Vec<JobView>) -> AnyView {
    let head = view! {
        <th scope="col">{words.t("jobs-kind")}</th>
        <th scope="col">{words.t("own-jobs-state")}</th>
        <th scope="col">{words.t("jobs-customer")}</th>
        <th scope="col">{words.t("own-jobs-added")}</th>
        <th scope="col">{words.t("own-jobs-ended")}</th>
    };
    list_table(words.t("jobs-list"), head, jobs.into_iter().map(|job| row(words, job)).collect_view())
}

fn row(words: Words, job: JobView) -> impl IntoView {
    let ended = job.finished_at.map_or_else(|| NOT_MEASURED.into_any(), |at| time(at, look().zone).into_any());
    let number = words.with("channel-number", &[("n", job.id.to_string())]);
    view! {
        <tr>
            <th scope="row"><a href=paths::job(job.id)>{job_kind(words.0, &job.kind)}</a> " " <span class="sub">{number}</span></th>
            <td data-label=words.t("own-jobs-state")>{outcome(words, &job)}</td>
            <td data-label=words.t("jobs-customer")>{whose(&job)}</td>
            <td data-label=words.t("own-jobs-added")>{time(job.created_at, look().zone)}</td>
            <td data-label=words.t("own-jobs-ended")>{ended}</td>
        </tr>
    }
}

/// How a job came out, or how it goes.
pub(super) fn outcome(words: Words, job: &JobView) -> impl IntoView + use<> {
    let tone = tone(job.outcome, job.attempt);
    let attempts = (job.attempt > 1).then(|| {
        let numbers = [("n", job.attempt.to_string()), ("max", job.max_attempts.to_string())];
        view! { <span class="sub">{words.with("own-jobs-attempt", &numbers)}</span> }
    });
    // The job itself did what it could.
    let thing = (job.outcome != job.state).then(|| view! { <span class="sub">{words.t("jobs-thing-failed")}</span> });
    let again = (job.state == JobState::Ready && job.attempt > 0).then(|| {
        view! { <span class="sub">{words.t("own-jobs-again")} " " {time(job.run_at, look().zone)}</span> }
    });
    view! {
        {state(tone, words.t(&format!("job-state-{}", job.outcome.code())))} " " {thing} " " {again} " " {attempts}
    }
}

/// How an outcome feels: what waits after an attempt did not go well.
pub(crate) fn tone(outcome: JobState, attempt: i32) -> Tone {
    match outcome {
        JobState::Ready if attempt > 0 => Tone::Warn,
        JobState::Ready | JobState::Running => Tone::Info,
        JobState::Done => Tone::Ok,
        JobState::Failed => Tone::Bad,
        JobState::Cancelled => Tone::Off,
    }
}

/// Whom it is for, and who wanted it.
pub(super) fn whose(job: &JobView) -> AnyView {
    let customer =
        job.customer_id.zip(job.customer_name.clone()).map(|(id, name)| ways::name(paths::customer(id), name));
    match (customer, job.person.clone()) {
        (None, None) => NOT_MEASURED.into_any(),
        (customer, person) => view! { {customer} " " {person} }.into_any(),
    }
}

fn workers_card(words: Words, servers: Vec<JobServer>) -> impl IntoView {
    let body = if servers.is_empty() {
        view! { <div class="empty"><p>{words.t("jobs-no-server")}</p></div> }.into_any()
    } else {
        let head = view! {
            <th scope="col">{words.t("jobs-server")}</th>
            <th scope="col">{words.t("own-jobs-state")}</th>
            <th scope="col">{words.t("jobs-workers")}</th>
            <th scope="col">{words.t("jobs-holds")}</th>
            <th scope="col">{words.t("jobs-server-since")}</th>
        };
        list_table(
            words.t("jobs-workers"),
            head,
            servers.into_iter().map(|server| server_row(words, server)).collect_view(),
        )
    };
    view! {
        <section class="card" id="workers">
            <header><h2>{words.t("jobs-workers")}</h2></header>
            {body}
        </section>
    }
}

fn server_row(words: Words, server: JobServer) -> impl IntoView {
    let zone = look().zone;
    let alive = if server.alive {
        state(Tone::Ok, words.t("jobs-server-alive")).into_any()
    } else {
        view! { {state(Tone::Bad, words.t("jobs-server-silent"))} " " <span class="sub">{time(server.seen_at, zone)}</span> }
            .into_any()
    };
    let lanes = server.lanes.iter().map(|lane| {
        let word = words.t(&format!("job-lane-{}", lane.lane.code()));
        words.labelled(word, whole(lane.workers.into()))
    });
    let lanes = lanes.collect::<Vec<_>>().join(&words.t("list-separator"));
    let held = match server.running.is_empty() {
        true => NOT_MEASURED.into_any(),
        false => {
            let held = server.running.iter().map(|held| {
                view! { <li><a href=paths::job(held.id)>{job_kind(words.0, &held.kind)}</a></li> }
            });
            view! { <ul>{held.collect_view()}</ul> }.into_any()
        }
    };
    view! {
        <tr>
            <th scope="row">{server.host} " " <span class="sub">{server.version}</span></th>
            <td data-label=words.t("own-jobs-state")>{alive}</td>
            <td data-label=words.t("jobs-workers")>{lanes}</td>
            <td data-label=words.t("jobs-holds")>{held}</td>
            <td data-label=words.t("jobs-server-since")>{time(server.started_at, zone)}</td>
        </tr>
    }
}

fn statistics_card(words: Words, statistics: JobStatistics) -> impl IntoView {
    let title = words.with("jobs-statistics", &[("hours", statistics.hours.to_string())]);
    let keys = [
        "jobs-kind",
        "job-state-done",
        "jobs-things-failed",
        "job-state-failed",
        "job-state-cancelled",
        "jobs-retries",
    ];
    let heads = keys.into_iter().enumerate().map(|(place, key)| {
        view! { <th scope="col" class=(place > 0).then_some("num")>{words.t(key)}</th> }
    });
    let seconds = ["jobs-mean", "jobs-longest"].map(|key| view! { <th scope="col" class="num">{words.t(key)}</th> });
    let head = view! { {heads.collect_view()} {seconds.into_iter().collect_view()} };
    let rows = statistics.kinds.into_iter().map(|kind| statistics_row(words, kind)).collect_view();
    view! {
        <section class="card" id="statistics">
            <header><h2>{title.clone()}</h2></header>
            {list_table(title, head, rows)}
        </section>
    }
}

fn statistics_row(words: Words, kind: JobKindStatistics) -> impl IntoView {
    let number = |key: &str, n: u64| view! { <td class="num" data-label=words.t(key)>{whole(n)}</td> };
    let seconds = |key: &str, seconds: Option<f64>| {
        let shown = seconds.map_or_else(|| NOT_MEASURED.to_owned(), |s| format!("{}\u{a0}s", decimal(s)));
        view! { <td class="num" data-label=words.t(key)>{shown}</td> }
    };
    view! {
        <tr>
            <th scope="row">{job_kind(words.0, &kind.kind)}</th>
            {number("job-state-done", kind.done)}
            {number("jobs-things-failed", kind.things_failed)}
            {number("job-state-failed", kind.failed)}
            {number("job-state-cancelled", kind.cancelled)}
            {number("jobs-retries", kind.retries)}
            {seconds("jobs-mean", kind.mean_seconds)}
            {seconds("jobs-longest", kind.longest_seconds)}
        </tr>
    }
}
