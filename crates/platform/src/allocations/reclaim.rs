//! Taking a machine back: a check-list that works itself off and shows what it saw. Only what can really be looked at is
//! on it; a step that cannot be done yet waits, says why, and is tried again; staff may skip a waiting one.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use contract::allocations::{AllocationDetail, AllocationState, StepState};
use contract::machines::{OFFLINE_AFTER_SECONDS, Presence};
use contract::metrics::{MachineLive, ProcessView};
use contract::{AllocationId, ErrorCode};

use super::{detail, event, health, keep, keys, lock, notices, record, renewals, store};
use crate::authz::UpdateAllocation;
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, audit, images, machines, metrics};

/// Names of the steps, in this order. The customer's access ends with the state itself, in the transaction that begins this;
/// that the keys are gone from the host is looked at where its agent keeps them.
pub const STEPS: [&str; 6] = ["access", "keys", "processes", "gpu_memory", "health", "pool"];

/// Steps that somebody can look at instead; access ends by itself, and the pool comes after everything else.
const BY_HAND: [&str; 4] = ["keys", "processes", "gpu_memory", "health"];

/// Steps that are looked at until the machine is back: that may take days, in which somebody may come back and much can
/// break.
const AGAIN: [&str; 3] = ["processes", "gpu_memory", "health"];

/// What a step counts that is bad.
const COUNTS: [&str; 5] = ["processes", "lostGpus", "missing", "ecc", "xid"];

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
    event(&mut tx, ctx, id, "step_skipped", None, None, Some(step)).await?;
    note_skip(&mut tx, ctx, &row, step, &waiting.result).await?;
    let detail = detail(platform, ctx, &mut tx, row).await?;
    tx.commit().await?;
    Ok(detail)
}

/// In the log: which step, and what was seen when it was left out.
async fn note_skip(
    tx: &mut Tx,
    ctx: &OpContext,
    row: &store::Row,
    step: &str,
    seen: &BTreeMap<String, String>,
) -> Result<()> {
    let code = machines::codes(tx, &[row.machine.0]).await?.remove(&row.machine.0);
    let facts = |state: StepState| {
        Some(serde_json::json!({ "name": code, "machine": row.machine, "step": step, "state": state, "seen": seen }))
    };
    let entry = audit::Entry {
        action: "allocations:skip-step",
        target_kind: "allocation",
        target_id: Some(row.id.to_string()),
        customer: Some(row.customer),
        before: facts(StepState::Waiting),
        after: facts(StepState::Skipped),
    };
    audit::record_in_tx(tx, ctx, entry).await
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
    // Its period ends here, and so does what it kept others off for: later days are anybody's.
    store::hold_on(tx, &granted, ctx.now() + HOLD_AHEAD * 2).await?;
    store::forget_door_key(tx, &granted).await?;
    let with_keys = keys::are_kept(tx, row.machine).await?;
    for (position, step) in STEPS.into_iter().filter(|step| with_keys || *step != "keys").enumerate() {
        store::insert_step(tx, &granted, step, position, ctx.now()).await?;
    }
    event(tx, ctx, row.id, "reclaim_started", None, None, note).await?;
    renewals::lapse_open(tx, ctx, row).await?;
    notices::taken_back(platform, tx, ctx, row).await
}

/// Tries what waits; ends the allocation when nothing waits any more.
pub(super) async fn work(platform: &Platform, ctx: &OpContext, mut tx: Tx, row: &store::Row) -> Result<bool> {
    let granted = ctx.authorize(UpdateAllocation, &row.resource())?;
    let steps = store::steps(&mut tx, row.id).await?;
    // What was measured before access ended says nothing about who is still there.
    let began = steps.iter().find(|step| step.step == "access").map_or(ctx.now(), |step| step.at);
    let machine = Machine::now(platform, ctx, &mut tx, row, began).await?;
    let mut open = false;
    let mut changed = false;
    for step in steps {
        let again = step.state != StepState::Waiting && AGAIN.contains(&step.step.as_str());
        if step.state != StepState::Waiting && !again {
            continue;
        }
        // The machine goes back into the pool only after everything else.
        if step.step == "pool" && open {
            continue;
        }
        let seen = machine.look(&mut tx, ctx, row, &step.step).await?;
        // Somebody decided about what there was then; how the machine was when it came back is kept all the same.
        if step.state == StepState::Skipped && !is_worse(&seen.result, &step.result) {
            continue;
        }
        open |= !seen.done;
        let state = if seen.done { StepState::Done } else { StepState::Waiting };
        // When it was compared last is told, too.
        let at_last = again && step.step == "health" && !open;
        if state != step.state || (!seen.done && seen.result != step.result) || at_last {
            // Access ended when this began, which is what the others are measured by.
            let at = if step.step == "access" { step.at } else { ctx.now() };
            store::set_step(&mut tx, &granted, &step.step, state, &seen.result, at).await?;
            changed = true;
        }
    }
    let ahead = ctx.now() + HOLD_AHEAD..=ctx.now() + HOLD_AHEAD * 2;
    // An older server left the hold as it was agreed.
    if open && row.hold_until.is_none_or(|until| !ahead.contains(&until)) {
        store::hold_on(&mut tx, &granted, ctx.now() + HOLD_AHEAD * 2).await?;
    }
    if !open {
        // An older server left it open when this began.
        renewals::lapse_open(&mut tx, ctx, row).await?;
        store::close(&mut tx, &granted, AllocationState::Ended, ctx.now()).await?;
        // Nobody can look at what its customer left there under which name: all of it is brought anew from now on.
        images::forget_copies_in_tx(&mut tx, row.machine).await?;
        event(&mut tx, ctx, row.id, "reclaimed", None, None, None).await?;
        let after = store::get(&mut tx, row.id).await?.ok_or_else(Error::not_found)?;
        record(&mut tx, ctx, "allocations:reclaimed", Some(row), &after).await?;
    }
    keep(platform, tx).await?;
    Ok(changed || !open)
}

/// Whether more is bad than when somebody decided to leave it at that.
fn is_worse(seen: &BTreeMap<String, String>, decided: &BTreeMap<String, String>) -> bool {
    let number = |result: &BTreeMap<String, String>, name: &str| {
        result.get(name).and_then(|number| number.parse::<u64>().ok()).unwrap_or(0)
    };
    let memory = |result: &BTreeMap<String, String>| number(result, "usedBytes");
    COUNTS.iter().any(|name| number(seen, name) > number(decided, name))
        || memory(seen) > memory(decided).saturating_add(IDLE_GPU_BYTES)
}

/// The machine that comes back, as it can be looked at now.
struct Machine {
    presence: Presence,
    /// Why nothing can be seen of it.
    unseen: Option<&'static str>,
    /// Figures of after access ended.
    live: Option<MachineLive>,
    began: DateTime<Utc>,
}

impl Machine {
    async fn now(
        platform: &Platform,
        ctx: &OpContext,
        tx: &mut Tx,
        row: &store::Row,
        began: DateTime<Utc>,
    ) -> Result<Self> {
        let briefs = machines::briefs(platform, tx, &[row.machine.0], ctx.now()).await?;
        let brief = briefs.get(&row.machine.0).cloned().unwrap_or_default();
        let live = metrics::live_of_machine(platform, ctx, &brief.code).await.ok();
        let unseen = match brief.presence {
            // Then nobody listens to it, whether it speaks or not.
            _ if !brief.monitored => Some("not_monitored"),
            Presence::NeverSeen => Some("never_joined"),
            Presence::Online => None,
            _ => Some("offline"),
        };
        Ok(Self {
            presence: brief.presence,
            unseen,
            live: live.filter(|live| live.at.is_some_and(|at| at >= began)),
            began,
        })
    }

    /// Looks at what one step is about.
    async fn look(&self, tx: &mut Tx, ctx: &OpContext, row: &store::Row, step: &str) -> Result<Seen> {
        if matches!(step, "access" | "pool") {
            return Ok(Seen::done([]));
        }
        if step == "keys" {
            let (done, result) = keys::are_gone(tx, row.machine, row.id, self.presence).await?;
            return Ok(Seen { done, result });
        }
        if let Some(reason) = self.unseen {
            return Ok(Seen::waits([("reason", reason.to_owned())]));
        }
        let Some(live) = &self.live else { return Ok(Seen::waits([("reason", "no_figures".to_owned())])) };
        match step {
            "processes" => Ok(self.processes(live)),
            "gpu_memory" => Ok(gpu_memory(live)),
            // What is worse than at the hand-over waits for somebody's decision.
            "health" => {
                // What was measured before it was away says nothing about how it came back.
                let fresh = live.at.is_some_and(|at| at > ctx.now() - TimeDelta::seconds(OFFLINE_AFTER_SECONDS));
                let (done, result) = health::compare(tx, ctx, row, Some(live).filter(|_| fresh)).await?;
                Ok(Seen { done, result })
            }
            other => Err(Error::internal(format!("no step {other}"))),
        }
    }

    fn processes(&self, live: &MachineLive) -> Seen {
        if live.processes_at.is_none_or(|at| at < self.began) && !live.gpus.is_empty() {
            return Seen::waits([("reason", "no_figures".to_owned())]);
        }
        let count = live.processes.len();
        let names = live.processes.iter().take(5).map(named).collect::<Vec<_>>().join(", ");
        Seen::when(count == 0, [("processes", count.to_string()), ("names", names)])
    }
}

/// A process as far as it is known: its number always is.
fn named(process: &ProcessView) -> String {
    let pid = format!("PID {}", process.pid);
    match (&process.command, &process.user) {
        (Some(command), Some(user)) => format!("{command} ({user}, {pid})"),
        (Some(command), None) => format!("{command} ({pid})"),
        (None, Some(user)) => format!("{pid} ({user})"),
        (None, None) => pid,
    }
}

fn gpu_memory(live: &MachineLive) -> Seen {
    let most = live.gpus.iter().filter_map(|gpu| gpu.memory_used_bytes).max();
    let lost = live.gpus.iter().filter(|gpu| gpu.lost).count();
    let measured = most.is_some() || live.gpus.is_empty();
    let idle = measured && most.unwrap_or(0) < IDLE_GPU_BYTES && lost == 0;
    let used = most.map(|bytes| bytes.to_string()).unwrap_or_default();
    Seen::when(idle, [("usedBytes", used), ("lostGpus", lost.to_string())])
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
