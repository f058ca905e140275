//! What a refusal says, and which customer reads of it in its own part of the log.

use contract::{CustomerId, ErrorCode, Permission};

use super::{
    AccountRef, AllocationRef, AuditLog, BudgetShelf, Clientele, FileShelf, Fleet, ImageLibrary, Installation,
    InstanceShelf, JobRef, Noticeboard, Population, Resource as _, RoleBook, SpecCatalog,
};
use crate::error::Denial;
use crate::{Error, OpContext, Principal, UserPrincipal};

/// What is missing of who has to set up a second factor first, as the log says it.
const SECOND_FACTOR: &str = "second-factor";

/// What setting up a second factor takes.
pub(super) fn is_own_account(permission: Permission) -> bool {
    matches!(permission, Permission::AccountsViewOwn | Permission::AccountsUpdateOwn | Permission::AccountsSecureOwn)
}

/// What a permission is about, as a whole, in the words of the log.
pub(super) fn kind_of_many(permission: Permission) -> &'static str {
    match permission.group() {
        "customers" => Clientele::KIND,
        "users" => Population::KIND,
        "roles" => RoleBook::KIND,
        "machines" | "metrics" => Fleet::KIND,
        "allocations" => AllocationRef::KIND,
        "specs" => SpecCatalog::KIND,
        "images" => ImageLibrary::KIND,
        "files" => FileShelf::KIND,
        "instances" => InstanceShelf::KIND,
        "billing" => BudgetShelf::KIND,
        "announcements" => Noticeboard::KIND,
        "audit" => AuditLog::KIND,
        "jobs" => JobRef::KIND,
        "settings" => Installation::KIND,
        _ => AccountRef::KIND,
    }
}

impl OpContext {
    /// Whether an attempt at something of a customer is told to it: one of its own people, or of staff. Who else tried
    /// what is the operator's to know.
    pub(super) fn tries_for(&self, customer: CustomerId) -> bool {
        let of_its_own = |user: &UserPrincipal| user.active_customer == Some(customer) && user.active_role().is_some();
        self.is_staff() || self.user().is_some_and(of_its_own)
    }

    /// The customer in whose name a list was asked for: what staff try is not in that of the customer they happen to be in.
    pub(super) fn asks_for(&self) -> Option<CustomerId> {
        self.user().filter(|_| !self.is_staff()).filter(|user| user.active_role().is_some())?.active_customer
    }

    /// What is refused for want of a permission, as the log keeps it: what the operation said that it tries, or else the
    /// permission and what it was asked of.
    pub(super) fn denial(
        &self,
        missing: Permission,
        (target_kind, target_id): (&'static str, Option<String>),
        customer: Option<CustomerId>,
    ) -> Denial {
        // Who has to set up a second factor first may hold the permission: it is not what is missing.
        let factor =
            (self.must_enroll() && !is_own_account(missing)).then(|| ("missing".to_owned(), SECOND_FACTOR.into()));
        let Some(tried) = self.attempt() else {
            let (action, details) = (missing.name(), factor.into_iter().collect());
            return Denial { action, target_kind, target_id, customer, missing, details, unproven: false };
        };
        Denial {
            action: tried.action,
            target_kind: tried.target_kind,
            target_id: tried.target_id.clone(),
            customer: tried.customer.filter(|customer| self.tries_for(*customer)).or(customer),
            missing,
            details: {
                let wanted = tried.after.as_ref().and_then(|wanted| wanted.as_object().cloned()).unwrap_or_default();
                wanted.into_iter().chain(factor).collect()
            },
            unproven: false,
        }
    }

    /// What is not among the rows that the caller may find: `NotFound`, as for what is not there, and in the log as an attempt
    /// where there is such a thing. It is the operator's to know; to the customer who tried it the thing does not exist.
    pub(crate) fn unseen(&self, missing: Permission, target_kind: &'static str, id: impl ToString) -> Error {
        let target_id = Some(id.to_string());
        let denial = self.denial(missing, (target_kind, target_id.clone()), None);
        let denial = Denial { target_kind, target_id, customer: None, unproven: true, ..denial };
        Error::not_found().with_denial(denial)
    }

    /// The refusal, as much of it as the caller may know.
    pub(super) fn denied(&self, permission: Permission, visible: bool, denial: Denial) -> Error {
        let code = match self.principal() {
            Principal::Anonymous => ErrorCode::Unauthenticated,
            _ if self.must_enroll() && !is_own_account(permission) => ErrorCode::EnrollmentRequired,
            _ if visible => ErrorCode::Forbidden,
            _ => ErrorCode::NotFound,
        };
        let error = Error::new(code).with_denial(denial);
        if code == ErrorCode::Forbidden { error.with_arg("permission", permission) } else { error }
    }
}
