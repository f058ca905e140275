//! Looking at what was recorded: lists, one of them, and what it shows.

use std::collections::HashMap;

use contract::access::{RecordingKind, RecordingQuery, RecordingView};
use contract::{CustomerId, ErrorCode, Page, Permission, UserId};
use serde_json::json;
use uuid::Uuid;

use super::{kept, keyring_of, sealed_for, sheet};
use crate::authz::{InstanceRef, OperateInstance, PlayRecording, RecordingRef, Scope};
use crate::fields::Wrong;
use crate::files::Frames;
use crate::instances::store::{self, RecordingRow, Row};
use crate::instances::{entry, system};
use crate::secrets::Keyring;
use crate::{Error, OpContext, Platform, Result, accounts, audit, customers};

/// In the audit log; of the instance that somebody was in.
const PLAY: &str = "instances:play-recording";

impl RecordingRow {
    fn own(&self) -> RecordingRef {
        RecordingRef { id: self.id, customer: Some(self.customer), owner: Some(self.user), machine: None }
    }
}

/// A page of those of one's customer's people, for its owners, or of one's own; the newest first.
///
/// # Errors
/// `NotFound` for who has no instances.
pub async fn list_recordings(
    platform: &Platform,
    ctx: &OpContext,
    query: &RecordingQuery,
) -> Result<Page<RecordingView>> {
    let whose = match ctx.authorize_list::<RecordingRef>(Permission::InstancesUse)? {
        Scope::Customer(customer) => (Some(customer), None),
        // Of the customer they act for: whoever left one has nothing there any more.
        Scope::Own(person) => match ctx.user().and_then(|user| user.active_customer) {
            Some(customer) => (Some(customer), Some(person)),
            None => return Err(Error::not_found()),
        },
        Scope::All => return Err(Error::not_found()),
    };
    page(platform, ctx, whose, query).await
}

/// The same of everybody's, for staff: that there are any. What they show needs a reason.
///
/// # Errors
/// `NotFound` for others.
pub async fn list_all_recordings(
    platform: &Platform,
    ctx: &OpContext,
    query: &RecordingQuery,
) -> Result<Page<RecordingView>> {
    ctx.authorize_list::<InstanceRef>(Permission::InstancesView)?;
    page(platform, ctx, (None, None), query).await
}

async fn page(
    platform: &Platform,
    ctx: &OpContext,
    whose: (Option<CustomerId>, Option<UserId>),
    query: &RecordingQuery,
) -> Result<Page<RecordingView>> {
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let session = query.session.as_deref().map(str::parse::<Uuid>).transpose();
    let session = session.map_err(|_| Error::field("session", "field-unknown-value"))?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let (found, mut total) = store::list_recordings(&mut tx, whose, (session, query), (page, page_size)).await?;
    // No row of a page beyond the end says how many there are.
    if found.is_empty() && page > 1 {
        total = store::list_recordings(&mut tx, whose, (session, query), (1, 1)).await?.1;
    }
    let names = Names::of(&mut tx, ctx, &found).await?;
    tx.commit().await?;
    let list = found.into_iter().map(|row| {
        // In lists nobody reads what others ran: that would be a look that nobody hears of.
        let mine = is_of(ctx, &row);
        names.view(platform, row, mine)
    });
    Ok(Page { list: list.collect::<Result<_>>()?, total, page, page_size })
}

/// Whether there is something to play: not of copied files, nor of what went on unrecorded from the beginning.
fn shows(row: &RecordingRow) -> bool {
    row.kind != RecordingKind::Files && (row.bytes > 0 || !row.unrecorded)
}

fn is_of(ctx: &OpContext, row: &RecordingRow) -> bool {
    ctx.user().is_some_and(|user| user.id == row.user)
}

struct Names {
    instances: HashMap<i64, Row>,
    people: HashMap<i64, String>,
    customers: HashMap<i64, String>,
}

impl Names {
    async fn of(tx: &mut crate::db::Tx, ctx: &OpContext, found: &[RecordingRow]) -> Result<Self> {
        let ids: Vec<i64> = found.iter().map(|row| row.instance.0).collect();
        let users: Vec<i64> = found.iter().map(|row| row.user.0).collect();
        let of: Vec<i64> = found.iter().map(|row| row.customer.0).collect();
        let customers = match ctx.is_staff() {
            true => customers::names(tx, &of).await?,
            false => HashMap::new(),
        };
        let rows = store::rows(tx, &ids).await?;
        let instances = rows.into_iter().map(|row| (row.id.0, row)).collect();
        Ok(Self { instances, people: accounts::names(tx, &users).await?, customers })
    }

    fn view(&self, platform: &Platform, row: RecordingRow, with_command: bool) -> Result<RecordingView> {
        let has_content = shows(&row);
        let command = match row.sealed_command.filter(|_| with_command) {
            Some(sealed) => {
                let bytes = platform.keyring().open(&sealed_for(row.id), &sealed)?;
                Some(String::from_utf8_lossy(&bytes).into_owned())
            }
            None => None,
        };
        Ok(RecordingView {
            id: row.id.to_string(),
            session: row.access.to_string(),
            door: row.door,
            kind: row.kind,
            instance: row.instance,
            instance_name: self.instances.get(&row.instance.0).map(|it| it.name.clone()).unwrap_or_default(),
            customer_id: row.customer,
            customer_name: self.customers.get(&row.customer.0).cloned(),
            user: row.user,
            user_name: self.people.get(&row.user.0).cloned().unwrap_or_default(),
            command,
            cols: row.size.map(|(cols, _)| cols),
            rows: row.size.map(|(_, rows)| rows),
            with_input: row.with_input,
            began_at: row.began_at,
            ended_at: row.ended_at,
            ending: row.ending,
            unrecorded: row.unrecorded,
            exit_code: row.exit_code,
            bytes: row.bytes,
            has_content,
        })
    }
}

/// One of one's own, or, for owners, of somebody of their customer, with what was run; who that is reads in the log that
/// somebody else did.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn recording(platform: &Platform, ctx: &OpContext, id: &str) -> Result<RecordingView> {
    let row = own(platform, ctx, id).await?;
    if row.sealed_command.is_some() {
        note_own(platform, ctx, &row).await?;
    }
    one(platform, ctx, row, true).await
}

/// Anybody's, for staff; what was run is in it where a reason is given, which its customer reads in their own log.
///
/// # Errors
/// `NotFound` where there is none, `Forbidden` for who may only see instances, `Validation` for a reason that says nothing.
pub async fn recording_of_any(
    platform: &Platform,
    ctx: &OpContext,
    id: &str,
    why: Option<String>,
) -> Result<RecordingView> {
    let row = anybodys(platform, ctx, id).await?;
    let told = why.is_some();
    if told {
        note_of_staff(platform, ctx, &row, why).await?;
    }
    one(platform, ctx, row, told).await
}

async fn one(platform: &Platform, ctx: &OpContext, row: RecordingRow, with_command: bool) -> Result<RecordingView> {
    let is_there = shows(&row) && kept(platform).open(row.id).await?.is_some();
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let names = Names::of(&mut tx, ctx, std::slice::from_ref(&row)).await?;
    tx.commit().await?;
    Ok(RecordingView { has_content: is_there, ..names.view(platform, row, with_command)? })
}

/// What one shows, as of [`recording`]: an asciicast. Whoever else than the person it is of takes it is in the log.
///
/// # Errors
/// `NotFound` where there is none, or nothing that could be played.
pub async fn recording_content(platform: &Platform, ctx: &OpContext, id: &str) -> Result<RecordingContent> {
    let row = own(platform, ctx, id).await?;
    let content = content(platform, &row).await?;
    note_own(platform, ctx, &row).await?;
    Ok(content)
}

/// The same of anybody's, for staff with a reason.
///
/// # Errors
/// As [`recording_of_any`], and `Validation` without a reason.
pub async fn recording_content_of_any(
    platform: &Platform,
    ctx: &OpContext,
    id: &str,
    why: Option<String>,
) -> Result<RecordingContent> {
    let row = anybodys(platform, ctx, id).await?;
    let content = content(platform, &row).await;
    note_of_staff(platform, ctx, &row, why).await?;
    content
}

async fn own(platform: &Platform, ctx: &OpContext, id: &str) -> Result<RecordingRow> {
    ctx.authorize_list::<RecordingRef>(Permission::InstancesUse)?;
    // In the caller's own transaction: the database shows what is of the customer they act for, and nothing of another.
    let row = found(platform, ctx, id).await?;
    if ctx.user().and_then(|user| user.active_customer) != Some(row.customer) {
        return Err(Error::not_found());
    }
    ctx.trying_on(PLAY, "instance", row.instance).authorize(PlayRecording, &row.own())?;
    Ok(row)
}

async fn anybodys(platform: &Platform, ctx: &OpContext, id: &str) -> Result<RecordingRow> {
    ctx.authorize_list::<InstanceRef>(Permission::InstancesView)?;
    let row = found(platform, &system(ctx), id).await?;
    let place = InstanceRef { id: row.instance, customer: Some(row.customer), owner: None, machine: None };
    ctx.trying_on(PLAY, "instance", row.instance).authorize(OperateInstance, &place)?;
    Ok(row)
}

async fn found(platform: &Platform, ctx: &OpContext, id: &str) -> Result<RecordingRow> {
    let id = id.parse::<Uuid>().map_err(|_| Error::not_found())?;
    let mut tx = platform.db().begin(ctx).await?;
    let row = store::find_recording(&mut tx, id).await?;
    tx.commit().await?;
    row.ok_or_else(Error::not_found)
}

async fn content(platform: &Platform, row: &RecordingRow) -> Result<RecordingContent> {
    let gone = || Error::new(ErrorCode::NotFound).with_key("error-recording-nothing");
    let frames = match shows(row) {
        true => kept(platform).open(row.id).await?,
        false => None,
    };
    let frames = frames.ok_or_else(gone)?;
    let name = format!("{}-{}.cast", row.began_at.format("%Y%m%d-%H%M%S"), &row.id.simple().to_string()[..8]);
    let keyring = keyring_of(platform, row.id);
    Ok(RecordingContent { frames, keyring, id: row.id, next: 0, due: row.frames, name })
}

/// Nobody hears of who looks at what they did themselves.
async fn note_own(platform: &Platform, ctx: &OpContext, row: &RecordingRow) -> Result<()> {
    match is_of(ctx, row) {
        true => Ok(()),
        false => note(platform, ctx, row, None).await,
    }
}

async fn note_of_staff(platform: &Platform, ctx: &OpContext, row: &RecordingRow, why: Option<String>) -> Result<()> {
    let mut wrong = Wrong::new();
    let reason = wrong.reason(why);
    wrong.into_result()?;
    note(platform, ctx, row, reason).await
}

async fn note(platform: &Platform, ctx: &OpContext, row: &RecordingRow, reason: Option<String>) -> Result<()> {
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let instance = store::find(&mut tx, row.instance).await?.ok_or_else(Error::not_found)?;
    let person = accounts::names(&mut tx, &[row.user.0]).await?.remove(&row.user.0);
    let facts = json!({
        "name": instance.name, "recording": row.id, "kind": row.kind, "person": person, "begunAt": row.began_at,
        "reason": reason,
    });
    audit::record_in_tx(&mut tx, ctx, entry(PLAY, &instance, None, Some(facts))).await?;
    tx.commit().await?;
    Ok(())
}

/// What a recording shows, piece by piece.
pub struct RecordingContent {
    frames: Frames,
    keyring: Keyring,
    id: Uuid,
    next: u32,
    /// Pieces that have to be there.
    due: u32,
    /// What a file of it is called.
    pub name: String,
}

impl RecordingContent {
    /// The next piece; `None` at the end of what was written.
    ///
    /// # Errors
    /// The store does not give it, or it was changed there, also where its end was cut off.
    pub async fn next(mut self) -> Result<Option<(Self, Vec<u8>)>> {
        let read = move || {
            let Some(sealed) = self.frames.read().map_err(Error::internal)? else {
                return match self.next < self.due {
                    true => {
                        Err(Error::internal(format!("recording {} ends at {} of {}", self.id, self.next, self.due)))
                    }
                    false => Ok(None),
                };
            };
            let lines = sheet::open(&self.keyring, (self.id, self.next), &sealed)?;
            self.next += 1;
            Ok(Some((self, lines)))
        };
        tokio::task::spawn_blocking(read).await.map_err(Error::internal)?
    }
}
