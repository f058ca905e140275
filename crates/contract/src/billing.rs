//! What is paid for: stretches of time that instances ran, and what they add up to.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::machines::word_enum;
use crate::{CustomerId, InstanceId, LedgerIntervalId, SpecId, UserId};

/// Longest period of use, days.
pub const MAX_PERIOD_DAYS: i64 = 731;
/// Most hours, days or months that use is split into.
pub const MAX_STEPS: usize = 1000;

word_enum! {
    /// What use is added up by.
    BillingGroup {
        Hour = "hour",
        Day = "day",
        Month = "month",
        User = "user",
        /// For staff.
        Customer = "customer",
        Machine = "machine",
        Spec = "spec",
        Instance = "instance",
    }
}

word_enum! {
    /// Why a stretch begins.
    LedgerOpened {
        /// It was started.
        Started = "started",
        /// Another price begins.
        Price = "price",
        /// It was taken to have ended, and ran on.
        Resumed = "resumed",
    }
}

word_enum! {
    /// Why a stretch ends.
    LedgerClosed {
        /// It was stopped, or its program ended.
        Ended = "ended",
        /// Another price begins.
        Price = "price",
        /// It was started anew before anybody saw it ended.
        Restarted = "restarted",
        /// Its container was taken away by hand: it counts until it was seen running last.
        Unseen = "unseen",
    }
}

/// Parameters of the use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct BillingQuery {
    /// What it is added up by; by day when absent.
    pub group_by: Option<BillingGroup>,
    /// Begin of the period; the month's, in the reader's time zone, when absent.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub from: Option<DateTime<Utc>>,
    /// Its end; now when absent.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub until: Option<DateTime<Utc>>,
    /// For staff.
    pub customer_id: Option<CustomerId>,
    /// Who made what ran.
    pub user_id: Option<UserId>,
    /// Code of a machine.
    pub machine: Option<String>,
    pub spec_id: Option<SpecId>,
    pub instance_id: Option<InstanceId>,
}

/// Parameters of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct LedgerQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// Begin of the period; the month's, in the reader's time zone, when absent.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub from: Option<DateTime<Utc>>,
    /// Its end; now when absent.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub until: Option<DateTime<Utc>>,
    /// For staff.
    pub customer_id: Option<CustomerId>,
    /// Who made what ran.
    pub user_id: Option<UserId>,
    /// Code of a machine.
    pub machine: Option<String>,
    pub spec_id: Option<SpecId>,
    pub instance_id: Option<InstanceId>,
}

impl From<&LedgerQuery> for BillingQuery {
    fn from(query: &LedgerQuery) -> Self {
        Self {
            group_by: None,
            from: query.from,
            until: query.until,
            customer_id: query.customer_id,
            user_id: query.user_id,
            machine: query.machine.clone(),
            spec_id: query.spec_id,
            instance_id: query.instance_id,
        }
    }
}

/// What ran and what it costs, in a period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BillingUsage {
    pub group_by: BillingGroup,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    /// Whose hours, days and months these are.
    pub time_zone: String,
    pub lines: Vec<UsageLine>,
    /// Of all lines, one per currency: rounded once, not a sum of what was rounded.
    pub totals: Vec<UsageTotal>,
}

/// A line of the use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsageLine {
    /// Begin of the hour, day or month; absent where it is not split by time.
    pub starts_at: Option<DateTime<Utc>>,
    /// Id of whom or what it is of, a machine's code; absent where it is split by time.
    pub key: Option<String>,
    /// As it was called last in the period.
    pub name: Option<String>,
    /// Seconds that ran, with those of each instance apart: a decimal number.
    pub seconds: String,
    /// A decimal number with at most four places, rounded half away from zero.
    pub cost: String,
    pub currency: String,
}

/// What a period adds up to in a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsageTotal {
    pub seconds: String,
    pub cost: String,
    pub currency: String,
}

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LedgerLine {
    pub id: LedgerIntervalId,
    /// What ran; its events are at `/instances/{id}/events`.
    pub instance_id: InstanceId,
    pub instance_name: String,
    pub customer_id: CustomerId,
    pub customer_name: String,
    pub user_id: UserId,
    pub user_name: String,
    /// Code of the machine.
    pub machine: String,
    pub machine_name: String,
    pub spec_id: SpecId,
    pub spec_name: String,
    /// What an hour costs, frozen.
    pub price_per_hour: String,
    pub currency: String,
    pub started_at: DateTime<Utc>,
    /// Absent while it goes on.
    pub ended_at: Option<DateTime<Utc>>,
    pub opened_by: LedgerOpened,
    pub closed_by: Option<LedgerClosed>,
    /// Until its end, or until now: a decimal number.
    pub seconds: String,
    /// A decimal number with at most four places.
    pub cost: String,
    /// Most memory that was measured; absent: it was not.
    pub measured_memory_bytes: Option<u64>,
}

/// What a look at the engines says of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LedgerCheck {
    /// Instances whose engine was asked.
    pub compared: u64,
    /// Machines whose engine did not answer, by code.
    pub silent: Vec<String>,
    /// Where ledger and engine differ; empty is right.
    pub differences: Vec<LedgerDifference>,
}

/// An instance of which the ledger says something else than its engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LedgerDifference {
    pub instance_id: InstanceId,
    pub instance_name: String,
    /// Code of the machine.
    pub machine: String,
    /// When its last run began and ended, as its engine says.
    pub engine_started_at: Option<DateTime<Utc>>,
    pub engine_ended_at: Option<DateTime<Utc>>,
    /// The same, as the ledger says.
    pub ledger_started_at: Option<DateTime<Utc>>,
    pub ledger_ended_at: Option<DateTime<Utc>>,
    /// Seconds that the ledger has too many of this run; fewer than none are missing.
    pub seconds: String,
}
