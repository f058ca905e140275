//! Budgets: what a customer means to spend in a month, and what becomes of it when that is spent.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::machines::word_enum;
use crate::{BudgetId, CustomerId};

/// Most budgets of one customer.
pub const MAX_BUDGETS: usize = 10;
/// Most thresholds of one budget.
pub const MAX_THRESHOLDS: usize = 10;
/// Longest time between the notice and the stop, hours.
pub const MAX_GRACE_HOURS: u32 = 720;
/// Percent at which people are warned where nobody says otherwise.
pub const USUAL_THRESHOLDS: [u32; 3] = [50, 80, 100];

word_enum! {
    /// What becomes of a customer's instances when a budget is spent.
    BudgetRule {
        /// Its people are told.
        Warn = "warn",
        /// And nothing new is made or started.
        Refuse = "refuse",
        /// And what runs is stopped, some time after they were told.
        Stop = "stop",
    }
}

word_enum! {
    /// Whose a budget is to change.
    BudgetSide {
        /// The customer's owners.
        Customer = "customer",
        /// The staff's.
        Platform = "platform",
    }
}

/// Body of the requests that make or change a budget.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BudgetWrite {
    /// Whose, for staff who make one; absent for one's own customer, and where one is changed.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// Unlike any other of the customer's.
    pub name: String,
    /// For a calendar month, in the installation's currency: a decimal number above 0 with at most six places.
    pub amount: String,
    /// Percent of it at which owners are told, at most ten between 1 and 1000; 50, 80 and 100 when absent. The end of it
    /// always tells.
    #[serde(default)]
    pub thresholds: Option<Vec<u32>>,
    /// `warn` when absent.
    #[serde(default)]
    pub rule: Option<BudgetRule>,
    /// For `stop`: hours between the notice and the stop, at most 720; 24 when absent.
    #[serde(default)]
    pub grace_hours: Option<u32>,
    /// What one saw; absent overwrites whatever is there.
    #[serde(default)]
    pub revision: Option<i64>,
}

/// Body of `POST /api/admin/billing/budgets/{id}/lift`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BudgetLift {
    /// Its customer reads it.
    pub because: String,
}

/// Parameters of the lists of budgets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct BudgetQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// For staff.
    pub customer_id: Option<CustomerId>,
}

/// Staff let a budget hold nobody up for the rest of a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BudgetLifted {
    pub at: DateTime<Utc>,
    pub by: String,
    pub because: String,
}

/// A budget, and how it stands this month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BudgetView {
    pub id: BudgetId,
    pub customer_id: CustomerId,
    /// For staff.
    pub customer_name: Option<String>,
    pub side: BudgetSide,
    pub name: String,
    /// A decimal number.
    pub amount: String,
    pub currency: String,
    pub thresholds: Vec<u32>,
    pub rule: BudgetRule,
    pub grace_hours: u32,
    /// This month, `2026-11`, and when it ends: it is one of the installation's time zone.
    pub month: String,
    pub ends_at: DateTime<Utc>,
    pub time_zone: String,
    /// Spent of it until now, as the ledger says.
    pub spent: String,
    /// The same as whole percent, rounded down.
    pub percent: u64,
    /// What it comes to at the end of the month if what runs now runs on, at the prices of now.
    pub projected: String,
    /// Since when nothing of it is left.
    pub exceeded_at: Option<DateTime<Utc>>,
    /// When what runs is stopped.
    pub stops_at: Option<DateTime<Utc>>,
    /// When it was.
    pub stopped_at: Option<DateTime<Utc>>,
    pub lifted: Option<BudgetLifted>,
    /// The caller may change it.
    pub may_change: bool,
    pub revision: i64,
    pub created_by: String,
    pub created_at: DateTime<Utc>,
}

impl BudgetView {
    /// Whether nothing of it is left.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.percent >= 100
    }
}
