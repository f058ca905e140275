//! See [`crate::fuzzing`].

use contract::machines::{DiscoveredHardware, GpuView, MachineCreate};
use node_protocol::Inventory;

use super::{check, reporting};
use crate::Result;

/// Hardware as it is stored.
pub fn inventory(inventory: &Inventory) -> Result<(DiscoveredHardware, Vec<GpuView>)> {
    reporting::check(inventory)?;
    Ok((reporting::discovered(inventory), inventory.gpus.iter().map(reporting::gpu_view).collect()))
}

/// A machine as it is stored.
pub fn machine(machine: MachineCreate) -> Result<MachineCreate> {
    check::create(machine)
}
