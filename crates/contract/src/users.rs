//! People as staff run them: everybody's accounts.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::accounts::{IdentityView, MembershipView};
use crate::machines::word_enum;
use crate::roles::RoleBrief;
use crate::{CustomerId, May, Permission, RoleId, SortDirection, UserId};

word_enum! {
    /// Where an account stands.
    UserState {
        /// Asked to join and did not come yet.
        Invited = "invited",
        Active = "active",
        Disabled = "disabled",
        /// Kept, and can be brought back.
        Deleted = "deleted",
    }
}

word_enum! {
    /// Columns the list can be sorted by.
    UserSort {
        Name = "name",
        DisplayName = "displayName",
        LastLogin = "lastLoginAt",
        Created = "createdAt",
    }
}

word_enum! {
    /// What can be done with many at once.
    UserAction {
        Disable = "disable",
        Enable = "enable",
    }
}

impl UserAction {
    /// What it takes.
    pub fn permission(self) -> Permission {
        Permission::UsersUpdate
    }
}

/// A person in the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UserRow {
    pub id: UserId,
    /// User name.
    pub name: String,
    /// Name to show; the user name where none was given.
    pub display_name: String,
    pub email: Option<String>,
    pub state: UserState,
    /// Roles of the platform.
    pub roles: Vec<RoleBrief>,
    /// Roles in customers.
    pub memberships: Vec<MembershipView>,
    pub last_login_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    /// Whether a second factor is on.
    #[serde(default)]
    pub second_factor: bool,
}

/// A person in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    #[serde(flatten)]
    pub user: UserRow,
    pub disabled_at: Option<DateTime<Utc>>,
    pub deleted_at: Option<DateTime<Utc>>,
    /// Open sessions, of browsers and programs.
    pub session_count: u64,
    pub revision: i64,
    /// Whether a password of theirs is kept here.
    #[serde(default)]
    pub has_password: bool,
    /// Since when a second factor is on.
    #[serde(default)]
    pub totp_since: Option<DateTime<Utc>>,
    /// Recovery codes that were not used.
    #[serde(default)]
    pub recovery_codes_left: u32,
    /// The sign-in services and directories that the account is bound to.
    #[serde(default)]
    pub identities: Vec<IdentityView>,
    /// The first customer that would have no owner who can act for it without this person.
    #[serde(default)]
    pub only_owner_of: Option<String>,
    /// What the caller may do with it now.
    #[serde(default)]
    pub may: UserMay,
}

/// What the caller may do with an account now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct UserMay {
    pub change: May,
    pub disable: May,
    pub enable: May,
    pub delete: May,
    pub restore: May,
    pub set_password: May,
    pub end_sessions: May,
    /// Whether the second factor can be taken off.
    pub reset_second_factor: May,
    /// Whether it can be parted from what it is bound to.
    pub unlink_identities: May,
    /// Whether any role can be given to them by the caller.
    pub assign_roles: May,
    /// The roles they hold, and whether each can be taken away.
    pub revoke_roles: Vec<RoleMay>,
}

/// Whether a role can be taken away from somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RoleMay {
    pub role_id: RoleId,
    pub may: May,
}

/// Body of `POST /api/admin/users`.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct UserCreate {
    /// `[a-z0-9][a-z0-9._-]{0,62}`.
    pub username: String,
    pub display_name: Option<String>,
    pub email: Option<String>,
    /// As the installation's rule for passwords asks; one is made where it is absent.
    pub password: Option<String>,
    /// Roles of the platform; the caller must hold everything they permit.
    pub roles: Vec<RoleId>,
}

impl std::fmt::Debug for UserCreate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserCreate").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The account that was made; a password that was made is in this answer and nowhere else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UserCreated {
    pub user: UserView,
    /// Absent when the caller gave one.
    pub password: Option<String>,
}

/// Body of `PUT /api/admin/users/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct UserUpdate {
    /// `[a-z0-9][a-z0-9._-]{0,62}`.
    pub username: String,
    pub display_name: Option<String>,
    pub email: Option<String>,
    /// The revision one saw; absent overwrites whatever is there.
    pub revision: Option<i64>,
}

/// Body of `POST /api/admin/users/{id}/password`.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct UserPassword {
    /// As the installation's rule for passwords asks; one is made where it is absent.
    pub password: Option<String>,
    /// Has to be true for an account without a password here that a directory or sign-in service lets in. It is parted from
    /// directories, with the roles that their groups gave: they have no say any more once a password is kept here.
    pub local: bool,
}

impl std::fmt::Debug for UserPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserPassword").finish_non_exhaustive()
    }
}

/// Answer of `POST /api/admin/users/{id}/password`; a password that was made is in this answer and nowhere else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UserSecret {
    pub username: String,
    /// Absent when the caller gave one.
    pub password: Option<String>,
}

/// Body of `POST /api/admin/users/bulk`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserBulk {
    /// 1 to 500.
    #[serde(default)]
    pub ids: Vec<UserId>,
    /// Instead of ids: all that match these filters, whatever their page and order; refused when they are more than 500.
    #[serde(default)]
    pub matching: Option<UserQuery>,
    pub action: UserAction,
}

/// Parameters of `DELETE /api/admin/users/{id}/identities/{identityId}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct IdentityParting {
    /// True also parts an account from its only way in; it needs a new password then.
    pub only_way: bool,
}

/// Parameters of the list of people.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams, utoipa::ToSchema), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct UserQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// `name`, `displayName`, `lastLoginAt`, `createdAt`, each with `-` for descending.
    pub sort: Option<String>,
    /// User name, display name or e-mail.
    pub q: Option<String>,
    /// Everybody but the deleted when absent.
    pub state: Option<UserState>,
    /// Who holds this role of the platform.
    pub role: Option<RoleId>,
    /// Who belongs to this customer.
    pub customer_id: Option<CustomerId>,
    /// Who has a second factor, or has none.
    pub second_factor: Option<bool>,
}

impl UserQuery {
    /// Reads `sort`; `Err` holds the part that names no column.
    pub fn sort_columns(&self) -> Result<Vec<(UserSort, SortDirection)>, String> {
        let sort = crate::sort_of(self.sort.as_deref(), UserSort::parse)?;
        Ok(if sort.is_empty() { vec![(UserSort::Name, SortDirection::Asc)] } else { sort })
    }
}
