//! The verdict of a row: new, a change, nothing, or wrong; by the rules that the form follows.

use std::collections::{BTreeMap, HashMap, HashSet};

use contract::MachineId;
use contract::imports::{RowFault, RowVerdict};
use contract::machines::{DeclaredHardware, MachineCreate, MachineView, Pool};
use serde::{Deserialize, Serialize};

use super::super::{check, store as machines_store};
use super::columns::{COLUMNS, Parsed, parse, rounded};
use super::store;
use crate::db::Tx;
use crate::imports::{Judged, TextRow, fault, faults_of};
use crate::{Error, Result, allocations, instances};

/// What a workbook says of a machine: what is written when its import is confirmed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Written {
    pub name: String,
    pub region: Option<String>,
    pub public_address: Option<String>,
    pub private_address: Option<String>,
    pub pool: Pool,
    pub monitored: bool,
    pub listed: bool,
    pub remark: Option<String>,
    pub declared: DeclaredHardware,
}

impl Written {
    /// What people decided of a machine.
    pub(in crate::machines) fn of(view: &MachineView) -> Self {
        Self {
            name: view.name.clone(),
            region: view.region.clone(),
            public_address: view.public_address.clone(),
            private_address: view.private_address.clone(),
            pool: view.pool,
            monitored: view.monitored,
            listed: view.listed,
            remark: view.remark.clone(),
            declared: view.declared.clone(),
        }
    }
}

/// What the audit log keeps of it.
pub(in crate::machines) fn decided(machine: &Written) -> serde_json::Value {
    serde_json::json!({
        "name": machine.name, "region": machine.region, "publicAddress": machine.public_address,
        "privateAddress": machine.private_address, "pool": machine.pool, "monitored": machine.monitored,
        "listed": machine.listed, "remark": machine.remark, "declared": machine.declared,
    })
}

/// A machine that is there already.
#[derive(Clone, Debug)]
pub(in crate::machines) struct Existing {
    pub code: String,
    pub id: MachineId,
    pub revision: i64,
    pub written: Written,
}

/// Machines whose way of being let stays as it is, as the form has it.
struct Taken {
    lent: HashSet<MachineId>,
    used: HashSet<MachineId>,
}

impl Taken {
    /// Key of what stands in the way.
    fn why(&self, id: MachineId) -> Option<&'static str> {
        // Whoever has a whole machine has it to the end; who shares one has an instance on it.
        if self.lent.contains(&id) {
            return Some("field-pool-allocated");
        }
        self.used.contains(&id).then_some("field-pool-instances")
    }
}

/// What was seen in the workbook so far: two rows for one machine are a mistake.
#[derive(Default)]
pub(crate) struct Evaluation {
    codes: HashMap<String, u32>,
    names: HashMap<String, u32>,
}

impl Evaluation {
    pub(crate) async fn judge(&mut self, tx: &mut Tx, rows: Vec<TextRow>) -> Result<Vec<Judged>> {
        let parsed: Vec<(TextRow, Parsed)> =
            rows.into_iter().map(|row| (parse(&row.cells), row)).map(|(p, r)| (r, p)).collect();
        let mut codes: Vec<String> = parsed.iter().filter_map(|(_, parsed)| parsed.machine.id.clone()).collect();
        codes.extend(parsed.iter().filter_map(|(row, _)| row.given.clone()));
        let names: Vec<String> = parsed.iter().map(|(_, parsed)| parsed.machine.name.trim().to_lowercase()).collect();
        let existing = store::existing(tx, &codes, &names).await?;
        let ids: Vec<i64> = existing.iter().map(|one| one.id.0).collect();
        let taken =
            Taken { lent: allocations::held_among(tx, &ids).await?, used: instances::used_among(tx, &ids).await? };
        let by_code: HashMap<&str, &Existing> = existing.iter().map(|one| (one.code.as_str(), one)).collect();
        let by_name: HashMap<String, &Existing> =
            existing.iter().map(|one| (one.written.name.to_lowercase(), one)).collect();
        let mut judged = Vec::with_capacity(parsed.len());
        let mut given = HashMap::new();
        for (mut row, parsed) in parsed {
            given.extend(row.given.take().map(|code| (row.row, code)));
            judged.push(self.judge_row(row, parsed, (&by_code, &by_name), &taken)?);
        }
        // Codes for new machines without one, so that the preview already says which.
        let nameless = judged.iter_mut().filter(|one| one.verdict == RowVerdict::New && one.code.is_none());
        for one in nameless {
            let kept = given.remove(&one.row).filter(|code| !by_code.contains_key(code.as_str()));
            let mut code = kept.filter(|code| !self.codes.contains_key(code));
            while code.as_ref().is_none_or(|code| self.codes.contains_key(code)) {
                code = Some(machines_store::next_code(tx).await?);
            }
            let Some(code) = code else { continue };
            self.codes.insert(code.clone(), one.row);
            one.code = Some(code);
        }
        Ok(judged)
    }

    fn judge_row(
        &mut self,
        row: TextRow,
        parsed: Parsed,
        (by_code, by_name): (&HashMap<&str, &Existing>, &HashMap<String, &Existing>),
        taken: &Taken,
    ) -> Result<Judged> {
        let Parsed { machine, listed, mut faults } = parsed;
        let name = machine.name.to_lowercase();
        let named = by_name.get(&name).copied();
        let target = match machine.id.as_deref() {
            Some(code) => by_code.get(code).copied(),
            None => named,
        };
        if named.is_some_and(|named| target.is_none_or(|target| target.code != named.code)) {
            faults.push(fault("name", "field-machine-name-taken", &[]));
        }
        let repooled = target.filter(|t| machine.pool.is_some_and(|pool| pool != t.written.pool));
        faults.extend(repooled.and_then(|target| taken.why(target.id)).map(|key| fault("pool", key, &[])));
        let code = target.map(|target| target.code.clone()).or_else(|| machine.id.clone());
        let earlier = [("id", code.as_ref().and_then(|code| self.codes.get(code))), ("name", self.names.get(&name))];
        for (column, earlier) in earlier {
            faults.extend(earlier.map(|row| fault(column, "field-import-twice", &[("row", row.to_string())])));
        }
        let machine = match check::create(machine) {
            Ok(machine) => Some(machine),
            Err(error) => {
                faults.extend(faults_of(error));
                None
            }
        };
        let Some(machine) = machine.filter(|_| faults.is_empty()) else {
            return Ok(Judged::wrong(row, code, faults));
        };
        // A row that is left out takes nothing from a later one.
        self.codes.extend(code.clone().map(|code| (code, row.row)));
        self.names.insert(name, row.row);
        let written = merge(target.map(|target| &target.written), machine, listed);
        let changes = target.map(|target| changes(&target.written, &written)).unwrap_or_default();
        let before = target.map(|target| texts_of(&target.written, &changes)).unwrap_or_default();
        let judged = Judged::sound(row, code, &written, (target.map(|target| target.revision), changes))?;
        Ok(judged.instead_of(before))
    }
}

/// The machine as it would be: a blank cell leaves what is there.
fn merge(before: Option<&Written>, row: MachineCreate, listed: Option<bool>) -> Written {
    let old = |pick: fn(&Written) -> Option<String>| before.and_then(pick);
    let hardware = before.map(|before| before.declared.clone()).unwrap_or_default();
    Written {
        name: row.name,
        region: row.region.or_else(|| old(|w| w.region.clone())),
        public_address: row.public_address.or_else(|| old(|w| w.public_address.clone())),
        private_address: row.private_address.or_else(|| old(|w| w.private_address.clone())),
        pool: row.pool.or(before.map(|before| before.pool)).unwrap_or(Pool::Whole),
        monitored: row.monitored.or(before.map(|before| before.monitored)).unwrap_or(true),
        listed: listed.or(before.map(|before| before.listed)).unwrap_or(false),
        remark: row.remark.or_else(|| old(|w| w.remark.clone())),
        declared: DeclaredHardware {
            gpu_model: row.declared.gpu_model.or(hardware.gpu_model),
            gpu_count: row.declared.gpu_count.or(hardware.gpu_count),
            gpu_memory_gb: row.declared.gpu_memory_gb.or(hardware.gpu_memory_gb),
            cpu_model: row.declared.cpu_model.or(hardware.cpu_model),
            cpu_cores: row.declared.cpu_cores.or(hardware.cpu_cores),
            memory_gb: row.declared.memory_gb.or(hardware.memory_gb),
            system_disk_gb: row.declared.system_disk_gb.or(hardware.system_disk_gb),
            data_disk_gb: row.declared.data_disk_gb.or(hardware.data_disk_gb),
        },
    }
}

/// What a staged row would store, by column, and where that is not quite what its cells say.
pub(crate) fn stored(
    cells: &BTreeMap<String, String>,
    written: serde_json::Value,
) -> Result<(BTreeMap<String, String>, Vec<RowFault>)> {
    let written: Written = serde_json::from_value(written).map_err(Error::internal)?;
    let columns: Vec<String> = COLUMNS.iter().map(|column| column.key.to_owned()).collect();
    Ok((texts_of(&written, &columns), rounded(cells)))
}

/// Columns in which both differ.
fn changes(before: &Written, after: &Written) -> Vec<String> {
    let (b, a) = (&before.declared, &after.declared);
    [
        ("name", before.name != after.name),
        ("region", before.region != after.region),
        ("privateAddress", before.private_address != after.private_address),
        ("publicAddress", before.public_address != after.public_address),
        ("pool", before.pool != after.pool),
        ("gpuModel", b.gpu_model != a.gpu_model),
        ("gpuCount", b.gpu_count != a.gpu_count),
        ("gpuMemoryGb", b.gpu_memory_gb != a.gpu_memory_gb),
        ("cpuModel", b.cpu_model != a.cpu_model),
        ("cpuCores", b.cpu_cores != a.cpu_cores),
        ("memoryGb", b.memory_gb != a.memory_gb),
        ("systemDiskGb", b.system_disk_gb != a.system_disk_gb),
        ("dataDiskGb", b.data_disk_gb != a.data_disk_gb),
        ("listed", before.listed != after.listed),
        ("monitored", before.monitored != after.monitored),
        ("remark", before.remark != after.remark),
    ]
    .into_iter()
    .filter(|(_, differs)| *differs)
    .map(|(column, _)| column.to_owned())
    .collect()
}

/// What a machine says in these columns, as far as it says anything.
fn texts_of(machine: &Written, columns: &[String]) -> BTreeMap<String, String> {
    let hardware = &machine.declared;
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    let text = |column: &String| {
        let text = match column.as_str() {
            "name" => Some(machine.name.clone()),
            "region" => machine.region.clone(),
            "privateAddress" => machine.private_address.clone(),
            "publicAddress" => machine.public_address.clone(),
            "pool" => Some(machine.pool.code().to_owned()),
            "gpuModel" => hardware.gpu_model.clone(),
            "gpuCount" => number(hardware.gpu_count),
            "gpuMemoryGb" => number(hardware.gpu_memory_gb),
            "cpuModel" => hardware.cpu_model.clone(),
            "cpuCores" => number(hardware.cpu_cores),
            "memoryGb" => number(hardware.memory_gb),
            "systemDiskGb" => number(hardware.system_disk_gb),
            "dataDiskGb" => number(hardware.data_disk_gb),
            "listed" => Some(machine.listed.to_string()),
            "monitored" => Some(machine.monitored.to_string()),
            "remark" => machine.remark.clone(),
            _ => None,
        };
        Some((column.clone(), text?))
    };
    columns.iter().filter_map(text).collect()
}
