//! A role: what it permits and who holds it.

use contract::roles::{RoleHolder, RoleView};
use contract::{Page, Permission, RoleId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::list::kind;
use super::server_fns::DeleteRole;
use crate::door::{Refused, door, id_of_path, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::customer::accounts::page::done_notice;
use crate::paths;
use crate::role_words::{group_title, permission_title, role_in_words};
use crate::ui::ask::{Ask, may_open};
use crate::ui::forms::form_fault;
use crate::ui::lists::{ListQuery, pager_of, past_the_end};
use crate::ui::state::{Tone, state};
use crate::ui::time::time;
use crate::words::Words;

/// `/admin/roles/{id}`.
#[component]
pub fn RolePage() -> impl IntoView {
    let id: RoleId = id_of_path();
    let (platform, ctx) = door();
    let list = ListQuery::here(paths::role(id), ["pageSize", "page"]);
    let asked = list.asked();
    page(
        async move {
            let role = platform::roles::get(&platform, &ctx, id).await?;
            let holders = platform::roles::holders(&platform, &ctx, id, &asked).await?;
            Ok((role_in_words(ctx.language(), role), holders))
        },
        move |(role, holders)| role_view(role, (list, holders)),
    )
}

fn role_view(role: RoleView, (list, holders): (ListQuery, Page<RoleHolder>)) -> AnyView {
    let words = Words::now();
    let message = Refused::from_query().map(|r| r.message(words.0));
    let known = [("made", "role-done-made"), ("changed", "role-done-changed")];
    let done = done_notice(words, message.is_some(), &known);
    let (may_change, may_delete) =
        (role.may_change.clone().unwrap_or_default(), role.may_delete.clone().unwrap_or_default());
    // Of a built-in role both would be refused for ever; what it is stands beside its name.
    let manage = (!role.builtin).then_some(());
    let head = PageFrame::new(role.name.clone(), Area::Roles)
        .crumb(words.t("nav-roles"), paths::ROLES)
        .beside(kind(words, role.builtin))
        .actions(manage.map(|()| {
            let delete = Ask::new("role", words.t("role-delete"), words.t("role-delete-hint"), DeleteRole::url())
                .yes(words.t("role-delete-confirm"))
                .field("id", role.id)
                .may(words, &may_delete);
            let edit = may_open(&may_change, "edit", words.t("machine-edit"), paths::role_edit(role.id), "btn primary");
            (delete, edit)
        }));
    frame(
        head,
        view! {
            {done}
            {form_fault(message)}
            <div class="split">
                <div class="main-column">
                    <section class="card">
                        <header><h2>{words.t("role-permissions")}</h2></header>
                        {permissions(words, &role.permissions)}
                    </section>
                </div>
                <aside class="side-column" aria-label=words.t("customer-facts")>
                    {(!role.description.is_empty()).then(|| view! {
                        <section class="card">
                            <header><h2>{words.t("role-description")}</h2></header>
                            <p class="note-line">{role.description.clone()}</p>
                        </section>
                    })}
                    {holders_card(words, &list, holders)}
                </aside>
            </div>
        },
    )
}

/// By noun, in the order of the policy.
fn permissions(words: Words, held: &[Permission]) -> AnyView {
    if held.is_empty() {
        return view! { <div class="empty"><p>{words.t("role-permits-nothing")}</p></div> }.into_any();
    }
    let mut groups: Vec<(&str, Vec<Permission>)> = Vec::new();
    for permission in held {
        match groups.iter_mut().find(|(group, _)| *group == permission.group()) {
            Some((_, list)) => list.push(*permission),
            None => groups.push((permission.group(), vec![*permission])),
        }
    }
    let groups = groups.into_iter().map(|(group, list)| {
        let items = list.into_iter().map(|permission| {
            view! { <li>{permission_title(words.0, permission)} " " <code class="sub">{permission.name()}</code></li> }
        });
        view! {
            <dt>{group_title(words.0, group)}</dt>
            <dd><ul class="plain-list">{items.collect_view()}</ul></dd>
        }
    });
    view! { <dl class="facts start">{groups.collect_view()}</dl> }.into_any()
}

fn holders_card(words: Words, list: &ListQuery, holders: Page<RoleHolder>) -> impl IntoView + use<> {
    let zone = look().zone;
    let people = door().1.holds(Permission::UsersView);
    let pages = pager_of(words, list, &holders);
    let past = past_the_end(words, list, holders.page, holders.page_size, holders.total);
    let body = if let Some(past) = past {
        past
    } else if holders.list.is_empty() {
        view! { <div class="empty"><p>{words.t("role-no-holders")}</p></div> }.into_any()
    } else {
        let rows = holders.list.into_iter().map(|holder| {
            let name = if people {
                view! { <a href=paths::user(holder.user_id)>{holder.display_name}</a> }.into_any()
            } else {
                holder.display_name.into_any()
            };
            let gone = holder.deleted.then(|| state(Tone::Off, words.t("user-state-deleted")));
            view! {
                <tr>
                    <th scope="row">{name} " " <span class="sub mono">{holder.name}</span> " " {gone}</th>
                    <td>{time(holder.since, zone)}</td>
                </tr>
            }
        });
        view! {
            <table aria-label=words.t("role-holders")>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        }
        .into_any()
    };
    view! {
        <section class="card">
            <header><h2>{words.t("role-holders")}</h2></header>
            {body}
            {pages}
        </section>
    }
}
