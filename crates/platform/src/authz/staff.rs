//! What custom roles give, and what staff may hand on.

use contract::{CustomerId, ErrorCode, Permission};

use super::policy::{everywhere, gives, is_grantable};
use super::{Reach, Role, reach};
use crate::error::Denial;
use crate::{Error, OpContext, Result};

impl OpContext {
    /// The roles that count for a permission: custom roles count for what they give.
    pub(super) fn roles_for(&self, permission: Permission) -> Vec<(Role, Option<CustomerId>)> {
        let mut roles = self.roles();
        if self.user().is_some_and(|user| gives(&user.permissions, permission)) {
            roles.push((Role::Custom, None));
        }
        roles
    }

    /// True for people to whom a custom role gives anything at all.
    pub(super) fn has_custom_powers(&self) -> bool {
        self.user().is_some_and(|user| user.permissions.iter().any(|permission| is_grantable(*permission)))
    }

    /// Names of everything held, strongest first; custom roles are called what somebody called them.
    pub(crate) fn all_role_names(&self, custom: Vec<String>) -> Vec<String> {
        let named = self.roles().into_iter().any(|(role, _)| role != Role::SignedIn);
        let built_in = self.role_names().into_iter().filter(|_| named || custom.is_empty()).map(str::to_owned);
        built_in.collect::<Vec<_>>().into_iter().chain(custom).collect()
    }

    /// True when it is held for everything there is: what one may hand on.
    pub fn holds_everywhere(&self, permission: Permission) -> bool {
        self.roles_for(permission).into_iter().any(|(role, _)| reach(role, permission) == Reach::All)
    }

    /// Nobody gives, takes or acts on more than they hold themselves.
    ///
    /// # Errors
    /// `Forbidden`, with the first permission that is missing.
    pub fn must_cover(&self, permissions: impl IntoIterator<Item = Permission>) -> Result<()> {
        let Some(missing) = permissions.into_iter().find(|permission| !self.holds_everywhere(*permission)) else {
            return Ok(());
        };
        let denial = Denial { action: missing.name(), target_kind: "role_book", target_id: None };
        Err(Error::new(ErrorCode::Forbidden)
            .with_key("error-not-held")
            .with_arg("permission", missing)
            .with_denial(denial))
    }
}

/// The role that somebody active must always hold.
pub const KEPT_ROLE: &str = "platform_admin";

/// Whether that is this role.
pub fn must_be_kept(code: &str) -> bool {
    code == KEPT_ROLE
}

/// What a built-in role gives over others, by its word; nothing for the roles of customers, which nobody assigns here.
/// What everybody may with their own account is no power.
pub fn powers_of(builtin: &str) -> Vec<Permission> {
    match Role::all().into_iter().find(|role| role.name() == builtin) {
        Some(role @ (Role::PlatformAdmin | Role::Operator)) => {
            everywhere(role).filter(|permission| is_grantable(*permission)).collect()
        }
        _ => Vec::new(),
    }
}

/// Everything a built-in role permits, as far as it reaches, by its word.
pub fn permitted_by(builtin: &str) -> Vec<Permission> {
    let role = Role::all().into_iter().find(|role| role.name() == builtin);
    let permits = |permission: &Permission| role.is_some_and(|role| reach(role, *permission) != Reach::Nothing);
    Permission::ALL.iter().copied().filter(permits).collect()
}
