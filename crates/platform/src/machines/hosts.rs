//! Machines for a slice that places things on them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::machines::{DiscoveredHardware, Presence};
use contract::{GpuId, MachineId};

use super::store;
use crate::db::Tx;
use crate::{Platform, Result};

/// A machine, as it is now.
pub(crate) struct HostFacts {
    pub id: MachineId,
    pub code: String,
    pub name: String,
    pub region: Option<String>,
    /// Instances of many may be there.
    pub is_shared: bool,
    pub in_service: bool,
    pub last_seen_at: Option<DateTime<Utc>>,
    pub presence: Presence,
    pub discovered: Option<DiscoveredHardware>,
    pub cards: Vec<HostCard>,
}

/// A GPU of it.
pub(crate) struct HostCard {
    pub id: GpuId,
    pub model: String,
    /// Bytes.
    pub memory: Option<u64>,
    /// On the bus, and not cut into MIG devices.
    pub usable: bool,
}

/// Those that customers may choose, or one whatever it is.
pub(crate) async fn hosts_in_tx(
    platform: &Platform,
    tx: &mut Tx,
    only: Option<MachineId>,
    now: DateTime<Utc>,
) -> Result<Vec<HostFacts>> {
    let mut hosts = store::hosts(tx, only).await?;
    for host in &mut hosts {
        platform.live().freshen(&mut host.last_seen_at, &mut host.presence, &host.code, now);
    }
    Ok(hosts)
}

/// Of these machines those that are out of service for a window of maintenance alone, and when they are back by the plan:
/// after the windows that follow without a pause.
pub(crate) async fn service_returns_in_tx(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<MachineId, DateTime<Utc>>> {
    let mut returns = store::open_windows(tx, ids).await?;
    for (machine, window) in store::windows(tx, ids).await? {
        if let Some(end) = returns.get_mut(&MachineId(machine)).filter(|end| window.starts_at <= **end) {
            *end = window.ends_at.max(*end);
        }
    }
    Ok(returns)
}

/// UUIDs of GPUs, by id.
pub(crate) async fn gpu_uuids(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, String>> {
    store::gpu_uuids(tx, ids).await
}

/// Keeps a machine as it is for this transaction; false where it is gone.
pub(crate) async fn lock_id_in_tx(tx: &mut Tx, id: MachineId) -> Result<bool> {
    store::lock_id(tx, id).await
}
