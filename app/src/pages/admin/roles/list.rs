//! The list of roles.

use contract::roles::{RoleQuery, RoleView};
use contract::{Page, Permission};
use leptos::prelude::*;

use crate::door::door;
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::customer::accounts::page::done_notice;
use crate::paths;
use crate::role_words::roles_in_words;
use crate::ui::lists::{ListQuery, pager_of, past_the_end};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::words::Words;

/// `/admin/roles`.
#[component]
pub fn RoleListPage() -> impl IntoView {
    let (platform, ctx) = door();
    let list = ListQuery::here(paths::ROLES, ["q", "pageSize", "page"]);
    let asked = list.asked();
    let query = RoleQuery { page: asked.page, page_size: asked.page_size, q: list.some("q") };
    page(
        async move {
            let all = platform::roles::list(&platform, &ctx).await?;
            let custom = all.iter().any(|role| !role.builtin);
            let found = roles_in_words(ctx.language(), all, query.q.as_deref());
            Ok((custom, platform::roles::page_of_found(found, &query)?))
        },
        move |(custom, found)| list_view(&list, custom, found),
    )
}

/// `custom`: whether anybody made a role here.
fn list_view(query: &ListQuery, custom: bool, found: Page<RoleView>) -> AnyView {
    let (words, ctx) = (Words::now(), door().1);
    let add = ctx.holds(Permission::RolesManage);
    let export = paths::with_query("/api/admin/roles/export", [("q", query.get("q"))]);
    let head = PageFrame::new(words.t("roles-title"), Area::Roles)
        .beside(view! { <span class="sub">{words.with("roles-count", &[("n", found.total.to_string())])}</span> })
        .actions((
            view! { <a class="btn" href=export download="">{words.t("list-export")}</a> },
            add.then(|| view! { <a class="btn primary" href=paths::ROLE_NEW>{words.t("roles-add")}</a> }),
        ));
    let past = past_the_end(words, query, found.page, found.page_size, found.total);
    let body = if let Some(past) = past {
        past
    } else if found.list.is_empty() {
        view! { <div class="empty"><p>{words.t("list-none-match")}</p></div> }.into_any()
    } else {
        let pages = pager_of(words, query, &found);
        let rows = found.list.into_iter().map(|role| row(words, role)).collect_view();
        view! { {table(words, rows)} {pages} }.into_any()
    };
    let begin = (!custom).then(|| view! { <p class="note-line">{words.t("roles-none-custom")}</p> });
    let done = done_notice(words, false, &[("deleted", "roles-done-deleted")]);
    frame(
        head,
        view! {
            {done}
            <section class="card">
                {begin}
                <form class="filters" method="get" action=paths::ROLES>
                    <input class="filter-q" r#type="search" name="q" value=query.get("q").to_owned()
                        placeholder=words.t("roles-filter") aria-label=words.t("roles-filter") />
                    <button class="btn">{words.t("filter-apply")}</button>
                    <a class="btn ghost" href=paths::ROLES>{words.t("filter-reset")}</a>
                </form>
                {body}
            </section>
        },
    )
}

fn table(words: Words, rows: impl IntoView + 'static) -> impl IntoView {
    list_table(
        words.t("roles-title"),
        view! {
            <th scope="col">{words.t("role-name")}</th>
            <th scope="col">{words.t("role-kind")}</th>
            <th scope="col">{words.t("role-description")}</th>
            <th scope="col" class="num">{words.t("role-permissions")}</th>
            <th scope="col" class="num">{words.t("role-holders")}</th>
        },
        rows,
    )
}

fn row(words: Words, role: RoleView) -> impl IntoView {
    view! {
        <tr>
            <th scope="row"><a class="bounded" href=paths::role(role.id)>{role.name.clone()}</a></th>
            <td data-label=words.t("role-kind")>{kind(words, role.builtin)}</td>
            <td class="says" data-label=words.t("role-description")>{Some(role.description).filter(|text| !text.is_empty())}</td>
            <td class="num" data-label=words.t("role-permissions")>{role.permissions.len()}</td>
            <td class="num" data-label=words.t("role-holders")>{role.holder_count}</td>
        </tr>
    }
}

/// Built in or made here, as a word with its mark.
pub(super) fn kind(words: Words, builtin: bool) -> impl IntoView {
    if builtin {
        state(Tone::Off, words.t("role-builtin")).into_any()
    } else {
        state(Tone::Info, words.t("role-custom")).into_any()
    }
}
