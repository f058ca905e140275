//! A machine's passport. Each slice gives the part that it knows, and decides by itself whether the caller may see it; an area
//! that comes later adds its own part in [`passport`].

use std::collections::HashMap;

use chrono::TimeDelta;
use contract::Permission;
use contract::machines::{MachinePassport, PASSPORT_MOST, PassportEvent};

use super::store::{self, Card};
use super::{resource, store::past_windows};
use crate::authz::{MachineRef, ViewMachine, ViewMetrics};
use crate::{Error, OpContext, Platform, Result, allocations, metrics};

/// How long events of GPUs and their hourly figures are kept, days: see `partition_plan` in the migrations.
const KEPT_DAYS: i64 = 730;

/// What is known of a machine's life, as it all was at one instant.
pub async fn passport(platform: &Platform, ctx: &OpContext, code: &str) -> Result<MachinePassport> {
    ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    let mut tx = platform.db().snapshot(ctx).await?;
    let (id, mut machine) = store::view(&mut tx, code, ctx.now()).await?.ok_or_else(Error::not_found)?;
    ctx.authorize(ViewMachine, &resource(id))?;
    // It is made to be printed and given away.
    machine.connection = None;
    let errors_since = ctx.now() - TimeDelta::days(KEPT_DAYS);
    let mut cards = store::cards(&mut tx, id).await?;
    let mut events: Vec<_> = cards.iter().flat_map(Card::came_and_went).collect();
    let may_see_figures = ctx.authorize(ViewMetrics, &resource(id)).is_ok();
    if may_see_figures {
        let ids: Vec<i64> = cards.iter().map(|card| card.id).collect();
        let mut record = metrics::gpu_record(&mut tx, &ids, errors_since, PASSPORT_MOST + 1).await?;
        for card in &mut cards {
            card.gpu.errors = Some(record.errors.remove(&card.id).unwrap_or_default());
        }
        let by_id: HashMap<i64, &Card> = cards.iter().map(|card| (card.id, card)).collect();
        let happened = record.events.into_iter().filter_map(|(gpu, happened)| {
            let of = &by_id.get(&gpu)?.gpu;
            let counts = matches!(happened.kind.as_str(), "xid" | "ecc_uncorrected");
            Some(PassportEvent {
                at: happened.first_at,
                until: happened.last_at,
                gpu: of.index,
                uuid: of.uuid.clone(),
                value: counts.then_some(happened.value),
                times: happened.times,
                kind: happened.kind,
            })
        });
        events.extend(happened);
    }
    events.sort_by_key(|event| std::cmp::Reverse((event.until, event.at)));
    let more_events = events.len() > PASSPORT_MOST as usize;
    events.truncate(PASSPORT_MOST as usize);
    let maintenance = past_windows(&mut tx, id, ctx.now(), PASSPORT_MOST).await?;
    let leases = allocations::leases(platform, ctx, &mut tx, id, PASSPORT_MOST).await?;
    tx.commit().await?;
    platform.live().freshen(&mut machine.last_seen_at, &mut machine.presence, &machine.id, ctx.now());
    Ok(MachinePassport {
        machine,
        written_at: ctx.now(),
        gpus: cards.into_iter().map(|card| card.gpu).collect(),
        events,
        more_events,
        errors_since,
        maintenance,
        leases,
    })
}
