//! A simulated GPU host: joined through the real operations, with an inventory and figures of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{anyhow, bail};
use contract::MachineId;
use contract::machines::{JoinTokenCreate, MachineCreate};
use node_protocol::{Batch, GpuInfo, GpuSample, Hello, HostSample, Inventory, Sample};
use platform::machines::NodeCredentials;
use platform::{Clock, OpContext, Platform, Principal};

use crate::people::{TestUser, context};

const GIB: u64 = 1 << 30;

/// A registered machine and its agent.
#[derive(Clone, Debug)]
pub struct TestNode {
    pub machine: MachineId,
    pub code: String,
    /// The agent's key.
    pub key: String,
    clock: Clock,
    sequence: Arc<AtomicU64>,
}

impl TestNode {
    /// Adds machine `code` as `admin` and lets an agent join it.
    pub(crate) async fn join(platform: &Platform, admin: &TestUser, code: &str) -> anyhow::Result<Self> {
        let failed = |error: platform::Error| anyhow!("{code}: {error}");
        let machine = MachineCreate { id: Some(code.to_owned()), name: code.to_owned(), ..Default::default() };
        platform::machines::create(platform, &admin.ctx(), machine).await.map_err(failed)?;
        let request = JoinTokenCreate { machine: Some(code.to_owned()), ..Default::default() };
        let token = platform::machines::create_join_token(platform, &admin.ctx(), request).await.map_err(failed)?;
        let key = hex::encode(platform::secrets::random_bytes::<32>());
        let credentials = NodeCredentials { key: key.clone(), join_token: Some(token.secret), host_name: None };
        let anonymous = context(Principal::Anonymous, platform.clock());
        match platform::machines::authenticate_node(platform, &anonymous, &credentials).await.map_err(failed)? {
            Principal::Node { machine, code } => {
                Ok(Self { machine, code, key, clock: platform.clock().clone(), sequence: Arc::default() })
            }
            other => bail!("the agent of {code} became {other:?}"),
        }
    }

    /// What authentication makes of this agent.
    pub fn principal(&self) -> Principal {
        Principal::Node { machine: self.machine, code: self.code.clone() }
    }

    /// A message of this agent, now.
    pub fn ctx(&self) -> OpContext {
        context(self.principal(), &self.clock)
    }

    /// The agent's first message.
    pub fn hello(&self) -> Hello {
        Hello {
            protocol_version: node_protocol::PROTOCOL_VERSION,
            agent_version: "0.0.0-test".to_owned(),
            process_id: uuid::Uuid::new_v4().to_string(),
            boot_id: String::new(),
            sent_at_ms: self.clock.now().timestamp_millis(),
            ..Default::default()
        }
    }

    /// UUID of the GPU with this index.
    pub fn gpu_uuid(&self, index: u32) -> String {
        format!("GPU-{}-{index}", self.code)
    }

    /// A host with `gpus` GPUs of 80 GiB.
    pub fn inventory(&self, gpus: u32) -> Inventory {
        let gpu = |index| GpuInfo {
            index,
            uuid: self.gpu_uuid(index),
            model: "NVIDIA H100 80GB HBM3".to_owned(),
            memory_bytes: Some(80 * GIB),
            pci_bus_id: Some(format!("00000000:{:02X}:00.0", index + 1)),
            power_limit_w: Some(700.0),
            mig_enabled: Some(false),
            ecc_enabled: Some(true),
            ..Default::default()
        };
        Inventory {
            host_name: self.code.clone(),
            arch: Some("x86_64".to_owned()),
            cpu_model: Some("Test CPU".to_owned()),
            cpu_sockets: Some(2),
            cpu_cores: Some(64),
            cpu_threads: Some(128),
            memory_bytes: Some(1024 * GIB),
            driver_version: Some("570.00".to_owned()),
            gpus: (0..gpus).map(gpu).collect(),
            ..Default::default()
        }
    }

    /// `ticks` samples a second apart, the last one now, each with the host and `gpus` GPUs; the next sequence number.
    pub fn batch(&self, ticks: u32, gpus: u32) -> Batch {
        let now = self.clock.now().timestamp_millis();
        let samples = (0..ticks).map(|tick| self.sample(now - i64::from(ticks - 1 - tick) * 1000, gpus)).collect();
        Batch { sequence: self.sequence.fetch_add(1, Ordering::Relaxed) + 1, samples, replayed: false }
    }

    /// One sample; figures differ between GPUs and are the same at every tick.
    pub fn sample(&self, at_ms: i64, gpus: u32) -> Sample {
        let gpu = |index: u32| GpuSample {
            uuid: self.gpu_uuid(index),
            util_percent: Some(50.0 + index as f32),
            mem_util_percent: Some(20.0),
            memory_used_bytes: Some(40 * GIB),
            memory_total_bytes: Some(80 * GIB),
            temperature_c: Some(60.0 + index as f32),
            power_w: Some(350.0),
            power_limit_w: Some(700.0),
            sm_clock_mhz: Some(1980),
            ..Default::default()
        };
        let host = HostSample {
            cpu_percent: Some(12.5),
            load1: Some(8.0),
            memory_used_bytes: Some(256 * GIB),
            memory_total_bytes: Some(1024 * GIB),
            ..Default::default()
        };
        Sample { at_ms, host: Some(host), gpus: (0..gpus).map(gpu).collect(), events: Vec::new() }
    }
}
