//! `/admin/jobs/{id}`: one job, what happened to it, and what may be done with it.

use contract::JobId;
use contract::jobs::{JobDetail, JobEventView, JobState};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_params_map;
use platform::Error;

use super::list::{outcome, whose};
use super::server_fns::{CancelJob, RetryJob};
use crate::door::{Refused, door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::ask::{Ask, go};
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::form_fault;
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::{Words, job_kind};

/// `/admin/jobs/{id}`.
#[component]
pub fn JobPage() -> impl IntoView {
    let id = use_params_map().get_untracked().get("id").and_then(|id| id.parse::<JobId>().ok());
    let (platform, ctx) = door();
    let load = async move {
        let id = id.ok_or_else(Error::not_found)?;
        platform::jobs::get(&platform, &ctx, id).await
    };
    page(load, job_view)
}

fn job_view(detail: JobDetail) -> AnyView {
    let words = Words::now();
    let refused = Refused::from_query().map(|refused| refused.message(words.0));
    let id = detail.job.id;
    let head = PageFrame::new(job_kind(words.0, &detail.job.kind), Area::Jobs)
        .crumb(words.t("jobs-title"), paths::JOBS)
        .beside(view! { {outcome(words, &detail.job)} })
        .actions(actions(words, &detail));
    frame(
        head,
        view! {
            {form_fault(refused)}
            <section class="card">
                <header><h2>{words.with("channel-number", &[("n", id.to_string())])}</h2></header>
                {facts(words, &detail)}
            </section>
            {events_card(words, detail.events)}
        },
    )
}

/// What is not done any more can only be done again, and the other way round.
fn actions(words: Words, detail: &JobDetail) -> Option<AnyView> {
    let id = detail.job.id.to_string();
    match detail.job.state {
        JobState::Ready | JobState::Running => {
            Ask::new("cancel", words.t("jobs-cancel"), words.t("jobs-cancel-hint"), CancelJob::url())
                .yes(words.t("jobs-cancel-confirm"))
                .field("id", id)
                .may(words, &detail.may_cancel)
        }
        JobState::Failed => {
            go("retry", words.t("jobs-retry"), &detail.may_retry, RetryJob::url(), vec![("id", id)], "btn primary")
        }
        JobState::Done | JobState::Cancelled => None,
    }
}

fn facts(words: Words, detail: &JobDetail) -> impl IntoView + use<> {
    let zone = look().zone;
    let job = &detail.job;
    let fact = |key: &str, value: AnyView| view! { <dt>{words.t(key)}</dt> <dd>{value}</dd> };
    let round = detail.periodic.then(|| fact("jobs-comes-round", words.t("yes").into_any()));
    let stopping = detail.stopping.then(|| {
        view! { <p class="note-line" role="status">{state(Tone::Warn, words.t("jobs-stopping"))}</p> }
    });
    let worker = detail
        .worker
        .clone()
        .map(|worker| fact("jobs-worker", view! { <span class="mono">{worker}</span> }.into_any()));
    let heard = detail.heartbeat_at.map(|at| fact("jobs-heard", time(at, zone).into_any()));
    let until = detail.lease_until.map(|at| fact("jobs-lease", time(at, zone).into_any()));
    let message = job.message.clone().map(|message| fact("jobs-message", message.into_any()));
    let ended = job.finished_at.map(|at| fact("own-jobs-ended", time(at, zone).into_any()));
    view! {
        {stopping}
        <dl class="facts">
            <dt>{words.t("jobs-code")}</dt>
            <dd class="mono">{job.kind.clone()}</dd>
            {round}
            <dt>{words.t("jobs-customer")}</dt>
            <dd>{whose(job)}</dd>
            <dt>{words.t("jobs-attempts")}</dt>
            <dd>{words.with("own-jobs-attempt", &[("n", job.attempt.to_string()), ("max", job.max_attempts.to_string())])}</dd>
            <dt>{words.t("jobs-priority")}</dt>
            <dd>{detail.priority.to_string()}</dd>
            <dt>{words.t("own-jobs-added")}</dt>
            <dd>{time(job.created_at, zone)}</dd>
            <dt>{words.t("jobs-run-at")}</dt>
            <dd>{time(job.run_at, zone)}</dd>
            {ended}
            {worker}
            {heard}
            {until}
            {message}
        </dl>
    }
}

fn events_card(words: Words, events: Vec<JobEventView>) -> impl IntoView {
    let body = if events.is_empty() {
        view! { <div class="empty"><p>{words.t("jobs-no-events")}</p></div> }.into_any()
    } else {
        let head = view! {
            <th scope="col">{words.t("jobs-at")}</th>
            <th scope="col">{words.t("jobs-event")}</th>
            <th scope="col" class="num">{words.t("jobs-attempt")}</th>
            <th scope="col">{words.t("jobs-message")}</th>
        };
        let rows = events.into_iter().map(|event| {
            view! {
                <tr>
                    <td data-label=words.t("jobs-at")>{time(event.at, look().zone)}</td>
                    <th scope="row">{words.t(&format!("job-event-{}", event.kind.code()))}</th>
                    <td class="num" data-label=words.t("jobs-attempt")>{event.attempt.to_string()}</td>
                    <td class="says" data-label=words.t("jobs-message")>
                        {event.message.unwrap_or_else(|| NOT_MEASURED.to_owned())}
                    </td>
                </tr>
            }
        });
        list_table(words.t("jobs-events"), head, rows.collect_view())
    };
    view! {
        <section class="card" id="events">
            <header><h2>{words.t("jobs-events")}</h2></header>
            {body}
        </section>
    }
}
