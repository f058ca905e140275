//! Forms of allocations as a browser posts them: every field is text, an empty one means "not stated".

use serde::{Deserialize, Serialize};

/// To lend a machine, to move an end, to answer a request, to ask for more time; named `form[…]` in the pages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeaseForm {
    pub customer: String,
    /// `2026-12-01`, the beginning of that day in the installation's time zone, which days and months of leases are of.
    pub starts: String,
    pub months: String,
    /// `2026-12-31`: the whole of that day is part of it.
    pub ends: String,
    pub grace: String,
    pub remark: String,
    /// `approve` or `refuse`.
    pub decision: String,
    /// A word to the other side, or for the history.
    pub word: String,
    /// The revision that was looked at.
    pub revision: String,
}

#[cfg(feature = "ssr")]
mod read {
    use chrono::{DateTime, Days, NaiveDate, TimeZone as _, Utc};
    use chrono_tz::Tz;
    use contract::allocations::{AllocationCreate, AllocationRenew, RenewalDecision, RenewalRequestCreate};
    use contract::times::is_writable;
    use contract::{CustomerId, ErrorCode};
    use platform::{Error, Result};

    use super::LeaseForm;
    use crate::door::Refused;

    fn text(value: &str) -> Option<String> {
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    struct Faults(Error);

    impl Faults {
        fn new() -> Self {
            Self(Error::new(ErrorCode::Validation))
        }

        fn note(&mut self, path: &'static str, key: &'static str) {
            let error = std::mem::replace(&mut self.0, Error::new(ErrorCode::Validation));
            self.0 = error.with_field(path, key);
        }

        fn number(&mut self, path: &'static str, value: &str) -> Option<u32> {
            let value = text(value)?;
            value.parse().map_err(|_| self.note(path, "field-not-a-number")).ok()
        }

        /// The beginning of a day in this time zone, or of the day after.
        fn day(&mut self, path: &'static str, value: &str, after: u64, zone: Tz) -> Option<DateTime<Utc>> {
            let value = text(value)?;
            let day = NaiveDate::parse_from_str(&value, "%Y-%m-%d")
                .ok()
                .filter(|day| is_writable(*day))
                .and_then(|day| day.checked_add_days(Days::new(after)));
            let midnight = day.and_then(|day| day.and_hms_opt(0, 0, 0));
            let at = midnight.and_then(|at| zone.from_local_datetime(&at).earliest());
            if at.is_none() {
                self.note(path, "field-not-a-date");
            }
            at.map(|at| at.with_timezone(&Utc))
        }

        fn done<T>(self, value: T) -> Result<T> {
            if self.0.fields.is_empty() { Ok(value) } else { Err(self.0) }
        }
    }

    impl LeaseForm {
        /// What came back with a refused form.
        pub fn from_typed(refused: &Refused) -> Self {
            let t = |name: &str| refused.typed.get(name).cloned().unwrap_or_default();
            Self {
                customer: t("customer"),
                starts: t("starts"),
                months: t("months"),
                ends: t("ends"),
                grace: t("grace"),
                remark: t("remark"),
                decision: t("decision"),
                word: t("word"),
                // The page shows the allocation as it is now, whatever the refused form was made from.
                revision: String::new(),
            }
        }

        /// What was typed, to be shown again.
        pub fn typed(&self) -> Vec<(&'static str, String)> {
            vec![
                ("customer", self.customer.clone()),
                ("starts", self.starts.clone()),
                ("months", self.months.clone()),
                ("ends", self.ends.clone()),
                ("grace", self.grace.clone()),
                ("remark", self.remark.clone()),
                ("decision", self.decision.clone()),
                ("word", self.word.clone()),
            ]
        }

        /// As a new allocation; days are of the installation's `zone`.
        ///
        /// # Errors
        /// Validation, for what is no number or no date.
        pub fn create(&self, zone: Tz) -> Result<AllocationCreate> {
            let mut faults = Faults::new();
            let body = AllocationCreate {
                customer_id: faults.number("customerId", &self.customer).map(|id| CustomerId(id.into())),
                starts_at: faults.day("startsAt", &self.starts, 0, zone),
                months: faults.number("months", &self.months),
                ends_at: faults.day("endsAt", &self.ends, 1, zone),
                grace_days: faults.number("graceDays", &self.grace),
                remark: text(&self.remark),
            };
            faults.done(body)
        }

        /// As another end.
        ///
        /// # Errors
        /// Validation, for what is no number or no date.
        pub fn renew(&self, zone: Tz) -> Result<AllocationRenew> {
            let mut faults = Faults::new();
            let body = AllocationRenew {
                months: faults.number("months", &self.months),
                ends_at: faults.day("endsAt", &self.ends, 1, zone),
                note: text(&self.word),
                revision: text(&self.revision).and_then(|revision| revision.parse().ok()),
            };
            faults.done(body)
        }

        /// As an answer.
        ///
        /// # Errors
        /// Validation, for what is no date.
        pub fn decide(&self, zone: Tz) -> Result<RenewalDecision> {
            let mut faults = Faults::new();
            let body = RenewalDecision {
                approve: self.decision == "approve",
                ends_at: faults.day("endsAt", &self.ends, 1, zone),
                answer: text(&self.word),
            };
            faults.done(body)
        }

        /// As a wish.
        ///
        /// # Errors
        /// Validation, for what is no number.
        pub fn request(&self) -> Result<RenewalRequestCreate> {
            let mut faults = Faults::new();
            let body =
                RenewalRequestCreate { months: faults.number("months", &self.months), message: text(&self.word) };
            faults.done(body)
        }
    }
}
