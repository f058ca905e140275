//! Mail that went out or is to go out, and the form that tries the way out.

use contract::mail::{MailQuery, MailState, MailView, test_text_key};
use contract::{Page, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;
use platform::mail::Step;

use super::server_fns::TestMail;
use crate::door::{Refused, door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::{TextField, options_view, text_field};
use crate::ui::lists::{ListQuery, pager, past_the_end};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// `/admin/settings/mails`.
#[component]
pub fn MailsPage() -> impl IntoView {
    let names = ["state", "pageSize", "page"];
    let list = ListQuery::here(paths::MAILS, names);
    let query =
        MailQuery { page: list.page(), page_size: list.page_size(), state: MailState::parse(list.get("state")) };
    let (platform, ctx) = door();
    page(async move { platform::mail::list(&platform, &ctx, &query).await }, move |page| mails_view(list, page))
}

fn mails_view(query: ListQuery, page: Page<MailView>) -> AnyView {
    let words = Words::now();
    let head = PageFrame::new(words.t("mails-title"), Area::Settings).crumb(words.t("nav-settings"), paths::SETTINGS);
    let mut states = vec![(String::new(), words.t("filter-all"))];
    states.extend(MailState::ALL.map(|s| (s.code().to_owned(), words.t(&format!("mail-state-{}", s.code())))));
    let filtered = !query.get("state").is_empty();
    let body = if let Some(past) = past_the_end(words, &query, page.page, page.page_size, page.total) {
        past
    } else if page.list.is_empty() {
        let word = words.t(if filtered { "mails-none" } else { "mails-empty" });
        view! { <div class="empty"><p>{word}</p></div> }.into_any()
    } else {
        table(words, &query, page)
    };
    frame(
        head,
        view! {
            <section class="card">
                <form class="filters" method="get" action=paths::MAILS>
                    <select name="state" aria-label=words.t("mails-state")>
                        {options_view(states, query.get("state"))}
                    </select>
                    <button class="btn">{words.t("filter-apply")}</button>
                    <a class="btn" href=paths::MAILS>{words.t("filter-reset")}</a>
                </form>
                {body}
            </section>
        },
    )
}

fn table(words: Words, query: &ListQuery, page: Page<MailView>) -> AnyView {
    let zone = look().zone;
    let rows = page.list.into_iter().map(|mail| {
        let next = mail.next_try_at.filter(|_| mail.state == MailState::Queued);
        let hint = match mail.state {
            MailState::Unknown => Some(words.t("mail-state-unknown-hint")),
            _ => next.map(|_| words.t("mails-waits-hint")),
        };
        let waits = next.map(|at| {
            view! { <span class="sub">" " {words.t("mails-waits-until")} " " {time(at, zone)}</span> }
        });
        view! {
            <tr>
                <td data-label=words.t("mails-at")>{time(mail.created_at, zone)}</td>
                <td data-label=words.t("mails-kind")>{words.t(&format!("mail-kind-{}", mail.kind))}</td>
                <td data-label=words.t("mails-to")>{mail.address}</td>
                <td data-label=words.t("mails-state") title=hint>{mail_state(words, mail.state)} {waits}</td>
                <td class="num" data-label=words.t("mails-attempts")>{mail.attempts}</td>
                <td class="says" data-label=words.t("mails-error")>{mail.last_error}</td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        {list_table(words.t("mails-title"), view! {
            <th scope="col">{words.t("mails-at")}</th>
            <th scope="col">{words.t("mails-kind")}</th>
            <th scope="col">{words.t("mails-to")}</th>
            <th scope="col">{words.t("mails-state")}</th>
            <th scope="col" class="num">{words.t("mails-attempts")}</th>
            <th scope="col">{words.t("mails-error")}</th>
        }, rows)}
        {pager(words, query, page.page, page.page_size, page.total)}
    }
    .into_any()
}

fn mail_state(words: Words, now: MailState) -> impl IntoView {
    let tone = match now {
        MailState::Queued | MailState::HandingOver => Tone::Info,
        MailState::Sent => Tone::Ok,
        MailState::Failed => Tone::Bad,
        MailState::Unknown => Tone::Warn,
    };
    state(tone, words.t(&format!("mail-state-{}", now.code())))
}

/// Below the settings of mail: the form that tries the way out, and the way to what went out, for whoever may see each.
pub(super) fn below(words: Words, refused: Option<&Refused>) -> AnyView {
    let ctx = door().1;
    if ctx.holds(Permission::SettingsUpdate) {
        return test_form(words, refused).into_any();
    }
    let list = ctx.holds(Permission::SettingsView);
    list.then(|| view! { <p class="note-line"><a class="link" href=paths::MAILS>{words.t("mails-title")}</a></p> })
        .into_any()
}

/// Tries the way out, and says what is wrong with it.
fn test_form(words: Words, refused: Option<&Refused>) -> impl IntoView + use<> {
    let map = use_query_map().get_untracked();
    let code = map.get("code").and_then(|code| code.parse::<u16>().ok());
    let tested = map.get("tested").and_then(|step| {
        let known = step == "done" || Step::ALL.iter().any(|s| s.code() == step);
        known.then(|| (step == "done", words.t(&test_text_key(&step, code))))
    });
    let result = tested.map(|(fine, text)| {
        let code = code.map(|code| words.with("mail-test-code", &[("code", code.to_string())]));
        let tone = if fine { Tone::Ok } else { Tone::Bad };
        view! { <p class="note-line" role="status">{state(tone, text)} " " {code}</p> }
    });
    let to = TextField {
        label: words.t("mail-test-to"),
        name: "to".to_owned(),
        kind: "email",
        value: refused.and_then(|r| r.typed.get("to").cloned()).unwrap_or_default(),
        fault: refused.and_then(|r| r.fault(words.0, "to")),
        required: true,
        ..TextField::default()
    };
    view! {
        <form class="form" method="post" action=TestMail::url()>
            {result}
            <fieldset>{text_field(to)}</fieldset>
            <p class="actions">
                <button class="btn">{words.t("mail-test-action")}</button>
                <a class="btn ghost" href=paths::MAILS>{words.t("mails-title")}</a>
            </p>
        </form>
    }
}
