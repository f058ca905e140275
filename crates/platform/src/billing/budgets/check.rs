//! What of a budget is no good, all at once.

use contract::budgets::{BudgetRule, BudgetWrite, MAX_GRACE_HOURS, MAX_THRESHOLDS, USUAL_THRESHOLDS};
use rust_decimal::Decimal;

use crate::fields::Wrong;
use crate::{Result, specs};

/// The end of a budget, percent.
pub(super) const ALL: i32 = 100;
/// Highest threshold, percent: how far over it is may be told, too.
const MAX_PERCENT: u32 = 1000;
/// Hours between the notice and the stop where nobody says otherwise.
const USUAL_GRACE: u32 = 24;

/// One without fault.
pub(super) struct Checked {
    pub name: String,
    pub amount: Decimal,
    /// In order, each once, and the end of it always.
    pub thresholds: Vec<i32>,
    pub rule: BudgetRule,
    pub grace_hours: i32,
}

pub(super) fn check(body: &BudgetWrite) -> Result<Checked> {
    let mut wrong = Wrong::new();
    let name = wrong.name("name", &body.name);
    let amount = specs::read_price(&body.amount).filter(|amount| !amount.is_zero());
    if amount.is_none() {
        wrong.add("amount", "field-budget-amount");
    }
    let asked = body.thresholds.clone().unwrap_or_else(|| USUAL_THRESHOLDS.to_vec());
    let fits = |percent: &u32| (1..=MAX_PERCENT).contains(percent);
    if asked.len() > MAX_THRESHOLDS || !asked.iter().all(fits) {
        let args = vec![("most", MAX_THRESHOLDS.to_string()), ("max", MAX_PERCENT.to_string())];
        wrong.add_with("thresholds", "field-budget-thresholds", args);
    }
    wrong.number("graceHours", body.grace_hours, MAX_GRACE_HOURS);
    wrong.into_result()?;
    let signed = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let mut thresholds: Vec<i32> = asked.into_iter().map(signed).chain([ALL]).collect();
    thresholds.sort_unstable();
    thresholds.dedup();
    Ok(Checked {
        name,
        amount: amount.unwrap_or_default(),
        thresholds,
        rule: body.rule.unwrap_or(BudgetRule::Warn),
        grace_hours: signed(body.grace_hours.unwrap_or(USUAL_GRACE)),
    })
}
