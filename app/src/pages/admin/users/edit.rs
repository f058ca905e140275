//! The form of an account, for a new one and for one that exists.

use contract::roles::{RoleScope, RoleView};
use contract::users::UserView;
use contract::{Permission, UserId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use platform::{OpContext, Platform};

use super::form::UserForm;
use super::server_fns::{CreateUser, UpdateUser};
use crate::door::{Refused, door, id_of_path, may_open};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::role_words::role_name;
use crate::ui::forms::{TextField, form_fault, select_field, text_field};
use crate::words::Words;

/// `/admin/users/new`.
#[component]
pub fn NewUserPage() -> impl IntoView {
    let (platform, ctx) = door();
    page(
        async move {
            may_open(&ctx, Permission::UsersCreate)?;
            assignable(&platform, &ctx).await
        },
        |roles| {
            let words = Words::now();
            let head = PageFrame::new(words.t("user-new-title"), Area::Users).crumb(words.t("nav-users"), paths::USERS);
            frame(head, form_view(words, None, roles))
        },
    )
}

/// `/admin/users/{id}/edit`.
#[component]
pub fn EditUserPage() -> impl IntoView {
    let id: UserId = id_of_path();
    let (platform, ctx) = door();
    page(
        async move {
            let user = platform::accounts::users::get(&platform, &ctx, id).await?;
            may_open(&ctx, Permission::UsersUpdate)?;
            Ok(user)
        },
        |view| {
            let words = Words::now();
            let title = words.with("user-edit-title", &[("name", view.user.name.clone())]);
            let head = PageFrame::new(title, Area::Users)
                .crumb(words.t("nav-users"), paths::USERS)
                .crumb(view.user.name.clone(), paths::user(view.user.id));
            frame(head, form_view(words, Some(view), Vec::new()))
        },
    )
}

/// The roles of the platform, for those who may give them; the weakest first, because a list starts with what it shows first.
pub(super) async fn assignable(platform: &Platform, ctx: &OpContext) -> platform::Result<Vec<RoleView>> {
    if !ctx.holds_everywhere(Permission::RolesAssign) || !ctx.holds_everywhere(Permission::RolesView) {
        return Ok(Vec::new());
    }
    let roles = platform::roles::list(platform, ctx).await?;
    let mine = |role: &RoleView| role.permissions.iter().all(|permission| ctx.holds_everywhere(*permission));
    let of_platform = roles.into_iter().filter(|role| matches!(role.scope, RoleScope::Platform));
    let mut given: Vec<_> = of_platform.filter(mine).collect();
    given.sort_by_key(|role| role.permissions.len());
    Ok(given)
}

fn form_view(words: Words, user: Option<UserView>, roles: Vec<RoleView>) -> impl IntoView {
    let refused = Refused::from_query();
    let form = match (refused.as_ref().and_then(Refused::with_typed), &user) {
        (Some(refused), _) => UserForm::from_typed(refused),
        (None, Some(user)) => UserForm::of(user),
        (None, None) => UserForm::default(),
    };
    let general = refused.as_ref().map(|r| r.message(words.0));
    let fault = |path: &str| refused.as_ref().and_then(|r| r.fault(words.0, path));
    let field = |key: &str, name: &str, path: &str, value: &str, max: u32| TextField {
        label: words.t(key),
        name: format!("form[{name}]"),
        value: value.to_owned(),
        fault: fault(path),
        max_length: Some(max),
        autocomplete: Some("off"),
        ..TextField::default()
    };
    let (action, back) = match &user {
        Some(view) => (UpdateUser::url(), paths::user(view.user.id)),
        None => (CreateUser::url(), paths::USERS.to_owned()),
    };
    let hidden = user.as_ref().map(|view| {
        view! {
            <input r#type="hidden" name="id" value=view.user.id.to_string() />
            <input r#type="hidden" name="form[revision]" value=form.revision.clone() />
        }
    });
    let password = user.is_none().then(|| {
        let first = text_field(TextField {
            kind: "password",
            hint: Some(words.t("user-password-hint")),
            autocomplete: Some("new-password"),
            ..field("login-password", "password", "password", "", 200)
        });
        let again = text_field(TextField {
            kind: "password",
            autocomplete: Some("new-password"),
            ..field("security-password-again", "again", "again", "", 200)
        });
        view! { <input r#type="hidden" name="form[twice]" value="1" /> {first} {again} }
    });
    let role = (!roles.is_empty()).then(|| {
        let none = (String::new(), words.t("user-no-role"));
        let roles = roles.iter().map(|role| (role.id.to_string(), role_name(words.0, &role.code, &role.name)));
        let options = std::iter::once(none).chain(roles).collect();
        select_field(words.t("user-first-role"), "form[role]", options, &form.role, fault("roles"))
    });
    view! {
        <form class="form card" method="post" action=action>
            {hidden}
            {form_fault(general)}
            <fieldset>
                {text_field(TextField { required: true, ..field("customer-username", "username", "username", &form.username, 63) })}
                {text_field(field("customer-display-name", "display_name", "displayName", &form.display_name, 100))}
                {text_field(TextField { kind: "email", ..field("account-email", "email", "email", &form.email, 254) })}
                {password}
                {role}
            </fieldset>
            <p class="actions">
                <button class="btn primary">{words.t("form-save")}</button>
                <a class="btn" href=back>{words.t("form-cancel")}</a>
            </p>
        </form>
    }
}
