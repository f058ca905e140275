//! See [`crate::fuzzing`].

use std::collections::BTreeMap;

use contract::imports::RowFault;
use contract::machines::{DiscoveredHardware, GpuView, MachineCreate};
use node_protocol::Inventory;

use super::{check, import, reporting};
use crate::Result;

/// Hardware as it is stored.
pub fn inventory(inventory: &Inventory) -> Result<(DiscoveredHardware, Vec<GpuView>)> {
    reporting::check(inventory)?;
    Ok((reporting::discovered(inventory), inventory.gpus.iter().map(reporting::gpu_view).collect()))
}

/// The machine of a row, and what is wrong with its cells.
pub fn machine_row(cells: &BTreeMap<String, String>) -> (MachineCreate, Vec<RowFault>) {
    let parsed = import::columns::parse(cells);
    (parsed.machine, parsed.faults)
}

/// A machine as it is stored.
pub fn machine(machine: MachineCreate) -> Result<MachineCreate> {
    check::create(machine)
}
