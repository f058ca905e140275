//! What each kind of job does, and which kinds come round by the clock.

use std::time::Duration;

use super::{Claim, own};
use crate::db::Tx;
use crate::{
    Error, OpContext, Platform, Result, SystemActor, accounts, allocations, audit, billing, engines, files,
    idempotency, images, imports, instances, machines, mail, metrics, notifications, settings,
};

/// A kind that comes round: its name and how often.
pub(super) const PERIODIC: &[(&str, Duration)] = &[
    ("audit-seal", Duration::from_secs(5)),
    ("metrics-roll-up", Duration::from_secs(10)),
    ("allocations-advance", Duration::from_secs(5)),
    ("maintenance-advance", Duration::from_secs(5)),
    ("imports-clean", Duration::from_secs(600)),
    ("files-clean", Duration::from_secs(600)),
    ("idempotency-clean", Duration::from_secs(600)),
    ("instances-clean", Duration::from_secs(3600)),
    ("instances-idle", Duration::from_secs(60)),
    ("budgets-watch", Duration::from_secs(60)),
    ("engines-expiry", Duration::from_secs(3600)),
    ("partitions", Duration::from_secs(3600)),
    ("audit-prune", Duration::from_secs(3600)),
    ("sessions-clean", Duration::from_secs(600)),
    ("invitations-withdraw", Duration::from_secs(60)),
    ("directories-part", Duration::from_secs(600)),
    ("jobs-clean", Duration::from_secs(600)),
];

/// Everything else.
const WANTED: [&str; 13] = [
    "files-assemble",
    "image-cleanup",
    "image-copy",
    "image-push",
    "instance-apply",
    "instance-save",
    "machines-import",
    "machines-read-import",
    "users-read-import",
    "mail-send",
    "notification-deliver",
    "password-reset",
    "sign-up",
];

/// Every kind there is.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    periodic_kinds().chain(WANTED)
}

/// Letters about an account, which whoever wants one asks for again.
const LETTERS: [&str; 2] = ["password-reset", "sign-up"];

/// What comes round by the clock.
pub(super) fn periodic_kinds() -> impl Iterator<Item = &'static str> {
    PERIODIC.iter().map(|(kind, _)| *kind)
}

/// And what somebody wanted.
pub(super) fn wanted_kinds() -> impl Iterator<Item = &'static str> {
    WANTED.into_iter()
}

/// Whether this kind does.
pub(super) fn comes_round(kind: &str) -> bool {
    periodic_kinds().any(|known| known == kind)
}

/// Whether nothing waits for ever when a job of this kind is left undone: what comes round is done by the next, and letters
/// are asked for again. Everything else works on something with a state of its own, where it is given up as a whole.
pub(super) fn can_be_cancelled(kind: &str) -> bool {
    comes_round(kind) || LETTERS.contains(&kind)
}

/// Whether a failed one does its work when it runs again. What any other was about failed with it, or is given up soon: its
/// handler would find nothing to do.
pub(super) fn can_be_retried(kind: &str) -> bool {
    kind == "instance-apply" || LETTERS.contains(&kind)
}

/// Whether what a job was about has failed, as it stands when the job has done its work: later jobs may find it otherwise.
pub(super) async fn thing_failed(tx: &mut Tx, ctx: &OpContext, claim: &Claim) -> Result<bool> {
    let number = |name| claim.payload.get(name).and_then(serde_json::Value::as_i64);
    let text = |name: &str| claim.payload.get(name).and_then(serde_json::Value::as_str);
    let token = |name: &str| text(name)?.parse::<uuid::Uuid>().ok();
    match claim.kind.as_str() {
        "image-copy" => match (number("image"), number("machine"), number("wish")) {
            (Some(image), Some(machine), Some(wish)) => {
                images::copy_failed(tx, image.into(), machine.into(), wish).await
            }
            _ => Ok(false),
        },
        "image-push" => match (number("image"), number("wish")) {
            (Some(image), Some(wish)) => images::push_failed(tx, image.into(), wish).await,
            _ => Ok(false),
        },
        "image-cleanup" => match number("cleanup") {
            Some(id) => images::cleanup_failed(tx, id.into()).await,
            None => Ok(false),
        },
        "machines-import" | "machines-read-import" | "users-read-import" => match number("import") {
            Some(id) => imports::is_refused(tx, id.into()).await,
            None => Ok(false),
        },
        "mail-send" => match token("mail") {
            Some(token) => mail::has_failed(tx, token).await,
            None => Ok(false),
        },
        "notification-deliver" => match token("delivery") {
            Some(token) => notifications::delivery_failed(tx, token).await,
            None => Ok(false),
        },
        _ => own::has_failed(tx, ctx, claim).await,
    }
}

/// Runs one job.
pub(super) async fn run(platform: &Platform, claim: &Claim) -> Result<()> {
    match claim.kind.as_str() {
        "audit-seal" => while audit::seal(platform).await? >= 2000 {},
        "metrics-roll-up" => {
            metrics::roll_up(platform, &platform.system(SystemActor::Metrics)).await?;
        }
        "allocations-advance" => {
            allocations::advance(platform).await?;
        }
        // Under its second name it comes in parts; a server of the version before leaves it to us.
        "machines-import" | "machines-read-import" | "users-read-import" => {
            let id = claim.payload.get("import").and_then(serde_json::Value::as_i64);
            let id = id.ok_or_else(|| Error::internal("an import's job names no import"))?;
            imports::read(platform, id.into(), claim.attempt >= claim.max_attempts).await?;
        }
        "files-assemble" => {
            let id = claim.payload.get("upload").and_then(serde_json::Value::as_i64);
            let id = id.ok_or_else(|| Error::internal("the job of an upload names none"))?;
            files::assemble(platform, id.into(), claim.attempt >= claim.max_attempts).await?;
        }
        "image-cleanup" => {
            let id = claim.payload.get("cleanup").and_then(serde_json::Value::as_i64);
            let id = id.ok_or_else(|| Error::internal("the job of a clean-up names none"))?;
            images::run_cleanup(platform, id.into(), claim.attempt >= claim.max_attempts).await?;
        }
        "image-push" => {
            let number = |name| claim.payload.get(name).and_then(serde_json::Value::as_i64);
            let (Some(image), Some(wish)) = (number("image"), number("wish")) else {
                return Err(Error::internal("the job of an archive names none"));
            };
            images::push_archive(platform, image.into(), wish, claim.attempt >= claim.max_attempts).await?;
        }
        "image-copy" => {
            let number = |name| claim.payload.get(name).and_then(serde_json::Value::as_i64);
            let (Some(image), Some(machine), Some(wish)) = (number("image"), number("machine"), number("wish")) else {
                return Err(Error::internal("the job of an image names none"));
            };
            let last = claim.attempt >= claim.max_attempts;
            images::copy(platform, image.into(), machine.into(), wish, last).await?;
        }
        "instance-apply" => {
            let id = claim.payload.get("instance").and_then(serde_json::Value::as_i64);
            let id = id.ok_or_else(|| Error::internal("the job of an instance names none"))?;
            instances::apply(platform, id.into()).await?;
        }
        "instances-idle" => instances::watch_idle(platform).await?,
        "budgets-watch" => billing::budgets::watch(platform).await?,
        "instance-save" => {
            let id = claim.payload.get("save").and_then(serde_json::Value::as_i64);
            let id = id.ok_or_else(|| Error::internal("the job of a save names none"))?;
            instances::save(platform, id.into(), claim.attempt >= claim.max_attempts).await?;
        }
        "instances-clean" => {
            allocations::tidy_visits(platform).await?;
            instances::clean(platform).await?;
        }
        "files-clean" => {
            images::tidy_copies(platform).await?;
            instances::tidy_saves(platform).await?;
            images::forget_unused_archives(platform).await?;
            files::clean(platform).await?;
        }
        "mail-send" => {
            let token = claim.payload.get("mail").and_then(serde_json::Value::as_str).and_then(|t| t.parse().ok());
            let token = token.ok_or_else(|| Error::internal("the job of a mail names no mail"))?;
            mail::send(platform, token, claim.id, claim.attempt >= claim.max_attempts).await?;
        }
        "notification-deliver" => {
            let token = claim.payload.get("delivery").and_then(serde_json::Value::as_str).and_then(|t| t.parse().ok());
            let token = token.ok_or_else(|| Error::internal("the job of a delivery names none"))?;
            notifications::deliver(platform, token, claim.attempt >= claim.max_attempts).await?;
        }
        "password-reset" => accounts::send_password_reset(platform, &claim.payload, claim.id).await?,
        "sign-up" => accounts::send_sign_up(platform, &claim.payload, claim.id).await?,
        "imports-clean" => {
            imports::forget(platform).await?;
            settings::forget_imports(platform).await?;
        }
        "idempotency-clean" => {
            idempotency::forget(platform).await?;
        }
        "maintenance-advance" => {
            machines::advance_maintenance(platform).await?;
        }
        "engines-expiry" => {
            engines::warn(platform).await?;
        }
        "audit-prune" => {
            audit::prune(platform).await?;
        }
        "partitions" => metrics::keep_partitions(platform, &platform.system(SystemActor::Metrics)).await?,
        "sessions-clean" => {
            let ctx = platform.system(SystemActor::Authenticator);
            accounts::session_records::delete_expired(platform, &ctx).await?;
        }
        "invitations-withdraw" => accounts::withdraw_lost_invitations(platform).await?,
        "directories-part" => accounts::identity::part_from_directories(platform).await?,
        "jobs-clean" => {
            let mut tx = platform.db().begin(&super::worker(platform)).await?;
            super::store::delete_old(&mut tx).await?;
            tx.commit().await?;
            mail::forget_old(platform).await?;
            notifications::forget_old(platform).await?;
        }
        other => return Err(Error::internal(format!("no handler for jobs of kind {other}"))),
    }
    Ok(())
}
