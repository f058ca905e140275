//! `/jobs`: what is done in the background, what is on its way in, and how much is stored.

use contract::files::{FilePurpose, StorageView, UploadState};
use contract::jobs::{JobState, OwnJobKind, OwnJobQuery, OwnJobView};
use contract::{Page, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use platform::files::Going;

use super::server_fns::{AbortUpload, CancelOwnJob, RetryOwnJob};
use crate::door::{Refused, door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::images::cells::size;
use crate::pages::admin::jobs::list::tone;
use crate::paths;
use crate::ui::ask::{Ask, go};
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::{form_fault, options_view};
use crate::ui::lists::{ListQuery, pager, past_the_end};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::ways;
use crate::words::Words;

struct Shown {
    jobs: Page<OwnJobView>,
    uploads: Vec<Going>,
    storage: StorageView,
}

/// `/jobs`.
#[component]
pub fn OwnJobsPage() -> impl IntoView {
    let list = ListQuery::here(paths::OWN_JOBS, ["kind", "state", "pageSize", "page"]);
    let query = OwnJobQuery {
        page: list.page(),
        page_size: list.page_size(),
        kind: OwnJobKind::parse(list.get("kind")),
        // As the rows say it: of what failed, that its job did its work is no comfort.
        outcome: JobState::parse(list.get("state")),
        ..OwnJobQuery::default()
    };
    let (platform, ctx) = door();
    let load = async move {
        let jobs = platform::jobs::list_own(&platform, &ctx, &query).await?;
        // Who may use jobs alone, by a token, is not refused the rest of the page.
        let files = ctx.holds(Permission::FilesView);
        let uploads = if files { platform::files::uploads_going(&platform, &ctx).await? } else { Vec::new() };
        let storage = if files { platform::quotas::storage(&platform, &ctx).await? } else { StorageView::default() };
        Ok(Shown { jobs, uploads, storage })
    };
    page(load, move |shown| view_of(list, shown))
}

fn view_of(query: ListQuery, shown: Shown) -> AnyView {
    let words = Words::now();
    let refused = Refused::from_query().map(|refused| refused.message(words.0));
    let head = PageFrame::new(words.t("own-jobs-title"), Area::OwnJobs)
        .actions(view! { <a class="btn" href=paths::OWN_JOBS>{words.t("own-jobs-refresh")}</a> });
    frame(
        head,
        view! {
            {form_fault(refused)}
            {storage_card(words, shown.storage)}
            {uploads_card(words, shown.uploads)}
            {jobs_card(words, &query, shown.jobs)}
        },
    )
}

fn storage_card(words: Words, storage: StorageView) -> impl IntoView {
    let line = |used: u64, limit: Option<u64>| match limit {
        Some(limit) => words.with("storage-of", &[("used", size(Some(used))), ("limit", size(Some(limit)))]),
        None => words.with("storage-unlimited", &[("used", size(Some(used)))]),
    };
    view! {
        <section class="card">
            <header><h2>{words.t("storage-title")}</h2></header>
            <dl class="facts">
                <dt>{words.t("storage-customer")}</dt>
                <dd>{line(storage.used, storage.limit)}</dd>
                <dt>{words.t("storage-own")}</dt>
                <dd>{line(storage.own_used, storage.own_limit)}</dd>
            </dl>
        </section>
    }
}

fn uploads_card(words: Words, uploads: Vec<Going>) -> Option<AnyView> {
    if uploads.is_empty() {
        return None;
    }
    let heads = ["file", "state", "progress", "by", "until", "actions"];
    let heads = heads.map(|key| view! { <th scope="col">{words.t(&format!("uploads-{key}"))}</th> });
    let head = heads.into_iter().collect_view();
    let rows = uploads.into_iter().map(|going| upload_row(words, going)).collect_view();
    let card = view! {
        <section class="card" id="uploads">
            <header><h2>{words.t("uploads-title")}</h2></header>
            {list_table(words.t("uploads-title"), head, rows)}
        </section>
    };
    Some(card.into_any())
}

fn upload_row(words: Words, going: Going) -> impl IntoView {
    let upload = going.view;
    let id = upload.id.to_string();
    let done = [("done", size(Some(upload.received_bytes))), ("all", size(Some(upload.size)))];
    let again = (going.may_abort && upload.purpose == FilePurpose::Image).then(|| {
        view! { <a class="btn small" href=paths::OWN_IMAGE_UPLOAD>{words.t("uploads-resume")}</a> }
    });
    let give_up = going.may_abort.then(|| {
        Ask::new(&id, words.t("upload-cancel"), words.t("uploads-abort-hint"), AbortUpload::url())
            .row(words.with("uploads-abort-of", &[("name", upload.name.clone())]))
            .yes(words.t("uploads-abort-confirm"))
            .field("id", &id)
            .view(words)
    });
    let until = match upload.state {
        UploadState::Open => time(upload.expires_at, look().zone).into_any(),
        _ => NOT_MEASURED.into_any(),
    };
    view! {
        <tr>
            <th scope="row">{upload.name}</th>
            <td data-label=words.t("uploads-state")>
                {state(Tone::Info, words.t(&format!("upload-state-{}", upload.state.code())))}
            </td>
            <td data-label=words.t("uploads-progress")>{words.with("upload-progress", &done)}</td>
            <td data-label=words.t("uploads-by")>{going.by}</td>
            <td data-label=words.t("uploads-until")>{until}</td>
            <td class="row-actions">{again} " " {give_up}</td>
        </tr>
    }
}

fn jobs_card(words: Words, query: &ListQuery, page: Page<OwnJobView>) -> impl IntoView + use<> {
    let filtered = ["kind", "state"].iter().any(|name| !query.get(name).is_empty());
    let past = past_the_end(words, query, page.page, page.page_size, page.total);
    let body = match (page.list.is_empty(), filtered || past.is_some()) {
        (true, false) => view! { <div class="empty"><p>{words.t("own-jobs-empty")}</p></div> }.into_any(),
        (true, true) => {
            let nothing = past.unwrap_or_else(|| {
                view! { <div class="empty"><p>{words.t("list-none-match")}</p></div> }.into_any()
            });
            view! { {filters(words, query)} {nothing} }.into_any()
        }
        (false, _) => {
            view! { {filters(words, query)} {table(words, page.list)} {pager(words, query, page.page, page.page_size, page.total)} }
                .into_any()
        }
    };
    view! {
        <section class="card" id="jobs">
            <header><h2>{words.t("own-jobs-list")}</h2></header>
            <p class="note-line">{words.t("own-jobs-explained")}</p>
            {body}
        </section>
    }
}

fn filters(words: Words, query: &ListQuery) -> impl IntoView + use<> {
    let all = |key: &str| (String::new(), words.labelled(words.t(key), words.t("filter-all")));
    let kinds = OwnJobKind::ALL.iter().map(|kind| (kind.code().to_owned(), kind_word(words, *kind)));
    let kinds = std::iter::once(all("own-jobs-what")).chain(kinds).collect();
    let states =
        JobState::ALL.iter().map(|known| (known.code().to_owned(), words.t(&format!("job-state-{}", known.code()))));
    let states = std::iter::once(all("own-jobs-state")).chain(states).collect();
    view! {
        <form class="filters" method="get" action=paths::OWN_JOBS>
            <select name="kind" aria-label=words.t("own-jobs-what")>{options_view(kinds, query.get("kind"))}</select>
            <select name="state" aria-label=words.t("own-jobs-state")>{options_view(states, query.get("state"))}</select>
            <button class="btn">{words.t("filter-apply")}</button>
            <a class="btn ghost" href=paths::OWN_JOBS>{words.t("filter-reset")}</a>
        </form>
    }
}

fn kind_word(words: Words, kind: OwnJobKind) -> String {
    words.t(&format!("job-kind-{}", kind.code()))
}

fn table(words: Words, jobs: Vec<OwnJobView>) -> AnyView {
    let of_others = jobs.iter().any(|job| job.person.is_some());
    let keys = ["what", "about", "state", "progress", "person", "added", "ended"];
    let heads = keys.into_iter().filter(|key| *key != "person" || of_others);
    let heads = heads.map(|key| view! { <th scope="col">{words.t(&format!("own-jobs-{key}"))}</th> }).collect_view();
    let actions = view! { <th scope="col"><span class="unseen-text">{words.t("list-actions")}</span></th> };
    let rows = jobs.into_iter().map(|job| row(words, job, of_others)).collect_view();
    list_table(words.t("own-jobs-list"), view! { {heads} {actions} }, rows)
}

/// What is not done any more can only be done again, and the other way round. What would be refused is not offered: the thing
/// itself, which is beside it, is where it is given up.
fn actions(words: Words, job: &OwnJobView) -> Option<AnyView> {
    let id = format!("job-{}", job.id);
    match job.state {
        JobState::Ready | JobState::Running if job.may_cancel.allowed => {
            let about = job.subject.as_ref().map(|subject| subject.name.clone()).unwrap_or_default();
            let ask = Ask::new(id, words.t("jobs-cancel"), words.t("own-jobs-cancel-hint"), CancelOwnJob::url())
                .row(words.with("own-jobs-cancel-of", &[("name", about)]))
                .yes(words.t("jobs-cancel-confirm"))
                .field("id", job.id);
            Some(ask.view(words))
        }
        JobState::Failed if job.may_retry.allowed => {
            let fields = vec![("id", job.id.to_string())];
            go(&id, words.t("jobs-retry"), &job.may_retry, RetryOwnJob::url(), fields, "btn small")
        }
        _ => None,
    }
}

fn row(words: Words, job: OwnJobView, of_others: bool) -> impl IntoView {
    let tone = tone(job.outcome, job.attempt);
    let actions = actions(words, &job);
    // It was tried, and did not go well.
    let again = (job.state == JobState::Ready && job.attempt > 0).then(|| {
        view! { <span class="sub">{words.t("own-jobs-again")} " " {time(job.run_at, look().zone)}</span> }
    });
    let attempts = (job.attempt > 1).then(|| {
        let numbers = [("n", job.attempt.to_string()), ("max", job.max_attempts.to_string())];
        view! { <span class="sub">{words.with("own-jobs-attempt", &numbers)}</span> }
    });
    let about = match job.subject {
        None => words.t("own-jobs-gone").into_any(),
        Some(subject) => {
            let standing = words.t(&format!("{}-state-{}", subject.kind, subject.state));
            let name = match subject.link {
                Some(link) => ways::name(link, subject.name),
                None => subject.name.into_any(),
            };
            let standing = match subject.failed {
                true => state(Tone::Bad, standing).into_any(),
                false => view! { <span class="sub">{standing}</span> }.into_any(),
            };
            let why = subject.message.map(|message| view! { <span class="sub">{message}</span> });
            view! { {name} " " {standing} " " {why} }.into_any()
        }
    };
    let person = of_others.then(|| {
        let person = job.person.unwrap_or_else(|| NOT_MEASURED.to_owned());
        view! { <td data-label=words.t("own-jobs-person")>{person}</td> }
    });
    let ended = job.finished_at.map_or_else(|| NOT_MEASURED.into_any(), |at| time(at, look().zone).into_any());
    view! {
        <tr>
            <th scope="row">{kind_word(words, job.kind)}</th>
            <td class="says brief" data-label=words.t("own-jobs-about")>{about}</td>
            <td data-label=words.t("own-jobs-state")>
                {state(tone, words.t(&format!("job-state-{}", job.outcome.code())))} " " {again} " " {attempts}
            </td>
            <td class="num" data-label=words.t("own-jobs-progress")>
                {job.progress.map_or_else(|| NOT_MEASURED.to_owned(), |percent| format!("{percent}\u{a0}%"))}
            </td>
            {person}
            <td data-label=words.t("own-jobs-added")>{time(job.created_at, look().zone)}</td>
            <td data-label=words.t("own-jobs-ended")>{ended}</td>
            <td class="row-actions">{actions}</td>
        </tr>
    }
}
