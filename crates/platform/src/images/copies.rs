//! Images on machines: pulled by an engine from their registry, or sent to it from the store, by a job that says how far it
//! is. Whatever it did before it died it does again; what an engine has whole it does not fetch twice.

use contract::images::{CopyState, ImageCopy, ImagePull, ImageSource, ImageState, ImageView};
use contract::{ErrorCode, ImageId, MachineId};
use runtime::docker::{self, Endpoint, Fault, FaultKind, Progress};
use serde_json::json;
use tokio::sync::watch;

use super::checks::{self, Known};
use super::named::Own;
use super::sharing::reached_for;
use super::{archive, entry, found, locked, pushes, registries, store};
use crate::authz::{ImageRef, ManageImage, OperateMachine, ViewImage};
use crate::db::Tx;
use crate::files::unshared::Reached;
use crate::jobs::{NewJob, UnderWay, enqueue_in_tx, until_unwanted};
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, engines, files, instances, machines, outbound};

/// What containers are made of where it was brought, its address or its id there, or why it was not.
type Brought = std::result::Result<String, Fault>;
/// With the pauses of the queue more than a minute: agents come back to a server within seconds of its restart, machines
/// may take as long.
pub(super) const ATTEMPTS: i32 = 6;

/// On which machines it is, or is on its way to: those that somebody wanted it on, and those where containers of it are,
/// because their engine had it or an instance brought it.
///
/// # Errors
/// `NotFound` where there is no such image.
pub async fn copies(platform: &Platform, ctx: &OpContext, id: ImageId) -> Result<Vec<ImageCopy>> {
    ctx.authorize(ViewImage, &ImageRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    found(&mut tx, id).await?;
    let rows = store::copies(&mut tx, id).await?;
    let mut used = instances::machines_with_image(&mut tx, id).await?;
    used.retain(|(machine, _)| rows.iter().all(|row| row.machine != *machine));
    let ids: Vec<i64> = rows.iter().map(|row| row.machine.0).chain(used.iter().map(|(machine, _)| machine.0)).collect();
    let mut names = machines::briefs(platform, &mut tx, &ids, ctx.now()).await?;
    tx.commit().await?;
    let mut brief = |machine: MachineId| names.remove(&machine.0).unwrap_or_default();
    let mut all = Vec::with_capacity(ids.len());
    all.extend(rows.into_iter().map(|row| {
        let brief = brief(row.machine);
        let message = row.fault.as_deref().map(|fault| engines::fault_words(ctx, row.engine, fault));
        ImageCopy {
            machine: brief.code,
            machine_name: brief.name,
            state: row.state,
            done: row.done,
            total: row.total,
            fault: row.fault,
            message,
            detail: row.detail.filter(|detail| !detail.is_empty()),
            wanted_by: row.wanted_name,
            wanted_at: row.wanted_at,
            updated_at: row.updated_at,
        }
    }));
    let by = texts::message(ctx.language(), "copies-by-instances", &[]);
    all.extend(used.into_iter().map(|(machine, since)| {
        let brief = brief(machine);
        ImageCopy {
            machine: brief.code,
            machine_name: brief.name,
            state: CopyState::Present,
            done: 0,
            total: 0,
            fault: None,
            message: None,
            detail: None,
            wanted_by: by.clone(),
            wanted_at: since,
            updated_at: since,
        }
    }));
    Ok(all)
}

/// Wants an image on a machine; a job brings it there, and [`copies`] says how far it is.
///
/// # Errors
/// `NotFound` where there is no such image or machine, or nobody has said how its engine is reached, `WrongState` for an
/// image that nobody approved or one that is for another architecture, `Validation` without a reason for one that is shared with
/// nobody, `Conflict` while it is on its way there already.
pub async fn pull(platform: &Platform, ctx: &OpContext, id: ImageId, body: ImagePull) -> Result<Vec<ImageCopy>> {
    let tried = ctx.trying_on("images:pull", "image", id);
    let granted = tried.authorize(ManageImage, &ImageRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let image = locked(&mut tx, id).await?;
    let missing = || Error::field("machine", "field-machine-unknown");
    let machine = machines::id_in_tx(&mut tx, &body.machine).await?.ok_or_else(missing)?;
    tried.authorize(OperateMachine, &machines::resource(machine))?;
    if image.state != ImageState::Approved {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-image-not-approved"));
    }
    let (why, place) = ((Reached::Pulled, body.reason), ("machine", body.machine.as_str()));
    let wanted = reached_for(platform, &mut tx, ctx, &image, why, place).await?;
    let engine = engines::known_in_tx(&mut tx, machine).await?;
    let needed = image.architecture.map(contract::images::Architecture::code);
    if let (Some(there), Some(needed)) = (engine.architecture, needed)
        && there != needed
    {
        let error = Error::new(ErrorCode::WrongState).with_key("error-image-architecture");
        return Err(error.with_arg("image", needed).with_arg("machine", there));
    }
    let wish = store::want(&mut tx, &granted, machine, ctx).await?;
    let wish = wish.ok_or_else(|| Error::new(ErrorCode::Conflict).with_key("error-image-on-its-way"))?;
    let mut job = NewJob::new("image-copy", ctx.now());
    job.payload = json!({ "image": id.0, "machine": machine.0, "wish": wish });
    job.max_attempts = ATTEMPTS;
    job.person = ctx.user().map(|user| user.id);
    job.near = engine.by_agent.then_some(machine);
    enqueue_in_tx(&mut tx, &job).await?;
    audit::record_in_tx(&mut tx, ctx, entry("images:pull", &image, None, Some(wanted))).await?;
    tx.commit().await?;
    copies(platform, ctx, id).await
}

/// Does not want it there any more, while it is on its way; what is there by then stays there.
///
/// # Errors
/// `NotFound` where it is not on its way.
pub async fn cancel_pull(platform: &Platform, ctx: &OpContext, id: ImageId, code: &str) -> Result<Vec<ImageCopy>> {
    let tried = ctx.trying_on("images:cancel-pull", "image", id);
    let granted = tried.authorize(ManageImage, &ImageRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let image = locked(&mut tx, id).await?;
    let machine = machines::id_in_tx(&mut tx, code).await?.ok_or_else(Error::not_found)?;
    tried.authorize(OperateMachine, &machines::resource(machine))?;
    if !store::cancel_copy(&mut tx, &granted, machine).await? {
        return Err(Error::not_found());
    }
    let before = Some(json!({ "machine": code }));
    audit::record_in_tx(&mut tx, ctx, entry("images:cancel-pull", &image, before, None)).await?;
    tx.commit().await?;
    copies(platform, ctx, id).await
}

/// An image on its way to a machine, by the wish that it is done for.
struct Going {
    image: ImageId,
    machine: MachineId,
    wish: i64,
}

impl UnderWay<Progress> for Going {
    async fn note(&self, tx: &mut Tx, progress: Progress) -> Result<bool> {
        store::note_progress(tx, self.image, self.machine, self.wish, progress).await
    }
}

/// The job: brings it there. `last`: nobody tries again after this.
///
/// # Errors
/// What is wrong on the way, while somebody tries again; then it is what came of it.
pub async fn copy(platform: &Platform, image: ImageId, machine: MachineId, wish: i64, last: bool) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    store::cancel_unusable(&mut tx, Some(image)).await?;
    let view = store::find(&mut tx, image).await?;
    let begun = store::begin_copy(&mut tx, image, machine, wish).await?;
    tx.commit().await?;
    let (Some(view), true) = (view, begun) else {
        // Cancelled, rejected, deleted, or wanted anew.
        return Ok(());
    };
    let going = Going { image, machine, wish };
    let (tell, progress) = watch::channel(Progress::default());
    let latest = progress.clone();
    let ended = tokio::select! {
        brought = bring(platform, &ctx, &view, machine, tell) => Some(brought),
        // Dropping the other one stops the engine's work.
        () = until_unwanted(platform, &ctx, &going, progress) => None,
    };
    let mut tx = platform.db().begin(&ctx).await?;
    let done = *latest.borrow();
    // Whatever came of it: its file may be gone because nobody wants it any more.
    let wanted = going.note(&mut tx, done).await?;
    let Some(brought) = ended.filter(|_| wanted) else {
        store::cancel_unusable(&mut tx, Some(image)).await?;
        tx.commit().await?;
        return Ok(());
    };
    tx.commit().await?;
    let brought = match brought {
        Err(error) if last => {
            tracing::error!(%error, image = image.0, machine = machine.0, "an image could not be brought");
            Err(Fault { kind: FaultKind::Other, detail: String::new() })
        }
        brought => brought?,
    };
    if let Err(fault) = &brought
        && !last
        && is_passing(fault.kind)
    {
        return Err(Error::internal(fault.clone()));
    }
    let mut tx = platform.db().begin(&ctx).await?;
    store::end_copy(&mut tx, image, machine, wish, brought.as_ref().err()).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether what was done for this wish failed: its job has done its work all the same.
pub(crate) async fn copy_failed(tx: &mut Tx, image: ImageId, machine: MachineId, wish: i64) -> Result<bool> {
    store::copy_failed(tx, image, machine, wish).await
}

/// What may be over when it is tried again, perhaps by another server.
pub(super) fn is_passing(kind: FaultKind) -> bool {
    use FaultKind as K;
    matches!(
        kind,
        K::Closed
            | K::Timeout
            | K::Refused
            | K::Unreachable
            | K::AgentOffline
            | K::AgentElsewhere
            | K::TunnelBusy
            | K::TunnelBack
            | K::TunnelLate
    )
}

/// Ends what no job will end: copies of images that may not be used any more, and copies, clean-ups and archives on
/// their way into a registry whose job is no more. Run by the job queue.
pub async fn tidy_copies(platform: &Platform) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    store::cancel_unusable(&mut tx, None).await?;
    let ended = store::end_forgotten(&mut tx, FaultKind::Other).await?;
    let cleanups = store::end_forgotten_cleanups(&mut tx, FaultKind::Other, ctx.now()).await?;
    let pushes = store::end_forgotten_pushes(&mut tx, FaultKind::Other.code()).await?;
    tx.commit().await?;
    if pushes > 0 {
        tracing::warn!(pushes, "archives on their way into a registry had no job any more");
    }
    if ended > 0 {
        tracing::warn!(ended, "images on their way had no job any more");
    }
    if cleanups > 0 {
        tracing::warn!(cleanups, "clean-ups of images had no job any more");
    }
    Ok(())
}

/// Without a row that says how far it is. What may not be used any more is not brought; what was only deleted is, as long as
/// there is something of it to be brought.
pub(super) async fn bring_now(
    platform: &Platform,
    ctx: &OpContext,
    id: ImageId,
    machine: MachineId,
) -> Result<Brought> {
    let mut tx = platform.db().begin(ctx).await?;
    let view = store::kept(&mut tx, id).await?.filter(super::is_usable);
    tx.commit().await?;
    let (tell, _) = watch::channel(Progress::default());
    match view {
        Some(view) => bring(platform, ctx, &view, machine, tell).await,
        None => Ok(Err(gone())),
    }
}

fn gone() -> Fault {
    Fault { kind: FaultKind::ImageGone, detail: String::new() }
}

/// Brings it there, and keeps that the platform did.
async fn bring(
    platform: &Platform,
    ctx: &OpContext,
    image: &ImageView,
    machine: MachineId,
    tell: watch::Sender<Progress>,
) -> Result<Brought> {
    let mut tx = platform.db().begin(ctx).await?;
    // Of before it was brought: who gave the machine back meanwhile may have changed it.
    let (known, leases) = checks::known_in_tx(&mut tx, image.id, machine).await?;
    tx.commit().await?;
    let brought = fetch(platform, ctx, (image, known), machine, tell).await?;
    if brought.is_ok() {
        let mut tx = platform.db().begin(ctx).await?;
        store::note_brought(&mut tx, image.id, machine, leases).await?;
        tx.commit().await?;
    }
    Ok(brought)
}

async fn fetch(
    platform: &Platform,
    ctx: &OpContext,
    (image, known): (&ImageView, Known),
    machine: MachineId,
    tell: watch::Sender<Progress>,
) -> Result<Brought> {
    let endpoint: Endpoint = match engines::endpoint_of(platform, ctx, machine).await? {
        Some(Ok(endpoint)) => endpoint,
        Some(Err(fault)) => return Ok(Err(fault)),
        None => return Ok(Err(Fault { kind: FaultKind::Other, detail: String::new() })),
    };
    match (image.source, &image.address, &image.digest) {
        (ImageSource::Registry, Some(address), _) => {
            if let Some(other) = instances::other_at(platform, machine, &endpoint, true).await? {
                return Ok(Err(other));
            }
            let tell = |progress| {
                tell.send_replace(progress);
            };
            let credentials = registries::credentials(platform, address).await?;
            let allowed = outbound::may_be_a_host;
            let pulled = docker::pull_as(&endpoint, allowed, address, credentials.as_ref(), tell).await;
            Ok(pulled.map(|()| address.clone()))
        }
        (_, _, Some(digest)) => {
            // It asks whether the engine is the one, too.
            let engine = match instances::containers_on(platform, machine).await? {
                Ok(engine) => engine,
                Err(fault) => return Ok(Err(fault)),
            };
            let own = Own::of(image.id, digest);
            match own.on(&engine, &endpoint).await {
                // What is told by a name alone may be what somebody named so.
                Ok(Some(id)) if known != Known::Doubted || id == *digest => return Ok(Ok(id)),
                Ok(_) => {}
                Err(fault) => return Ok(Err(fault)),
            }
            if let Err(fault) = send(platform, ctx, (image, &own), &endpoint, tell).await? {
                return Ok(Err(fault));
            }
            let other = || Fault::new(FaultKind::Image, "the engine made something else of it");
            Ok(own.on(&engine, &endpoint).await.and_then(|id| id.ok_or_else(other)))
        }
        _ => Ok(Err(gone())),
    }
}

/// An archive, by a registry that has it or as it is stored, under the platform's own name of it.
async fn send(
    platform: &Platform,
    ctx: &OpContext,
    (image, own): (&ImageView, &Own),
    endpoint: &Endpoint,
    tell: watch::Sender<Progress>,
) -> Result<std::result::Result<(), Fault>> {
    let Some(file) = image.file else { return Ok(Err(gone())) };
    if let Some(reference) = pushes::reference_of(platform, image.id).await? {
        match pushes::pull_from(platform, endpoint, (&own.name, &reference), &tell).await? {
            Err(fault) if !is_passing(fault.kind) => {
                tracing::warn!(image = image.id.0, %fault, "an image is sent that its registry does not give");
            }
            came => return Ok(came),
        }
    }
    let content = files::content_for_job(platform, ctx, file).await?;
    let name = own.name.clone();
    let archive = tokio::task::spawn_blocking(move || archive::renamed(content, &name)).await;
    let archive = archive.map_err(Error::internal)?;
    let archive =
        archive.map_err(|error| Error::internal(format!("an archive that was read does not read: {error:?}")))?;
    let tell = move |progress| {
        tell.send_replace(progress);
    };
    Ok(docker::load(endpoint, outbound::may_be_a_host, archive.size(), archive, tell).await)
}
