//! What is in the way of lending a machine, and how that is said.

use contract::machines::{Pool, ServiceState};
use contract::{ErrorCode, MachineId};

use super::store;
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
    wrong.add_with(
        path,
        "field-allocation-overlap",
        vec![
            ("from", calendar::day(other.starts_at, ctx.time_zone(platform))),
            ("until", calendar::day(other.hold_until.unwrap_or(other.ends_at), ctx.time_zone(platform))),
        ],
    );
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
    Err(Error::new(ErrorCode::Conflict)
        .with_key("error-machine-allocated")
        .with_arg("customer", names.get(&other.customer.0).cloned().unwrap_or_default())
        .with_arg("until", calendar::day(other.hold_until.unwrap_or(other.ends_at), ctx.time_zone(platform))))
}
