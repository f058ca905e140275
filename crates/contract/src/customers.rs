//! Customers: as their own people see them, and as staff run them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::accounts::MemberRole;
use crate::machines::word_enum;
use crate::{CustomerId, May, UserId};

/// A customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CustomerView {
    pub id: CustomerId,
    pub name: String,
    /// False while disabled.
    pub active: bool,
    pub member_count: u64,
    pub created_at: DateTime<Utc>,
}

/// A person in a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemberView {
    pub user_id: UserId,
    pub name: String,
    pub display_name: String,
    /// Only for who may change its people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    pub role: MemberRole,
    pub joined_at: DateTime<Utc>,
    /// False while the account is disabled: nobody signs in with it.
    pub active: bool,
    /// Whether they work for the platform, so that they act for no customer and cannot own one.
    #[serde(default)]
    pub staff: bool,
    /// Whether the caller may give the other role now.
    #[serde(default)]
    pub may_change_role: May,
    /// Whether the caller may remove the person now.
    #[serde(default)]
    pub may_remove: May,
}

/// Parameters of the list of a customer's people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MemberQuery {
    /// User name, display name or e-mail, as far as the caller sees it.
    pub q: Option<String>,
}

/// A customer as staff see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CustomerRow {
    pub id: CustomerId,
    pub name: String,
    /// False while disabled.
    pub active: bool,
    pub contact_name: Option<String>,
    pub contact_email: Option<String>,
    pub contact_phone: Option<String>,
    pub remark: Option<String>,
    pub member_count: u64,
    /// False when none of its owners can sign in, or there is none.
    pub has_owner: bool,
    /// Machines it has now.
    pub machine_count: u64,
    /// When the next of its allocations ends.
    pub next_end_at: Option<DateTime<Utc>>,
    pub disabled_at: Option<DateTime<Utc>>,
    /// Absent unless it is deleted; its data is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<DateTime<Utc>>,
    pub revision: i64,
    pub created_at: DateTime<Utc>,
    /// Whether the caller may delete it now; absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_delete: Option<May>,
}

/// A new person's account, with a password that is shown once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MemberCreate {
    /// `[a-z0-9][a-z0-9._-]{0,62}`.
    pub username: String,
    pub display_name: Option<String>,
    pub email: Option<String>,
    /// `member` when absent.
    pub role: Option<MemberRole>,
    /// The account is there already: it becomes a member, is told of it, and nothing else about it changes. For staff who
    /// hold `customers:manage-members`; owners invite by mail, and the person accepts.
    pub existing: bool,
}

/// Body of `PUT …/members/{userId}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemberUpdate {
    pub role: MemberRole,
}

/// Body of `PUT …/owner`: who owns the customer from now on; its owners so far become members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnerTransfer {
    pub user_id: UserId,
    /// The customer's name, typed again.
    pub confirm: String,
}

/// The account that was made; the password is in this answer and nowhere else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemberSecret {
    pub username: String,
    /// Absent for somebody who had an account already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Body of `POST /api/admin/customers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct CustomerCreate {
    /// 1 to 100 characters.
    pub name: String,
    pub contact_name: Option<String>,
    pub contact_email: Option<String>,
    pub contact_phone: Option<String>,
    pub remark: Option<String>,
    /// The first owner's account.
    pub owner: Option<MemberCreate>,
}

/// The customer that was made, and its owner's password where one was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CustomerCreated {
    pub customer: CustomerRow,
    pub owner: Option<MemberSecret>,
}

/// Body of `PUT /api/admin/customers/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct CustomerUpdate {
    pub name: String,
    pub contact_name: Option<String>,
    pub contact_email: Option<String>,
    pub contact_phone: Option<String>,
    pub remark: Option<String>,
    /// The revision one saw; absent overwrites whatever is there.
    pub revision: Option<i64>,
}

word_enum! {
    /// Columns a customer list can be sorted by.
    CustomerSort {
        Name = "name",
        State = "state",
        Contact = "contactName",
        Members = "memberCount",
        Machines = "machineCount",
        NextEnd = "nextEndAt",
        Created = "createdAt",
    }
}

/// Parameters of the customer list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct CustomerQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// `name`, `-machineCount`, several with commas; by name when absent.
    pub sort: Option<String>,
    /// Name, contact or remark.
    pub q: Option<String>,
    pub active: Option<bool>,
    /// False for those that nobody owns who can sign in.
    pub has_owner: Option<bool>,
    /// True for the deleted ones and no others, which are left out otherwise.
    pub deleted: Option<bool>,
}
