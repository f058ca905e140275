//! Roles: the built-in ones, and those an installation makes from permissions.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::machines::word_enum;
use crate::{May, Permission, RoleId, UserId};

word_enum! {
    /// What a role is held for.
    RoleScope {
        /// The whole platform.
        Platform = "platform",
        /// One customer, by membership.
        Customer = "customer",
    }
}

/// A role in a few words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RoleBrief {
    pub id: RoleId,
    /// `platform_admin`, `operator`, …, or `custom-7`.
    pub code: String,
    /// As somebody named it; of a built-in role in the caller's language, filled in by the door.
    pub name: String,
    pub builtin: bool,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RoleView {
    pub id: RoleId,
    /// `platform_admin`, `operator`, …, or `custom-7`.
    pub code: String,
    /// As somebody named it; of a built-in role in the caller's language, filled in by the door.
    pub name: String,
    pub description: String,
    /// Built-in roles cannot be changed or deleted.
    pub builtin: bool,
    pub scope: RoleScope,
    pub permissions: Vec<Permission>,
    /// People who hold it.
    pub holder_count: u64,
    pub revision: i64,
    pub created_at: DateTime<Utc>,
    /// Whether the caller may change it now; absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_change: Option<May>,
    /// Whether the caller may delete it now; absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_delete: Option<May>,
}

/// Parameters of the list of roles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RoleQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// Name or description, as the caller reads them, or code.
    pub q: Option<String>,
}

/// Somebody who holds a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RoleHolder {
    pub user_id: UserId,
    pub name: String,
    pub display_name: String,
    pub since: DateTime<Utc>,
    /// The account is deleted, and may come back with the role.
    #[serde(default)]
    pub deleted: bool,
}

/// Body of `POST /api/admin/roles` and `PUT /api/admin/roles/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RoleWrite {
    /// 1 to 100 characters.
    pub name: String,
    pub description: Option<String>,
    pub permissions: Vec<Permission>,
    /// The revision one saw; absent overwrites whatever is there. Not looked at for a new role.
    pub revision: Option<i64>,
}

/// A permission, for those who make roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PermissionView {
    pub name: Permission,
    /// The noun it is about.
    pub group: String,
    /// What the noun is called, in the caller's language; filled in by the door.
    pub group_title: String,
    /// What it permits, in the caller's language; filled in by the door.
    pub title: String,
    /// Whether a custom role can hold it.
    pub grantable: bool,
    /// Whether the caller could put it into a role.
    pub held: bool,
}

/// Body of `POST /api/admin/users/{id}/roles`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleAssign {
    pub role_id: RoleId,
}
