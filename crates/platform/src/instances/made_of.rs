//! What a container of an instance is made of.

use std::collections::BTreeMap;

use contract::{CustomerId, InstanceId};
use runtime::docker::containers::{
    Container, ContainerSpec, Env, LogDriver, LogLimit, PublishedPort, Restart, VolumeMount,
};
use runtime::docker::{Fault, FaultKind};

use super::split::{self, Plan};
use super::store::{self, Row};
use super::work::Trouble;
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, images, machines};

const GIB: u64 = 1 << 30;
/// Where the volume is that survives stops and starts.
const DATA: &str = "/data";
/// What the label of a customer's network begins with.
const CUSTOMER: &str = "customer-";
/// Most processes and threads.
const PIDS: u32 = 16_384;
/// Bytes and number of the files in which an engine keeps what a container says.
const LOG: LogLimit = LogLimit { driver: LogDriver::JsonFile, size: 16 << 20, files: 4 };

/// Its name on an engine that others may use, too.
pub(super) async fn name(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<String> {
    let mut tx = platform.db().begin(ctx).await?;
    let name = name_in_tx(&mut tx, id).await?;
    tx.commit().await?;
    Ok(name)
}

/// The same.
pub(super) async fn name_in_tx(tx: &mut Tx, id: InstanceId) -> Result<String> {
    let installation = store::installation(tx).await?;
    Ok(format!("{}-{id}", start(&installation)))
}

/// The volume that its data disk is, by its name.
pub(super) fn data_volume(name: &str) -> String {
    format!("{name}-data")
}

/// How everything of this installation is called, begins.
fn start(installation: &str) -> String {
    format!("rg-{}", installation.chars().take(8).collect::<String>())
}

/// Whose a customer's network is, in its label.
pub(super) fn owner(customer: CustomerId) -> String {
    format!("{CUSTOMER}{customer}")
}

/// The customer of such a label.
pub(super) fn customer(owner: &str) -> Option<CustomerId> {
    owner.strip_prefix(CUSTOMER)?.parse().ok().map(CustomerId)
}

/// Of which of an instance's specs a container was made.
pub(super) fn remakes(container: &Container) -> i64 {
    i64::try_from(container.origin.revision).unwrap_or(i64::MAX).saturating_sub(1)
}

/// The same for the same instance and spec, as long as it is there; with what a part of a GPU needs beside it.
pub(super) async fn container(
    platform: &Platform,
    ctx: &OpContext,
    row: &Row,
) -> Result<(ContainerSpec, Option<Plan>), Trouble> {
    let name = name(platform, ctx, row.id).await?;
    let mut tx = platform.db().begin(ctx).await?;
    let network = format!("{}-c{}", start(&store::installation(&mut tx).await?), row.customer);
    let image = images::reference_in_tx(&mut tx, row.image).await?;
    let cards = match &row.remake {
        Some(remake) => remake.next.iter().map(|(gpu, _)| gpu.0).collect(),
        None => store::cards_of(&mut tx, row.id).await?,
    };
    let uuids = machines::gpu_uuids(&mut tx, &cards).await?;
    let plan = split::plan(&mut tx, row, &name).await?;
    tx.commit().await.map_err(Error::from)?;
    let image = image.ok_or_else(|| Fault::new(FaultKind::ImageGone, ""))?;
    let mut environment: BTreeMap<String, String> = match &row.environment {
        None => BTreeMap::new(),
        Some(sealed) => {
            let plain = platform.keyring().open(&store::place(row.id), sealed)?;
            serde_json::from_slice(&plain).map_err(Error::internal)?
        }
    };
    environment.extend(plan.iter().flat_map(Plan::environment));
    let memory = u64::from(row.spec.memory_gb) * GIB;
    let data = VolumeMount { volume: data_volume(&name), target: DATA.to_owned(), read_only: false, empty: false };
    let hostname = row.name.replace('_', "-");
    let spec = ContainerSpec {
        instance: row.id.to_string(),
        // What it is made of changes with its spec alone.
        revision: row.remakes_wanted.unsigned_abs() + 1,
        image,
        entrypoint: None,
        command: row.command.clone(),
        env: Env(environment),
        hostname: (hostname.len() > 1).then_some(hostname),
        cpu_millis: row.spec.cpu_cores.saturating_mul(1000),
        memory,
        // Workers that load data hand it on through it.
        shm: memory / 2,
        pids: PIDS,
        gpus: cards.iter().filter_map(|id| uuids.get(id).cloned()).collect(),
        volumes: if row.spec.data_disk_gb > 0 { vec![data] } else { Vec::new() },
        binds: Vec::new(),
        ports: row.ports.iter().copied().map(PublishedPort::local).collect(),
        // Its customer's own on this machine: those of others are not reached from there.
        network: Some(network),
        // Through a restart of the engine or its host, too.
        restart: Restart::UnlessStopped,
        ulimits: Vec::new(),
        log: LOG,
        disk: None,
        init: true,
        name,
    };
    Ok((spec, plan))
}
