//! Deliveries: put into a table with the change that causes them, sent by a job that tries again.
//!
//! A message comes at least once: who answers too late gets it again, under the same id, by which it can be told.

use chrono::{DateTime, TimeDelta, Utc};
use contract::accounts::Language;
use contract::notifications::DeliveryState;
use secrecy::ExposeSecret as _;
use serde_json::json;
use uuid::Uuid;

use super::{messages, open, store};
use crate::accounts::{self, Contact};
use crate::db::Tx;
use crate::jobs::{self, NewJob};
use crate::notifications::{Notice, shown, staff_in_words, store as values};
use crate::outbound::{self, Failure, Step};
use crate::{Error, OpContext, Platform, Result, SystemActor, settings};

/// Kind of a test message.
pub(super) const TEST: &str = "test";
/// Tries, with the queue's growing pauses between them about twenty-four minutes.
const ATTEMPTS: i32 = 12;
/// Messages given up in a row after which a channel is switched off.
const MOST_FAILURES: i32 = 20;
/// A delivery is over after so long: quiet hours and every try are shorter.
const LONGEST_DAYS: i64 = 3;
/// How long what became of a delivery is remembered.
const KEPT_DAYS: i64 = 30;

/// A message over every webhook of a person.
pub(in crate::notifications) async fn enqueue_for_person(
    tx: &mut Tx,
    contact: &Contact,
    notice: &Notice,
    at: DateTime<Utc>,
) -> Result<()> {
    enqueue(tx, Some(contact.id), notice, notice.link.as_deref(), at).await
}

/// A message over every channel of the platform that carries its kind.
pub(in crate::notifications) async fn enqueue_for_platform(
    tx: &mut Tx,
    notice: &Notice,
    at: DateTime<Utc>,
) -> Result<()> {
    // Staff see the machine on their own side.
    let link = notice.link.as_ref().filter(|link| link.starts_with("/machines/")).map(|link| format!("/admin{link}"));
    enqueue(tx, None, notice, link.as_deref(), at).await
}

async fn enqueue(
    tx: &mut Tx,
    user: Option<contract::UserId>,
    notice: &Notice,
    link: Option<&str>,
    at: DateTime<Utc>,
) -> Result<()> {
    for channel in store::open(tx, user, notice.kind).await? {
        let token = Uuid::new_v4();
        let new = store::NewDelivery {
            token,
            channel,
            user,
            kind: notice.kind.code(),
            args: values::args_json(notice),
            link,
            at,
        };
        store::insert_delivery(tx, &new).await?;
        let mut job = NewJob::new("notification-deliver", at);
        job.payload = json!({ "delivery": token });
        job.max_attempts = ATTEMPTS;
        // Another's slow end must not keep what the product itself has to do waiting.
        job.priority = -10;
        jobs::enqueue_in_tx(tx, &job).await?;
    }
    Ok(())
}

/// One try to deliver; `last` when the queue will not come again. An error is tried again.
pub(crate) async fn send(platform: &Platform, token: Uuid, last: bool) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    let begun = store::begin_attempt(&mut tx, token).await?;
    let contact = match begun.as_ref().and_then(|(_, row)| row.user) {
        Some(user) => accounts::contacts(&mut tx, &[user]).await?.into_iter().next(),
        None => None,
    };
    tx.commit().await?;
    let Some((delivery, row)) = begun else { return Ok(()) };
    if delivery.state != DeliveryState::Queued {
        return Ok(());
    }
    let gone = row.user.is_some() && contact.is_none();
    let ended = if gone || !row.view.enabled {
        Err(Failure::new(Step::Off, "switched off meanwhile"))
    } else {
        let out = outgoing(platform, &delivery, contact.as_ref(), token);
        post(platform, &row, &out).await
    };
    let (state, error) = match &ended {
        Ok(()) => (DeliveryState::Sent, None),
        Err(failure) if last || failure.step == Step::Off => (DeliveryState::Failed, Some(failure.to_string())),
        Err(failure) => (DeliveryState::Queued, Some(failure.to_string())),
    };
    let mut tx = platform.db().begin(&ctx).await?;
    store::settle(&mut tx, delivery.id, state, error.as_deref(), platform.clock().now()).await?;
    let counts = ended.as_ref().err().is_none_or(|failure| failure.step != Step::Off);
    if state != DeliveryState::Queued && counts {
        let off = store::count_outcome(&mut tx, row.view.id, ended.is_ok(), MOST_FAILURES).await?;
        if off {
            tracing::warn!(
                channel = row.view.id.0,
                host = row.view.host,
                "a channel was switched off: nothing arrives"
            );
        }
    }
    tx.commit().await?;
    match (state, error) {
        (DeliveryState::Queued, Some(why)) => {
            Err(Error::elsewhere(format!("delivery {} to {}: {why}", delivery.id, row.view.host)))
        }
        _ => Ok(()),
    }
}

/// Whether it was given up: its job has done its work all the same.
pub(crate) async fn has_failed(tx: &mut Tx, token: Uuid) -> Result<bool> {
    store::has_failed(tx, token).await
}

/// A test message, now.
pub(super) async fn try_out(
    platform: &Platform,
    ctx: &OpContext,
    row: &store::Row,
    token: Uuid,
) -> std::result::Result<(), Failure> {
    let product = settings::appearance(platform).await.name;
    let out = messages::Outgoing {
        token,
        kind: TEST,
        text: texts::message(ctx.language(), "channel-message-test", &[("product", product)]),
        link: None,
        values: json!({}),
        created_at: ctx.now(),
        now: platform.clock().now(),
    };
    post(platform, row, &out).await
}

async fn post(platform: &Platform, row: &store::Row, out: &messages::Outgoing<'_>) -> std::result::Result<(), Failure> {
    let opened = open(platform, row).map_err(|error| {
        tracing::error!(channel = row.view.id.0, %error, "the address of a channel does not open");
        Failure::new(Step::Off, "its address cannot be read")
    });
    let (url, secret) = opened?;
    let named = settings::private_ranges(platform).await;
    let secret = secret.as_ref().map(|secret| secret.expose_secret());
    let posted = messages::compose(row.view.kind, url, secret, out);
    let answer = outbound::post(&named, &posted.url, &posted.headers, posted.body).await?;
    messages::judge(row.view.kind, &answer)
}

fn outgoing<'a>(
    platform: &Platform,
    delivery: &'a store::Delivery,
    contact: Option<&Contact>,
    token: Uuid,
) -> messages::Outgoing<'a> {
    let language = contact.map_or_else(|| settings::usual_language(platform), |contact| contact.language_or(platform));
    let zone = contact.map_or_else(|| settings::usual_time_zone(platform), |contact| contact.zone_or(platform));
    let args = values::args_of(delivery.args.clone());
    let args: Vec<_> = args.iter().map(|(name, value)| (name.as_str(), shown(value, zone, language))).collect();
    // A group of staff reads of a customer what the customer reads of itself, in other words.
    let key = if contact.is_some() { "notification" } else { "channel-message" };
    messages::Outgoing {
        token,
        kind: &delivery.kind,
        text: texts::message(language, &format!("{key}-{}", delivery.kind), &args),
        link: delivery.link.as_ref().map(|link| format!("{}{link}", platform.settings().public_url)),
        values: plain(&delivery.args, language),
        created_at: delivery.created_at,
        now: platform.clock().now(),
    }
}

/// The values as programs want them: a time is a text as well, and so is whoever is staff.
fn plain(args: &serde_json::Value, language: Language) -> serde_json::Value {
    let serde_json::Value::Object(args) = args else { return json!({}) };
    let plain = args.iter().map(|(name, value)| {
        let plain = match value.get("staff") {
            Some(_) => staff_in_words(language).into(),
            None => value.get("time").unwrap_or(value).clone(),
        };
        (name.clone(), plain)
    });
    serde_json::Value::Object(plain.collect())
}

/// Gives up what nobody delivers any more, and forgets what became of old ones; run by the job queue.
pub(in crate::notifications) async fn forget_old(tx: &mut Tx, ctx: &OpContext) -> Result<()> {
    // Its last try died with its worker: nobody comes for it any more.
    store::give_up_before(tx, ctx.now() - TimeDelta::days(LONGEST_DAYS)).await?;
    store::delete_before(tx, ctx.now() - TimeDelta::days(KEPT_DAYS)).await
}
