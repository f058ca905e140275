//! SQL of what instances hold of machines and of limits.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use contract::{CustomerId, GpuId, ImageId, InstanceId, MachineId, UserId};

use crate::Result;
use crate::db::Tx;

/// A GPU, and the MiB of it; all of it where that is nothing.
pub(in crate::instances) type Part = (GpuId, Option<u64>);

/// What is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    pub instances: i64,
    pub gpus: i64,
    pub cores: i64,
    pub memory_gb: i64,
    pub disk_gb: i64,
}

/// Whoever makes an instance of this customer, or of this person, waits until the transaction ends: limits hold.
pub(in crate::instances) async fn lock_limits(tx: &mut Tx, customer: CustomerId, person: UserId) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('remotegpu.instances', $1))", customer.0)
        .fetch_one(&mut **tx)
        .await?;
    // Always after the customer's.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('remotegpu.instances-of', $1))", person.0)
        .fetch_one(&mut **tx)
        .await?;
    Ok(())
}

/// One placement after the other, so that each sees what the one before took. Always after [`lock_limits`].
pub(in crate::instances) async fn lock_placement(tx: &mut Tx) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('remotegpu.placement', 0))")
        .fetch_one(&mut **tx)
        .await?;
    Ok(())
}

/// What the live instances of a customer, or of a person, take.
pub(in crate::instances) async fn used_by(
    tx: &mut Tx,
    customer: Option<CustomerId>,
    person: Option<UserId>,
) -> Result<Used> {
    let row = sqlx::query!(
        r#"select count(*) as "instances!", coalesce(sum(gpu_count), 0) as "gpus!", coalesce(sum(cpu_cores), 0) as "cores!",
                  coalesce(sum(memory_gb), 0) as "memory!", coalesce(sum(disk_gb), 0) as "disk!"
           from instances
           where released_at is null and ($1::bigint is null or customer_id = $1)
             and ($2::bigint is null or created_by = $2)"#,
        customer.map(|id| id.0),
        person.map(|id| id.0)
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Used { instances: row.instances, gpus: row.gpus, cores: row.cores, memory_gb: row.memory, disk_gb: row.disk })
}

/// What the live instances on these machines take, by machine; as if this one were not there. One that gets another spec
/// takes what the larger one is until the container that there is was made of that.
pub(in crate::instances) async fn used(
    tx: &mut Tx,
    machines: &[i64],
    without: Option<InstanceId>,
) -> Result<HashMap<i64, Used>> {
    let rows = sqlx::query!(
        r#"select machine_id, count(*) as "instances!", coalesce(sum(gpu_count), 0) as "gpus!",
                  coalesce(sum(greatest(cpu_cores, coalesce((remake -> 'spec' ->> 'cpuCores')::integer, 0))), 0)
                    as "cores!",
                  coalesce(sum(greatest(memory_gb, coalesce((remake -> 'spec' ->> 'memoryGb')::integer, 0))), 0)
                    as "memory!",
                  coalesce(sum(greatest(disk_gb, coalesce((remake -> 'spec' ->> 'systemDiskGb')::integer
                                                          + (remake -> 'spec' ->> 'dataDiskGb')::integer, 0))), 0)
                    as "disk!"
           from instances
           where released_at is null and machine_id = any($1) and ($2::bigint is null or id <> $2)
           group by machine_id"#,
        machines,
        without.map(|id| id.0)
    )
    .fetch_all(&mut **tx)
    .await?;
    let used = rows.into_iter().map(|row| {
        let used = Used {
            instances: row.instances,
            gpus: row.gpus,
            cores: row.cores,
            memory_gb: row.memory,
            disk_gb: row.disk,
        };
        (row.machine_id, used)
    });
    Ok(used.collect())
}

/// Of these GPUs: whether somebody has it whole, and the MiB that shares take; none where nobody has anything of it. As if
/// this instance were not there.
pub(in crate::instances) async fn place_of_cards(
    tx: &mut Tx,
    gpus: &[i64],
    without: Option<InstanceId>,
) -> Result<HashMap<i64, (bool, u64)>> {
    let rows = sqlx::query!(
        r#"select g.id as "id!",
                  exists (select from instance_gpus h where h.gpu_id = g.id and h.released_at is null
                          and ($2::bigint is null or h.instance_id <> $2)) as "held!",
                  coalesce((select sum(s.mib) from gpu_shares s where s.gpu_id = g.id and s.released_at is null
                            and ($2::bigint is null or s.instance_id <> $2)), 0)::bigint as "shared!"
           from unnest($1::bigint[]) as g (id)"#,
        gpus,
        without.map(|id| id.0)
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, (row.held, row.shared.unsigned_abs()))).collect())
}

/// Holds these for an instance: all of a GPU, or so many MiB; also what it held before and let go.
pub(in crate::instances) async fn hold(tx: &mut Tx, id: InstanceId, cards: &[Part]) -> Result<()> {
    let whole: Vec<i64> = cards.iter().filter(|(_, mib)| mib.is_none()).map(|(gpu, _)| gpu.0).collect();
    sqlx::query!(
        "insert into instance_gpus (instance_id, gpu_id) select $1, gpu from unnest($2::bigint[]) as t (gpu) order by gpu
         on conflict (instance_id, gpu_id) do update set released_at = null",
        id.0,
        &whole
    )
    .execute(&mut **tx)
    .await?;
    let shares = cards.iter().filter_map(|(gpu, mib)| Some((gpu.0, i64::try_from((*mib)?).unwrap_or(i64::MAX))));
    let (gpus, mibs): (Vec<i64>, Vec<i64>) = shares.unzip();
    sqlx::query!(
        "insert into gpu_shares (instance_id, gpu_id, mib)
         select $1, gpu, mib from unnest($2::bigint[], $3::bigint[]) as t (gpu, mib) order by gpu
         on conflict (instance_id, gpu_id) do update set mib = excluded.mib, released_at = null",
        id.0,
        &gpus,
        &mibs
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What it holds is free again.
pub(in crate::instances) async fn release(tx: &mut Tx, id: InstanceId, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("update instance_gpus set released_at = $2 where instance_id = $1 and released_at is null", id.0, now)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("update gpu_shares set released_at = $2 where instance_id = $1 and released_at is null", id.0, now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The GPUs it holds, or holds a part of.
pub(in crate::instances) async fn cards_of(tx: &mut Tx, id: InstanceId) -> Result<Vec<i64>> {
    let ids = sqlx::query_scalar!(
        r#"select gpu_id as "id!" from instance_gpus where instance_id = $1 and released_at is null
           union select gpu_id from gpu_shares where instance_id = $1 and released_at is null order by 1"#,
        id.0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids)
}

/// What of GPUs it holds.
pub(in crate::instances) async fn parts_of(tx: &mut Tx, id: InstanceId) -> Result<Vec<Part>> {
    let rows = sqlx::query!(
        r#"select gpu_id as "gpu!", null::bigint as "mib?"
           from instance_gpus where instance_id = $1 and released_at is null
           union all
           select gpu_id, mib from gpu_shares where instance_id = $1 and released_at is null order by 1"#,
        id.0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (GpuId(row.gpu), row.mib.map(i64::unsigned_abs))).collect())
}

/// A GPU that an instance holds.
pub(in crate::instances) struct HeldCard {
    pub uuid: String,
    /// Its part, MiB; nothing where it has all of it.
    pub share_mib: Option<i64>,
}

/// The GPUs it holds, as agents call them.
pub(in crate::instances) async fn held_cards(tx: &mut Tx, id: InstanceId) -> Result<Vec<HeldCard>> {
    let rows = sqlx::query!(
        r#"select g.uuid as "uuid!", h.mib
           from (select gpu_id, null::bigint as mib from instance_gpus where instance_id = $1 and released_at is null
                 union all
                 select gpu_id, mib from gpu_shares where instance_id = $1 and released_at is null) h
           join gpus g on g.id = h.gpu_id order by g.id"#,
        id.0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| HeldCard { uuid: row.uuid, share_mib: row.mib }).collect())
}

/// How many instances hold something of a machine.
pub(in crate::instances) async fn count_on(tx: &mut Tx, machine: MachineId) -> Result<i64> {
    let used = sqlx::query_scalar!(
        r#"select count(*) as "used!" from instances where machine_id = $1 and deleted_at is null"#,
        machine.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(used)
}

/// Which of these machines instances are on that are not gone.
pub(in crate::instances) async fn used_among(tx: &mut Tx, machines: &[i64]) -> Result<HashSet<MachineId>> {
    let used = sqlx::query_scalar!(
        r#"select distinct machine_id as "machine_id!" from instances where machine_id = any($1) and deleted_at is null"#,
        machines
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(used.into_iter().map(MachineId).collect())
}

/// See `instances::images_on`.
pub(in crate::instances) async fn images_on(
    tx: &mut Tx,
    machine: MachineId,
) -> Result<HashMap<i64, (bool, Option<DateTime<Utc>>)>> {
    let rows = sqlx::query!(
        r#"select image_id, bool_or(deleted_at is null) as "there!", max(deleted_at) as deleted_at
           from instances where machine_id = $1 group by image_id"#,
        machine.0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.image_id, (row.there, row.deleted_at))).collect())
}

/// See `instances::is_made_of`.
pub(in crate::instances) async fn is_made_of(tx: &mut Tx, image: ImageId) -> Result<bool> {
    let is = sqlx::query_scalar!(
        r#"select exists (select from instances where image_id = $1 and deleted_at is null) as "is!""#,
        image.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(is)
}

/// See `instances::machines_with_image`.
pub(in crate::instances) async fn machines_with_image(
    tx: &mut Tx,
    image: ImageId,
) -> Result<Vec<(MachineId, DateTime<Utc>)>> {
    let rows = sqlx::query!(
        r#"select machine_id, min(made_at) as "since!" from instances
           where image_id = $1 and deleted_at is null and made_at is not null
             and observed in ('created', 'running', 'ended')
           group by machine_id order by min(made_at) desc, machine_id limit 1000"#,
        image.0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (MachineId(row.machine_id), row.since)).collect())
}

/// How many instances of a customer are not gone.
pub(in crate::instances) async fn live_of(tx: &mut Tx, customer: CustomerId) -> Result<u64> {
    let live = sqlx::query_scalar!(
        r#"select count(*) as "live!" from instances where customer_id = $1 and deleted_at is null"#,
        customer.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(live.unsigned_abs())
}
