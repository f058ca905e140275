//! Roles and permissions in the reader's language, for pages and REST alike: what is built in has its words in the texts,
//! what was made here has the name somebody gave it.

use contract::Permission;
use contract::accounts::Language;
use contract::roles::{PermissionView, RoleBrief, RoleView};
use contract::users::{UserRow, UserView};
use platform::roles::BUILT_IN;

/// What a role is called.
pub fn role_name(language: Language, code: &str, name: &str) -> String {
    if BUILT_IN.contains(&code) { texts::message(language, &format!("role-{code}"), &[]) } else { name.to_owned() }
}

/// What a permission permits.
pub fn permission_title(language: Language, permission: Permission) -> String {
    texts::message(language, &format!("permission-{}", permission.name().replace(':', "-")), &[])
}

/// What permissions of this noun are about.
pub fn group_title(language: Language, group: &str) -> String {
    texts::message(language, &format!("permission-group-{group}"), &[])
}

/// A role with its words.
pub fn role_in_words(language: Language, mut role: RoleView) -> RoleView {
    if role.builtin {
        role.name = role_name(language, &role.code, &role.name);
        role.description = texts::message(language, &format!("role-hint-{}", role.code), &[]);
    }
    role
}

/// The roles whose name, description or code holds what is looked for, with their words.
pub fn roles_in_words(language: Language, roles: Vec<RoleView>, q: Option<&str>) -> Vec<RoleView> {
    let q = q.map(|q| q.trim().to_lowercase()).unwrap_or_default();
    let holds = |text: &str| text.to_lowercase().contains(&q);
    let found = |role: &RoleView| holds(&role.name) || holds(&role.description) || holds(&role.code);
    roles.into_iter().map(|role| role_in_words(language, role)).filter(found).collect()
}

/// Roles with their words.
pub fn briefs_in_words(language: Language, mut roles: Vec<RoleBrief>) -> Vec<RoleBrief> {
    for role in roles.iter_mut().filter(|role| role.builtin) {
        role.name = role_name(language, &role.code, &role.name);
    }
    roles
}

/// Permissions with their words.
pub fn permissions_in_words(language: Language, mut permissions: Vec<PermissionView>) -> Vec<PermissionView> {
    for permission in &mut permissions {
        permission.title = permission_title(language, permission.name);
        permission.group_title = group_title(language, &permission.group);
    }
    permissions
}

/// A person with the words of their roles.
pub fn row_in_words(language: Language, mut row: UserRow) -> UserRow {
    row.roles = briefs_in_words(language, row.roles);
    row
}

/// A person in full, likewise.
pub fn user_in_words(language: Language, mut view: UserView) -> UserView {
    view.user = row_in_words(language, view.user);
    view
}
