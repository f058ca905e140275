//! An instance is kept as an image: its engine makes one of its container, the archive goes into the store as it comes, and is
//! read before it is an image of the customer's.
//!
//! A job does it, all of it anew where it died in between. The image is called on its engine by the save's own tag, so that it
//! is there once however often it was begun; what is on its way into the store is named by the save's row in the transaction
//! that announces it; archive, image and the word that it is done are one transaction. So nothing is left of what did not
//! become an image: the next try, the end of the job, the looks at the machine and the clean-up of the store take away what
//! those before could not.

use std::time::Duration;

use contract::files::FilePurpose;
use contract::instances::{InstanceSave, InstanceSaveView, InstanceState, Observed, SaveState};
use contract::{ErrorCode, InstanceId, InstanceSaveId, MachineId, UploadId};
use runtime::docker::containers::Containers;
use runtime::docker::{Fault, FaultKind};
use serde_json::json;
use tokio::sync::watch;

use super::store::{self, Row, SaveRow};
use super::work::{self, Meaning, Trouble};
use super::{entry, own_row, system, views, worker};
use crate::authz::{ImageShelf, ManageOwnInstance, UploadImage};
use crate::db::Tx;
use crate::files::taking::{self, NotTaken, Owner, Taking};
use crate::images::{self, Saved, archive};
use crate::jobs::{NewJob, UnderWay, enqueue_in_tx, until_unwanted};
use crate::{Error, OpContext, Platform, Result, audit, engines};

/// What engines call the images; with the save's own tag.
const REPOSITORY: &str = images::SAVED;
/// For an engine to make an image of a container, which stands still meanwhile.
const COMMIT: Duration = Duration::from_secs(3600);
/// With the pauses of the queue more than a minute: agents and engines come back within that.
const ATTEMPTS: i32 = 6;

/// Bytes that are here, and about how many there are.
type Progress = (u64, u64);

/// Why there is no image.
enum Stopped {
    /// Nobody wants it any more.
    Unwanted,
    /// It will be the same again: a word, and what was said.
    Final(&'static str, String),
    Engine(Fault),
    Ours(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self::Engine(fault)
    }
}

impl From<Trouble> for Stopped {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Ours(error) => Self::Ours(error),
            Trouble::Engine(fault) => Self::Engine(fault),
        }
    }
}

/// What may be refused of it is a word of its own.
fn refused(error: Error) -> Stopped {
    match error.code {
        ErrorCode::QuotaExceeded => Stopped::Final("quota", String::new()),
        ErrorCode::TooLarge => Stopped::Final("too-large", String::new()),
        ErrorCode::Unavailable if error.key == "error-store-full" => Stopped::Final("store-full", String::new()),
        ErrorCode::AlreadyExists => Stopped::Final("name-taken", String::new()),
        ErrorCode::WrongState => Stopped::Final("image-rejected", String::new()),
        _ => Stopped::Ours(error),
    }
}

impl SaveRow {
    fn tag(&self) -> String {
        self.tag.simple().to_string()
    }

    /// The image it is to become, of an instance of that image.
    fn image_of(&self, instance: &Row) -> Saved {
        Saved {
            customer: self.customer,
            person: self.owner,
            person_name: self.created_name.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            remark: self.remark.clone(),
            base: instance.image,
        }
    }
}

/// Whether there is a container that an image could be made of.
///
/// # Errors
/// `WrongState` with the state it is in.
fn may_be_saved(row: &Row) -> Result<()> {
    let there = row.container.is_some() && row.observed != Observed::Missing;
    match there && row.state().is_savable() {
        true => Ok(()),
        false => Err(Error::new(ErrorCode::WrongState)
            .with_key("error-instance-state")
            .with_arg("state", row.state().code())),
    }
}

/// Wants one of one's own kept as an image; a job does it, and [`saves`] says how far it is.
///
/// # Errors
/// `NotFound` where there is none, `Forbidden` for who may not change it or bring no images in, `Validation` with every fault
/// at once, `AlreadyExists` for a name that is taken, `WrongState` where it has no container or is of an image that was
/// rejected, `QuotaExceeded` where nothing may be stored any more, `Conflict` while it is being saved already.
pub async fn save_image(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    body: InstanceSave,
) -> Result<InstanceSaveView> {
    let ctx = &ctx.trying_on("instances:save-image", "instance", id);
    let row = own_row(platform, ctx, id).await?;
    let granted = ctx.authorize(ManageOwnInstance, &row.own())?;
    let person = ctx.user().ok_or_else(Error::not_found)?;
    ctx.authorize(UploadImage, &ImageShelf { customer: Some(row.customer), owner: Some(person.id) })?;
    let saved = Saved {
        customer: row.customer,
        person: person.id,
        person_name: person.name.clone(),
        name: body.name,
        description: body.description,
        remark: body.remark,
        base: row.image,
    };
    let saved = saved.checked()?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let row = store::lock(&mut tx, granted.id()).await?.ok_or_else(Error::not_found)?;
    may_be_saved(&row)?;
    // Whoever makes its container anew has looked already whether an image is made of the one that goes.
    if row.is_of_another_spec() && !store::free(&mut tx, row.id).await? {
        let state = InstanceState::Starting.code();
        return Err(Error::new(ErrorCode::WrongState).with_key("error-instance-state").with_arg("state", state));
    }
    images::refuse_saving(&mut tx, &saved).await?;
    taking::room_in_tx(&mut tx, (Some(saved.customer), Some(saved.person)), 1).await?;
    let save = store::want_save(&mut tx, &granted, ctx, &row, &saved).await?;
    let save = save.ok_or_else(|| Error::new(ErrorCode::Conflict).with_key("error-save-going"))?;
    let engine = engines::known_among(&mut tx, &[row.machine.0]).await?.remove(&row.machine.0);
    let mut job = NewJob::new("instance-save", ctx.now());
    job.payload = json!({ "save": save.0 });
    job.customer = Some(row.customer);
    job.person = Some(saved.person);
    job.max_attempts = ATTEMPTS;
    job.near = engine.filter(|engine| engine.by_agent).map(|_| row.machine);
    enqueue_in_tx(&mut tx, &job).await?;
    let facts = json!({
        "name": row.name, "image": saved.name, "description": saved.description, "remark": saved.remark,
    });
    audit::record_in_tx(&mut tx, ctx, entry("instances:save-image", &row, None, Some(facts))).await?;
    let view = store::find_save(&mut tx, save).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?;
    Ok(views::save(ctx, view))
}

/// What was, or is, kept of one of one's own, the newest first.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn saves(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<Vec<InstanceSaveView>> {
    own_row(platform, ctx, id).await?;
    let mut tx = platform.db().begin(ctx).await?;
    let rows = store::saves_of(&mut tx, id).await?;
    tx.commit().await?;
    Ok(rows.into_iter().map(|row| views::save(ctx, row)).collect())
}

/// What is being deleted becomes no image; the job sees it and takes away what there is.
pub(super) async fn cancel_in_tx(tx: &mut Tx, ctx: &OpContext, id: InstanceId) -> Result<()> {
    store::cancel_saves(tx, id, ctx.now()).await
}

/// Gives one up, for whoever may change its job; the job sees it and takes away what there is. False when it has ended.
pub(crate) async fn give_up_save_in_tx(tx: &mut Tx, ctx: &OpContext, id: InstanceSaveId) -> Result<bool> {
    match store::lock_save(tx, id).await?.filter(|row| row.ended_at.is_none()) {
        Some(row) => store::cancel_saves(tx, row.instance, ctx.now()).await.map(|()| true),
        None => Ok(false),
    }
}

/// The job. `last`: nobody tries again after this.
///
/// # Errors
/// What is wrong on the way, while somebody tries again; then it is what came of it.
pub async fn save(platform: &Platform, id: InstanceSaveId, last: bool) -> Result<()> {
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let begun = store::begin_save(&mut tx, id).await?;
    tx.commit().await?;
    let Some(row) = begun else { return clean_up(platform, id).await };
    // Whoever was at it before may have left it behind.
    forget_upload(platform, row.upload).await?;
    let (tell, progress) = watch::channel((0, 0));
    let made = tokio::select! {
        made = make(platform, &row, tell) => made,
        // Dropping the other one stops what it was at.
        () = until_unwanted(platform, &ctx, &row, progress) => Err(Stopped::Unwanted),
    };
    let (fault, detail) = match made {
        Ok(()) => return Ok(()),
        Err(Stopped::Unwanted) => return clean_up(platform, id).await,
        Err(Stopped::Final(fault, detail)) => (fault, detail),
        Err(Stopped::Engine(fault)) if !last && is_passing(fault.kind) => {
            forget_upload_of(platform, &row).await?;
            return Err(Error::elsewhere(fault));
        }
        Err(Stopped::Engine(fault)) => (fault.kind.code(), fault.detail),
        Err(Stopped::Ours(error)) if !last => {
            forget_upload_of(platform, &row).await?;
            return Err(error);
        }
        Err(Stopped::Ours(error)) => {
            tracing::error!(%error, save = id.0, "an instance could not be kept as an image");
            (FaultKind::Other.code(), String::new())
        }
    };
    let mut tx = platform.db().begin(&ctx).await?;
    store::fail_save(&mut tx, (id, Some(row.run)), (fault, &detail), worker(platform).now()).await?;
    tx.commit().await?;
    clean_up(platform, id).await
}

/// What may be over when it is tried again: also where somebody tidied the engine up meanwhile.
fn is_passing(kind: FaultKind) -> bool {
    kind == FaultKind::Image || matches!(work::kind_of(kind), Meaning::Unreachable | Meaning::Wait)
}

/// Takes away what an ended one left. Where the engine cannot be asked, the looks at it do it later.
async fn clean_up(platform: &Platform, id: InstanceSaveId) -> Result<()> {
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let row = store::find_save(&mut tx, id).await?;
    tx.commit().await?;
    let Some(row) = row.filter(|row| !matches!(row.state, SaveState::Waiting | SaveState::Saving)) else {
        return Ok(());
    };
    forget_upload(platform, row.upload).await?;
    if row.on_engine && row.state != SaveState::Done {
        let away = async { take_away(platform, &work::connect(platform, row.machine).await?, &row).await };
        if let Err(Trouble::Engine(fault)) = away.await {
            tracing::debug!(save = id.0, %fault, "an image is left for the next look");
        }
    }
    Ok(())
}

async fn forget_upload(platform: &Platform, upload: Option<UploadId>) -> Result<()> {
    match upload {
        Some(upload) => taking::forget(platform, &worker(platform), upload).await,
        None => Ok(()),
    }
}

/// Of this try alone.
async fn forget_upload_of(platform: &Platform, save: &SaveRow) -> Result<()> {
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let row = store::find_save(&mut tx, save.id).await?.filter(|row| row.run == save.run);
    tx.commit().await?;
    forget_upload(platform, row.and_then(|row| row.upload)).await
}

/// What its engine may still be at appears there later: then it is found by the next look.
async fn take_away(platform: &Platform, engine: &Containers, row: &SaveRow) -> Result<(), Trouble> {
    let ctx = worker(platform);
    let there = engine.remove_image(REPOSITORY, &row.tag()).await?;
    let over = row.ended_at.is_none_or(|ended| (ctx.now() - ended).to_std().is_ok_and(|ago| ago > COMMIT));
    if there || over {
        let mut tx = platform.db().begin(&ctx).await?;
        store::note_on_engine(&mut tx, row.id, false).await?;
        tx.commit().await.map_err(Error::from)?;
    }
    Ok(())
}

/// Takes away what saves that came to nothing left on a machine.
pub(super) async fn sweep(platform: &Platform, engine: &Containers, machine: MachineId) -> Result<(), Trouble> {
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let left = store::left_on_engine(&mut tx, machine).await?;
    tx.commit().await.map_err(Error::from)?;
    for row in left {
        match take_away(platform, engine, &row).await {
            Err(Trouble::Engine(Fault { kind: FaultKind::Busy, .. })) => {}
            done => done?,
        }
    }
    Ok(())
}

/// Ends what no job will end, and takes away what the ended left in the store. Run by the job queue.
pub async fn tidy_saves(platform: &Platform) -> Result<()> {
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let forgotten = store::forgotten_saves(&mut tx).await?;
    for id in &forgotten {
        store::fail_save(&mut tx, (*id, None), (FaultKind::Other.code(), ""), ctx.now()).await?;
    }
    let uploads = store::leftover_uploads(&mut tx).await?;
    tx.commit().await?;
    if !forgotten.is_empty() {
        tracing::warn!(ended = forgotten.len(), "instances that were to be images had no job any more");
    }
    for upload in uploads {
        taking::forget(platform, &ctx, upload).await?;
    }
    Ok(())
}

impl UnderWay<Progress> for SaveRow {
    async fn note(&self, tx: &mut Tx, progress: Progress) -> Result<bool> {
        store::note_saved(tx, self, progress).await
    }
}

async fn make(platform: &Platform, save: &SaveRow, tell: watch::Sender<Progress>) -> Result<(), Stopped> {
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let instance = store::find(&mut tx, save.instance).await?.filter(|row| row.deleted_at.is_none());
    store::note_on_engine(&mut tx, save.id, true).await?;
    tx.commit().await.map_err(Error::from)?;
    let container = instance.and_then(|row| row.container).ok_or_else(no_container)?;
    let engine = work::connect(platform, save.machine).await?;
    // Made again under its name, an earlier one would stay without one.
    engine.remove_image(REPOSITORY, &save.tag()).await?;
    engine.commit(&container, REPOSITORY, &save.tag(), COMMIT).await?;
    let size = engine.image_size(REPOSITORY, &save.tag()).await?;
    let mut taking = announce(platform, save, size).await?;
    tell.send_replace((0, size));
    let mut export = engine.export_image(REPOSITORY, &save.tag()).await?;
    let told = |done: u64| {
        tell.send_replace((done, size.max(done)));
    };
    taking::take(platform, &ctx, &mut taking, &mut export, told).await.map_err(|why| match why {
        NotTaken::Refused(error) => refused(error),
        NotTaken::GivenUp => Stopped::Unwanted,
        NotTaken::Ours(error) => Stopped::Ours(error),
        NotTaken::Body(error) => Stopped::Engine(fault_of(error)),
    })?;
    drop(export);
    // It was needed for this alone: who makes an instance of it gets it out of the store.
    if let Err(trouble) = take_away(platform, &engine, save).await {
        match trouble {
            Trouble::Ours(error) => return Err(error.into()),
            Trouble::Engine(fault) => tracing::warn!(save = save.id.0, %fault, "an image stays on its engine"),
        }
    }
    let mut content = taking.content(platform);
    let read = tokio::task::spawn_blocking(move || archive::read(&mut content)).await.map_err(Error::internal)?;
    let facts = read.map_err(|error| match error {
        archive::ArchiveError::Read(cause) => Stopped::Ours(Error::internal(cause)),
        // Where an engine runs out of disk in the middle, its words are in what it sent.
        other => Stopped::Final("archive", format!("{other:?}")),
    })?;
    finish(platform, save, &taking, &facts).await
}

fn no_container() -> Fault {
    Fault::new(FaultKind::NotFound, "it has no container")
}

/// What was wrong with the engine, or with the way to it.
fn fault_of(error: std::io::Error) -> Fault {
    let words = error.to_string();
    match error.into_inner().map(|inner| inner.downcast::<Fault>()) {
        Some(Ok(fault)) => *fault,
        _ => Fault::new(FaultKind::Closed, words),
    }
}

/// Has about so many bytes count for who wanted it.
async fn announce(platform: &Platform, save: &SaveRow, size: u64) -> Result<Taking, Stopped> {
    let key = taking::prepare(platform, size).await.map_err(refused)?;
    let ctx = worker(platform);
    let owner = Owner { customer: save.customer, person: save.owner, name: save.created_name.clone() };
    let announced = async {
        let mut tx = platform.db().begin(&ctx).await?;
        let name = (save.name.as_str(), FilePurpose::Image);
        let taking = taking::announce_in_tx(&mut tx, &ctx, owner, name, (key, size)).await.map_err(refused)?;
        if !store::note_upload(&mut tx, save, taking.upload).await? {
            return Err(Stopped::Unwanted);
        }
        tx.commit().await.map_err(Error::from)?;
        Ok(taking)
    };
    let announced = announced.await;
    if announced.is_err() {
        // Where this fails, too, it is swept away later.
        let _ = taking::discard(platform, key).await;
    }
    announced
}

/// The archive, the image and the word that it is done, or nothing of it.
async fn finish(
    platform: &Platform,
    save: &SaveRow,
    taking: &Taking,
    facts: &archive::ArchiveFacts,
) -> Result<(), Stopped> {
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let instance = store::lock(&mut tx, save.instance).await?;
    let row = store::lock_save(&mut tx, save.id).await?;
    if row.is_none_or(|row| row.state != SaveState::Saving || row.run != save.run) {
        return Err(Stopped::Unwanted);
    }
    let is_there = |row: &Row| !matches!(row.state(), InstanceState::Deleting | InstanceState::Deleted);
    let instance = instance.filter(is_there).ok_or_else(no_container)?;
    let Some((file, new)) = taking::finish_in_tx(&mut tx, &ctx, taking).await? else { return Err(Stopped::Unwanted) };
    let image = save.image_of(&instance);
    let image = images::insert_saved(&mut tx, &ctx, &image, (file, taking.size), facts).await.map_err(refused)?;
    store::end_save(&mut tx, save.id, (image, taking.size), ctx.now()).await?;
    tx.commit().await.map_err(Error::from)?;
    // It is done: what stays of this goes with its folder.
    if let Err(error) = taking::settle(platform, taking, new).await {
        tracing::warn!(save = save.id.0, %error, "what a saved image does not need could not be taken away");
    }
    Ok(())
}
