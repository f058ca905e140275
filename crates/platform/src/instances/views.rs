//! Instances and their history as people see them.

use std::collections::HashMap;

use contract::ErrorCode;
use contract::instances::{
    InstanceEvent, InstancePort, InstancePrice, InstanceSaveView, InstanceState, InstanceView, Miss, MissReason,
    SaveState,
};

use super::disks;
use super::idle;
use super::split;
use super::store::{self, Row};
use crate::jobs::Standing;
use crate::{Error, OpContext, Platform, Result, billing, customers, engines};

/// Faults whose words are about the instance itself; those of others tell of the fleet, which is the staff's.
const OWN_FAULTS: [&str; 17] = [
    "idle",
    "disk-full",
    "budget",
    "image",
    "spec",
    "limits",
    "no-space",
    "gpu-runtime",
    "start-refused",
    "out-of-memory",
    "killed",
    "unseen",
    "keeps-ending",
    "split-broken",
    "agent-offline",
    "timeout",
    "unreachable",
];

fn words(ctx: &OpContext, fault: &str) -> String {
    let own = |key: String| texts::known_message(ctx.language(), &key, &[]);
    own(format!("instance-failure-{fault}")).unwrap_or_else(|| match ctx.is_staff() {
        true => engines::fault_words(ctx, None, fault),
        false => texts::message(ctx.language(), "instance-failure-engine", &[]),
    })
}

fn shown(ctx: &OpContext, fault: Option<&str>, detail: Option<String>) -> Option<String> {
    let may = ctx.is_staff() || fault.is_none_or(|fault| OWN_FAULTS.contains(&fault));
    detail.filter(|detail| may && !detail.is_empty())
}

/// As whoever may see them sees them now.
pub(super) async fn all(platform: &Platform, ctx: &OpContext, rows: Vec<Row>) -> Result<Vec<InstanceView>> {
    let mut views: Vec<InstanceView> = rows.into_iter().map(|row| view(ctx, row)).collect();
    let mut tx = platform.db().begin(&super::system(ctx)).await?;
    let mut prices = HashMap::new();
    for view in &mut views {
        let key = (view.spec.id, view.spec.price_per_hour.clone());
        if !prices.contains_key(&key) {
            prices.insert(key.clone(), billing::price_now(platform, &mut tx, &view.spec, ctx.now()).await?);
        }
        if let Some(price) = prices.get(&key) {
            view.price = InstancePrice::clone(price);
        }
    }
    idle::fill(platform, &mut tx, ctx.now(), &mut views).await?;
    tx.commit().await?;
    Ok(views)
}

/// One of them.
pub(super) async fn one(platform: &Platform, ctx: &OpContext, row: Row) -> Result<InstanceView> {
    all(platform, ctx, vec![row]).await?.pop().ok_or_else(Error::not_found)
}

/// A budget that is spent, beside what else is in the way of a new one.
///
/// # Errors
/// Whatever is no refusal.
pub(super) fn miss(ctx: &OpContext, refused: Error) -> Result<Miss> {
    match refused.code {
        ErrorCode::BudgetSpent => {
            let message = texts::message(ctx.language(), refused.key, &refused.args);
            Ok(Miss { message, ..Miss::of(MissReason::Budget) })
        }
        _ => Err(refused),
    }
}

fn view(ctx: &OpContext, row: Row) -> InstanceView {
    let price = InstancePrice {
        per_hour: row.spec.price_per_hour.clone(),
        currency: row.spec.currency.clone(),
        next_per_hour: None,
        next_from: None,
    };
    InstanceView {
        price,
        idle: None,
        disks: disks::view(&row, ctx.now()),
        made_anew: row.made_at.is_some() && row.deleted_at.is_none() && row.is_of_another_spec(),
        memory_split: split::badge(ctx, &row),
        state: row.state(),
        message: row.failure.as_deref().map(|fault| words(ctx, fault)),
        detail: shown(ctx, row.failure.as_deref(), row.detail),
        id: row.id,
        name: row.name,
        wanted: row.wanted,
        failure: row.failure,
        exit_code: row.exit_code,
        out_of_memory: row.out_of_memory,
        customer_id: row.customer,
        customer_name: None,
        created_by: row.created_name,
        machine: row.machine_code,
        machine_name: row.machine_name,
        image: row.image,
        image_name: row.image_name,
        spec: row.spec,
        variables: row.variables,
        command: row.command,
        ports: ports(ctx, &row.ports, &row.host_ports),
        remark: row.remark,
        started_at: row.started_at,
        ended_at: row.ended_at,
        lost_since: row.lost_since,
        holds: row.released_at.is_none(),
        revision: row.revision,
        created_at: row.created_at,
        deleted_at: row.deleted_at,
    }
}

/// Words of a save's own first, then an instance's: of an engine the same may be wrong.
pub(super) fn save(ctx: &OpContext, row: store::SaveRow) -> InstanceSaveView {
    let own = |fault: &str| texts::known_message(ctx.language(), &format!("save-failure-{fault}"), &[]);
    InstanceSaveView {
        id: row.id,
        name: row.name,
        state: row.state,
        done: row.done,
        total: row.total,
        message: row.fault.as_deref().map(|fault| own(fault).unwrap_or_else(|| words(ctx, fault))),
        detail: shown(ctx, row.fault.as_deref(), row.detail),
        fault: row.fault,
        image: row.image,
        created_by: row.created_name,
        created_at: row.created_at,
        ended_at: row.ended_at,
    }
}

/// For the list of jobs.
pub(super) fn standing(ctx: &OpContext, row: Row) -> Standing {
    Standing {
        state: row.state().code(),
        failed: row.state() == InstanceState::Failed,
        message: row.failure.as_deref().map(|fault| words(ctx, fault)),
        // What is deleted has no page any more.
        link: row.deleted_at.is_none().then(|| format!("/instances/{}", row.id)),
        name: row.name,
        progress: None,
    }
}

/// The same of a save: of the image it becomes.
pub(super) fn save_standing(ctx: &OpContext, row: store::SaveRow) -> Standing {
    let instance = row.instance;
    let view = save(ctx, row);
    let part = || u8::try_from(view.done.min(view.total).saturating_mul(100) / view.total).ok();
    Standing {
        progress: if view.total == 0 { None } else { part() },
        link: Some(match view.image {
            Some(image) => format!("/images/mine/{image}"),
            None => format!("/instances/{instance}#saves"),
        }),
        name: view.name,
        state: view.state.code(),
        failed: view.state == SaveState::Failed,
        message: view.message,
    }
}

/// Where they are on a machine is for those who run it.
fn ports(ctx: &OpContext, wanted: &[u16], seen: &[InstancePort]) -> Vec<InstancePort> {
    let host = |port| seen.iter().find(|it| it.port == port && ctx.is_staff()).and_then(|it| it.host_port);
    wanted.iter().map(|port| InstancePort { port: *port, host_port: host(*port) }).collect()
}

/// With the names of their customers.
pub(super) async fn for_staff(platform: &Platform, ctx: &OpContext, rows: Vec<Row>) -> Result<Vec<InstanceView>> {
    let ids: Vec<i64> = rows.iter().map(|row| row.customer.0).collect();
    let mut views = all(platform, ctx, rows).await?;
    let mut tx = platform.db().begin(ctx).await?;
    let names = customers::names(&mut tx, &ids).await?;
    tx.commit().await?;
    for view in &mut views {
        view.customer_name = names.get(&view.customer_id.0).cloned();
    }
    Ok(views)
}

/// For who may see the instance.
pub(super) async fn events(
    platform: &Platform,
    ctx: &OpContext,
    id: contract::InstanceId,
) -> Result<Vec<InstanceEvent>> {
    let mut tx = platform.db().begin(ctx).await?;
    let rows = store::events(&mut tx, id).await?;
    tx.commit().await?;
    let event = |row: store::EventRow| InstanceEvent {
        at: row.at,
        kind: row.kind,
        message: row.reason.as_deref().map(|fault| words(ctx, fault)),
        detail: shown(ctx, row.reason.as_deref(), row.detail),
        reason: row.reason,
        exit_code: row.exit_code,
        actor: row.actor,
    };
    Ok(rows.into_iter().map(event).collect())
}
