//! Clean-ups of images on machines: shown first, chosen by a person, done by a job (`work`).
//!
//! Invariants: asking changes nothing; what goes is judged in one place (`judge`), when it is shown and again right before it
//! goes, so that what became used meanwhile stays; what is not the library's and bears a name is never touched, nor anything on a
//! machine that a customer has.

mod judge;
mod work;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::engines::EngineKind;
use contract::images::{
    CleanupApply, CleanupCandidate, CleanupPreview, CleanupQuery, CleanupRun, MAX_CLEANUP_IMAGES, MAX_UNUSED_DAYS,
    USUAL_UNUSED_DAYS,
};
use contract::{ErrorCode, MachineId, Page, PageQuery, Permission};
use futures_util::future::{join_all, try_join};
use runtime::docker::containers::{Containers, HeldImage};
use runtime::docker::{Fault, FaultKind};
use serde_json::json;
use tokio::time::timeout;

pub(in crate::images) use self::judge::{Known, Standing, familiar};
use self::judge::{Library, judge};
pub(crate) use self::work::cleanup_failed;
pub use self::work::run_cleanup;
use super::copies::{ATTEMPTS, is_passing};
use super::store;
use crate::authz::{ImageRef, MachineRef, OperateMachine};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::jobs::{NewJob, enqueue_in_tx};
use crate::{Error, OpContext, Platform, Result, SystemActor, allocations, audit, engines, instances, machines};

/// For what one engine says of its images while somebody waits for it.
const ANSWER: Duration = Duration::from_secs(30);
/// The word for doing it.
const CLEAN_UP: &str = "images:clean-up";

/// What clean-ups would take away from a page of machines, by what their engines say now.
///
/// # Errors
/// `Forbidden` for who may not bring images to machines, `Validation` for a machine there is not. An engine that is not
/// reached is no error but what is shown of its machine.
pub async fn preview_cleanup(
    platform: &Platform,
    ctx: &OpContext,
    query: &CleanupQuery,
) -> Result<Page<CleanupPreview>> {
    may_clean_up(ctx)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let days = days(query.unused_days)?;
    let mut tx = platform.db().begin(ctx).await?;
    let machine = match query.machine.as_deref() {
        Some(code) => Some(machines::id_in_tx(&mut tx, code).await?.ok_or_else(unknown_machine)?),
        None => None,
    };
    let (asked, total) = engines::described(&mut tx, machine, (page, page_size)).await?;
    let ids: Vec<i64> = asked.iter().map(|(machine, _)| machine.0).collect();
    let mut names = machines::briefs(platform, &mut tx, &ids, ctx.now()).await?;
    let going = store::cleaned_now(&mut tx, &ids).await?;
    let lent = allocations::holders(&mut tx, Some(&ids), ctx.now()).await?;
    tx.commit().await?; // asking takes a while: hold no connection meanwhile
    let found = join_all(asked.iter().map(|(machine, _)| found_on(platform, *machine, days))).await;
    let mut list = Vec::new();
    for ((machine, kind), found) in asked.into_iter().zip(found) {
        let brief = names.remove(&machine.0).unwrap_or_default();
        let stands = (going.contains(&machine.0), lent.contains_key(&machine));
        list.push(shown((brief.code, brief.name), days, stands, told(ctx, Some(kind), found?)));
    }
    Ok(Page { list, total, page, page_size })
}

/// What was found, or code, words and detail of why nothing was.
type Told = std::result::Result<Vec<CleanupCandidate>, (String, String, String)>;

fn told(ctx: &OpContext, kind: Option<EngineKind>, found: std::result::Result<Vec<CleanupCandidate>, Fault>) -> Told {
    found.map_err(|fault| {
        let code = fault.kind.code();
        (code.to_owned(), engines::fault_words(ctx, kind, code), fault.detail)
    })
}

fn shown(
    (machine, machine_name): (String, String),
    unused_days: u32,
    (going, lent): (bool, bool),
    told: Told,
) -> CleanupPreview {
    let (images, fault) = match told {
        Ok(images) => (images, None),
        Err(fault) => (Vec::new(), Some(fault)),
    };
    let frees = images.iter().filter_map(|image| image.frees).sum();
    let (fault, message, detail) = match fault {
        Some((fault, message, detail)) => (Some(fault), Some(message), Some(detail).filter(|it| !it.is_empty())),
        None => (None, None, None),
    };
    CleanupPreview { machine, machine_name, unused_days, fault, message, detail, images, frees, going, lent }
}

/// Whoever brings images to machines may take them away there.
fn may_clean_up(ctx: &OpContext) -> Result<()> {
    ctx.authorize_many::<ImageRef>(Permission::ImagesManage)?;
    ctx.authorize_many::<MachineRef>(Permission::MachinesOperate)?;
    Ok(())
}

fn unknown_machine() -> Error {
    Error::field("machine", "field-machine-unknown")
}

fn days(asked: Option<u32>) -> Result<u32> {
    let days = asked.unwrap_or(USUAL_UNUSED_DAYS);
    let mut wrong = Wrong::new();
    wrong.number("unusedDays", Some(days), MAX_UNUSED_DAYS);
    wrong.into_result()?;
    Ok(days)
}

/// What an engine has, and of what of it containers are made.
async fn seen(engine: &Containers) -> std::result::Result<Vec<(HeldImage, bool)>, Fault> {
    let (images, used) = try_join(engine.images(), engine.images_in_use()).await?;
    let seen = images.into_iter().map(|image| {
        let in_use = used.contains(&image.id);
        (image, in_use)
    });
    Ok(seen.collect())
}

/// The library as it concerns a machine: whole, whoever asks, because what others need is needed.
async fn library_on(platform: &Platform, machine: MachineId) -> Result<Library> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    let mut known = store::library_on(&mut tx, machine).await?;
    let uses = instances::images_on(&mut tx, machine).await?;
    let lent = is_lent(&mut tx, machine, ctx.now()).await?;
    tx.commit().await?;
    for image in &mut known {
        (image.used, image.used_until) = uses.get(&image.id.0).copied().unwrap_or_default();
    }
    Ok(Library::new(known, lent))
}

/// Whether a customer has all of it now, or it is on its way back from one.
async fn is_lent(tx: &mut Tx, machine: MachineId, now: DateTime<Utc>) -> Result<bool> {
    Ok(!allocations::holders(tx, Some(&[machine.0]), now).await?.is_empty())
}

fn since(now: DateTime<Utc>, days: u32) -> DateTime<Utc> {
    now - TimeDelta::days(i64::from(days))
}

/// What nothing needs on a machine, the largest first.
async fn found_on(
    platform: &Platform,
    machine: MachineId,
    days: u32,
) -> Result<std::result::Result<Vec<CleanupCandidate>, Fault>> {
    let engine = match instances::containers_on(platform, machine).await? {
        Ok(engine) => engine,
        Err(fault) => return Ok(Err(fault)),
    };
    let late = |_| Fault::new(FaultKind::Timeout, format!("no answer within {} s", ANSWER.as_secs()));
    let seen = match timeout(ANSWER, seen(&engine)).await.map_err(late).flatten() {
        Ok(seen) => seen,
        Err(fault) => return Ok(Err(fault)),
    };
    let library = library_on(platform, machine).await?;
    let since = since(platform.clock().now(), days);
    let mut found: Vec<CleanupCandidate> =
        seen.iter().filter_map(|(image, in_use)| candidate(image, *in_use, &library, since)).collect();
    found.sort_by(|a, b| (b.frees, b.size).cmp(&(a.frees, a.size)).then_with(|| a.engine_id.cmp(&b.engine_id)));
    Ok(Ok(found))
}

fn candidate(image: &HeldImage, in_use: bool, library: &Library, since: DateTime<Utc>) -> Option<CleanupCandidate> {
    let found = judge(image, in_use, library, since)?;
    let names = if image.tags.is_empty() { &image.digests } else { &image.tags };
    Some(CleanupCandidate {
        engine_id: image.id.clone(),
        names: names.clone(),
        images: found.known.iter().map(|known| known.name.clone()).collect(),
        reason: found.reason,
        size: image.size,
        frees: image.own,
        needed_at: found.needed_at,
    })
}

/// Takes images away from a machine that a preview showed; a job does it, and looks again before each. Those that something
/// needs by now are left out.
///
/// # Errors
/// `Validation` with every fault at once, `NotFound` (`error-no-engine`) where nobody has said how the machine's engine is
/// reached, `NodeUnreachable` or `EngineFailed` where it does not say what it has, `Conflict` while a customer has the machine
/// (`error-cleanup-lent`), while it is being cleaned up (`error-cleanup-going`) or when all of them are needed by now
/// (`error-cleanup-nothing`).
pub async fn clean_up(platform: &Platform, ctx: &OpContext, body: CleanupApply) -> Result<CleanupRun> {
    let ctx = &ctx.trying(machines::attempt(CLEAN_UP, &body.machine));
    may_clean_up(ctx)?;
    let days = checked(&body)?;
    let mut tx = platform.db().begin(ctx).await?;
    let machine = machines::id_in_tx(&mut tx, &body.machine).await?.ok_or_else(unknown_machine)?;
    let granted = ctx.authorize(OperateMachine, &machines::resource(machine))?;
    let engine = engines::known_in_tx(&mut tx, machine).await?;
    if is_lent(&mut tx, machine, ctx.now()).await? {
        return Err(Error::new(ErrorCode::Conflict).with_key("error-cleanup-lent"));
    }
    tx.commit().await?; // asking takes a while: hold no connection meanwhile
    let mut found = found_on(platform, machine, days).await?.map_err(not_asked)?;
    found.retain(|image| body.images.contains(&image.engine_id));
    if found.is_empty() {
        return Err(Error::new(ErrorCode::Conflict).with_key("error-cleanup-nothing"));
    }
    let mut tx = platform.db().begin(ctx).await?;
    let id = store::insert_cleanup(&mut tx, &granted, ctx, days, &found).await?;
    let id = id.ok_or_else(|| Error::new(ErrorCode::Conflict).with_key("error-cleanup-going"))?;
    let mut job = NewJob::new("image-cleanup", ctx.now());
    job.payload = json!({ "cleanup": id.0 });
    job.max_attempts = ATTEMPTS;
    job.near = engine.by_agent.then_some(machine);
    enqueue_in_tx(&mut tx, &job).await?;
    let names: Vec<&str> = found.iter().map(|image| image.names.first().unwrap_or(&image.engine_id).as_str()).collect();
    let entry = audit::Entry {
        action: CLEAN_UP,
        target_kind: "machine",
        target_id: Some(body.machine.clone()),
        customer: None,
        before: None,
        after: Some(json!({ "images": names, "unusedDays": days })),
    };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    let runs = store::cleanups(&mut tx, &[id.0]).await?;
    let view = views(platform, &mut tx, ctx, runs).await?.pop();
    tx.commit().await?;
    view.ok_or_else(|| Error::internal("a clean-up that was not kept"))
}

/// The days that count.
fn checked(body: &CleanupApply) -> Result<u32> {
    let mut wrong = Wrong::new();
    match body.images.len() {
        0 => wrong.add("images", "field-required"),
        n if n > MAX_CLEANUP_IMAGES => wrong.add("images", "field-too-many"),
        _ => {}
    }
    wrong.into_result()?;
    days(body.unused_days)
}

fn not_asked(fault: Fault) -> Error {
    let code = if is_passing(fault.kind) { ErrorCode::NodeUnreachable } else { ErrorCode::EngineFailed };
    Error::new(code).with_cause(fault)
}

/// Clean-ups, the latest first, with what came of each image.
///
/// # Errors
/// As [`preview_cleanup`]'s.
pub async fn list_cleanups(platform: &Platform, ctx: &OpContext, query: PageQuery) -> Result<Page<CleanupRun>> {
    may_clean_up(ctx)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (ids, total) = store::page_of_cleanups(&mut tx, (page, page_size)).await?;
    let runs = store::cleanups(&mut tx, &ids).await?;
    let list = views(platform, &mut tx, ctx, runs).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

async fn views(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    runs: Vec<store::CleanupRow>,
) -> Result<Vec<CleanupRun>> {
    let ids: Vec<i64> = runs.iter().map(|run| run.machine.0).collect();
    let names = machines::briefs(platform, tx, &ids, ctx.now()).await?;
    let view = |run: store::CleanupRow| {
        let (code, name) = names.get(&run.machine.0).map(|it| (it.code.clone(), it.name.clone())).unwrap_or_default();
        let message = run.fault.as_deref().map(|fault| engines::fault_words(ctx, run.engine, fault));
        CleanupRun {
            id: run.id,
            machine: code,
            machine_name: name,
            unused_days: run.unused_days,
            state: run.state,
            message,
            fault: run.fault,
            detail: run.detail.filter(|detail| !detail.is_empty()),
            freed: run.items.iter().map(|item| item.freed).sum(),
            items: run.items,
            wanted_by: run.wanted_name,
            created_at: run.created_at,
            ended_at: run.ended_at,
        }
    };
    Ok(runs.into_iter().map(view).collect())
}
