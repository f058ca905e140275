//! Archives of images in a registry: put there by a job that says how far it is, and pulled by engines from there on. What the
//! registry does not give any more, an engine is sent from the store.

use contract::images::{ImagePush, ImageReason, ImageRegistry, ImageView};
use contract::registries::RegistryFault;
use contract::{ErrorCode, ImageId, RegistryId};
use runtime::docker::{self, Endpoint, Fault, Progress};
use serde_json::json;
use tokio::sync::watch;

use super::copies::ATTEMPTS;
use super::sharing::reached_for;
use super::{archive, entry, found, is_usable, locked, registries, store};
use crate::authz::{ImageRef, ManageImage, ViewImage};
use crate::db::Tx;
use crate::files::unshared::Reached;
use crate::jobs::{NewJob, UnderWay, enqueue_in_tx, until_unwanted};
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, files, outbound};

/// Whether its archive is in a registry, or on its way there, and which one takes archives.
///
/// # Errors
/// `NotFound` where there is no such image.
pub async fn image_registry(platform: &Platform, ctx: &OpContext, id: ImageId) -> Result<ImageRegistry> {
    ctx.authorize(ViewImage, &ImageRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    found(&mut tx, id).await?;
    let view = view(&mut tx, ctx, id).await?;
    tx.commit().await?;
    Ok(view)
}

async fn view(tx: &mut Tx, ctx: &OpContext, id: ImageId) -> Result<ImageRegistry> {
    let holder = registries::holder_in_tx(tx).await?.map(|(_, address)| address);
    let Some(row) = store::find_push(tx, id).await? else { return Ok(ImageRegistry { holder, push: None }) };
    let fault = row.fault.as_deref().map(|word| RegistryFault::parse(word).unwrap_or(RegistryFault::Other));
    let words = |fault: RegistryFault| texts::message(ctx.language(), &format!("registry-fault-{}", fault.code()), &[]);
    let push = ImagePush {
        registry: registries::address_in_tx(tx, row.registry).await?,
        state: row.state,
        done: row.done,
        total: row.total,
        fault,
        message: fault.map(words),
        detail: row.detail.filter(|detail| !detail.is_empty()),
        reference: row.reference,
        wanted_by: row.wanted_name,
        wanted_at: row.wanted_at,
        updated_at: row.updated_at,
    };
    Ok(ImageRegistry { holder, push: Some(push) })
}

/// Wants its archive in the registry that takes archives; a job puts it there, and [`image_registry`] says how far it is.
///
/// # Errors
/// `NotFound` where there is no such image, `WrongState` for one that nobody may use, that has no archive, or where no registry
/// takes archives, `Validation` without a reason for one that is shared with nobody, `Conflict` while it is on its way there.
pub async fn push(platform: &Platform, ctx: &OpContext, id: ImageId, body: ImageReason) -> Result<ImageRegistry> {
    let ctx = &ctx.trying_on("images:push", "image", id);
    let granted = ctx.authorize(ManageImage, &ImageRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let image = locked(&mut tx, id).await?;
    let refused = |key| Error::new(ErrorCode::WrongState).with_key(key);
    if !is_usable(&image) {
        return Err(refused("error-image-not-approved"));
    }
    if image.file.is_none() {
        return Err(refused("error-image-no-archive"));
    }
    let holder = registries::holder_in_tx(&mut tx).await?;
    let (registry, address) = holder.ok_or_else(|| refused("error-no-registry-holds"))?;
    let (why, place) = ((Reached::Pushed, body.reason), ("registry", address.as_str()));
    let wanted = reached_for(platform, &mut tx, ctx, &image, why, place).await?;
    let wish = store::want_push(&mut tx, &granted, registry, ctx).await?;
    let wish = wish.ok_or_else(|| Error::new(ErrorCode::Conflict).with_key("error-image-being-put"))?;
    let mut job = NewJob::new("image-push", ctx.now());
    job.payload = json!({ "image": id.0, "wish": wish });
    job.max_attempts = ATTEMPTS;
    enqueue_in_tx(&mut tx, &job).await?;
    audit::record_in_tx(&mut tx, ctx, entry("images:push", &image, None, Some(wanted))).await?;
    let view = view(&mut tx, ctx, id).await?;
    tx.commit().await?;
    Ok(view)
}

/// Engines are sent its archive again from now on; on its way to a registry it is stopped. What is in the registry by then stays
/// there.
///
/// # Errors
/// `NotFound` where it is neither there nor on its way.
pub async fn forget_push(platform: &Platform, ctx: &OpContext, id: ImageId) -> Result<ImageRegistry> {
    let ctx = &ctx.trying_on("images:forget-push", "image", id);
    let granted = ctx.authorize(ManageImage, &ImageRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let image = locked(&mut tx, id).await?;
    let before = store::find_push(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    store::delete_push(&mut tx, &granted).await?;
    let before = Some(json!({ "reference": before.reference }));
    audit::record_in_tx(&mut tx, ctx, entry("images:forget-push", &image, before, None)).await?;
    let view = view(&mut tx, ctx, id).await?;
    tx.commit().await?;
    Ok(view)
}

/// An archive on its way to a registry, by the wish that it is done for.
struct Going {
    image: ImageId,
    wish: i64,
}

impl UnderWay<Progress> for Going {
    async fn note(&self, tx: &mut Tx, progress: Progress) -> Result<bool> {
        store::note_push(tx, self.image, self.wish, progress).await
    }
}

/// The job: puts it there. `last`: nobody tries again after this.
///
/// # Errors
/// What is wrong on the way, while somebody tries again; then it is what came of it.
pub async fn push_archive(platform: &Platform, image: ImageId, wish: i64, last: bool) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    let registry = store::begin_push(&mut tx, image, wish).await?;
    let view = store::find(&mut tx, image).await?;
    tx.commit().await?;
    let (Some(registry), Some(view)) = (registry, view) else {
        // Not wanted any more, or wanted anew.
        return Ok(());
    };
    let going = Going { image, wish };
    let (tell, progress) = watch::channel(Progress::default());
    let put = tokio::select! {
        put = put(platform, &ctx, &view, registry, &tell) => put,
        // Dropping the other one hangs up.
        () = until_unwanted(platform, &ctx, &going, progress) => return Ok(()),
    };
    let put = match put {
        Err(error) if last => {
            tracing::error!(%error, image = image.0, "an archive could not be put into a registry");
            Err((RegistryFault::Other, String::new()))
        }
        put => put?,
    };
    if let Err((fault, detail)) = &put
        && !last
        && matches!(fault, RegistryFault::Name | RegistryFault::Connect | RegistryFault::Timeout)
    {
        return Err(Error::internal(format!("{}: {detail}", fault.code())));
    }
    let came = match &put {
        Ok(reference) => Ok(reference.as_str()),
        Err((fault, detail)) => Err((fault.code(), detail.as_str())),
    };
    let done = *tell.borrow();
    let mut tx = platform.db().begin(&ctx).await?;
    going.note(&mut tx, done).await?;
    store::end_push(&mut tx, image, wish, came).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether what was done for this wish failed: its job has done its work all the same.
pub(crate) async fn push_failed(tx: &mut Tx, image: ImageId, wish: i64) -> Result<bool> {
    store::push_failed(tx, image, wish).await
}

async fn put(
    platform: &Platform,
    ctx: &OpContext,
    image: &ImageView,
    registry: RegistryId,
    tell: &watch::Sender<Progress>,
) -> Result<std::result::Result<String, (RegistryFault, String)>> {
    let file = image.file.ok_or_else(|| Error::internal("an image without an archive is to be put into a registry"))?;
    let mut content = files::content_for_job(platform, ctx, file).await?;
    let again = content.read_again();
    let read = tokio::task::spawn_blocking(move || archive::parts(&mut content)).await.map_err(Error::internal)?;
    let parts = read.map_err(|error| Error::internal(format!("an archive that was read does not read: {error:?}")))?;
    let name = format!("remotegpu/image-{}", image.id);
    registries::put(platform, registry, (name, parts), || again.read_again(), tell).await
}

/// What an image is called in the registry, where it is there.
pub(super) async fn reference_of(platform: &Platform, image: ImageId) -> Result<Option<String>> {
    let mut tx = platform.db().begin(&platform.system(SystemActor::Worker)).await?;
    let push = store::find_push(&mut tx, image).await?;
    tx.commit().await?;
    Ok(push.and_then(|push| push.reference))
}

/// Has an engine pull what an archive would make, and call it by this name.
pub(super) async fn pull_from(
    platform: &Platform,
    endpoint: &Endpoint,
    (name, reference): (&str, &str),
    tell: &watch::Sender<Progress>,
) -> Result<std::result::Result<(), Fault>> {
    let credentials = registries::credentials(platform, reference).await?;
    let allowed = outbound::may_be_a_host;
    let tell = |progress| {
        tell.send_replace(progress);
    };
    if let Err(fault) = docker::pull_as(endpoint, allowed, reference, credentials.as_ref(), tell).await {
        return Ok(Err(fault));
    }
    Ok(docker::tag(endpoint, allowed, reference, name).await)
}
