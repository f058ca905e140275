//! SQL of clean-ups of images on machines.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use contract::engines::EngineKind;
use contract::images::{CleanupCandidate, CleanupItem, CleanupItemState, CleanupReason, CleanupState, ImageState};
use contract::{ImageCleanupId, ImageId, MachineId};
use runtime::docker::{Fault, FaultKind};

use crate::authz::{Granted, OperateMachine};
use crate::db::Tx;
use crate::images::cleanup::{Known, Standing};
use crate::images::named::Own;
use crate::{Error, OpContext, Result};

/// A clean-up as it is kept.
pub(in crate::images) struct CleanupRow {
    pub id: ImageCleanupId,
    pub machine: MachineId,
    /// How the machine's engine is reached now; nothing where nobody says so any more.
    pub engine: Option<EngineKind>,
    pub unused_days: u32,
    pub state: CleanupState,
    pub fault: Option<String>,
    pub detail: Option<String>,
    pub wanted_name: String,
    pub created_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub items: Vec<CleanupItem>,
}

/// What is left to do of one.
pub(in crate::images) struct CleanupWork {
    pub id: ImageCleanupId,
    pub machine: MachineId,
    pub unused_days: u32,
    /// The engine's ids of the images that nobody looked at yet.
    pub waiting: Vec<String>,
}

fn known<T>(parsed: Option<T>, word: &str) -> Result<T> {
    parsed.ok_or_else(|| Error::internal(format!("unknown word of a clean-up {word}")))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Everything that bears a name on engines, also what was deleted; whether instances use it, others know.
pub(in crate::images) async fn library_on(tx: &mut Tx, machine: MachineId) -> Result<Vec<Known>> {
    let rows = sqlx::query!(
        r#"select i.id, i.name, i.address, i.digest, i.tags, i.state, i.listed, i.customer_id is null as "of_platform!",
                  i.deleted_at is not null as "deleted!", c.wanted_at as "wanted_at?",
                  coalesce(c.state in ('waiting', 'running'), false) as "going!"
           from images i left join image_copies c on c.image_id = i.id and c.machine_id = $1
           where i.address is not null or i.digest is not null"#,
        machine.0
    )
    .fetch_all(&mut **tx)
    .await?;
    let of = |state: &str, of_platform: bool, listed: bool, deleted: bool| {
        let state = known(ImageState::parse(state), state)?;
        Ok::<_, Error>(match state {
            _ if deleted => Standing::Deleted,
            ImageState::Rejected => Standing::Rejected,
            ImageState::Approved if of_platform && !listed => Standing::Delisted,
            ImageState::Approved | ImageState::PendingReview => Standing::Offered,
        })
    };
    let image = rows.into_iter().map(|row| {
        let id = ImageId(row.id);
        let own = || row.digest.as_deref().map(|digest| Own::of(id, digest).name);
        Ok(Known {
            id,
            standing: of(&row.state, row.of_platform, row.listed, row.deleted)?,
            name: row.name,
            reference: row.address.or_else(own).unwrap_or_default(),
            digest: row.digest,
            tags: row.tags,
            wanted_at: row.wanted_at,
            going: row.going,
            used: false,
            used_until: None,
        })
    });
    image.collect()
}

/// Which of these machines are being cleaned up.
pub(in crate::images) async fn cleaned_now(tx: &mut Tx, machines: &[i64]) -> Result<HashSet<i64>> {
    let ids = sqlx::query_scalar!(
        "select machine_id from image_cleanups where machine_id = any($1) and ended_at is null",
        machines
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().collect())
}

/// Wants these taken away there; nothing while it is being cleaned up.
pub(in crate::images) async fn insert_cleanup(
    tx: &mut Tx,
    granted: &Granted<OperateMachine>,
    ctx: &OpContext,
    days: u32,
    images: &[CleanupCandidate],
) -> Result<Option<ImageCleanupId>> {
    let id = sqlx::query_scalar!(
        "insert into image_cleanups (machine_id, unused_days, wanted_name, created_at) values ($1, $2, $3, $4)
         on conflict (machine_id) where ended_at is null do nothing
         returning id",
        granted.id().0,
        i32::try_from(days).map_err(Error::internal)?,
        ctx.user().map_or("", |user| user.name.as_str()),
        ctx.now()
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(id) = id else { return Ok(None) };
    for image in images {
        sqlx::query!(
            "insert into image_cleanup_items (cleanup_id, engine_id, names, size_bytes, reason)
             values ($1, $2, $3, $4, $5)",
            id,
            image.engine_id,
            &image.names,
            signed(image.size),
            image.reason.code()
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(Some(ImageCleanupId(id)))
}

/// The latest first, and how many there are.
pub(in crate::images) async fn page_of_cleanups(tx: &mut Tx, (page, size): (u32, u32)) -> Result<(Vec<i64>, u64)> {
    let total = sqlx::query_scalar!(r#"select count(*) as "n!" from image_cleanups"#).fetch_one(&mut **tx).await?;
    let ids = sqlx::query_scalar!(
        "select id from image_cleanups order by id desc limit $1 offset $2",
        i64::from(size),
        i64::from(page - 1) * i64::from(size)
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok((ids, total.unsigned_abs()))
}

/// These, the latest first.
pub(in crate::images) async fn cleanups(tx: &mut Tx, ids: &[i64]) -> Result<Vec<CleanupRow>> {
    let rows = sqlx::query!(
        r#"select c.id, c.machine_id, c.unused_days, c.state, c.fault, c.detail, c.wanted_name, c.created_at, c.ended_at,
                  e.kind as "engine?"
           from image_cleanups c left join engine_connections e on e.machine_id = c.machine_id
           where c.id = any($1) order by c.id desc"#,
        ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut runs = Vec::new();
    for row in rows {
        runs.push(CleanupRow {
            id: ImageCleanupId(row.id),
            machine: MachineId(row.machine_id),
            engine: row.engine.as_deref().and_then(EngineKind::parse),
            unused_days: row.unused_days.unsigned_abs(),
            state: known(CleanupState::parse(&row.state), &row.state)?,
            fault: row.fault,
            detail: row.detail,
            wanted_name: row.wanted_name,
            created_at: row.created_at,
            ended_at: row.ended_at,
            items: items(tx, row.id).await?,
        });
    }
    Ok(runs)
}

/// Those of one, the largest first.
async fn items(tx: &mut Tx, cleanup: i64) -> Result<Vec<CleanupItem>> {
    let rows = sqlx::query!(
        "select engine_id, names, size_bytes, reason, state, freed_bytes, fault, detail from image_cleanup_items
         where cleanup_id = $1 order by size_bytes desc, engine_id",
        cleanup
    )
    .fetch_all(&mut **tx)
    .await?;
    let item = rows.into_iter().map(|row| {
        Ok(CleanupItem {
            engine_id: row.engine_id,
            names: row.names,
            reason: known(CleanupReason::parse(&row.reason), &row.reason)?,
            state: known(CleanupItemState::parse(&row.state), &row.state)?,
            size: row.size_bytes.unsigned_abs(),
            freed: row.freed_bytes.unsigned_abs(),
            fault: row.fault,
            detail: row.detail.filter(|detail| !detail.is_empty()),
        })
    });
    item.collect()
}

/// Goes on with it; nothing when it ended.
pub(in crate::images) async fn begin_cleanup(tx: &mut Tx, id: ImageCleanupId) -> Result<Option<CleanupWork>> {
    let row = sqlx::query!(
        "update image_cleanups set state = 'running' where id = $1 and ended_at is null
         returning machine_id, unused_days",
        id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let waiting = sqlx::query_scalar!(
        "select engine_id from image_cleanup_items where cleanup_id = $1 and state = 'waiting'
         order by size_bytes desc, engine_id",
        id.0
    )
    .fetch_all(&mut **tx)
    .await?;
    let machine = MachineId(row.machine_id);
    Ok(Some(CleanupWork { id, machine, unused_days: row.unused_days.unsigned_abs(), waiting }))
}

/// What came of an image: where it stands, bytes it freed, and why the engine did not take it away.
pub(in crate::images) async fn note_item(
    tx: &mut Tx,
    id: ImageCleanupId,
    engine_id: &str,
    (state, freed, fault): (CleanupItemState, u64, Option<&Fault>),
) -> Result<()> {
    sqlx::query!(
        "update image_cleanup_items set state = $3, freed_bytes = $4, fault = $5, detail = $6
         where cleanup_id = $1 and engine_id = $2 and state = 'waiting'",
        id.0,
        engine_id,
        state.code(),
        signed(freed),
        fault.map(|fault| fault.kind.code()),
        fault.map(|fault| fault.detail.as_str())
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// These are not on the machine any more. What is on its way there, or was wanted anew and failed, stays.
pub(in crate::images) async fn forget_copies(tx: &mut Tx, machine: MachineId, images: &[ImageId]) -> Result<()> {
    let ids: Vec<i64> = images.iter().map(|id| id.0).collect();
    sqlx::query!(
        "delete from image_copies where machine_id = $1 and image_id = any($2) and state = 'present'",
        machine.0,
        &ids
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// It ended.
pub(in crate::images) async fn end_cleanup(
    tx: &mut Tx,
    id: ImageCleanupId,
    fault: Option<&Fault>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update image_cleanups
         set state = case when $2::text is null then 'done' else 'failed' end, fault = $2, detail = $3, ended_at = $4
         where id = $1 and ended_at is null",
        id.0,
        fault.map(|fault| fault.kind.code()),
        fault.map(|fault| fault.detail.as_str()),
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends those whose job is no more: its worker died at the last try, or somebody stopped the job itself. Returns how many.
pub(in crate::images) async fn end_forgotten_cleanups(
    tx: &mut Tx,
    fault: FaultKind,
    now: DateTime<Utc>,
) -> Result<u64> {
    let ended = sqlx::query!(
        "update image_cleanups c set state = 'failed', fault = $1, detail = null, ended_at = $2
         where c.ended_at is null
           and not exists (select from jobs j where j.kind = 'image-cleanup'
                             and j.payload @> jsonb_build_object('cleanup', c.id))",
        fault.code(),
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(ended.rows_affected())
}

/// Whether it was given up.
pub(in crate::images) async fn cleanup_failed(tx: &mut Tx, id: ImageCleanupId) -> Result<bool> {
    let failed = sqlx::query_scalar!(
        r#"select exists(select from image_cleanups where id = $1 and state = 'failed') as "failed!""#,
        id.0
    );
    Ok(failed.fetch_one(&mut **tx).await?)
}
