//! An account: who it is, what it may do, where it belongs, what happened to it.

use contract::accounts::{ProviderKind, SessionView};
use contract::audit::{AuditQuery, AuditView};
use contract::quotas::{Quota, QuotaUsage};
use contract::roles::RoleView;
use contract::users::{UserState, UserView};
use contract::{Page, Permission, UserId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use platform::accounts::{ShownOnce, take_for_page};

use super::edit::assignable;
use super::identities::{identities_card, parted};
use super::list::user_state;
use super::quota::quota_card;
use super::second_factor::second_factor_card;
use super::server_fns::{
    AssignRole, DeleteUser, MakeUserPassword, RestoreUser, RevokeRole, SetUserActive, SetUserPassword, SetUserQuota,
};
use super::sessions::{sessions_card, sessions_here};
use crate::door::{Refused, door, id_of_path, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::audit::list::history_card;
use crate::pages::customer::accounts::page::done_notice;
use crate::paths;
use crate::role_words::role_name;
use crate::ui::ask::{Ask, go, may_open};
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::{TextField, described_by, fault_view, form_fault, options_view, text_field, whose_password};
use crate::ui::secret::shown_once;
use crate::ui::time::time;
use crate::ways;
use crate::words::Words;

struct Found {
    view: UserView,
    /// Roles the reader may give.
    assignable: Vec<RoleView>,
    quota: Quota,
    usage: Vec<QuotaUsage>,
    sessions: Page<SessionView>,
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
    let asked = sessions_here(id).asked();
    page(
        async move {
            let view = platform::accounts::users::get(&platform, &ctx, id).await?;
            let quota = platform::quotas::of_user(&platform, &ctx, id).await?;
            let usage = platform::quotas::usage_of_user(&platform, &ctx, id).await?;
            let sessions = platform::accounts::users::sessions(&platform, &ctx, id, &asked).await?;
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
    let known = [
        ("session", "sessions-done-one"),
        ("sessions", "user-sessions-done"),
        ("totp", "user-totp-done"),
        ("changed", "user-done-changed"),
        ("password", "user-done-password"),
        ("quota", "user-done-quota"),
        ("role", "user-done-role"),
        ("role-taken", "user-done-role-taken"),
        ("disabled", "user-done-disabled"),
        ("enabled", "user-done-enabled"),
        ("deleted", "user-done-deleted"),
        ("restored", "user-done-restored"),
    ];
    let done = done_notice(words, refused.is_some(), &known);
    let (id, name) = (view.user.id, view.user.name.clone());
    let there = view.user.state != UserState::Deleted;
    let may_change = ctx.holds(Permission::UsersUpdate) && there;
    let edit = may_open(&view.may.change, "edit", words.t("machine-edit"), paths::user_edit(id), "btn primary");
    let head = PageFrame::new(name, Area::Users)
        .crumb(words.t("nav-users"), paths::USERS)
        .beside(user_state(words, view.user.state))
        .actions((switches(words, &view), edit.filter(|_| there)));
    frame(
        head,
        view! {
            {done}
            {form_fault(message)}
            {parted(words, &view)}
            <div class="split">
                <div class="main-column">
                    {roles_card(words, &view, &assignable, refused.as_ref())}
                    {memberships_card(words, &view)}
                    {there.then(|| password_card(words, &view, refused.as_ref(), made))}
                    {second_factor_card(words, &view)}
                    {identities_card(words, &view)}
                    {sessions_card(words, id, sessions, &view.may.end_sessions)}
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

/// Disable, enable, delete, bring back.
fn switches(words: Words, view: &UserView) -> impl IntoView + use<> {
    let may = &view.may;
    let id = view.user.id.to_string();
    let deleted = view.user.state == UserState::Deleted;
    let active = view.user.state != UserState::Disabled;
    if deleted {
        let hidden = vec![("id", id)];
        return go("restore", words.t("user-restore"), &may.restore, RestoreUser::url(), hidden, "btn primary")
            .into_any();
    }
    let mut hint = words.t("user-disable-hint");
    if let Some(customer) = &view.only_owner_of {
        hint += &format!(" {}", words.with("user-disable-only-owner", &[("customer", customer.clone())]));
    }
    let switch = match active {
        true => Ask::new("disable", words.t("user-disable"), hint, SetUserActive::url())
            .class("btn")
            .yes(words.t("user-disable-confirm"))
            .field("id", &id)
            .field("active", false)
            .may(words, &may.disable),
        false => {
            let hidden = vec![("id", id.clone()), ("active", "true".to_owned())];
            go("enable", words.t("user-enable"), &may.enable, SetUserActive::url(), hidden, "btn")
        }
    };
    let delete = Ask::new("delete", words.t("user-delete"), words.t("user-delete-hint"), DeleteUser::url())
        .yes(words.t("user-delete-confirm"))
        .field("id", &id)
        .may(words, &may.delete);
    (switch, delete).into_any()
}

fn roles_card(
    words: Words,
    view: &UserView,
    assignable: &[RoleView],
    refused: Option<&Refused>,
) -> impl IntoView + use<> {
    let id = view.user.id.to_string();
    let rows = view.user.roles.iter().map(|role| {
        let name = role_name(words.0, &role.code, &role.name);
        let label = words.with("user-revoke-of", &[("name", name.clone())]);
        let may = view.may.revoke_roles.iter().find(|one| one.role_id == role.id).map(|one| &one.may);
        let take = may.and_then(|may| {
            Ask::new(format!("role-{}", role.id), words.t("user-revoke"), words.t("user-roles-hint"), RevokeRole::url())
                .row(label)
                .field("id", &id)
                .field("role", role.id)
                .may(words, may)
        });
        view! {
            <tr>
                <th scope="row">{ways::name(paths::role(role.id), name)}</th>
                <td class="row-actions">{take}</td>
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
    let may_give = &view.may.assign_roles;
    let why_not = may_give.why_not.clone().map(|why| view! { <p class="note-line">{why}</p> });
    let fault = refused.and_then(|r| r.fault(words.0, "roleId"));
    let (described, invalid) = (described_by("give-role", &fault, &None), fault.is_some().then_some("true"));
    let give = (!options.is_empty() && may_give.allowed).then(|| {
        view! {
            <form class="list-tools" method="post" action=AssignRole::url()>
                <input r#type="hidden" name="id" value=id.clone() />
                <select name="role" aria-label=words.t("home-role") aria-describedby=described aria-invalid=invalid>
                    {options_view(options, "")}
                </select>
                {fault_view("give-role", fault)}
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
            {why_not}
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
                    <th scope="row">{ways::name(paths::customer(membership.customer_id), membership.customer_name.clone())}</th>
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

/// What has to be agreed to before an account that is let in by others gets a password here; nothing for any other.
fn let_in_elsewhere(words: Words, view: &UserView) -> Option<String> {
    let first = view.identities.first().filter(|_| !view.has_password)?;
    let directory = view.identities.iter().find(|identity| identity.kind == ProviderKind::Ldap);
    let key = if directory.is_some() { "user-password-local-directory" } else { "user-password-local-service" };
    Some(words.with(key, &[("provider", directory.unwrap_or(first).provider_name.clone())]))
}

fn yes_local(said: String) -> impl IntoView {
    view! {
        <p>
            <label>
                <input r#type="checkbox" name="local" value="true" required=true />
                " " {said}
            </label>
        </p>
    }
}

fn password_card(words: Words, view: &UserView, refused: Option<&Refused>, made: Option<String>) -> Option<AnyView> {
    let (id, name, may) = (view.user.id, view.user.name.clone(), &view.may.set_password);
    let title = words.t("login-password");
    if let Some(why) = &may.why_not {
        let why = why.clone();
        let card =
            view! { <section class="card"><header><h2>{title}</h2></header><p class="note-line">{why}</p></section> };
        return Some(card.into_any());
    }
    if !may.allowed {
        // Who made the account sees its first password all the same.
        let once = shown_once(words, words.t("customer-password-once"), None, Some(made?));
        return Some(view! { <section class="card"><header><h2>{title}</h2></header>{once}</section> }.into_any());
    }
    let field = TextField {
        label: words.t("user-password-new"),
        name: "password".to_owned(),
        kind: "password",
        fault: refused.and_then(|r| r.fault(words.0, "password")),
        max_length: Some(200),
        autocomplete: Some("new-password"),
        ..TextField::default()
    };
    let again = TextField {
        label: words.t("security-password-again"),
        name: "again".to_owned(),
        fault: refused.and_then(|r| r.fault(words.0, "again")),
        ..field.clone()
    };
    let (opens, question) = (words.t("user-password-make"), words.t("user-password-make-hint"));
    let make = Ask::new("password", opens, question, MakeUserPassword::url()).class("btn").field("id", id);
    let make = match let_in_elsewhere(words, view) {
        Some(said) => make.inside(yes_local(said)),
        None => make,
    };
    let card = view! {
        <section class="card">
            <header><h2>{title}</h2></header>
            <p class="note-line">{words.t("user-password-note")}</p>
            {let_in_elsewhere(words, view).is_some().then(|| view! { <p class="note-line">{words.t("user-password-elsewhere")}</p> })}
            <div class="actions">{make.view(words)}</div>
            <form class="form" method="post" action=SetUserPassword::url()>
                <input r#type="hidden" name="id" value=id.to_string() />
                {whose_password(name)}
                {text_field(field)}
                {text_field(again)}
                {let_in_elsewhere(words, view).map(yes_local)}
                <p class="actions"><button class="btn">{words.t("user-password-set")}</button></p>
            </form>
            {shown_once(words, words.t("customer-password-once"), None, made)}
        </section>
    };
    Some(card.into_any())
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
                <dt>{words.t("user-totp")}</dt>
                <dd>{match view.totp_since {
                    Some(since) => time(since, zone).into_any(),
                    None => words.t("user-totp-off").into_any(),
                }}</dd>
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
