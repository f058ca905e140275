//! Looks at what is spent: tells owners, and stops what runs where that was said.

use chrono::{DateTime, TimeDelta, Utc};
use contract::BudgetId;
use contract::budgets::BudgetRule;
use contract::notifications::NotificationKind;
use rust_decimal::Decimal;

use super::check::ALL;
use super::store::{self, Row, Stand};
use super::{Month, month};
use crate::db::Tx;
use crate::notifications::{Notice, Value, notify_in_tx};
use crate::{OpContext, Platform, Result, SystemActor, customers, instances};

/// The job: every budget once. What one of them cannot be done for does not hold up the others; the next run begins again.
///
/// # Errors
/// What kept the last of them.
pub async fn watch(platform: &Platform) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    let ids = store::ids(&mut tx).await?;
    tx.commit().await?;
    let mut result = Ok(());
    for id in ids {
        if let Err(error) = one(platform, &ctx, id).await {
            tracing::warn!(budget = id.0, %error, "a budget could not be looked at");
            result = Err(error);
        }
    }
    result
}

async fn one(platform: &Platform, ctx: &OpContext, id: BudgetId) -> Result<()> {
    let month = month(platform, ctx.now()).await;
    let mut tx = platform.db().begin(ctx).await?;
    if !store::lock(&mut tx, id).await? {
        return Ok(());
    }
    let Some(row) = store::find(&mut tx, id, &month, ctx.now()).await? else { return Ok(()) };
    let mut judged = judge(&row, ctx.now());
    if let Some(percent) = judged.tell {
        tell(platform, &mut tx, ctx, &row, &judged.stand, Some(percent)).await?;
    }
    if judged.stops && judged.stand.stopped_at.is_none() && instances::runs_for(&mut tx, row.customer).await? {
        judged.stand.stopped_at = Some(ctx.now());
        tell(platform, &mut tx, ctx, &row, &judged.stand, None).await?;
    }
    if judged.stand != row.stand {
        store::save_stand(&mut tx, id, &month, &judged.stand).await?;
    }
    tx.commit().await?;
    match judged.stops {
        true => stop(platform, ctx, &row, &month).await,
        false => Ok(()),
    }
}

/// Stops what runs, one after the other; whatever is left when this ends is the next run's.
async fn stop(platform: &Platform, ctx: &OpContext, row: &Row, month: &Month) -> Result<()> {
    for id in instances::running_of(platform, row.customer).await? {
        let mut tx = platform.db().begin(ctx).await?;
        // Somebody may have lifted it, changed it, or taken it away meanwhile.
        let still = store::lock(&mut tx, row.id).await?
            && store::find(&mut tx, row.id, month, ctx.now()).await?.is_some_and(|row| judge(&row, ctx.now()).stops);
        if !still {
            return Ok(());
        }
        instances::halt(platform, tx, ctx, id, "budget", &row.name).await?;
    }
    Ok(())
}

/// What follows from what is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Judged {
    stand: Stand,
    /// Threshold that its people are to be told of: the highest one that is new.
    tell: Option<i32>,
    /// What runs is to be stopped now.
    stops: bool,
}

fn judge(row: &Row, now: DateTime<Utc>) -> Judged {
    let reached = |percent: i32| row.spent * Decimal::ONE_HUNDRED >= row.amount * Decimal::from(percent);
    let mut stand = row.stand.clone();
    // It may have been changed so that some are no longer reached: these are told anew.
    stand.told.retain(|percent| reached(*percent));
    let new: Vec<i32> =
        row.thresholds.iter().copied().filter(|percent| reached(*percent) && !stand.told.contains(percent)).collect();
    stand.told.extend(&new);
    let spent = row.is_spent();
    stand.exceeded_at = spent.then(|| stand.exceeded_at.unwrap_or(now));
    let may_stop = spent && row.rule == BudgetRule::Stop && stand.lifted.is_none();
    let grace = TimeDelta::hours(row.grace_hours.into());
    let told_when = stand.stops_at.is_some();
    stand.stops_at = may_stop.then(|| stand.stops_at.unwrap_or(now + grace));
    if !may_stop {
        stand.stopped_at = None;
    }
    // Also where it was told that it is spent, and stops things only since then.
    let tell = new.last().copied().or_else(|| (stand.stops_at.is_some() && !told_when).then_some(ALL));
    let stops = stand.stops_at.is_some_and(|at| at <= now);
    Judged { stand, tell, stops }
}

/// `percent` is what it reached; nothing: what ran is being stopped.
async fn tell(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &Row,
    stand: &Stand,
    percent: Option<i32>,
) -> Result<()> {
    let owners = customers::people(tx, row.customer, true).await?;
    let state = match (percent, stand.stops_at) {
        (None, _) => "stopped",
        (Some(_), Some(_)) => "stops",
        (Some(_), None) if row.refuses() => "refuses",
        (Some(_), None) if row.is_spent() => "spent",
        (Some(_), None) => "reached",
    };
    let text = |text: String| Value::Text(text);
    let notice = Notice {
        kind: NotificationKind::BudgetReached,
        args: vec![
            ("budget", text(row.name.clone())),
            ("percent", text(percent.unwrap_or(ALL).to_string())),
            ("amount", text(row.amount.normalize().to_string())),
            ("currency", text(row.currency.clone())),
            ("spent", text(row.spent.round_dp(2).to_string())),
            ("state", text(state.to_owned())),
            ("stopsAt", Value::Time(stand.stops_at.unwrap_or(ctx.now()))),
        ],
        link: Some("/billing#budgets".to_owned()),
    };
    notify_in_tx(platform, tx, ctx, &owners, &notice).await
}

#[cfg(test)]
mod tests {
    use contract::CustomerId;
    use contract::budgets::BudgetSide;

    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn row(rule: BudgetRule, spent: i64) -> Row {
        Row {
            id: BudgetId(1),
            customer: CustomerId(1),
            side: BudgetSide::Customer,
            name: "All".to_owned(),
            amount: Decimal::from(200),
            currency: "CNY".to_owned(),
            thresholds: vec![50, 80, 100],
            rule,
            grace_hours: 2,
            revision: 1,
            created_name: String::new(),
            created_at: at(0),
            spent: Decimal::from(spent),
            per_hour: Decimal::ZERO,
            stand: Stand::default(),
        }
    }

    /// What is told, and whether things are stopped, as time and spending go on.
    fn told(mut row: Row, steps: &[(i64, i64)]) -> Vec<(Option<i32>, bool)> {
        let step = |(hours, spent): &(i64, i64)| {
            row.spent = Decimal::from(*spent);
            let judged = judge(&row, at(*hours));
            row.stand = judged.stand;
            (judged.tell, judged.stops)
        };
        steps.iter().map(step).collect()
    }

    #[test]
    fn each_threshold_is_told_once_and_only_the_highest_of_several() {
        let steps = [(0, 99), (1, 100), (2, 100), (3, 199), (4, 200), (5, 500)];
        let expected = [None, Some(50), None, Some(80), Some(100), None].map(|tell| (tell, false));
        assert_eq!(told(row(BudgetRule::Warn, 0), &steps), expected);
        assert_eq!(told(row(BudgetRule::Refuse, 0), &[(0, 250), (1, 250)]), [(Some(100), false), (None, false)]);
        // A larger budget, of which less is reached.
        let mut larger = row(BudgetRule::Warn, 200);
        larger.stand = judge(&larger, at(0)).stand;
        larger.amount = Decimal::from(400);
        let judged = judge(&larger, at(1));
        assert_eq!((judged.tell, judged.stand.told.as_slice(), judged.stand.exceeded_at), (None, &[50][..], None));
        larger.stand = judged.stand;
        assert_eq!(told(larger, &[(2, 320), (3, 400)]), [(Some(80), false), (Some(100), false)]);
    }

    #[test]
    fn what_runs_is_stopped_after_its_people_were_told_when() {
        let steps = [(0, 200), (1, 210), (2, 220), (3, 220)];
        let expected = [(Some(100), false), (None, false), (None, true), (None, true)];
        assert_eq!(told(row(BudgetRule::Stop, 0), &steps), expected);
        // It was told that it is spent, and stops things only now: that is told, too.
        let mut stricter = row(BudgetRule::Warn, 200);
        stricter.stand = judge(&stricter, at(0)).stand;
        stricter.rule = BudgetRule::Stop;
        assert_eq!(told(stricter.clone(), &[(10, 200), (12, 200)]), [(Some(100), false), (None, true)]);
        stricter.stand.lifted = Some((at(1), "Ops".to_owned(), "month end".to_owned()));
        assert_eq!(told(stricter, &[(10, 200), (99, 300)]), [(None, false), (None, false)]);
    }
}
