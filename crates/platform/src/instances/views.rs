//! Instances and their history as people see them.

use contract::instances::{InstanceEvent, InstancePort, InstanceSaveView, InstanceView};

use super::store::{self, Row};
use crate::db::Tx;
use crate::{OpContext, Platform, Result, customers, engines};

/// Faults whose words are about the instance itself; those of others tell of the fleet, which is the staff's.
const OWN_FAULTS: [&str; 12] = [
    "image",
    "spec",
    "limits",
    "no-space",
    "gpu-runtime",
    "start-refused",
    "out-of-memory",
    "killed",
    "keeps-ending",
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

pub(super) fn view(ctx: &OpContext, row: Row) -> InstanceView {
    InstanceView {
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

/// Where they are on a machine is for those who run it.
fn ports(ctx: &OpContext, wanted: &[u16], seen: &[InstancePort]) -> Vec<InstancePort> {
    let host = |port| seen.iter().find(|it| it.port == port && ctx.is_staff()).and_then(|it| it.host_port);
    wanted.iter().map(|port| InstancePort { port: *port, host_port: host(*port) }).collect()
}

/// With the names of their customers.
pub(super) async fn for_staff(tx: &mut Tx, ctx: &OpContext, rows: Vec<Row>) -> Result<Vec<InstanceView>> {
    let ids: Vec<i64> = rows.iter().map(|row| row.customer.0).collect();
    let names = customers::names(tx, &ids).await?;
    let named = |row: Row| {
        let name = names.get(&row.customer.0).cloned();
        InstanceView { customer_name: name, ..view(ctx, row) }
    };
    Ok(rows.into_iter().map(named).collect())
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
