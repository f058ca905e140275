//! What an agent says about its host: bounded, compared, written only when it changed.

use chrono::TimeDelta;
use contract::ErrorCode;
use contract::machines::{DiscoveredHardware, DiskView, GpuView, MigDeviceView, NicView, OFFLINE_AFTER_SECONDS};
use node_protocol::{Inventory, limits};

use super::{entry, resource, store};
use crate::authz::ReportMetrics;
use crate::{Error, OpContext, Platform, Principal, Result, SystemActor, audit};

/// Most disks, network interfaces, addresses of one, or MIG instances of one GPU.
const MAX_PARTS: usize = 256;

/// Takes over the hardware an agent found on its own machine.
///
/// # Errors
/// `Validation` when it is over the protocol's limits.
pub async fn report_inventory(
    platform: &Platform,
    ctx: &OpContext,
    agent_version: &str,
    inventory: &Inventory,
) -> Result<()> {
    let Principal::Node { machine, code } = ctx.principal() else { return Err(Error::not_found()) };
    let granted = ctx.authorize(ReportMetrics, &resource(*machine))?;
    check(inventory)?;
    let now = platform.clock().now();
    let discovered = discovered(inventory);
    let mut gpus: Vec<GpuView> = inventory.gpus.iter().map(gpu_view).collect();
    // As the system: a GPU that was in another machine until now is a row this agent could not touch.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Metrics)).await?;
    store::save_discovered(&mut tx, &granted, &discovered, &clean(agent_version), now).await?;
    let uuids: Vec<String> = gpus.iter().map(|gpu| gpu.uuid.clone()).collect();
    let alive_since = now - TimeDelta::seconds(OFFLINE_AFTER_SECONDS);
    let foreign = store::held_elsewhere(&mut tx, &granted, &uuids, alive_since).await?;
    if !foreign.is_empty() {
        tracing::warn!(machine = code, gpus = ?foreign, "an agent lists GPUs that another machine uses now; left out");
        gpus.retain(|gpu| !foreign.contains(&gpu.uuid));
    }
    let changed = store::save_gpus(&mut tx, &granted, &gpus, now).await?;
    if changed {
        let list: Vec<_> = gpus.iter().map(|gpu| serde_json::json!({ "uuid": gpu.uuid, "lost": gpu.lost })).collect();
        let after = serde_json::json!({ "gpus": list });
        audit::record_in_tx(&mut tx, ctx, entry("machines:hardware-changed", code, None, Some(after))).await?;
    }
    tx.commit().await?;
    platform.live().forget_catalog();
    Ok(())
}

pub(super) fn check(inventory: &Inventory) -> Result<()> {
    let uuid_wrong = |uuid: &str| {
        uuid.is_empty() || uuid.len() > limits::MAX_TEXT_BYTES || uuid.bytes().any(|b| !b.is_ascii_graphic())
    };
    let wrong = inventory.gpus.len() > limits::MAX_GPUS
        || inventory.disks.len() > MAX_PARTS
        || inventory.nics.len() > MAX_PARTS
        || inventory.nics.iter().any(|nic| nic.addresses.len() > MAX_PARTS)
        || inventory.gpus.iter().any(|gpu| uuid_wrong(&gpu.uuid) || gpu.mig_devices.len() > MAX_PARTS);
    if wrong { Err(Error::new(ErrorCode::Validation).with_key("error-node-limits")) } else { Ok(()) }
}

/// A text as it may be stored and shown: bounded, and without control characters (PostgreSQL takes no NUL).
pub(super) fn clean(text: &str) -> String {
    let mut text: String = text.chars().filter(|c| !c.is_control()).collect();
    text.truncate(text.floor_char_boundary(limits::MAX_TEXT_BYTES));
    text
}

fn clean_option(text: &Option<String>) -> Option<String> {
    text.as_deref().map(clean).filter(|text| !text.is_empty())
}

pub(super) fn discovered(inventory: &Inventory) -> DiscoveredHardware {
    DiscoveredHardware {
        host_name: clean(&inventory.host_name),
        os: clean_option(&inventory.os),
        kernel: clean_option(&inventory.kernel),
        arch: clean_option(&inventory.arch),
        cpu_model: clean_option(&inventory.cpu_model),
        cpu_sockets: inventory.cpu_sockets,
        cpu_cores: inventory.cpu_cores,
        cpu_threads: inventory.cpu_threads,
        memory_bytes: inventory.memory_bytes,
        swap_bytes: inventory.swap_bytes,
        disks: inventory
            .disks
            .iter()
            .map(|disk| DiskView {
                name: clean(&disk.name),
                mount_point: clean(&disk.mount_point),
                total_bytes: disk.total_bytes,
                kind: clean(&disk.kind),
            })
            .collect(),
        nics: inventory
            .nics
            .iter()
            .map(|nic| NicView {
                name: clean(&nic.name),
                addresses: nic.addresses.iter().map(|address| clean(address)).collect(),
                speed_mbps: nic.speed_mbps,
            })
            .collect(),
        driver_version: clean_option(&inventory.driver_version),
        cuda_version: clean_option(&inventory.cuda_version),
        nvml_error: clean_option(&inventory.nvml_error),
    }
}

pub(super) fn gpu_view(gpu: &node_protocol::GpuInfo) -> GpuView {
    GpuView {
        index: gpu.index,
        uuid: gpu.uuid.clone(),
        model: clean(&gpu.model),
        memory_bytes: gpu.memory_bytes,
        pci_bus_id: clean_option(&gpu.pci_bus_id),
        power_limit_w: gpu.power_limit_w.filter(|watts| watts.is_finite()),
        mig_enabled: gpu.mig_enabled,
        ecc_enabled: gpu.ecc_enabled,
        lost: gpu.lost,
        mig_devices: gpu
            .mig_devices
            .iter()
            .map(|mig| MigDeviceView {
                index: mig.index,
                uuid: clean(&mig.uuid),
                profile: clean(&mig.profile),
                memory_bytes: mig.memory_bytes,
            })
            .collect(),
    }
}
