//! See [`crate::fuzzing`].

use std::collections::BTreeMap;

use contract::imports::RowFault;
use contract::machines::{DiscoveredHardware, GpuView, MachineCreate};
use node_protocol::{HostKeysSeen, Inventory};

use super::{check, host_keys, import, reporting};
use crate::Result;

/// Hardware as it is stored.
pub fn inventory(inventory: &Inventory) -> Result<(DiscoveredHardware, Vec<GpuView>)> {
    reporting::check(inventory)?;
    Ok((reporting::discovered(inventory), inventory.gpus.iter().map(reporting::gpu_view).collect()))
}

/// Fingerprints and what the host says, as they are stored.
pub fn host_keys(seen: &HostKeysSeen) -> Result<(Vec<String>, Option<String>)> {
    host_keys::read(seen).map(|found| (found.fingerprints, found.detail))
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
