//! Taking a machine back: a check-list that works itself off and shows what it saw. Only what can really be looked at is
//! on it; a step that cannot be done yet waits, says why, and is tried again; staff may skip a waiting one.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use contract::allocations::{AllocationDetail, AllocationState, StepState};
use contract::machines::Presence;
use contract::{AllocationId, ErrorCode};

use super::{detail, event, health, keep, keys, lock, notices, record, store};
use crate::authz::UpdateAllocation;
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, machines, metrics};

/// Names of the steps, in this order. The customer's access ends with the state itself, in the transaction that begins this;
/// that the keys are gone from the host is looked at where its agent keeps them.
pub const STEPS: [&str; 6] = ["access", "keys", "processes", "gpu_memory", "health", "pool"];

/// Steps that somebody can look at instead; access ends by itself, and the pool comes after everything else.
const BY_HAND: [&str; 4] = ["keys", "processes", "gpu_memory", "health"];

/// Memory a driver keeps on an idle GPU; more means that somebody is still on it. Bytes.
const IDLE_GPU_BYTES: u64 = 1 << 30;

/// How far ahead others are kept off a machine that is still being taken back.
const HOLD_AHEAD: TimeDelta = TimeDelta::hours(1);

/// Whether a step of this name can be left out at all.
pub fn can_be_skipped(step: &str) -> bool {
    BY_HAND.contains(&step)
}

/// Leaves a waiting step out: somebody looked and decided.
pub async fn skip_step(platform: &Platform, ctx: &OpContext, id: AllocationId, step: &str) -> Result<AllocationDetail> {
    let ctx = &ctx.trying_on("allocations:skip-step", "allocation", id);
    let mut tx = platform.db().begin(ctx).await?;
    let row = lock(&mut tx, ctx, id).await?;
    let granted = ctx.authorize(UpdateAllocation, &row.resource())?;
    let steps = store::steps(&mut tx, id).await?;
    let waiting = steps.iter().find(|known| known.step == step && known.state == StepState::Waiting);
    let Some(waiting) = waiting else {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-step-not-waiting"));
    };
    if !can_be_skipped(step) {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-step-by-itself"));
    }
    let mut result = waiting.result.clone();
    result.insert("by".to_owned(), ctx.user().map(|user| user.display_name.clone()).unwrap_or_default());
    store::set_step(&mut tx, &granted, step, StepState::Skipped, &result, ctx.now()).await?;
    record(&mut tx, ctx, "allocations:skip-step", Some(&row), &row).await?;
    let detail = detail(platform, ctx, &mut tx, row).await?;
    tx.commit().await?;
    Ok(detail)
}

/// Begins it: from this commit on the customer has no access.
pub(super) async fn begin(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &store::Row,
    note: Option<&str>,
) -> Result<()> {
    let granted = ctx.authorize(UpdateAllocation, &row.resource())?;
    store::begin_reclaim(tx, &granted, ctx.now()).await?;
    store::forget_door_key(tx, &granted).await?;
    let with_keys = keys::are_kept(tx, row.machine).await?;
    for (position, step) in STEPS.into_iter().filter(|step| with_keys || *step != "keys").enumerate() {
        store::insert_step(tx, &granted, step, position, ctx.now()).await?;
    }
    event(tx, ctx, row.id, "reclaim_started", None, None, note).await?;
    notices::taken_back(platform, tx, ctx, row).await
}

/// Tries what waits; ends the allocation when nothing waits any more.
pub(super) async fn work(platform: &Platform, ctx: &OpContext, mut tx: Tx, row: &store::Row) -> Result<bool> {
    let granted = ctx.authorize(UpdateAllocation, &row.resource())?;
    let briefs = machines::briefs(platform, &mut tx, &[row.machine.0], ctx.now()).await?;
    let brief = briefs.get(&row.machine.0).cloned().unwrap_or_default();
    let live = metrics::live_of_machine(platform, ctx, &brief.code).await.ok();
    let steps = store::steps(&mut tx, row.id).await?;
    // What was measured before access ended says nothing about who is still there.
    let began = steps.iter().find(|step| step.step == "access").map_or(ctx.now(), |step| step.at);
    let fresh = live.as_ref().filter(|live| live.at.is_some_and(|at| at >= began));
    let mut open = false;
    let mut changed = false;
    for step in steps {
        if step.state != StepState::Waiting {
            continue;
        }
        // The machine goes back into the pool only after everything else.
        if step.step == "pool" && open {
            continue;
        }
        let seen: Seen = match step.step.as_str() {
            "access" | "pool" => Seen::done([]),
            "keys" => {
                let (done, result) = keys::are_gone(&mut tx, row.machine, row.id, brief.presence).await?;
                Seen { done, result }
            }
            // Then nobody listens to it, whether it speaks or not.
            _ if !brief.monitored => Seen::waits([("reason", "not_monitored".to_owned())]),
            _ if brief.presence == Presence::NeverSeen => Seen::waits([("reason", "never_joined".to_owned())]),
            _ if brief.presence != Presence::Online => Seen::waits([("reason", "offline".to_owned())]),
            "processes" => match fresh {
                Some(live) if live.processes_at.is_none_or(|at| at < began) && !live.gpus.is_empty() => {
                    Seen::waits([("reason", "no_figures".to_owned())])
                }
                Some(live) => {
                    let count = live.processes.len();
                    let names = live.processes.iter().take(5).map(|p| {
                        format!("{} ({})", p.command.as_deref().unwrap_or("?"), p.user.as_deref().unwrap_or("?"))
                    });
                    let names = names.collect::<Vec<_>>().join(", ");
                    Seen::when(count == 0, [("processes", count.to_string()), ("names", names)])
                }
                None => Seen::waits([("reason", "no_figures".to_owned())]),
            },
            "gpu_memory" => match fresh {
                Some(live) => {
                    let most = live.gpus.iter().filter_map(|gpu| gpu.memory_used_bytes).max();
                    let lost = live.gpus.iter().filter(|gpu| gpu.lost).count();
                    let measured = most.is_some() || live.gpus.is_empty();
                    let idle = measured && most.unwrap_or(0) < IDLE_GPU_BYTES && lost == 0;
                    Seen::when(
                        idle,
                        [
                            ("usedBytes", most.map(|bytes| bytes.to_string()).unwrap_or_default()),
                            ("lostGpus", lost.to_string()),
                        ],
                    )
                }
                None => Seen::waits([("reason", "no_figures".to_owned())]),
            },
            // What is worse than at the hand-over waits for somebody's decision.
            "health" => {
                let (done, result) = health::compare(&mut tx, ctx, row, live.as_ref()).await?;
                Seen { done, result }
            }
            other => return Err(Error::internal(format!("no step {other}"))),
        };
        open |= !seen.done;
        let state = if seen.done { StepState::Done } else { StepState::Waiting };
        if state != step.state || seen.result != step.result {
            store::set_step(&mut tx, &granted, &step.step, state, &seen.result, ctx.now()).await?;
            changed = true;
        }
    }
    if open && row.hold_until.is_none_or(|until| until < ctx.now() + HOLD_AHEAD) {
        store::hold_on(&mut tx, &granted, ctx.now() + HOLD_AHEAD * 2).await?;
    }
    if !open {
        store::close(&mut tx, &granted, AllocationState::Ended, ctx.now()).await?;
        event(&mut tx, ctx, row.id, "reclaimed", None, None, None).await?;
        let after = store::get(&mut tx, row.id).await?.ok_or_else(Error::not_found)?;
        record(&mut tx, ctx, "allocations:reclaimed", Some(row), &after).await?;
    }
    keep(platform, tx).await?;
    Ok(changed || !open)
}

/// What a step saw.
struct Seen {
    done: bool,
    result: BTreeMap<String, String>,
}

impl Seen {
    fn when<const N: usize>(done: bool, result: [(&str, String); N]) -> Self {
        Self { done, result: result.into_iter().map(|(name, value)| (name.to_owned(), value)).collect() }
    }

    fn done<const N: usize>(result: [(&str, String); N]) -> Self {
        Self::when(true, result)
    }

    fn waits<const N: usize>(result: [(&str, String); N]) -> Self {
        Self::when(false, result)
    }
}
