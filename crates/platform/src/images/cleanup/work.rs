//! The job of a clean-up: looks at each image again, and takes away what nothing needs. Whatever it did before it died is not
//! there any more.

use contract::images::CleanupItemState;
use contract::{ImageCleanupId, ImageId};
use runtime::docker::containers::Containers;
use runtime::docker::{Fault, FaultKind};

use super::judge::judge;
use super::{is_passing, library_on, seen, since};
use crate::db::Tx;
use crate::images::store::{self, CleanupWork};
use crate::{Error, Platform, Result, SystemActor, instances};

/// What came of an image.
struct Outcome {
    state: CleanupItemState,
    freed: u64,
    fault: Option<Fault>,
    /// As what the library knew it.
    images: Vec<ImageId>,
}

impl Outcome {
    fn of(state: CleanupItemState) -> Self {
        Self { state, freed: 0, fault: None, images: Vec::new() }
    }
}

/// The job: takes away what is left of a clean-up. `last`: nobody tries again after this.
///
/// # Errors
/// What is wrong on the way, while somebody tries again; then it is what came of it.
pub async fn run_cleanup(platform: &Platform, id: ImageCleanupId, last: bool) -> Result<()> {
    let mut tx = platform.db().begin(&platform.system(SystemActor::Worker)).await?;
    let work = store::begin_cleanup(&mut tx, id).await?;
    tx.commit().await?;
    let Some(work) = work else { return Ok(()) };
    let done = match take_away(platform, &work).await {
        Err(error) if last => {
            tracing::error!(%error, cleanup = id.0, "a clean-up of images could not be done");
            Err(Fault { kind: FaultKind::Other, detail: String::new() })
        }
        done => done?,
    };
    if let Err(fault) = &done
        && !last
        && is_passing(fault.kind)
    {
        return Err(Error::internal(fault.clone()));
    }
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    store::end_cleanup(&mut tx, id, done.as_ref().err(), ctx.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether it was given up: its job has done its work all the same.
pub(crate) async fn cleanup_failed(tx: &mut Tx, id: ImageCleanupId) -> Result<bool> {
    store::cleanup_failed(tx, id).await
}

async fn take_away(platform: &Platform, work: &CleanupWork) -> Result<std::result::Result<(), Fault>> {
    let engine = match instances::containers_on(platform, work.machine).await? {
        Ok(engine) => engine,
        Err(fault) => return Ok(Err(fault)),
    };
    for engine_id in &work.waiting {
        let outcome = match one(platform, &engine, work, engine_id).await? {
            Ok(outcome) => outcome,
            Err(fault) => return Ok(Err(fault)),
        };
        let mut tx = platform.db().begin(&platform.system(SystemActor::Worker)).await?;
        store::forget_copies(&mut tx, work.machine, &outcome.images).await?;
        let came = (outcome.state, outcome.freed, outcome.fault.as_ref());
        store::note_item(&mut tx, work.id, engine_id, came).await?;
        tx.commit().await?;
    }
    Ok(Ok(()))
}

/// One image; an error where the engine cannot be asked any more.
async fn one(
    platform: &Platform,
    engine: &Containers,
    work: &CleanupWork,
    engine_id: &str,
) -> Result<std::result::Result<Outcome, Fault>> {
    use CleanupItemState as S;
    let seen = match seen(engine).await {
        Ok(seen) => seen,
        Err(fault) => return Ok(Err(fault)),
    };
    let Some((image, in_use)) = seen.iter().find(|(image, _)| image.id == engine_id) else {
        return Ok(Ok(Outcome::of(S::Gone)));
    };
    let library = library_on(platform, work.machine).await?;
    let since = since(platform.clock().now(), work.unused_days);
    let Some(found) = judge(image, *in_use, &library, since) else { return Ok(Ok(Outcome::of(S::Kept))) };
    Ok(match engine.remove_held(image).await {
        Ok(()) => {
            let images = found.known.iter().map(|known| known.id).collect();
            Ok(Outcome { freed: image.own.unwrap_or_default(), images, ..Outcome::of(S::Removed) })
        }
        // A container was made of it just now, or another image is made of it.
        Err(fault) if fault.kind == FaultKind::Busy => Ok(Outcome::of(S::Kept)),
        Err(fault) if is_passing(fault.kind) => Err(fault),
        Err(fault) => Ok(Outcome { fault: Some(fault), ..Outcome::of(S::Failed) }),
    })
}
