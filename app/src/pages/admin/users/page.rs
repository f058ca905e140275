//! An account: who it is, what it may do, where it belongs, what happened to it.

use contract::accounts::SessionView;
use contract::audit::{AuditQuery, AuditView};
use contract::quotas::{Quota, QuotaUsage};
use contract::roles::RoleView;
use contract::users::{UserState, UserView};
use contract::{Permission, UserId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use platform::accounts::{ShownOnce, take_for_page};

use super::edit::assignable;
use super::list::user_state;
use super::quota::quota_card;
use super::server_fns::{
    AssignRole, DeleteUser, MakeUserPassword, RestoreUser, RevokeRole, SetUserActive, SetUserPassword, SetUserQuota,
};
use super::sessions::sessions_card;
use crate::door::{Refused, door, id_of_path, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::audit::list::history_card;
use crate::paths;
use crate::role_words::role_name;
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::{TextField, form_fault, options_view, text_field, whose_password};
use crate::ui::secret::shown_once;
use crate::ui::time::time;
use crate::words::Words;

struct Found {
    view: UserView,
    /// Roles the reader may give.
    assignable: Vec<RoleView>,
    quota: Quota,
    usage: Vec<QuotaUsage>,
    sessions: Vec<SessionView>,
    /// Nothing for those who may not read the log.
    history: Option<Vec<AuditView>>,
    /// The password that was just made.
    made: Option<String>,
}

/// `/admin/users/{id}`.
#[component]
pub fn UserPage() -> impl IntoView {
    let id: UserId = id_of_path();
    let (platform, ctx) = door();
    page(
        async move {
            let view = platform::accounts::users::get(&platform, &ctx, id).await?;
            let quota = platform::quotas::of_user(&platform, &ctx, id).await?;
            let usage = platform::quotas::usage_of_user(&platform, &ctx, id).await?;
            let sessions = platform::accounts::users::sessions(&platform, &ctx, id).await?;
            let newest = AuditQuery {
                target_kind: Some("user".to_owned()),
                target_id: Some(id.to_string()),
                page_size: Some(10),
                ..AuditQuery::default()
            };
            let history = match ctx.holds(Permission::AuditView) {
                true => Some(platform::audit::list(&platform, &ctx, &newest).await?.list),
                false => None,
            };
            let made = take_for_page(&platform, &ctx, ShownOnce::NewPassword).await?;
            let assignable = assignable(&platform, &ctx).await?;
            Ok(Found { view, assignable, quota, usage, sessions, history, made })
        },
        user_view,
    )
}

fn user_view(found: Found) -> AnyView {
    let Found { view, assignable, quota, usage, sessions, history, made } = found;
    let (words, ctx) = (Words::now(), door().1);
    let refused = Refused::from_query();
    let message = refused.as_ref().map(|r| r.message(words.0));
    let (id, name) = (view.user.id, view.user.name.clone());
    let may_change = ctx.holds(Permission::UsersUpdate) && view.user.state != UserState::Deleted;
    let itself = ctx.user().is_some_and(|user| user.id == id);
    let edit =
        may_change.then(|| view! { <a class="btn primary" href=paths::user_edit(id)>{words.t("machine-edit")}</a> });
    let head = PageFrame::new(name, Area::Users)
        .crumb(words.t("nav-users"), paths::USERS)
        .beside(user_state(words, view.user.state))
        .actions((switches(words, &view, itself), edit));
    frame(
        head,
        view! {
            {form_fault(message)}
            <div class="split">
                <div class="main-column">
                    {roles_card(words, &view, &assignable)}
                    {memberships_card(words, &view)}
                    {may_change.then(|| password_card(words, (id, view.user.name.clone()), refused.as_ref(), made))}
                    {sessions_card(words, id, sessions, may_change && !itself)}
                    {history.map(|history| history_card(words, format!("{}?targetKind=user&targetId={id}", paths::AUDIT), history))}
                </div>
                <aside class="side-column" aria-label=words.t("customer-facts")>
                    {facts(words, &view)}
                    {quota_card(words, (SetUserQuota::url(), id.0), (&quota, usage), may_change, refused.as_ref())}
                </aside>
            </div>
        },
    )
}

/// Disable, enable, delete, bring back. Nobody does that to themselves.
fn switches(words: Words, view: &UserView, itself: bool) -> impl IntoView + use<> {
    let ctx = door().1;
    let id = view.user.id.to_string();
    let deleted = view.user.state == UserState::Deleted;
    let active = view.user.state != UserState::Disabled;
    let why = itself.then(|| words.t("error-user-self"));
    let switch = (ctx.holds(Permission::UsersUpdate) && !deleted).then(|| {
        let (word, hint) = if active { ("user-disable", "user-disable-hint") } else { ("user-enable", "user-enable-hint") };
        view! {
            <form method="post" action=SetUserActive::url()>
                <input r#type="hidden" name="id" value=id.clone() />
                <input r#type="hidden" name="active" value=(!active).to_string() />
                <button class="btn" disabled=itself title=why.clone().unwrap_or_else(|| words.t(hint))>{words.t(word)}</button>
            </form>
        }
    });
    let delete = (ctx.holds(Permission::UsersDelete) && !deleted).then(|| {
        view! {
            <details class="menu">
                <summary class="btn danger">{words.t("user-delete")}</summary>
                <form class="menu-body" method="post" action=DeleteUser::url()>
                    <p>{why.clone().unwrap_or_else(|| words.t("user-delete-hint"))}</p>
                    <input r#type="hidden" name="id" value=id.clone() />
                    <button class="btn danger" disabled=itself>{words.t("user-delete-confirm")}</button>
                </form>
            </details>
        }
    });
    let restore = (ctx.holds(Permission::UsersDelete) && deleted).then(|| {
        view! {
            <form method="post" action=RestoreUser::url()>
                <input r#type="hidden" name="id" value=id.clone() />
                <button class="btn primary">{words.t("user-restore")}</button>
            </form>
        }
    });
    (switch, delete, restore)
}

fn roles_card(words: Words, view: &UserView, assignable: &[RoleView]) -> impl IntoView + use<> {
    let id = view.user.id.to_string();
    let rows = view.user.roles.iter().map(|role| {
        let name = role_name(words.0, &role.code, &role.name);
        let mine = assignable.iter().any(|other| other.id == role.id);
        let label = words.with("user-revoke-of", &[("name", name.clone())]);
        let take = mine.then(|| {
            view! {
                <form method="post" action=RevokeRole::url()>
                    <input r#type="hidden" name="id" value=id.clone() />
                    <input r#type="hidden" name="role" value=role.id.to_string() />
                    <button class="btn small" aria-label=label>{words.t("user-revoke")}</button>
                </form>
            }
        });
        view! {
            <tr>
                <th scope="row"><a href=paths::role(role.id)>{name}</a></th>
                <td class="row-menu">{take}</td>
            </tr>
        }
    });
    let rows: Vec<_> = rows.collect();
    let list = if rows.is_empty() {
        view! { <div class="empty"><p>{words.t("user-no-roles")}</p></div> }.into_any()
    } else {
        view! {
            <table aria-label=words.t("account-roles")>
                <tbody>{rows}</tbody>
            </table>
        }
        .into_any()
    };
    let held: Vec<_> = view.user.roles.iter().map(|role| role.id).collect();
    let options: Vec<_> = assignable
        .iter()
        .filter(|role| !held.contains(&role.id))
        .map(|role| (role.id.to_string(), role_name(words.0, &role.code, &role.name)))
        .collect();
    let give = (!options.is_empty() && view.user.state != UserState::Deleted).then(|| {
        view! {
            <form class="list-tools" method="post" action=AssignRole::url()>
                <input r#type="hidden" name="id" value=id.clone() />
                <select name="role" aria-label=words.t("home-role")>{options_view(options, "")}</select>
                <button class="btn">{words.t("user-assign")}</button>
                <span class="hint">{words.t("user-roles-hint")}</span>
            </form>
        }
    });
    view! {
        <section class="card">
            <header><h2>{words.t("account-roles")}</h2></header>
            {list}
            {give}
        </section>
    }
}

fn memberships_card(words: Words, view: &UserView) -> impl IntoView + use<> {
    let rows: Vec<_> = view
        .user
        .memberships
        .iter()
        .map(|membership| {
            let role = words.t(&format!("member-role-{}", membership.role.code()));
            view! {
                <tr>
                    <th scope="row"><a href=paths::customer(membership.customer_id)>{membership.customer_name.clone()}</a></th>
                    <td>{role}</td>
                </tr>
            }
        })
        .collect();
    let list = if rows.is_empty() {
        view! { <div class="empty"><p>{words.t("user-no-memberships")}</p></div> }.into_any()
    } else {
        view! {
            <table aria-label=words.t("user-memberships")>
                <tbody>{rows}</tbody>
            </table>
        }
        .into_any()
    };
    view! {
        <section class="card">
            <header><h2>{words.t("user-memberships")}</h2></header>
            {list}
        </section>
    }
}

fn password_card(
    words: Words,
    (id, name): (UserId, String),
    refused: Option<&Refused>,
    made: Option<String>,
) -> impl IntoView + use<> {
    let field = TextField {
        label: words.t("user-password-new"),
        name: "password".to_owned(),
        kind: "password",
        fault: refused.and_then(|r| r.fault(words.0, "password")),
        max_length: Some(200),
        autocomplete: Some("new-password"),
        ..TextField::default()
    };
    view! {
        <section class="card">
            <header><h2>{words.t("login-password")}</h2></header>
            <p class="note-line">{words.t("user-password-note")}</p>
            <form class="form" method="post" action=MakeUserPassword::url()>
                <input r#type="hidden" name="id" value=id.to_string() />
                <p class="actions"><button class="btn">{words.t("user-password-make")}</button></p>
            </form>
            <form class="form" method="post" action=SetUserPassword::url()>
                <input r#type="hidden" name="id" value=id.to_string() />
                {whose_password(name)}
                {text_field(field)}
                <p class="actions"><button class="btn">{words.t("user-password-set")}</button></p>
            </form>
            {shown_once(words, words.t("customer-password-once"), None, made)}
        </section>
    }
}

fn facts(words: Words, view: &UserView) -> impl IntoView + use<> {
    let zone = look().zone;
    let user = &view.user;
    let at = |at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map_or_else(|| NOT_MEASURED.into_any(), |at| time(at, zone).into_any())
    };
    let since = |key: &str, value: Option<chrono::DateTime<chrono::Utc>>| {
        value.map(|value| view! { <dt>{words.t(key)}</dt><dd>{time(value, zone)}</dd> })
    };
    view! {
        <section class="card">
            <header><h2>{words.t("customer-facts")}</h2></header>
            <dl class="facts">
                <dt>{words.t("customer-display-name")}</dt>
                <dd>{user.display_name.clone()}</dd>
                <dt>{words.t("account-email")}</dt>
                <dd>{user.email.clone().unwrap_or_else(|| NOT_MEASURED.to_owned())}</dd>
                <dt>{words.t("user-sessions")}</dt>
                <dd>{view.session_count}</dd>
                <dt>{words.t("account-last-sign-in")}</dt>
                <dd>{at(user.last_login_at)}</dd>
                <dt>{words.t("customer-created-at")}</dt>
                <dd>{time(user.created_at, zone)}</dd>
                {since("user-disabled-at", view.disabled_at)}
                {since("user-deleted-at", view.deleted_at)}
            </dl>
        </section>
    }
}
