//! Xid errors, from NVML's event set, asked without waiting.

use node_protocol::{GpuEvent, GpuEventKind};
use nvml_wrapper::Nvml;
use nvml_wrapper::bitmasks::event::EventTypes;
use nvml_wrapper::enums::event::XidError;
use nvml_wrapper::event::EventSet;

use super::device::Gpu;

/// Most events taken per tick, so that a broken driver cannot hold the tick up.
const MOST_PER_TICK: usize = 64;

/// A set in which every GPU that can report Xid errors is registered.
pub struct XidWatch<'n> {
    set: EventSet<'n>,
    /// For events whose GPU no longer tells its own name.
    uuids: Vec<(u32, String)>,
}

impl<'n> XidWatch<'n> {
    /// Registers the GPUs that support it. `None` when none does.
    pub fn register(nvml: &'n Nvml, gpus: &[Gpu<'n>]) -> Option<Self> {
        let wanted = EventTypes::CRITICAL_XID_ERROR;
        let mut able: Vec<&Gpu<'n>> = gpus
            .iter()
            .filter(|gpu| {
                let types = gpu.device().and_then(|device| device.supported_event_types().ok());
                types.is_some_and(|types| types.contains(wanted))
            })
            .collect();
        // A refused registration takes the set with it: start over without that GPU.
        'anew: while !able.is_empty() {
            let mut set = nvml.create_event_set().ok()?;
            for (i, gpu) in able.iter().enumerate() {
                let Some(device) = gpu.device() else { continue };
                match device.register_events(wanted, set) {
                    Ok(registered) => set = registered,
                    Err(error) => {
                        tracing::debug!(uuid = gpu.known.info.uuid, "no Xid events: {error}");
                        able.remove(i);
                        continue 'anew;
                    }
                }
            }
            let uuids = able.iter().map(|gpu| (gpu.known.info.index, gpu.known.info.uuid.clone())).collect();
            return Some(Self { set, uuids });
        }
        None
    }

    /// The Xid errors that arrived since the last call.
    pub fn drain(&self, at_ms: i64) -> Vec<GpuEvent> {
        let mut found = Vec::new();
        for _ in 0..MOST_PER_TICK {
            let Ok(event) = self.set.wait(0) else { break };
            let value = match event.event_data {
                Some(XidError::Value(number)) => number,
                Some(XidError::Unknown) => 0,
                None => continue,
            };
            let uuid = event.device.uuid().ok().or_else(|| {
                let index = event.device.index().ok()?;
                self.uuids.iter().find(|(known, _)| *known == index).map(|(_, uuid)| uuid.clone())
            });
            let only = || self.uuids.first().filter(|_| self.uuids.len() == 1).map(|(_, uuid)| uuid.clone());
            match uuid.or_else(only) {
                Some(uuid) => found.push(GpuEvent { uuid, at_ms, kind: GpuEventKind::Xid.into(), value }),
                None => tracing::warn!("Xid {value} of a GPU that no longer tells which it is"),
            }
        }
        found
    }
}
