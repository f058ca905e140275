//! The ledger: what is paid for, one row per stretch of time that an instance ran at one price.
//!
//! Invariants: a row is opened and closed, and never changed else or taken away; no second of an instance is in two rows; what
//! counts is the time its container ran by its engine's clock; the price is that of the spec at the begin of the row, and
//! another price begins another row at its very instant, so that who changes a price changes it for everybody, from its start
//! on and never before; while an engine cannot be asked, the row stays open until it is known what happened.
//!
//! Budgets compare with it, in [`budgets`]. Money is added up in the database as exact decimal numbers and rounded once per line, half away from zero.

pub mod budgets;
mod follow;
mod store;
mod usage;

use chrono::{DateTime, Utc};
use contract::instances::{InstancePrice, InstanceSpec};
use contract::{CustomerId, InstanceId, MachineId, UserId};

pub(crate) use self::follow::Seen;
use self::follow::{Last, Prices};
pub(crate) use self::store::Stretch;
pub use self::usage::{
    export_ledger, export_own_ledger, export_own_usage, export_usage, ledger, own_ledger, own_usage, usage,
};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, customers, settings, specs};

/// What runs, and for whom.
pub(crate) struct Subject<'a> {
    pub instance: InstanceId,
    pub name: &'a str,
    pub customer: CustomerId,
    pub user: UserId,
    pub user_name: &'a str,
    pub machine: MachineId,
    pub machine_code: &'a str,
    pub machine_name: &'a str,
    pub spec: &'a InstanceSpec,
    /// The most GPU memory that was measured since its open row began, bytes.
    pub measured_memory: Option<u64>,
}

/// What an hour of it costs now, and from when on something else: by the rule that the ledger counts by.
pub(crate) async fn price_now(
    platform: &Platform,
    tx: &mut Tx,
    spec: &InstanceSpec,
    now: DateTime<Utc>,
) -> Result<InstancePrice> {
    let prices = prices(tx, spec).await?;
    let next = prices.changes(now, DateTime::<Utc>::MAX_UTC).next();
    Ok(InstancePrice {
        per_hour: prices.at(now).normalize().to_string(),
        currency: settings::currency(platform).await,
        next_per_hour: next.map(|(_, price)| price.normalize().to_string()),
        next_from: next.map(|(from, _)| from),
    })
}

/// Those of its spec; and before them the one it was made with.
async fn prices(tx: &mut Tx, spec: &InstanceSpec) -> Result<Prices> {
    let before = spec.price_per_hour.parse().map_err(Error::internal)?;
    Ok(Prices { before, list: specs::prices_in_tx(tx, spec.id).await? })
}

/// Writes what follows from what was seen of an instance, in the transaction that writes what was seen, and under the lock of
/// its row. True where a row was closed, which what was measured went into.
///
/// # Errors
/// Whatever keeps the database from keeping it.
pub(crate) async fn follow(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    subject: &Subject<'_>,
    seen: Seen,
    seen_running: DateTime<Utc>,
) -> Result<bool> {
    let last = store::last(tx, subject.instance).await?;
    let prices = prices(tx, subject.spec).await?;
    let state = last.as_ref().map(|(_, last)| *last);
    let steps = follow::steps(state, seen, (seen_running, ctx.now()), &prices);
    if steps.is_empty() {
        return Ok(false);
    }
    let mut measured = subject.measured_memory;
    let mut closed = false;
    let customer = customers::names(tx, &[subject.customer.0]).await?.remove(&subject.customer.0).unwrap_or_default();
    let currency = settings::currency(platform).await;
    let mut row = last.map(|(id, _)| id);
    for step in steps {
        match step {
            follow::Step::Close { at, by } => {
                let open = row.ok_or_else(|| Error::internal("the ledger closes what was never opened"))?;
                store::close(tx, open, (at, by), measured.take()).await?;
                closed = true;
            }
            follow::Step::Open { run, at, by, price } => {
                let open = store::New { run, at, by, price, currency: &currency, customer: &customer };
                row = Some(store::open(tx, subject, &open).await?);
            }
        }
    }
    Ok(closed)
}

/// GPU hours that a customer's instances ran: until now, and of that what lies after an instant.
pub(crate) async fn gpu_hours(
    tx: &mut Tx,
    customer: CustomerId,
    after: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(f64, f64)> {
    let (all, lately) = store::gpu_seconds(tx, customer, after, now).await?;
    Ok((all / 3600.0, lately / 3600.0))
}

/// Of these instances the last run, where there is one.
pub(crate) async fn newest(tx: &mut Tx, ids: &[i64], now: DateTime<Utc>) -> Result<Vec<Stretch>> {
    store::newest(tx, ids, now).await
}
