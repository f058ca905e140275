//! The form of a role: a name, and a box per permission.

use contract::roles::{PermissionView, RoleView};
use contract::{Permission, RoleId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use platform::Error;

use super::form::RoleForm;
use super::server_fns::{CreateRole, UpdateRole};
use crate::door::{Refused, door, id_of_path, must_hold};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::menus::WITHOUT_PAGE;
use crate::paths;
use crate::role_words::permissions_in_words;
use crate::ui::forms::{TextField, form_fault, text_area, text_field};
use crate::words::Words;

/// `/admin/roles/new`.
#[component]
pub fn NewRolePage() -> impl IntoView {
    let (platform, ctx) = door();
    page(
        async move {
            must_hold(&ctx, Permission::RolesManage)?;
            platform::roles::permissions(&platform, &ctx).await
        },
        |permissions| {
            let words = Words::now();
            let head = PageFrame::new(words.t("role-new-title"), Area::Roles).crumb(words.t("nav-roles"), paths::ROLES);
            frame(head, form_view(words, None, permissions))
        },
    )
}

/// `/admin/roles/{id}/edit`.
#[component]
pub fn EditRolePage() -> impl IntoView {
    let id: RoleId = id_of_path();
    let (platform, ctx) = door();
    page(
        async move {
            let role = platform::roles::get(&platform, &ctx, id).await?;
            must_hold(&ctx, Permission::RolesManage)?;
            // What is built in has no form.
            if role.builtin {
                return Err(Error::not_found());
            }
            Ok((role, platform::roles::permissions(&platform, &ctx).await?))
        },
        |(role, permissions)| {
            let words = Words::now();
            let title = words.with("role-edit-title", &[("name", role.name.clone())]);
            let head = PageFrame::new(title, Area::Roles)
                .crumb(words.t("nav-roles"), paths::ROLES)
                .crumb(role.name.clone(), paths::role(role.id));
            frame(head, form_view(words, Some(role), permissions))
        },
    )
}

fn form_view(words: Words, role: Option<RoleView>, permissions: Vec<PermissionView>) -> impl IntoView {
    let refused = Refused::from_query();
    let form = match (refused.as_ref().and_then(Refused::with_typed), &role) {
        (Some(refused), _) => RoleForm::from_typed(refused),
        (None, Some(role)) => RoleForm::of(role),
        (None, None) => RoleForm::default(),
    };
    let message = refused.as_ref().map(|r| r.message(words.0));
    let fault = refused.as_ref().and_then(|r| r.fault(words.0, "permissions"));
    let field = |key: &str, name: &str, value: &str, max: u32| TextField {
        label: words.t(key),
        name: format!("form[{name}]"),
        value: value.to_owned(),
        fault: refused.as_ref().and_then(|r| r.fault(words.0, name)),
        max_length: Some(max),
        ..TextField::default()
    };
    let (action, back) = match &role {
        Some(role) => (UpdateRole::url(), paths::role(role.id)),
        None => (CreateRole::url(), paths::ROLES.to_owned()),
    };
    let hidden = role.as_ref().map(|role| {
        view! {
            <input r#type="hidden" name="id" value=role.id.to_string() />
            <input r#type="hidden" name="form[revision]" value=form.revision.clone() />
        }
    });
    view! {
        <form class="form card" method="post" action=action>
            {hidden}
            {form_fault(fault.or(message))}
            <fieldset>
                {text_field(TextField { required: true, ..field("role-name", "name", &form.name, 100) })}
                {text_area(field("role-description", "description", &form.description, 1000))}
            </fieldset>
            <p class="hint">{words.t("role-permissions-hint")}</p>
            {boxes(words, &form, permissions)}
            <p class="actions">
                <button class="btn primary">{words.t("form-save")}</button>
                <a class="btn" href=back>{words.t("form-cancel")}</a>
            </p>
        </form>
    }
}

/// A box per permission that a role can hold, by noun. What the reader does not hold they cannot put in or take out: a
/// ticked one stays in by a hidden field.
fn boxes(words: Words, form: &RoleForm, permissions: Vec<PermissionView>) -> impl IntoView + use<> {
    let mut groups: Vec<(String, Vec<PermissionView>)> = Vec::new();
    for permission in permissions_in_words(words.0, permissions).into_iter().filter(|p| p.grantable) {
        match groups.iter_mut().find(|(group, _)| *group == permission.group_title) {
            Some((_, list)) => list.push(permission),
            None => groups.push((permission.group_title.clone(), vec![permission])),
        }
    }
    let chosen = form.permissions.clone();
    groups
        .into_iter()
        .map(|(group, list)| {
            let boxes = list.into_iter().map(|permission| {
                let name = permission.name.name();
                let ticked = chosen.iter().any(|chosen| chosen == name);
                let id = format!("p-{}", name.replace(':', "-"));
                let kept = (ticked && !permission.held).then(|| {
                    view! { <input r#type="hidden" name="form[permissions][]" value=name /> }
                });
                let locked = !permission.held;
                let note = WITHOUT_PAGE.iter().find(|(one, _)| *one == permission.name).map(|(_, key)| words.t(key));
                let described = note.is_some().then(|| format!("{id}-hint"));
                let note = note.map(|note| view! { <span class="hint" id=format!("{id}-hint")>{note}</span> });
                let why = locked.then(|| words.t("role-not-held"));
                view! {
                    <div class="form-row check">
                        <label r#for=id.clone() title=why>
                            <input id=id.clone() r#type="checkbox" name="form[permissions][]" value=name
                                checked=ticked disabled=locked aria-describedby=described />
                            <span>{permission.title}</span>
                        </label>
                        {note}
                        {kept}
                    </div>
                }
            });
            view! {
                <fieldset>
                    <legend>{group}</legend>
                    {boxes.collect_view()}
                </fieldset>
            }
        })
        .collect_view()
}
