//! `/admin/announcements`: what is said, was said and will be said.

use contract::Page;
use contract::announcements::{AnnouncementKind, AnnouncementQuery, AnnouncementState, AnnouncementView, Audience};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::server_fns::DeleteAnnouncement;
use crate::door::{Refused, door, look};
use crate::layouts::{Area, PageFrame, frame, page, work_period};
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::forms::{form_fault, options_view};
use crate::ui::lists::{ListQuery, more_summary, pager, past_the_end};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// Filters beside the search field.
const FILTERS: [&str; 3] = ["state", "kind", "audience"];

/// `/admin/announcements`.
#[component]
pub fn AnnouncementsPage() -> impl IntoView {
    let list = ListQuery::here(paths::ANNOUNCEMENTS, ["q", "state", "kind", "audience", "pageSize", "page"]);
    // Words we do not know filter nothing.
    let query = AnnouncementQuery {
        page: list.page(),
        page_size: list.page_size(),
        q: list.some("q"),
        kind: AnnouncementKind::parse(list.get("kind")),
        audience: Audience::parse(list.get("audience")),
        state: AnnouncementState::parse(list.get("state")),
    };
    let (platform, ctx) = door();
    page(async move { platform::announcements::list(&platform, &ctx, &query).await }, move |page| list_view(list, page))
}

fn list_view(query: ListQuery, page: Page<AnnouncementView>) -> AnyView {
    let words = Words::now();
    let refused = Refused::from_query().map(|refused| refused.message(words.0));
    let export = query.with(&[("page", ""), ("pageSize", "")]);
    let export = export.replacen(paths::ANNOUNCEMENTS, "/api/admin/announcements/export", 1);
    let head = PageFrame::new(words.t("announcements-title"), Area::Announcements).actions(view! {
        <a class="btn" href=export download="">{words.t("list-export")}</a>
        <a class="btn primary" href=paths::ANNOUNCEMENT_NEW>{words.t("announcements-add")}</a>
    });
    let filtered = ["q"].iter().chain(&FILTERS).any(|name| !query.get(name).is_empty());
    let body = if let Some(past) = past_the_end(words, &query, page.page, page.page_size, page.total) {
        view! { {filters(words, &query)} {past} }.into_any()
    } else if page.list.is_empty() && !filtered {
        view! { <div class="empty"><p>{words.t("announcements-empty")}</p></div> }.into_any()
    } else if page.list.is_empty() {
        view! {
            {filters(words, &query)}
            <div class="empty"><p>{words.t("list-none-match")}</p></div>
        }
        .into_any()
    } else {
        let pager = pager(words, &query, page.page, page.page_size, page.total);
        let rows = page.list.into_iter().map(|view| row(words, view)).collect_view();
        view! {
            {filters(words, &query)}
            {list_table(words.t("announcements-title"), view! {
                <th scope="col">{words.t("announcement-title")}</th>
                <th scope="col">{words.t("announcement-kind")}</th>
                <th scope="col">{words.t("announcement-audience")}</th>
                <th scope="col">{words.t("announcement-starts")}</th>
                <th scope="col">{words.t("announcement-ends")}</th>
                <th scope="col">{words.t("announcement-state")}</th>
                <th scope="col"><span class="unseen-text">{words.t("list-actions")}</span></th>
            }, rows)}
            {pager}
        }
        .into_any()
    };
    let known = [
        ("made", "announcements-done-made"),
        ("changed", "announcements-done-changed"),
        ("removed", "announcements-done-removed"),
    ];
    let done = crate::pages::customer::accounts::page::done_notice(words, refused.is_some(), &known);
    frame(head, view! { {done} {form_fault(refused)} <section class="card">{body}</section> })
}

fn filters(words: Words, query: &ListQuery) -> impl IntoView + use<> {
    let open = FILTERS.iter().any(|name| !query.get(name).is_empty());
    let select = |name: &'static str, codes: Vec<&'static str>| {
        let words_of = codes.into_iter().map(|code| (code.to_owned(), words.t(&format!("announcement-{name}-{code}"))));
        let options = std::iter::once((String::new(), words.t("filter-all"))).chain(words_of).collect();
        view! {
            <label class="filter">
                <span>{words.t(&format!("announcement-{name}"))}</span>
                <select name=name>{options_view(options, query.get(name))}</select>
            </label>
        }
    };
    let states = select("state", AnnouncementState::ALL.map(AnnouncementState::code).to_vec());
    let kinds = select("kind", AnnouncementKind::ALL.map(AnnouncementKind::code).to_vec());
    let audiences = select("audience", Audience::ALL.map(Audience::code).to_vec());
    let size = query.get("pageSize").to_owned();
    view! {
        <form class="filters" method="get" action=paths::ANNOUNCEMENTS>
            <input class="filter-q" r#type="search" name="q" value=query.get("q").to_owned()
                placeholder=words.t("announcements-filter") aria-label=words.t("announcements-filter") />
            {(!size.is_empty()).then(|| view! { <input r#type="hidden" name="pageSize" value=size /> })}
            <button class="btn">{words.t("filter-apply")}</button>
            <a class="btn ghost" href=paths::ANNOUNCEMENTS>{words.t("filter-reset")}</a>
            <details class="more-filters" open=open>
                {more_summary(words)}
                <div class="filter-grid">{states} {kinds} {audiences}</div>
            </details>
        </form>
    }
}

fn row(words: Words, view: AnnouncementView) -> impl IntoView {
    let zone = look().zone;
    let remove = removal(words, &view);
    let audience = match view.audience {
        Audience::Chosen => {
            let names: Vec<_> = view.customers.into_iter().map(|customer| customer.name).collect();
            names.join(&words.t("list-separator"))
        }
        audience => words.t(&format!("announcement-audience-{}", audience.code())),
    };
    let tone = match view.state {
        AnnouncementState::Planned => Tone::Info,
        AnnouncementState::Showing => Tone::Ok,
        AnnouncementState::Over => Tone::Off,
    };
    let work = view.work_starts_at.zip(view.work_ends_at).map(|times| work_period(words, times));
    let ends = match view.ends_at {
        Some(at) => time(at, zone).into_any(),
        None => words.t("announcement-open-end").into_any(),
    };
    view! {
        <tr>
            <th scope="row"><a href=paths::announcement_edit(view.id)>{view.title}</a> " " {work}</th>
            <td data-label=words.t("announcement-kind")>{words.t(&format!("announcement-kind-{}", view.kind.code()))}</td>
            <td data-label=words.t("announcement-audience")>{audience}</td>
            <td data-label=words.t("announcement-starts")>{time(view.starts_at, zone)}</td>
            <td data-label=words.t("announcement-ends")>{ends}</td>
            <td data-label=words.t("announcement-state")>
                {state(tone, words.t(&format!("announcement-state-{}", view.state.code())))}
            </td>
            <td class="row-actions">{remove}</td>
        </tr>
    }
}

/// What is removed does not come back.
fn removal(words: Words, view: &AnnouncementView) -> impl IntoView + use<> {
    let (opens, question) = (words.t("announcement-remove"), words.t("announcement-remove-hint"));
    Ask::new(view.id.to_string(), opens, question, DeleteAnnouncement::url())
        .row(words.with("announcement-remove-of", &[("title", view.title.clone())]))
        .yes(words.t("announcement-remove-confirm"))
        .field("id", view.id)
        .view(words)
}
