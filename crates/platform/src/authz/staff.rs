//! Which roles count for a permission, as far as the credential lets them, and what staff may hand on.

use contract::accounts::MemberRole;
use contract::{CustomerId, ErrorCode, Permission, UserId};

use super::denied::is_own_account;
use super::policy::{everywhere, gives, is_grantable};
use super::{CustomerRef, Reach, Resource as _, Role, RoleBook, reach};
use crate::{Credential, Error, OpContext, Result};

impl OpContext {
    /// The roles that count for a permission: custom roles count for what they give, and none for what the credential
    /// keeps its owner from.
    pub(super) fn roles_for(&self, permission: Permission) -> Vec<(Role, Option<CustomerId>)> {
        if !self.admits(permission) {
            return Vec::new();
        }
        self.roles_of_owner(permission)
    }

    /// True for who owns the customer that is acted for, as far as the credential lets them see what it keeps: from them nothing
    /// is hidden there that one of its people made. What they may do with it is another question, which a token may be kept from.
    pub(crate) fn sees_all_of_customer(&self) -> bool {
        let owns = |(role, _): (Role, Option<CustomerId>)| role == Role::CustomerOwner;
        let sees = |permission: &Permission| self.admits(*permission);
        self.roles().into_iter().any(owns) && [Permission::ImagesUse, Permission::FilesView].iter().any(sees)
    }

    /// True for staff to whom what this person of this customer shares with nobody is somebody else's: neither theirs, nor of a
    /// customer that they act for as its owner.
    pub(crate) fn is_outside_of(&self, customer: Option<CustomerId>, person: Option<UserId>) -> bool {
        let Some(user) = self.user().filter(|_| self.is_staff()) else { return false };
        let acts_there = user.active_role().is_some() && user.active_customer == customer;
        !(acts_there && (person == Some(user.id) || self.sees_all_of_customer()))
    }

    /// The same as if the credential kept its owner from nothing.
    fn roles_of_owner(&self, permission: Permission) -> Vec<(Role, Option<CustomerId>)> {
        let mut roles = self.roles();
        if self.user().is_some_and(|user| gives(&user.permissions, permission)) {
            roles.push((Role::Custom, None));
        }
        roles
    }

    /// False for what the credential keeps its owner from: an API token goes no further than its scopes, and never so far
    /// that it could outlive its owner's wish.
    fn admits(&self, permission: Permission) -> bool {
        if self.must_enroll() && !is_own_account(permission) {
            return false;
        }
        match self.user().map(|user| &user.credential) {
            Some(Credential::ApiToken { scopes }) => {
                permission != Permission::AccountsSecureOwn
                    && scopes.as_ref().is_none_or(|scopes| scopes.contains(&permission))
            }
            _ => true,
        }
    }

    /// Whether it is but for an API token's scopes that this is refused: what its owner may see, who made the token knows of, and
    /// a program that is told so can be given another one. `reached`: whether a role reaches it.
    pub(super) fn is_out_of_scope(
        &self,
        permission: Permission,
        reached: impl Fn(Role, Option<CustomerId>) -> bool,
    ) -> bool {
        let scoped = matches!(self.user().map(|user| &user.credential), Some(Credential::ApiToken { scopes: Some(_) }));
        // What no token may at all is in no scope.
        let can_be_given = permission != Permission::AccountsSecureOwn && !self.must_enroll();
        let missing = scoped && can_be_given && !self.admits(permission);
        missing && self.roles_of_owner(permission).into_iter().any(|(role, customer)| reached(role, customer))
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
        Err(self.not_held(missing, (RoleBook::KIND, None), None))
    }

    /// Nobody makes somebody more in a customer than they are there themselves. What is the customer's people's alone, and
    /// no staff's to hold, is left out.
    ///
    /// # Errors
    /// `Forbidden`, with the first permission that is missing.
    pub(crate) fn must_cover_in(&self, customer: &CustomerRef, role: MemberRole) -> Result<()> {
        match given_in(role).find(|permission| !self.reaches(*permission, customer)) {
            Some(missing) => {
                let of_it = customer.customer.filter(|customer| self.tries_for(*customer));
                Err(self.not_held(missing, (CustomerRef::KIND, Some(customer.id.to_string())), of_it))
            }
            None => Ok(()),
        }
    }

    fn not_held(
        &self,
        missing: Permission,
        target: (&'static str, Option<String>),
        customer: Option<CustomerId>,
    ) -> Error {
        let denial = self.denial(missing, target, customer);
        Error::new(ErrorCode::Forbidden).with_key("error-not-held").with_arg("permission", missing).with_denial(denial)
    }
}

/// Whoever holds any role of the platform, built in or made here: those of whom a second factor can be demanded.
pub(crate) fn works_for_platform(admin: bool, operator: bool, permissions: &[Permission]) -> bool {
    admin || operator || !permissions.is_empty()
}

/// Whether somebody in this role may do that in the customer in which they have it.
pub(crate) fn member_may(role: MemberRole, permission: Permission) -> bool {
    reach(Role::of_member(role), permission) != Reach::Nothing
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
            // What no custom role can hold counts too where it makes more than they can be.
            let is_power =
                |permission: &Permission| is_grantable(*permission) || *permission == Permission::SettingsIdentity;
            everywhere(role).filter(is_power).collect()
        }
        _ => Vec::new(),
    }
}

/// What a role in a customer gives there, but what is the customer's people's alone.
pub(crate) fn given_in(role: MemberRole) -> impl Iterator<Item = Permission> {
    let given = move |permission: &Permission| {
        is_grantable(*permission) && reach(Role::of_member(role), *permission) == Reach::Customer
    };
    Permission::ALL.iter().copied().filter(given)
}

/// By what of the platform's roles somebody holds this everywhere: words of built-in roles, and what is put into others.
pub(crate) fn ways_to(permission: Permission) -> Vec<String> {
    let custom = Permission::ALL.iter().filter(|held| is_grantable(**held) && gives(&[**held], permission));
    let custom = custom.map(|held| held.name().to_owned());
    built_in_with(permission).into_iter().chain(custom).collect()
}

/// Words of the built-in roles that give this everywhere to whom they are assigned.
fn built_in_with(permission: Permission) -> Vec<String> {
    let roles = Role::all().into_iter().filter(|role| powers_of(role.name()).contains(&permission));
    roles.map(|role| role.name().to_owned()).collect()
}

/// Everything a built-in role permits, as far as it reaches, by its word.
pub fn permitted_by(builtin: &str) -> Vec<Permission> {
    let role = Role::all().into_iter().find(|role| role.name() == builtin);
    let permits = |permission: &Permission| role.is_some_and(|role| reach(role, *permission) != Reach::Nothing);
    Permission::ALL.iter().copied().filter(permits).collect()
}
