//! The form of a budget as a browser posts it: every field is text, an empty one means "not stated".

use serde::{Deserialize, Serialize};

/// Fields of the form, named `form[…]` in the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BudgetForm {
    /// Empty for a new one.
    pub id: String,
    /// Whose, on the staff's pages.
    pub customer_id: String,
    pub name: String,
    pub amount: String,
    /// Numbers with commas.
    pub thresholds: String,
    pub rule: String,
    pub grace_hours: String,
    pub revision: String,
}

#[cfg(feature = "ssr")]
mod read {
    use contract::budgets::{BudgetRule, BudgetView, BudgetWrite, USUAL_THRESHOLDS};
    use contract::{BudgetId, CustomerId, ErrorCode};
    use platform::error::FieldError;
    use platform::{Error, Result};

    use super::BudgetForm;
    use crate::door::Refused;

    fn numbers(list: &[u32]) -> String {
        list.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
    }

    impl BudgetForm {
        /// An empty one.
        pub fn new(customer: Option<CustomerId>) -> Self {
            Self {
                customer_id: customer.map(|id| id.to_string()).unwrap_or_default(),
                thresholds: numbers(&USUAL_THRESHOLDS),
                grace_hours: "24".to_owned(),
                ..Self::default()
            }
        }

        /// One that exists.
        pub fn of(view: &BudgetView) -> Self {
            Self {
                id: view.id.to_string(),
                customer_id: view.customer_id.to_string(),
                name: view.name.clone(),
                amount: view.amount.clone(),
                thresholds: numbers(&view.thresholds),
                rule: view.rule.code().to_owned(),
                grace_hours: view.grace_hours.to_string(),
                revision: view.revision.to_string(),
            }
        }

        /// What came back with a refused form; nothing where that was another one.
        pub fn from_typed(refused: &Refused) -> Option<Self> {
            let t = |name: &str| refused.typed.get(name).cloned().unwrap_or_default();
            refused.typed.contains_key("amount").then(|| Self {
                id: t("id"),
                customer_id: t("customerId"),
                name: t("name"),
                amount: t("amount"),
                thresholds: t("thresholds"),
                rule: t("rule"),
                grace_hours: t("graceHours"),
                revision: t("revision"),
            })
        }

        /// What was typed, to be shown again.
        pub fn typed(&self) -> Vec<(&'static str, String)> {
            vec![
                ("id", self.id.clone()),
                ("customerId", self.customer_id.clone()),
                ("name", self.name.clone()),
                ("amount", self.amount.clone()),
                ("thresholds", self.thresholds.clone()),
                ("rule", self.rule.clone()),
                ("graceHours", self.grace_hours.clone()),
                ("revision", self.revision.clone()),
            ]
        }

        /// Which one it is of, where it is of one.
        pub fn budget(&self) -> Option<BudgetId> {
            self.id.parse().ok()
        }

        /// Whose it is, where the form says so.
        pub fn customer(&self) -> Option<CustomerId> {
            self.customer_id.parse().ok()
        }

        /// What it asks for.
        ///
        /// # Errors
        /// Validation with every field that cannot be read.
        pub fn read(&self) -> Result<BudgetWrite> {
            let mut wrong = Error::new(ErrorCode::Validation);
            let mut fault = |path: &'static str, key: &'static str| {
                wrong.fields.push(FieldError { path, key, args: Vec::new() });
            };
            let list =
                self.thresholds.split([',', '\u{ff0c}', ' ', '%']).map(str::trim).filter(|text| !text.is_empty());
            let thresholds: Option<Vec<u32>> = list.map(|text| text.parse().ok()).collect();
            if thresholds.is_none() {
                fault("thresholds", "field-budget-thresholds-numbers");
            }
            let hours = self.grace_hours.trim();
            let grace: Option<u32> = hours.parse().ok();
            if grace.is_none() && !hours.is_empty() {
                fault("graceHours", "field-not-a-number");
            }
            let revision = self.revision.parse().ok();
            match wrong.fields.is_empty() {
                true => Ok(BudgetWrite {
                    customer_id: if self.budget().is_some() { None } else { self.customer() },
                    name: self.name.clone(),
                    amount: self.amount.trim().to_owned(),
                    thresholds: thresholds.filter(|list| !list.is_empty()),
                    rule: BudgetRule::parse(&self.rule),
                    grace_hours: grace,
                    revision,
                }),
                false => Err(wrong),
            }
        }
    }
}
