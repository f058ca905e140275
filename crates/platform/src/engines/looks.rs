//! When engines are looked at: every one comes round by itself, one server at a time has each, and what came of it is kept.
//!
//! No jobs: one that comes round every few seconds for every machine would leave a line in the queue's history each time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::MachineId;
use uuid::Uuid;

use super::store;
use crate::db::Tx;
use crate::{Platform, Result, SystemActor};

/// How long a server has an engine to itself for one look.
pub(crate) const LOOK: Duration = Duration::from_secs(60);

/// A look that is this server's to do.
pub(crate) struct DueLook {
    pub machine: MachineId,
    pub(super) token: Uuid,
}

/// Takes up to so many engines whose time has come. What is reached through an agent is left to the server that has its link.
///
/// # Errors
/// Whatever keeps the database from saying it.
pub(crate) async fn due_looks(platform: &Platform, limit: usize) -> Result<Vec<DueLook>> {
    let mut tx = platform.db().begin(&platform.system(SystemActor::Worker)).await?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let due = store::looks::take_due(&mut tx, platform.server_id(), limit, LOOK).await?;
    tx.commit().await?;
    Ok(due)
}

/// Gives it back: what was found out, and when it comes round again. Nothing where its connection was changed meanwhile.
///
/// # Errors
/// Whatever keeps the database from keeping it.
pub(crate) async fn looked(
    platform: &Platform,
    look: &DueLook,
    found: Option<std::result::Result<(), &str>>,
    again: Duration,
) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    store::looks::give_back(&mut tx, look, found, (ctx.now(), again)).await?;
    tx.commit().await?;
    Ok(())
}

/// Has an engine looked at soon: something is to happen there.
pub(crate) async fn look_soon_in_tx(tx: &mut Tx, machine: MachineId) -> Result<()> {
    store::looks::ask(tx, machine).await
}

/// Whether an engine said how much its instances store, or the word of why it did not.
pub(crate) async fn measured_in_tx(
    tx: &mut Tx,
    machine: MachineId,
    fault: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    store::looks::measured(tx, machine, fault, now).await
}

/// When an engine answered last to a look that comes round.
pub(crate) async fn answered_in_tx(tx: &mut Tx, machine: MachineId) -> Result<Option<DateTime<Utc>>> {
    store::looks::answered(tx, machine).await
}
