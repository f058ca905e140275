//! The list of roles.

use contract::Permission;
use contract::roles::RoleView;
use leptos::prelude::*;

use crate::door::door;
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::customer::accounts::page::done_notice;
use crate::paths;
use crate::role_words::roles_in_words;
use crate::ui::lists::ListQuery;
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::words::Words;

/// `/admin/roles`.
#[component]
pub fn RoleListPage() -> impl IntoView {
    let (platform, ctx) = door();
    let query = ListQuery::here(paths::ROLES, ["q"]);
    page(async move { platform::roles::list(&platform, &ctx).await }, move |roles| list_view(&query, roles))
}

fn list_view(query: &ListQuery, roles: Vec<RoleView>) -> AnyView {
    let (words, ctx) = (Words::now(), door().1);
    let custom = roles.iter().any(|role| !role.builtin);
    let roles = roles_in_words(words.0, roles, Some(query.get("q")));
    let add = ctx.holds(Permission::RolesManage);
    let head = PageFrame::new(words.t("roles-title"), Area::Roles)
        .beside(view! { <span class="sub">{words.with("roles-count", &[("n", roles.len().to_string())])}</span> })
        .actions(add.then(|| view! { <a class="btn primary" href=paths::ROLE_NEW>{words.t("roles-add")}</a> }));
    let none = roles.is_empty().then(|| view! { <div class="empty"><p>{words.t("list-none-match")}</p></div> });
    let rows = roles.into_iter().map(|role| row(words, role)).collect_view();
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
                {match none {
                    Some(none) => none.into_any(),
                    None => table(words, rows).into_any(),
                }}
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
