//! Which server holds a machine's link: a row with a lease, so that a dead server's links free themselves. A newer link
//! of the same machine replaces the older one, wherever that is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{ErrorCode, GpuId, MachineId};
use node_protocol::Hello;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::store;
use crate::authz::ReportMetrics;
use crate::{Error, OpContext, Platform, Principal, Result, SystemActor, machines, tunnels};

/// An unknown GPU is looked up again at most this often.
const LOOK_UP_EVERY: Duration = Duration::from_secs(2);

/// An agent's open link.
#[derive(Clone, Debug)]
pub struct NodeLink {
    pub machine: MachineId,
    /// The machine's code.
    pub code: String,
    /// False while monitoring is switched off for this machine.
    pub monitored: bool,
    /// Cancelled when a newer link of the same machine took over.
    pub replaced: CancellationToken,
    /// Cancelled when the machine's monitoring was switched: the agent learns the new setting when it comes back.
    pub reconfigured: CancellationToken,
    id: Uuid,
    gpus: Arc<Mutex<GpuIds>>,
}

#[derive(Debug)]
struct GpuIds {
    by_uuid: HashMap<String, GpuId>,
    looked_up: Instant,
}

impl NodeLink {
    /// The id of this machine's GPU; `None` for one it never reported in its inventory.
    pub(super) async fn gpu_id(&self, platform: &Platform, uuid: &str) -> Result<Option<GpuId>> {
        {
            let gpus = self.gpus.lock().expect("nobody panics holding this lock");
            if let Some(id) = gpus.by_uuid.get(uuid) {
                return Ok(Some(*id));
            }
            if !gpus.by_uuid.is_empty() && gpus.looked_up.elapsed() < LOOK_UP_EVERY {
                return Ok(None);
            }
        }
        let by_uuid = gpu_ids(platform, self.machine).await?;
        let mut gpus = self.gpus.lock().expect("nobody panics holding this lock");
        *gpus = GpuIds { by_uuid, looked_up: Instant::now() };
        Ok(gpus.by_uuid.get(uuid).copied())
    }
}

async fn gpu_ids(platform: &Platform, machine: MachineId) -> Result<HashMap<String, GpuId>> {
    let mut tx = platform.db().begin(&platform.system(SystemActor::Metrics)).await?;
    let ids = store::gpu_ids(&mut tx, machine).await?;
    tx.commit().await?;
    Ok(ids)
}

/// Takes the machine's link; an older one is told.
///
/// # Errors
/// `Validation` (`error-node-upgrade-needed`) when the agent's protocol is too old.
pub async fn open_link(platform: &Platform, ctx: &OpContext, hello: &Hello) -> Result<NodeLink> {
    let Principal::Node { machine, code } = ctx.principal() else { return Err(Error::not_found()) };
    let granted = ctx.authorize(ReportMetrics, &machines::resource(*machine))?;
    if hello.protocol_version < node_protocol::MIN_PROTOCOL_VERSION {
        return Err(Error::new(ErrorCode::Validation).with_key("error-node-upgrade-needed"));
    }
    let id = Uuid::new_v4();
    let mut tx = platform.db().begin(ctx).await?;
    let here = (platform.server_id(), tunnels::announced(platform));
    let monitored = store::take_link(&mut tx, &granted, id, here).await?;
    tx.commit().await?;
    let link = NodeLink {
        machine: *machine,
        code: code.clone(),
        monitored,
        replaced: CancellationToken::new(),
        reconfigured: CancellationToken::new(),
        id,
        gpus: Arc::new(Mutex::new(GpuIds { by_uuid: HashMap::new(), looked_up: Instant::now() })),
    };
    if let Some(older) =
        platform.live().links().lock().expect("nobody panics holding this lock").insert(*machine, link.clone())
    {
        older.replaced.cancel();
    }
    Ok(link)
}

/// Another server, which holds a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub server: Uuid,
    /// Where servers reach it, as it says; none where it does not.
    pub address: Option<String>,
    /// When it was looked up, by the database's clock.
    pub now: DateTime<Utc>,
}

/// Which server holds a machine's link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkHolder {
    Here,
    Elsewhere(Peer),
    Nobody,
}

/// Which server holds the machine's link.
pub(crate) async fn link_holder(platform: &Platform, machine: MachineId) -> Result<LinkHolder> {
    let mut tx = platform.db().begin(&platform.system(SystemActor::Metrics)).await?;
    let holder = store::link_holder(&mut tx, machine).await?;
    tx.commit().await?;
    Ok(match holder {
        Some(peer) if peer.server == platform.server_id() => LinkHolder::Here,
        Some(peer) => LinkHolder::Elsewhere(peer),
        None => LinkHolder::Nobody,
    })
}

/// What time it is for all servers.
pub(crate) async fn database_time(platform: &Platform) -> Result<DateTime<Utc>> {
    let mut tx = platform.db().begin(&platform.system(SystemActor::Metrics)).await?;
    let now = store::database_time(&mut tx).await?;
    tx.commit().await?;
    Ok(now)
}

/// Gives the link up; a newer one stays.
pub async fn close_link(platform: &Platform, link: &NodeLink) -> Result<()> {
    {
        let mut links = platform.live().links().lock().expect("nobody panics holding this lock");
        if links.get(&link.machine).is_some_and(|current| current.id == link.id) {
            links.remove(&link.machine);
        }
    }
    let mut tx = platform.db().begin(&platform.system(SystemActor::Metrics)).await?;
    store::drop_link(&mut tx, link.machine, link.id).await?;
    tx.commit().await?;
    Ok(())
}

/// Renews the leases of this server's links and ends those that are no longer its own.
pub(super) async fn run(platform: Platform, shutdown: CancellationToken) {
    let mut every = tokio::time::interval(Duration::from_secs(3));
    while shutdown.run_until_cancelled(every.tick()).await.is_some() {
        let held: Vec<NodeLink> =
            platform.live().links().lock().expect("nobody panics holding this lock").values().cloned().collect();
        metrics::gauge!("remotegpu_node_links").set(held.len() as f64);
        if held.is_empty() {
            continue;
        }
        if let Err(error) = renew(&platform, &held).await {
            tracing::warn!(%error, "link leases could not be renewed");
        }
    }
}

async fn renew(platform: &Platform, held: &[NodeLink]) -> Result<()> {
    let pairs: Vec<_> = held.iter().map(|link| (link.machine, link.id)).collect();
    let mut tx = platform.db().begin(&platform.system(SystemActor::Metrics)).await?;
    let ours = store::renew_links(&mut tx, &pairs).await?;
    tx.commit().await?;
    for link in held {
        match ours.get(&link.id) {
            None => link.replaced.cancel(),
            Some(monitored) if *monitored != link.monitored => link.reconfigured.cancel(),
            Some(_) => {}
        }
    }
    Ok(())
}
