//! What the ledger hears of instances, and whether it says what their engines say.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use contract::billing::{LedgerCheck, LedgerDifference};
use contract::instances::{InstanceSpec, Observed};
use contract::{MachineId, Permission};
use runtime::docker::FaultKind;
use runtime::docker::containers::{Container, State};
use rust_decimal::Decimal;

use super::store::{self, Row};
use super::work::{self, Trouble};
use crate::authz::LedgerRef;
use crate::billing::{self, Seen, Stretch, Subject};
use crate::db::Tx;
use crate::{OpContext, Platform, Result, engines};

/// What an engine says of the last run; nothing of one that never ran.
pub(super) fn seen(container: &Container) -> Option<Seen> {
    let since = container.started_at?;
    let finished = container.finished_at;
    match container.state {
        State::Running { .. } | State::Paused => Some(Seen::Runs { since, before: finished.filter(|at| *at <= since) }),
        State::Restarting { .. } => finished.filter(|at| *at >= since).map(|at| Seen::Between { since, at }),
        // An engine notes a start when it hears of it, and an end as it was: a short run may have ended before it began.
        State::Exited { .. } | State::Removing | State::Dead => {
            finished.map(|at| Seen::Ended { since, at: at.max(since) })
        }
        State::Created | State::Unknown => None,
    }
}

/// Tells the ledger; `before` is the instance as it was known until now, `made_of` what was seen is made of.
pub(super) async fn follow(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    (before, made_of): (&Row, &InstanceSpec),
    seen: Option<Seen>,
) -> Result<()> {
    let Some(seen) = seen else { return Ok(()) };
    let subject = Subject {
        instance: before.id,
        name: &before.name,
        customer: before.customer,
        user: before.owner,
        user_name: &before.created_name,
        machine: before.machine,
        machine_code: &before.machine_code,
        machine_name: &before.machine_name,
        spec: made_of,
        measured_memory: before.split.peak,
    };
    let seen_running = seen_running(tx, before).await?;
    if billing::follow(platform, tx, ctx, &subject, seen, seen_running).await? && before.split.peak.is_some() {
        store::forget_peak(tx, before.id).await?;
    }
    Ok(())
}

/// When it was seen running last: looks that find nothing new write nothing, but that they had an answer. One that was between
/// two runs then had run until its engine noticed that it ended.
async fn seen_running(tx: &mut Tx, row: &Row) -> Result<DateTime<Utc>> {
    if row.observed == Observed::Running
        && row.restarting_seen > 0
        && let Some(ended_at) = row.ended_at.filter(|at| row.started_at.is_none_or(|since| since <= *at))
    {
        return Ok(ended_at);
    }
    let written = row.observed_at.or(row.started_at).unwrap_or(row.created_at);
    let looked = match row.observed {
        Observed::Running => engines::answered_in_tx(tx, row.machine).await?,
        _ => None,
    };
    Ok(looked.map_or(written, |at| at.max(written)))
}

/// Asks every engine with instances what runs there and since when, and says where the ledger does not.
///
/// # Errors
/// `NotFound` for who does not see everybody's use.
pub async fn compare(platform: &Platform, ctx: &OpContext) -> Result<LedgerCheck> {
    ctx.authorize_list::<LedgerRef>(Permission::BillingView)?;
    let system = super::system(ctx);
    let mut tx = platform.db().begin(&system).await?;
    let machines = store::machines_with_instances(&mut tx).await?;
    tx.commit().await?;
    let mut check = LedgerCheck { compared: 0, silent: Vec::new(), differences: Vec::new() };
    for (machine, code) in machines {
        match compare_on(platform, ctx, machine, &mut check).await {
            Ok(()) => {}
            Err(Trouble::Ours(error)) => return Err(error),
            Err(Trouble::Engine(_)) => check.silent.push(code),
        }
    }
    Ok(check)
}

async fn compare_on(
    platform: &Platform,
    ctx: &OpContext,
    machine: MachineId,
    check: &mut LedgerCheck,
) -> Result<(), Trouble> {
    let engine = work::connect(platform, machine).await?;
    let listed = engine.list().await?;
    let mut there = HashMap::new();
    for one in &listed {
        match engine.inspect(&one.id).await {
            Ok(container) => {
                there.insert(one.origin.instance.clone(), container);
            }
            Err(fault) if fault.kind == FaultKind::NotFound => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    let mut tx = platform.db().begin(&super::system(ctx)).await?;
    let rows = store::alive_on(&mut tx, machine).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id.0).collect();
    let newest = billing::newest(&mut tx, &ids, ctx.now()).await?;
    tx.commit().await.map_err(crate::Error::from)?;
    for row in rows {
        check.compared += 1;
        let says = there.get(&row.id.to_string()).and_then(seen);
        let written = newest.iter().find(|stretch| stretch.instance == row.id);
        if let Some(seconds) = differs(says, written, ctx.now()) {
            check.differences.push(difference(row, says, written, seconds));
        }
    }
    Ok(())
}

/// Seconds that the ledger has too many of the last run; nothing where both say the same.
fn differs(says: Option<Seen>, written: Option<&Stretch>, now: DateTime<Utc>) -> Option<TimeDelta> {
    // Between two runs the engine has not said its last word of the first: the row of it stays open until then.
    if let (Some(Seen::Between { since, .. }), Some(it)) = (says, written)
        && it.run == since
    {
        return None;
    }
    let engine = match says {
        Some(Seen::Runs { since, .. }) => Some((since, None)),
        Some(Seen::Ended { since, at } | Seen::Between { since, at }) if at > since => Some((since, Some(at))),
        _ => None,
    };
    let ran = engine.map_or(TimeDelta::zero(), |(since, until)| until.unwrap_or(now.max(since)) - since);
    match (engine, written) {
        (Some(engine), Some(it)) if engine == (it.run, it.ended_at) && it.counted == ran => None,
        (Some(engine), Some(it)) if engine.0 == it.run || it.ended_at.is_none() => Some(it.counted - ran),
        // The ledger knows of an earlier run only, or of none.
        (Some(_), _) => Some(-ran),
        // Nobody can say what became of a container that is not there: what is closed stays.
        (None, Some(it)) if it.ended_at.is_none() => Some(it.counted),
        (None, _) => None,
    }
}

fn difference(row: Row, says: Option<Seen>, written: Option<&Stretch>, seconds: TimeDelta) -> LedgerDifference {
    let (engine_started_at, engine_ended_at) = match says {
        Some(Seen::Runs { since, .. } | Seen::Between { since, .. }) => (Some(since), None),
        Some(Seen::Ended { since, at }) => (Some(since), Some(at)),
        _ => (None, None),
    };
    let micros = seconds.num_microseconds().unwrap_or(i64::MAX);
    LedgerDifference {
        instance_id: row.id,
        instance_name: row.name,
        machine: row.machine_code,
        engine_started_at,
        engine_ended_at,
        ledger_started_at: written.map(|it| it.run),
        ledger_ended_at: written.and_then(|it| it.ended_at),
        seconds: Decimal::new(micros, 6).normalize().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use contract::InstanceId;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn what_differs_is_said_in_seconds() {
        let stretch = |run, ended: Option<i64>| Stretch {
            instance: InstanceId(1),
            run: at(run),
            ended_at: ended.map(at),
            counted: TimeDelta::seconds(ended.unwrap_or(100) - run),
        };
        let runs = |since| Some(Seen::Runs { since: at(since), before: None });
        let ended = |since, until| Some(Seen::Ended { since: at(since), at: at(until) });
        let between = |since, until| Some(Seen::Between { since: at(since), at: at(until) });
        for (says, written, expected) in [
            (runs(10), Some(stretch(10, None)), None),
            (ended(10, 20), Some(stretch(10, Some(20))), None),
            (None, None, None),
            (None, Some(stretch(10, Some(20))), None),
            (runs(10), None, Some(-90)),
            (ended(10, 20), Some(stretch(10, None)), Some(80)),
            (runs(10), Some(stretch(10, Some(20))), Some(-80)),
            (ended(30, 40), Some(stretch(10, Some(20))), Some(-10)),
            (between(10, 20), Some(stretch(10, None)), None),
            (between(30, 40), Some(stretch(10, Some(20))), Some(-10)),
            (None, Some(stretch(10, None)), Some(90)),
        ] {
            let found = differs(says, written.as_ref(), at(100)).map(|delta| delta.num_seconds());
            assert_eq!(found, expected, "{says:?}");
        }
    }
}
