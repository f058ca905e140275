//! Rows of an import that are taken back: machines that it added are deleted, those that it changed are as they were.
//!
//! Invariants: what somebody changed since stays, whichever column it was; what somebody has, or has something on, stays, too; and
//! so does what somebody added anew under the code of a machine that is gone.

use std::collections::{BTreeMap, HashMap, HashSet};

use contract::ImportId;
use contract::imports::RowVerdict;
use contract::machines::{DeclaredHardware, Pool};

use super::super::{entry, maintenance_of, resource, store as machines_store};
use super::evaluate::{Existing, Written, decided};
use super::store;
use crate::authz::{DeleteMachine, UpdateMachine};
use crate::db::Tx;
use crate::imports::{Judged, Kept};
use crate::{Error, OpContext, Result, allocations, audit, engines, instances};

/// What became of rows.
pub(crate) struct TakenBack {
    pub taken: u32,
    pub kept: Vec<Kept>,
}

/// What there is of the machines of some rows, locked.
struct Now {
    machines: HashMap<String, Existing>,
    /// Ids of those that the rows wrote, by row.
    written: HashMap<u32, i64>,
    /// Of these codes an agent reports.
    joined: HashSet<String>,
    /// Ids of those that somebody has, will have, or has something on.
    used: HashSet<i64>,
    /// Ids of those that somebody set up or planned something for.
    set_up: HashSet<i64>,
    /// Codes by name in lower case.
    named: HashMap<String, String>,
}

impl Now {
    async fn of(tx: &mut Tx, import: ImportId, rows: &[&Judged]) -> Result<Self> {
        let codes: Vec<String> = rows.iter().filter_map(|row| row.code.clone()).collect();
        let joined = store::lock_joined(tx, &codes).await?;
        let numbers: Vec<u32> = rows.iter().map(|row| row.row).collect();
        let written = store::written_by(tx, import, &numbers).await?;
        let names: Vec<String> =
            rows.iter().filter_map(|row| row.before.get("name")).map(|n| n.to_lowercase()).collect();
        let found = store::existing(tx, &codes, &names).await?;
        let named = found.iter().map(|one| (one.written.name.to_lowercase(), one.code.clone())).collect();
        let ids: Vec<i64> = found.iter().map(|one| one.id.0).collect();
        let mut used: HashSet<i64> = allocations::held_among(tx, &ids).await?.into_iter().map(|id| id.0).collect();
        used.extend(instances::used_among(tx, &ids).await?.into_iter().map(|id| id.0));
        let mut set_up: HashSet<i64> = engines::known_among(tx, &ids).await?.into_keys().collect();
        set_up.extend(maintenance_of(tx, &ids).await?.into_keys());
        let machines = found.into_iter().map(|one| (one.code.clone(), one)).collect();
        Ok(Self { machines, written, joined, used, set_up, named })
    }

    /// Why a row of this machine is not taken back: the column and the key of the reason.
    fn why_kept(&self, row: &Judged, machine: &Existing) -> Option<(&'static str, &'static str)> {
        let id = machine.id.0;
        let is_new = row.verdict == RowVerdict::New;
        let written = row.base_revision.map_or(1, |revision| revision + 1);
        let is_another = self.written.get(&row.row).is_some_and(|known| *known != id);
        let goes_on = is_new && (self.joined.contains(&machine.code) || self.set_up.contains(&id));
        if is_another || machine.revision != written || goes_on {
            return Some(("id", "import-kept-changed"));
        }
        let is_let_otherwise = row.changes.iter().any(|column| column == "pool");
        if (is_new || is_let_otherwise) && self.used.contains(&id) {
            return Some(("id", "import-kept-used"));
        }
        let earlier = row.before.get("name").filter(|_| row.changes.iter().any(|column| column == "name"))?;
        let other = self.named.get(&earlier.to_lowercase()).filter(|code| **code != machine.code);
        other.map(|_| ("name", "import-kept-name"))
    }
}

/// Takes these rows back, all new ones or all changes, each with its event as the form writes it. Of a machine that is gone there
/// is nothing to take back.
pub(crate) async fn take_back(tx: &mut Tx, ctx: &OpContext, import: ImportId, rows: &[Judged]) -> Result<TakenBack> {
    let rows: Vec<&Judged> =
        rows.iter().filter(|row| matches!(row.verdict, RowVerdict::New | RowVerdict::Update)).collect();
    let now = Now::of(tx, import, &rows).await?;
    let (mut kept, mut entries) = (Vec::new(), Vec::new());
    let (mut deleted, mut restored) = (Vec::new(), Vec::new());
    for row in rows {
        let Some(machine) = row.code.as_ref().and_then(|code| now.machines.get(code)) else { continue };
        if let Some((column, why)) = now.why_kept(row, machine) {
            kept.push(Kept { row: row.row, column, why });
            continue;
        }
        let (code, was) = (machine.code.as_str(), Some(decided(&machine.written)));
        if row.verdict == RowVerdict::New {
            deleted.push(ctx.authorize(DeleteMachine, &resource(machine.id))?);
            entries.push(entry("machines:delete", code, was, None));
        } else {
            let earlier = as_it_was(&machine.written, &row.changes, &row.before)?;
            let granted = ctx.authorize(UpdateMachine, &resource(machine.id))?;
            entries.push(entry("machines:update", code, was, Some(decided(&earlier))));
            restored.push((granted, earlier));
        }
    }
    machines_store::delete(tx, &deleted, ctx.now()).await?;
    store::restore(tx, &restored).await?;
    if !entries.is_empty() {
        audit::record_many_in_tx(tx, ctx, &entries).await?;
    }
    Ok(TakenBack { taken: entries.len() as u32, kept })
}

/// A machine with what there was in these columns, as a row keeps it.
fn as_it_was(now: &Written, changes: &[String], before: &BTreeMap<String, String>) -> Result<Written> {
    let mut earlier = now.clone();
    let hardware: &mut DeclaredHardware = &mut earlier.declared;
    for column in changes {
        let text = before.get(column).cloned();
        let number = || text.as_deref().map(str::parse::<u32>).transpose().map_err(Error::internal);
        let is_so = text.as_deref() == Some("true");
        match column.as_str() {
            "name" => earlier.name = text.unwrap_or_default(),
            "region" => earlier.region = text,
            "privateAddress" => earlier.private_address = text,
            "publicAddress" => earlier.public_address = text,
            "pool" => {
                let pool = text.as_deref().and_then(Pool::parse);
                earlier.pool = pool.ok_or_else(|| Error::internal(format!("unknown pool {text:?}")))?;
            }
            "gpuModel" => hardware.gpu_model = text,
            "gpuCount" => hardware.gpu_count = number()?,
            "gpuMemoryGb" => hardware.gpu_memory_gb = number()?,
            "cpuModel" => hardware.cpu_model = text,
            "cpuCores" => hardware.cpu_cores = number()?,
            "memoryGb" => hardware.memory_gb = number()?,
            "systemDiskGb" => hardware.system_disk_gb = number()?,
            "dataDiskGb" => hardware.data_disk_gb = number()?,
            "listed" => earlier.listed = is_so,
            "monitored" => earlier.monitored = is_so,
            "remark" => earlier.remark = text,
            other => return Err(Error::internal(format!("an import changed {other}"))),
        }
    }
    Ok(earlier)
}
