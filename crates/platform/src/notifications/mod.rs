//! What people are told: in the product, and by mail as they chose.
//!
//! Invariants: a notification is written in the transaction of what it tells of; it keeps values, not words, and is put into
//! words for its reader; mail and webhooks wait for the end of the reader's quiet hours, but what may be somebody else's
//! doing is told at once and in every way; nobody reads or changes another's.

mod bell;
pub(crate) mod channels;
mod leads;
mod preferences;
mod store;

use chrono::{DateTime, TimeDelta, Utc};
use contract::accounts::Language;
use contract::notifications::{NotificationKind, NotificationQuery, NotificationView, UnreadView};
use contract::settings::PRODUCT;
use contract::{ErrorCode, NotificationId, Page, UserId};

pub(crate) use bell::Mark;
pub use bell::{BellWatch, watch_bell};
pub use channels::{
    Whose, add_channel, add_webhook, deliveries, list_channels, may_hear, remove_channel, test_channel, update_channel,
};
pub(crate) use channels::{has_failed as delivery_failed, send as deliver};
pub use preferences::{preferences, set_preferences};

use crate::accounts::{self, Contact};
use crate::authz::{AccountRef, Granted, UpdateAccount, ViewAccount};
use crate::db::Tx;
use crate::mail::{self, NewMail};
use crate::{Error, OpContext, Platform, Result, SystemActor, Via, audit, settings};

/// How long what was read is kept.
const KEPT_DAYS: i64 = 90;
/// How long what nobody read is kept: people who never look would fill the table.
const KEPT_UNREAD_DAYS: i64 = 365;

/// A value of a notification's text.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    /// Shown in the reader's time zone.
    Time(DateTime<Utc>),
    /// Somebody who works for the platform: by name for their colleagues, and for everybody else as staff.
    Staff {
        name: Option<String>,
    },
}

/// Something people are to be told.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub kind: NotificationKind,
    pub args: Vec<(&'static str, Value)>,
    /// A page of ours.
    pub link: Option<String>,
}

impl Notice {
    /// As it is kept for a reader who works for the platform too, or does not.
    fn told_to(&self, colleague: bool) -> Self {
        let mut told = self.clone();
        for (_, value) in &mut told.args {
            if let Value::Staff { name } = value {
                let name = name.take().filter(|_| colleague);
                *value = name.map_or(Value::Staff { name: None }, Value::Text);
            }
        }
        told
    }
}

/// Who did it, as those are told whom it is about. Names of who works for the platform are nobody's business outside.
pub(crate) fn by(ctx: &OpContext) -> Value {
    match ctx.user() {
        Some(by) if ctx.is_staff() => Value::Staff { name: Some(by.display_name.clone()) },
        Some(by) => Value::Text(by.display_name.clone()),
        None => Value::Text(PRODUCT.to_owned()),
    }
}

/// The same in words, for a letter. People choose what they are called, so that their user name stands beside it.
pub(crate) fn by_in_words(ctx: &OpContext, language: Language, to_colleague: bool) -> String {
    match by(ctx) {
        Value::Staff { name: Some(name) } if to_colleague => name,
        Value::Text(name) => match ctx.user() {
            Some(by) if by.name != name => format!("{name} ({})", by.name),
            _ => name,
        },
        Value::Staff { .. } | Value::Time(_) => staff_in_words(language),
    }
}

/// Whoever works for the platform, as others read of them in the log as well.
fn staff_in_words(language: Language) -> String {
    texts::message(language, "own-audit-actor-staff", &[])
}

/// Whose doing it was, as a word that texts choose by: the person's `own`, somebody `other`, or the command line of the server
/// (`console`). A link that went to the person's mailbox is used by them.
pub(crate) fn who(ctx: &OpContext, person: UserId) -> Value {
    let word = match ctx.user() {
        Some(by) if by.id == person => "own",
        Some(_) => "other",
        None if ctx.via() == Via::Cli => "console",
        None => "own",
    };
    Value::Text(word.to_owned())
}

/// As [`notify_in_tx`], of what somebody did to a person; nobody has to be told what they did themselves.
pub(crate) async fn tell_in_tx(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    person: UserId,
    notice: &Notice,
) -> Result<()> {
    match ctx.user() {
        Some(by) if by.id == person => Ok(()),
        _ => notify_in_tx(platform, tx, ctx, &[person], notice).await,
    }
}

/// Tells people, in the transaction of what it is about, which must be the system's or the staff's.
pub(crate) async fn notify_in_tx(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    people: &[UserId],
    notice: &Notice,
) -> Result<()> {
    send(platform, tx, ctx, people, notice, true).await
}

/// As [`notify_in_tx`], to those of them who are also told outside of the product, and there alone: what they have in it was
/// amended.
pub(crate) async fn notify_outside_in_tx(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    people: &[UserId],
    notice: &Notice,
) -> Result<()> {
    send(platform, tx, ctx, people, notice, false).await
}

async fn send(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    people: &[UserId],
    notice: &Notice,
    inside: bool,
) -> Result<()> {
    settings::refresh_in_tx(platform, tx).await?;
    let mails = settings::sends_mail(platform);
    let contacts = accounts::contacts(tx, people).await?;
    let chosen = store::choices_of_kind(tx, people, notice.kind).await?;
    for contact in contacts {
        let notice = &notice.told_to(contact.staff);
        let ways = match chosen.get(&contact.id) {
            Some(ways) if !notice.kind.is_security() => *ways,
            _ => Ways::ALL,
        };
        if ways.in_app && inside {
            store::insert(tx, contact.id, notice, ctx.now()).await?;
        }
        let at = match store::quiet(tx, contact.id).await? {
            Some(quiet) if !notice.kind.is_security() => {
                preferences::after_quiet(quiet, ctx.now(), contact.zone_or(platform))
            }
            _ => ctx.now(),
        };
        if ways.mail && mails {
            write_mail(platform, tx, &contact, notice, at).await?;
        }
        if ways.webhook {
            channels::enqueue_for_person(tx, &contact, notice, at).await?;
        }
    }
    if NotificationKind::OF_PLATFORM.contains(&notice.kind) {
        channels::enqueue_for_platform(tx, &notice.told_to(true), ctx.now()).await?;
    }
    Ok(())
}

/// Puts values into the newest notice of this kind and page that each of these people has, because what it tells of stands
/// otherwise now: nobody is told anew. With `read_at` it counts as read from then on, because nobody has to look at it any more.
/// In a transaction that is the system's or the staff's.
pub(crate) async fn amend_in_tx(
    tx: &mut Tx,
    people: &[UserId],
    notice: &Notice,
    read_at: Option<DateTime<Utc>>,
) -> Result<()> {
    let contacts = accounts::contacts(tx, people).await?;
    for colleague in [true, false] {
        let readers = contacts.iter().filter(|contact| contact.staff == colleague);
        let readers: Vec<UserId> = readers.map(|contact| contact.id).collect();
        store::amend(tx, &readers, &notice.told_to(colleague), read_at).await?;
    }
    Ok(())
}

/// How somebody is told of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ways {
    in_app: bool,
    mail: bool,
    webhook: bool,
}

impl Ways {
    const ALL: Ways = Ways { in_app: true, mail: true, webhook: true };
}

async fn write_mail(
    platform: &Platform,
    tx: &mut Tx,
    contact: &Contact,
    notice: &Notice,
    at: DateTime<Utc>,
) -> Result<()> {
    let Some(address) = contact.email.clone() else { return Ok(()) };
    let zone = contact.zone_or(platform);
    let language = contact.language_or(platform);
    let mut args: Vec<_> = notice.args.iter().map(|(name, value)| (*name, shown(value, zone, language))).collect();
    args.push(("name", contact.name.clone()));
    let letter = NewMail {
        kind: notice.kind.code(),
        user: Some(contact.id),
        address,
        language,
        args,
        link: notice.link.as_ref().map(|link| format!("{}{link}", platform.settings().public_url)),
        at,
        idempotency_key: None,
    };
    mail::enqueue_in_tx(platform, tx, letter).await?;
    Ok(())
}

fn shown(value: &Value, zone: chrono_tz::Tz, language: Language) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Time(at) => at.with_timezone(&zone).format("%Y-%m-%d %H:%M %Z").to_string(),
        Value::Staff { .. } => staff_in_words(language),
    }
}

/// One's own, newest first.
pub async fn list(platform: &Platform, ctx: &OpContext, query: &NotificationQuery) -> Result<Page<NotificationView>> {
    let granted = readable(ctx)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let unread = query.unread.unwrap_or(false);
    let mut tx = platform.db().begin(ctx).await?;
    let (mut rows, total) = store::list(&mut tx, granted.id(), unread, page, page_size).await?;
    leads::settle(&mut tx, &mut rows).await?;
    tx.commit().await?;
    let zone = match ctx.user().and_then(|user| user.time_zone.as_deref()?.parse().ok()) {
        Some(zone) => zone,
        None => settings::time_zone(platform).await,
    };
    let list = rows.into_iter().map(|row| in_words(row, ctx.language(), zone)).collect();
    Ok(Page { list, total, page, page_size })
}

fn in_words(row: store::Row, language: Language, zone: chrono_tz::Tz) -> NotificationView {
    let mut args: Vec<_> = row.args.iter().map(|(name, value)| (name.as_str(), shown(value, zone, language))).collect();
    // What was written before these were kept says the usual.
    for (name, usual) in [("who", "own"), ("by", PRODUCT)] {
        if row.kind == NotificationKind::PasswordChanged && args.iter().all(|(there, _)| *there != name) {
            args.push((name, usual.to_owned()));
        }
    }
    if row.kind == NotificationKind::RenewalRequested && args.iter().all(|(there, _)| *there != "stand") {
        args.push(("stand", "open".to_owned()));
    }
    NotificationView {
        id: row.id,
        kind: row.kind,
        message: texts::message(language, &format!("notification-{}", row.kind.code()), &args),
        link: row.link,
        created_at: row.created_at,
        read_at: row.read_at,
    }
}

/// How many of one's own were not read yet.
pub async fn unread(platform: &Platform, ctx: &OpContext) -> Result<UnreadView> {
    let mut tx = platform.db().begin(ctx).await?;
    let unread = unread_in_tx(&mut tx, ctx).await?;
    tx.commit().await?;
    Ok(unread)
}

pub(crate) async fn unread_in_tx(tx: &mut Tx, ctx: &OpContext) -> Result<UnreadView> {
    let granted = readable(ctx)?;
    Ok(UnreadView { unread: store::unread(tx, granted.id()).await? })
}

/// Marks one of one's own as read; again changes nothing.
///
/// # Errors
/// `NotFound` for one that is not one's own.
pub async fn mark_read(platform: &Platform, ctx: &OpContext, id: NotificationId) -> Result<()> {
    let granted = changeable(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    if !store::mark_read(&mut tx, &granted, id, ctx.now()).await? {
        return Err(Error::not_found());
    }
    tx.commit().await?;
    Ok(())
}

/// Marks all of one's own as read.
pub async fn mark_all_read(platform: &Platform, ctx: &OpContext) -> Result<()> {
    let granted = changeable(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    store::mark_all_read(&mut tx, &granted, ctx.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// Forgets what was read long ago, and what nobody read for longer; run by the job queue.
pub(crate) async fn forget_old(platform: &Platform) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    let (read, unread) = (TimeDelta::days(KEPT_DAYS), TimeDelta::days(KEPT_UNREAD_DAYS));
    store::delete_before(&mut tx, ctx.now() - read, ctx.now() - unread).await?;
    channels::forget_old(&mut tx, &ctx).await?;
    tx.commit().await?;
    Ok(())
}

fn own(ctx: &OpContext) -> Result<AccountRef> {
    let user = ctx.user().ok_or_else(|| Error::new(ErrorCode::Unauthenticated))?;
    Ok(AccountRef { owner: Some(user.id), ..AccountRef::of_platform(user.id) })
}

fn readable(ctx: &OpContext) -> Result<Granted<ViewAccount>> {
    ctx.authorize(ViewAccount, &own(ctx)?)
}

fn changeable(ctx: &OpContext) -> Result<Granted<UpdateAccount>> {
    ctx.authorize(UpdateAccount, &own(ctx)?)
}
