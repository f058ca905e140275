//! Certificates that end: who may store new ones is told in time.

use chrono::{DateTime, TimeDelta, Utc};
use contract::Permission;
use contract::engines::EXPIRY_STEPS;
use contract::notifications::NotificationKind;

use super::store;
use crate::notifications::{Notice, Value, notify_in_tx};
use crate::{Platform, Result, SystemActor, accounts, machines};

/// Tells of certificates that end within thirty, seven and one days, once per step and end; returns of how many. A step that
/// passed while no server ran is made up for by the next one.
///
/// # Errors
/// When the database is away.
pub async fn warn(platform: &Platform) -> Result<usize> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    let horizon = ctx.now() + TimeDelta::days(EXPIRY_STEPS[0]);
    let due: Vec<_> = store::ending(&mut tx, horizon)
        .await?
        .into_iter()
        .filter_map(|ending| step(ending.ends_at, ctx.now()).map(|days| (ending, days)))
        .filter(|(ending, days)| !ending.was_told(*days))
        .collect();
    if due.is_empty() {
        // Ended here, not some time after: whoever looks next would pass over what is still locked.
        tx.commit().await?;
        return Ok(0);
    }
    let people = accounts::holders(&mut tx, Permission::MachinesConnect).await?;
    let ids: Vec<i64> = due.iter().map(|(ending, _)| ending.machine.0).collect();
    let briefs = machines::briefs(platform, &mut tx, &ids, ctx.now()).await?;
    for (ending, days) in &due {
        store::set_warned(&mut tx, ending.machine, ending.ends_at, *days).await?;
        let Some(brief) = briefs.get(&ending.machine.0) else { continue };
        let state = if ending.ends_at <= ctx.now() { "ended" } else { "ending" };
        let notice = Notice {
            kind: NotificationKind::EngineCertificates,
            args: vec![
                ("machine", Value::Text(brief.name.clone())),
                ("endsAt", Value::Time(ending.ends_at)),
                ("state", Value::Text(state.to_owned())),
            ],
            link: Some(format!("/admin/machines/{}/docker", brief.code)),
        };
        notify_in_tx(platform, &mut tx, &ctx, &people, &notice).await?;
    }
    tx.commit().await?;
    Ok(due.len())
}

/// The step an end is in: the fewest days that it is not further away than.
fn step(ends_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<i64> {
    EXPIRY_STEPS.into_iter().filter(|days| ends_at - now <= TimeDelta::days(*days)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_in_one_step() {
        let now = DateTime::UNIX_EPOCH;
        let of = |hours| step(now + TimeDelta::hours(hours), now);
        assert_eq!([of(24 * 30 + 1), of(24 * 30), of(24 * 7 + 1)], [None, Some(30), Some(30)]);
        assert_eq!([of(24 * 7), of(24 + 1), of(24), of(0), of(-1000)], [Some(7), Some(7), Some(1), Some(1), Some(1)]);
    }
}
