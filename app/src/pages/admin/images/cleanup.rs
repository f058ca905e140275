//! `/admin/images/cleanup`: which images on machines nothing uses, and what became of those that were taken away.

use contract::images::{
    CleanupCandidate, CleanupItem, CleanupItemState, CleanupPreview, CleanupQuery, CleanupRun, CleanupState,
    MAX_UNUSED_DAYS, USUAL_UNUSED_DAYS,
};
use contract::{Page, PageQuery};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::cells::size;
use super::server_fns::StartImageCleanup;
use crate::door::{Refused, door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::form_fault;
use crate::ui::lists::{ListQuery, pager_of, past_the_end};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::ways;
use crate::words::Words;

/// `/admin/images/cleanup`. Engines are asked when somebody wants to see what they have, and not before.
#[component]
pub fn ImageCleanupPage() -> impl IntoView {
    let list = ListQuery::here(paths::IMAGE_CLEANUP, ["asked", "machine", "unusedDays", "pageSize", "page"]);
    let asked = (!list.get("asked").is_empty()).then(|| CleanupQuery {
        page: list.page(),
        page_size: list.page_size(),
        machine: list.some("machine"),
        unused_days: days_of(&list),
    });
    let (platform, ctx) = door();
    page(
        async move {
            let runs = platform::images::list_cleanups(&platform, &ctx, PageQuery::default()).await?;
            let found = match &asked {
                Some(query) => platform::images::preview_cleanup(&platform, &ctx, query).await.map(Found::Machines),
                None => Ok(Found::NotAsked),
            };
            // A machine that there is not is said beside the form, not instead of the page.
            let found = match found {
                Err(error) if error.code == contract::ErrorCode::Validation => Found::UnknownMachine,
                found => found?,
            };
            Ok((runs, found))
        },
        move |(runs, found)| cleanup_view(list, runs, found),
    )
}

/// What engines were asked for.
enum Found {
    NotAsked,
    UnknownMachine,
    Machines(Page<CleanupPreview>),
}

/// An address may name any number; what is none, or too large, is as nothing.
fn days_of(list: &ListQuery) -> Option<u32> {
    list.get("unusedDays").parse().ok().filter(|days| *days <= MAX_UNUSED_DAYS)
}

fn cleanup_view(list: ListQuery, runs: Page<CleanupRun>, found: Found) -> AnyView {
    let words = Words::now();
    let refused = Refused::from_query().map(|refused| refused.message(words.0));
    let head = PageFrame::new(words.t("cleanup-title"), Area::Images).crumb(words.t("nav-images"), paths::IMAGES);
    let unknown = matches!(found, Found::UnknownMachine);
    let shown = match found {
        Found::Machines(found) => Some(machines_view(words, &list, found)),
        Found::NotAsked | Found::UnknownMachine => None,
    };
    frame(
        head,
        view! {
            {form_fault(refused)}
            <section class="card">
                <p class="note-line">{words.t("cleanup-hint")}</p>
                {ask_form(words, &list, unknown)}
            </section>
            {shown}
            {runs_card(words, runs.list)}
        },
    )
}

fn machines_view(words: Words, list: &ListQuery, found: Page<CleanupPreview>) -> AnyView {
    if let Some(past) = past_the_end(words, list, found.page, found.page_size, found.total) {
        return view! { <section class="card">{past}</section> }.into_any();
    }
    let pager = pager_of(words, list, &found);
    let none = found.list.is_empty().then(|| {
        view! { <section class="card"><div class="empty"><p>{words.t("cleanup-no-engines")}</p></div></section> }
    });
    let machines = found.list.into_iter().map(|machine| machine_card(words, machine)).collect_view();
    view! { {none} {machines} {pager} }.into_any()
}

fn ask_form(words: Words, list: &ListQuery, unknown: bool) -> impl IntoView + use<> {
    let days = days_of(list).unwrap_or(USUAL_UNUSED_DAYS).to_string();
    let fault = unknown.then(|| {
        view! { <span class="fault" id="cleanup-machine-fault">{words.t("field-machine-unknown")}</span> }
    });
    view! {
        <form class="filters" method="get" action=paths::IMAGE_CLEANUP>
            <input r#type="hidden" name="asked" value="yes" />
            <label class="filter">
                <span>{words.t("cleanup-machine")}</span>
                <input r#type="search" name="machine" maxlength="63" value=list.get("machine").to_owned()
                    placeholder=words.t("cleanup-machine-all") aria-invalid=unknown.then_some("true")
                    aria-describedby=unknown.then_some("cleanup-machine-fault") />
            </label>
            {fault}
            <label class="filter">
                <span>{words.t("cleanup-days")}</span>
                <input r#type="number" name="unusedDays" min="0" max=MAX_UNUSED_DAYS.to_string() value=days />
            </label>
            <button class="btn primary">{words.t("cleanup-look")}</button>
        </form>
    }
}

/// What would go from a machine, and what has it go.
fn machine_card(words: Words, machine: CleanupPreview) -> AnyView {
    let title = ways::name(paths::machine(&machine.machine), machine.machine_name.clone());
    let frees = size(Some(machine.frees));
    let sum = (!machine.images.is_empty()).then(|| {
        let n = machine.images.len().to_string();
        view! { <span class="sub">{words.with("cleanup-sum", &[("n", n), ("size", frees)])}</span> }
    });
    let body = match (machine.message.clone(), machine.going, machine.images.is_empty()) {
        (Some(message), ..) => view! {
            <p class="note-line">
                {state(Tone::Bad, message)} " "
                <span class="sub">{machine.detail.clone()}</span>
            </p>
        }
        .into_any(),
        (None, _, true) => {
            let why = words.t(if machine.lent { "cleanup-lent" } else { "cleanup-nothing" });
            view! { <div class="empty"><p>{why}</p></div> }.into_any()
        }
        (None, going, false) => choice(words, machine, going),
    };
    view! {
        <section class="card">
            <header>
                <h2>{title}</h2>
                {sum}
            </header>
            {body}
        </section>
    }
    .into_any()
}

/// The images, each with a box, and the button that has them go.
fn choice(words: Words, machine: CleanupPreview, going: bool) -> AnyView {
    let heads = ["image", "reason", "needed", "size", "frees"];
    let numeric = |key: &str| matches!(key, "size" | "frees").then_some("num");
    let heads = heads.map(|key| view! { <th scope="col" class=numeric(key)>{words.t(&format!("cleanup-{key}"))}</th> });
    let rows = machine.images.into_iter().map(|image| candidate_row(words, image)).collect_view();
    let label = words.with("cleanup-of", &[("name", machine.machine_name.clone())]);
    let go = match going {
        true => {
            view! { <p class="note-line" role="status">{state(Tone::Info, words.t("cleanup-going"))}</p> }.into_any()
        }
        false => view! {
            <p class="note-line">{words.t("cleanup-go-hint")}</p>
            <p class="actions"><button class="btn danger">{words.t("cleanup-go")}</button></p>
        }
        .into_any(),
    };
    view! {
        <form method="post" action=StartImageCleanup::url()>
            <input r#type="hidden" name="machine" value=machine.machine />
            <input r#type="hidden" name="unused_days" value=machine.unused_days.to_string() />
            {list_table(label, view! {
                <th class="pick" scope="col" aria-label=words.t("cleanup-choose")></th>
                {heads.into_iter().collect_view()}
            }, rows)}
            {go}
        </form>
    }
    .into_any()
}

fn candidate_row(words: Words, image: CleanupCandidate) -> impl IntoView + use<> {
    let name = called(&image.names, &image.engine_id);
    let label = words.with("list-choose", &[("name", name.clone())]);
    let library = (!image.images.is_empty()).then(|| view! { <span class="sub">{image.images.join(", ")}</span> });
    let needed = match image.needed_at {
        Some(at) => time(at, look().zone).into_any(),
        None => NOT_MEASURED.into_any(),
    };
    view! {
        <tr>
            <td class="pick">
                <input r#type="checkbox" name="images[]" value=image.engine_id checked=true aria-label=label />
            </td>
            <th scope="row"><span class="mono bounded">{name}</span> " " {library}</th>
            <td data-label=words.t("cleanup-reason")>{reason(words, image.reason.code())}</td>
            <td data-label=words.t("cleanup-needed")>{needed}</td>
            <td class="num" data-label=words.t("cleanup-size")>{size(Some(image.size))}</td>
            <td class="num" data-label=words.t("cleanup-frees")>{size(image.frees)}</td>
        </tr>
    }
}

/// What the engine calls it; of what has no name, the beginning of its id.
fn called(names: &[String], engine_id: &str) -> String {
    match names.is_empty() {
        true => engine_id.trim_start_matches("sha256:").chars().take(12).collect(),
        false => names.join(", "),
    }
}

fn reason(words: Words, code: &str) -> String {
    words.t(&format!("cleanup-reason-{code}"))
}

fn runs_card(words: Words, runs: Vec<CleanupRun>) -> AnyView {
    let going = runs.iter().any(|run| run.ended_at.is_none());
    let refresh = going.then(|| view! { <a class="btn" href=paths::IMAGE_CLEANUP>{words.t("copies-refresh")}</a> });
    let body = match runs.is_empty() {
        true => view! { <div class="empty"><p>{words.t("cleanup-runs-empty")}</p></div> }.into_any(),
        false => {
            let heads = ["machine", "state", "result", "wanted"];
            let heads = heads.map(|key| view! { <th scope="col">{words.t(&format!("cleanup-{key}"))}</th> });
            let rows = runs.into_iter().map(|run| run_row(words, run)).collect_view();
            list_table(words.t("cleanup-runs"), heads.into_iter().collect_view(), rows)
        }
    };
    view! {
        <section class="card" id="runs">
            <header>
                <h2>{words.t("cleanup-runs")}</h2>
                {refresh}
            </header>
            {body}
        </section>
    }
    .into_any()
}

fn run_row(words: Words, run: CleanupRun) -> impl IntoView + use<> {
    let tone = match run.state {
        CleanupState::Waiting | CleanupState::Running => Tone::Info,
        CleanupState::Done => Tone::Ok,
        CleanupState::Failed => Tone::Bad,
    };
    let why = run.message.clone().map(|message| view! { <span class="sub">{message} " " {run.detail.clone()}</span> });
    let waiting = run.count(CleanupItemState::Waiting);
    let result = words.with(
        "cleanup-result-of",
        &[
            ("done", (run.items.len() - waiting).to_string()),
            ("all", run.items.len().to_string()),
            ("size", size(Some(run.freed))),
        ],
    );
    let items = run.items.iter().map(|item| item_line(words, item)).collect_view();
    view! {
        <tr>
            <th scope="row">{ways::name(paths::machine(&run.machine), run.machine_name.clone())}</th>
            <td class="says brief" data-label=words.t("cleanup-state")>
                {state(tone, words.t(&format!("cleanup-state-{}", run.state.code())))} " " {why}
            </td>
            <td data-label=words.t("cleanup-result")>
                <details><summary>{result}</summary><ul>{items}</ul></details>
            </td>
            <td data-label=words.t("cleanup-wanted")>{run.wanted_by.clone()} " " {time(run.created_at, look().zone)}</td>
        </tr>
    }
}

fn item_line(words: Words, item: &CleanupItem) -> impl IntoView + use<> {
    let tone = match item.state {
        CleanupItemState::Waiting => Tone::Info,
        CleanupItemState::Removed => Tone::Ok,
        CleanupItemState::Kept | CleanupItemState::Gone => Tone::Off,
        CleanupItemState::Failed => Tone::Bad,
    };
    let word = words.t(&format!("cleanup-item-{}", item.state.code()));
    let name = called(&item.names, &item.engine_id);
    view! {
        <li>
            <span class="mono bounded">{name}</span> " " {state(tone, word)} " "
            <span class="sub">{reason(words, item.reason.code())} " " {item.detail.clone()}</span>
        </li>
    }
}
