//! Mail: put into a table with the change that causes it, sent by a job.
//!
//! Invariants: what a server acknowledged is never sent again, because a try claims the mail for itself before it hands the
//! text over, and a mail whose try died there is not tried again; the Message-ID is the same at every try; values are
//! sealed, because a link in them opens an account; after the last try the failure stands in the list and in the log; what
//! goes to one address goes in the order in which it was written, however long the server was away.

mod html;
mod message;
mod smtp;
mod store;

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use contract::accounts::Language;
use contract::mail::{MailQuery, MailState, MailTestRequest, MailView};
use contract::{ErrorCode, JobId, Page, Permission, UserId};
use lettre::transport::smtp::extension::ClientId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use smtp::{Failure, Step};

use crate::authz::{Installation, UpdateSettings};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::jobs::{self, NewJob};
use crate::settings::{self, MailServer};
use crate::{Error, OpContext, Platform, Result, SystemActor, audit};

/// Tries: with the queue's growing pauses, at most five minutes, between them about seven hours. A mail server may be away
/// for a night's work, and nobody sends a mail that was given up by hand.
const ATTEMPTS: i32 = 80;
/// The same of a mail whose link works for ten minutes: about as long.
const SHORT_ATTEMPTS: i32 = 9;
/// Other jobs go first: a mail server that does not answer keeps a worker waiting at every try.
const PRIORITY: i32 = -1;
/// A mail is over after so long: quiet hours and every try are shorter.
const LONGEST_DAYS: i64 = 3;
/// How long what became of a mail is remembered.
const KEPT_DAYS: i64 = 30;

/// Every kind of mail.
pub const KINDS: [&str; 43] = [
    "test",
    "first-password",
    "password-reset",
    "password-changed",
    "password-elsewhere",
    "email-change",
    "email-change-notice",
    "invitation",
    "sign-up",
    "sign-up-known",
    "allocation-ending",
    "renewal-decided",
    "allocation-given",
    "allocation-delayed",
    "allocation-renewed",
    "allocation-grace",
    "allocation-reclaimed",
    "maintenance-planned",
    "maintenance-cancelled",
    "maintenance-begun",
    "maintenance-over",
    "invitation-accepted",
    "member-added",
    "member-changed",
    "member-removed",
    "customer-switched",
    "roles-changed",
    "email-changed",
    "identities-changed",
    "second-factor-changed",
    "ssh-key-added",
    "api-token-made",
    "sign-in-copied",
    "account-switched",
    "image-reviewed",
    "instance-failed",
    "instance-acted",
    "access-ended",
    "renewal-requested",
    "allocation-waits",
    "engine-certificates",
    "engine-other",
    "recording-stopped",
];

/// A mail to be sent. It says nothing of itself: its link may be secret.
#[derive(Clone)]
pub(crate) struct NewMail {
    /// Names the texts: `mail-<kind>-subject`, `mail-<kind>-text`, and `mail-<kind>-link` where there is a link.
    pub kind: &'static str,
    pub user: Option<UserId>,
    pub address: String,
    pub language: Language,
    /// Values of the texts.
    pub args: Vec<(&'static str, String)>,
    /// Where its button leads; may be secret.
    pub link: Option<String>,
    /// Not before.
    pub at: DateTime<Utc>,
    /// A second mail with the same key is not added.
    pub idempotency_key: Option<String>,
}

/// What is sealed of a mail.
#[derive(Serialize, Deserialize)]
struct Content {
    args: Vec<(String, String)>,
    link: Option<String>,
}

/// True when mail goes out at all.
pub async fn is_on(platform: &Platform) -> bool {
    settings::mail(platform).await.is_some()
}

/// Adds a mail in the transaction of the change that causes it, which must be the system's or the staff's. False when its
/// key was used already.
pub(crate) async fn enqueue_in_tx(platform: &Platform, tx: &mut Tx, mail: NewMail) -> Result<bool> {
    let token = Uuid::new_v4();
    let args = mail.args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let content = serde_json::to_vec(&Content { args, link: mail.link.clone() }).map_err(Error::internal)?;
    let sealed = platform.keyring().seal(&context(token), &content);
    if !store::insert(tx, token, &mail, &sealed).await? {
        return Ok(false);
    }
    let mut job = NewJob::new("mail-send", mail.at);
    job.payload = serde_json::json!({ "mail": token });
    job.max_attempts = if mail.kind == "password-reset" { SHORT_ATTEMPTS } else { ATTEMPTS };
    job.priority = PRIORITY;
    job.sequence = Some(sequence(&mail));
    jobs::enqueue_in_tx(tx, &job).await?;
    Ok(true)
}

/// Whose mails go one after the other. Who asked for a link that works for ten minutes sits there and waits: it stands behind
/// other such links alone.
fn sequence(mail: &NewMail) -> String {
    let class = if mail.kind == "password-reset" { "mail-link" } else { "mail" };
    format!("{class}:{}", mail.address.to_lowercase())
}

fn context(token: Uuid) -> String {
    format!("mails.sealed:{token}")
}

/// One try of this job to send a mail; `last` when the queue will not come again. An error is tried again.
pub(crate) async fn send(platform: &Platform, token: Uuid, job: JobId, last: bool) -> Result<()> {
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let row = store::begin_attempt(&mut tx, token).await?;
    tx.commit().await?;
    let Some(row) = row else { return Ok(()) };
    match row.state {
        MailState::Queued => {}
        MailState::HandingOver => {
            tracing::warn!(
                mail = row.id.0,
                kind = row.kind,
                "a try ended while the mail was handed over; it may be out"
            );
            return settle(platform, &row, MailState::Unknown, None).await;
        }
        MailState::Sent | MailState::Failed | MailState::Unknown => return Ok(()),
    }
    let ended = match attempt(platform, &row, token).await {
        Ok(ended) => ended,
        Err(error) => {
            if last {
                settle(platform, &row, MailState::Failed, Some("internal")).await?;
            }
            return Err(error);
        }
    };
    let failure = match ended {
        Ended::Sent => return settle(platform, &row, MailState::Sent, None).await,
        // Another worker has it.
        Ended::NotOurs => return Ok(()),
        Ended::Failed(failure) => failure,
    };
    let state = if last || failure.is_final() { MailState::Failed } else { MailState::Queued };
    let (step, code) = (failure.step.code(), failure.code);
    settle(platform, &row, state, Some(&failure.to_string())).await?;
    if state == MailState::Failed {
        tracing::warn!(mail = row.id.0, kind = row.kind, step, code, "a mail could not be sent");
    }
    if state == MailState::Queued && failure.is_about_this_one() {
        let mut tx = platform.db().begin(&worker(platform)).await?;
        jobs::leave_sequence_in_tx(&mut tx, job).await?;
        tx.commit().await?;
    }
    // What the recipient's server refuses for good is done with; everything else is for the queue to try again.
    if failure.is_final() { Ok(()) } else { Err(Error::elsewhere(format!("mail {}: {step}", row.id))) }
}

enum Ended {
    Sent,
    NotOurs,
    Failed(Failure),
}

async fn attempt(platform: &Platform, row: &store::Row, token: Uuid) -> Result<Ended> {
    let Some(server) = settings::mail(platform).await else {
        return Ok(Ended::Failed(Failure::off()));
    };
    let opened = platform.keyring().open(&context(token), row.sealed.as_deref().unwrap_or_default())?;
    let content: Content = serde_json::from_slice(&opened).map_err(Error::internal)?;
    let args: Vec<_> = content.args.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let letter = message::Letter {
        kind: &row.kind,
        language: row.language,
        to: &row.address,
        args: &args,
        link: content.link.as_deref(),
        token,
        at: row.created_at,
    };
    let built = match message::build(platform, &server, &letter).await {
        Ok(built) => built,
        Err(why) => return Ok(Ended::Failed(Failure::address(why))),
    };
    let mut connection = match smtp::open(&server, &hello(platform)).await {
        Ok(connection) => connection,
        Err(failure) => return Ok(Ended::Failed(failure)),
    };
    if let Err(failure) = smtp::announce(&mut connection, built.envelope()).await {
        return Ok(Ended::Failed(failure));
    }
    // From here on it is this try's: nobody else hands it over.
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let ours = store::claim_hand_over(&mut tx, row).await?;
    tx.commit().await?;
    if !ours {
        return Ok(Ended::NotOurs);
    }
    match smtp::hand_over(&mut connection, &built.formatted()).await {
        Ok(()) => {
            smtp::close(connection).await;
            Ok(Ended::Sent)
        }
        Err(failure) => Ok(Ended::Failed(failure)),
    }
}

async fn settle(platform: &Platform, row: &store::Row, state: MailState, error: Option<&str>) -> Result<()> {
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    store::settle(&mut tx, row, state, error, ctx.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// Sends a mail now, to find out how far it comes.
///
/// # Errors
/// `Validation` for an address that is none; `WrongState` while no server and sender are set.
pub async fn test(platform: &Platform, ctx: &OpContext, body: MailTestRequest) -> Result<Option<Failure>> {
    let ctx = &ctx.trying_new("settings:test-mail", "settings");
    ctx.authorize(UpdateSettings, &Installation)?;
    let mut wrong = Wrong::new();
    let to = wrong.email("to", Some(body.to));
    if to.is_none() {
        wrong.add("to", "field-required");
    }
    wrong.into_result()?;
    let server = settings::mail(platform).await;
    let server = server.ok_or_else(|| Error::new(ErrorCode::WrongState).with_key("error-mail-off"))?;
    let to = to.unwrap_or_default();
    let failure = try_out(platform, ctx, &server, &to).await;
    let step = failure.as_ref().map_or("done", |failure| failure.step.code());
    let mut tx = platform.db().begin(ctx).await?;
    let entry = audit::Entry {
        action: "settings:test-mail",
        target_kind: "settings",
        target_id: None,
        customer: None,
        before: None,
        after: Some(serde_json::json!({ "to": to, "host": server.host, "step": step })),
    };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    Ok(failure)
}

async fn try_out(platform: &Platform, ctx: &OpContext, server: &MailServer, to: &str) -> Option<Failure> {
    let letter = message::Letter {
        kind: "test",
        language: ctx.language(),
        to,
        args: &[],
        link: None,
        token: Uuid::new_v4(),
        at: ctx.now(),
    };
    let built = match message::build(platform, server, &letter).await {
        Ok(built) => built,
        Err(why) => return Some(Failure::address(why)),
    };
    let mut connection = match smtp::open(server, &hello(platform)).await {
        Ok(connection) => connection,
        Err(failure) => return Some(failure),
    };
    if let Err(failure) = smtp::announce(&mut connection, built.envelope()).await {
        return Some(failure);
    }
    let handed = smtp::hand_over(&mut connection, &built.formatted()).await;
    smtp::close(connection).await;
    handed.err()
}

/// Mail, newest first.
pub async fn list(platform: &Platform, ctx: &OpContext, query: &MailQuery) -> Result<Page<MailView>> {
    ctx.authorize_list::<Installation>(Permission::SettingsView)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (list, total) = store::list(&mut tx, query.state, page, page_size).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// Gives up what nobody sends any more, and forgets what became of old mail; run by the job queue.
pub(crate) async fn forget_old(platform: &Platform) -> Result<()> {
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    // Its last try died with its worker: nobody comes for it any more.
    store::give_up_before(&mut tx, ctx.now() - TimeDelta::days(LONGEST_DAYS)).await?;
    store::delete_before(&mut tx, ctx.now() - TimeDelta::days(KEPT_DAYS)).await?;
    tx.commit().await?;
    Ok(())
}

/// Name this server greets with: the host people know it by. An address has a form of its own (RFC 5321 4.1.3), and some
/// servers refuse it in any other.
fn hello(platform: &Platform) -> ClientId {
    let host = host_of(platform);
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => ClientId::Ipv4(address),
        Ok(IpAddr::V6(address)) => ClientId::Ipv6(address),
        Err(_) => ClientId::Domain(host.to_owned()),
    }
}

/// Host of the public address.
fn host_of(platform: &Platform) -> &str {
    let url = platform.settings().public_url.as_str();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    // A port goes, an IPv6 address stays whole.
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

fn worker(platform: &Platform) -> OpContext {
    platform.system(SystemActor::Worker)
}
