//! What is in the way of lending a machine, and how that is said.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::allocations::{AllocationState, LeaseToCome};
use contract::machines::{Pool, ServiceState};
use contract::{ErrorCode, MachineId, Permission};

use super::store;
use crate::authz::AllocationRef;
use crate::db::Tx;
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result, calendar, customers};

/// A machine as an allocation needs to know it.
pub(crate) struct LeaseMachine {
    pub id: MachineId,
    pub pool: Pool,
    pub service_state: ServiceState,
}

/// Whether a machine of this pool in this state can be lent to somebody.
///
/// # Errors
/// `WrongState` for a shared one, and for one that is out of service.
pub fn may_be_lent(pool: Pool, state: ServiceState) -> Result<()> {
    match (pool, state) {
        (Pool::Whole, ServiceState::InService) => Ok(()),
        (Pool::Whole, _) => Err(Error::new(ErrorCode::WrongState).with_key("error-allocate-service-state")),
        _ => Err(Error::new(ErrorCode::WrongState).with_key("error-allocate-shared")),
    }
}

/// A lease that is to begin on a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToCome {
    pub customer: String,
    pub starts_at: DateTime<Utc>,
}

/// The next lease that is to begin on each of these machines, by the machine's id; none for who does not see leases.
pub(crate) async fn to_come(tx: &mut Tx, ctx: &OpContext, machines: &[i64]) -> Result<HashMap<i64, ToCome>> {
    if ctx.authorize_list::<AllocationRef>(Permission::AllocationsManage).is_err() {
        return Ok(HashMap::new());
    }
    let next = next_leases(tx, machines).await?.into_iter();
    Ok(next.map(|(id, lease)| (id.0, ToCome { customer: lease.customer_name, starts_at: lease.starts_at })).collect())
}

/// The same in full, for slices that have decided that the caller may know.
pub(crate) async fn next_leases(tx: &mut Tx, machines: &[i64]) -> Result<HashMap<MachineId, LeaseToCome>> {
    let rows = store::next_scheduled(tx, machines).await?;
    Ok(named(tx, rows).await?.into_iter().collect())
}

/// All leases that are to begin on a machine, the next first, for slices that have decided that the caller may know.
pub(crate) async fn all_to_come(tx: &mut Tx, machine: MachineId) -> Result<Vec<LeaseToCome>> {
    let rows = store::scheduled_on(tx, machine).await?;
    Ok(named(tx, rows).await?.into_iter().map(|(_, lease)| lease).collect())
}

async fn named(tx: &mut Tx, rows: Vec<store::Row>) -> Result<Vec<(MachineId, LeaseToCome)>> {
    let customers: Vec<i64> = rows.iter().map(|row| row.customer.0).collect();
    let names = customers::names(tx, &customers).await?;
    let leases = rows.into_iter().map(|row| {
        let lease = LeaseToCome {
            allocation_id: row.id,
            customer_id: row.customer,
            customer_name: names.get(&row.customer.0).cloned().unwrap_or_default(),
            starts_at: row.starts_at,
            waits_for: row.waits_for,
        };
        (row.machine, lease)
    });
    Ok(leases.collect())
}

/// Who has the machine, and until when.
pub(super) async fn overlap(
    platform: &Platform,
    ctx: &OpContext,
    tx: &mut Tx,
    other: &store::Row,
    path: &'static str,
) -> Result<Error> {
    let names = customers::names(tx, &[other.customer.0]).await?;
    let mut wrong = Wrong::new();
    if other.state == AllocationState::Reclaiming {
        // Its period is over, and what was agreed of it says nothing any more. As far as others are kept off now, the way back
        // may take longer, or be over sooner.
        let kept_off = other.hold_until.unwrap_or(ctx.now());
        let values = vec![("until", calendar::minute(kept_off, ctx.time_zone(platform)))];
        wrong.add_with(path, "field-allocation-reclaiming", values);
    } else {
        wrong.add_with(
            path,
            "field-allocation-overlap",
            vec![
                ("from", calendar::day(other.starts_at, ctx.time_zone(platform))),
                ("until", calendar::day(other.hold_until.unwrap_or(other.ends_at), ctx.time_zone(platform))),
            ],
        );
    }
    let mut error = wrong.into_result().err().unwrap_or_else(Error::not_found);
    error.code = ErrorCode::Conflict;
    error.key = "error-allocation-overlap";
    error = error.with_arg("customer", names.get(&other.customer.0).cloned().unwrap_or_default());
    Ok(error)
}

/// `Conflict` with who has, or will have, this machine and until when.
pub(crate) async fn refuse_if_held(
    platform: &Platform,
    ctx: &OpContext,
    tx: &mut Tx,
    machine: MachineId,
) -> Result<()> {
    let Some(other) = store::holding(tx, machine).await? else { return Ok(()) };
    let names = customers::names(tx, &[other.customer.0]).await?;
    let customer = names.get(&other.customer.0).cloned().unwrap_or_default();
    // Its time is over: what is left to do is the check-list, however far the hold is moved along meanwhile.
    if other.state == AllocationState::Reclaiming {
        return Err(Error::new(ErrorCode::Conflict)
            .with_key("error-machine-reclaiming")
            .with_arg("customer", customer));
    }
    // What has not begun is not taken back.
    if other.state == AllocationState::Scheduled {
        return Err(Error::new(ErrorCode::Conflict)
            .with_key("error-machine-scheduled")
            .with_arg("customer", customer)
            .with_arg("from", calendar::day(other.starts_at, ctx.time_zone(platform))));
    }
    Err(Error::new(ErrorCode::Conflict)
        .with_key("error-machine-allocated")
        .with_arg("customer", customer)
        .with_arg("until", calendar::day(other.hold_until.unwrap_or(other.ends_at), ctx.time_zone(platform))))
}
