//! Customers as their own people see them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::accounts::MemberRole;
use crate::{CustomerId, UserId};

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
    pub role: MemberRole,
    pub joined_at: DateTime<Utc>,
}
