//! Workbooks that are read, looked at row by row and confirmed as a whole; what they are about is the subjects'.
//!
//! Invariants: nothing about anything changes before the confirmation, and then everything in one transaction or nothing;
//! a workbook is parsed only in a child process (see the crate `sheets`), row by row, in a durable job that may die anywhere
//! and begins anew; no process holds a workbook whole; confirming judges again, and what somebody changed since the
//! verdicts were shown is not overwritten; the text of a password is in no row.

mod columns;
mod confirm;
pub(crate) mod fuzzing;
mod reading;
mod store;
mod subject;
mod take_back;
mod units;

use std::collections::BTreeMap;

use contract::imports::{
    IMPORT_HOURS, ImportRow, ImportRowQuery, ImportState, ImportSubject, ImportView, MAX_IMPORT_BYTES,
    MAX_STAGED_BYTES, MAX_STAGED_IMPORTS, Note, RowFault, RowVerdict,
};
use contract::{ErrorCode, ImportId, Page};
use tokio::io::{AsyncRead, AsyncReadExt as _};

pub use columns::SheetColumn;
pub(crate) use columns::{columns, errors_in, fault, faults_of, text_of};
pub use confirm::confirm;
pub(crate) use reading::is_refused;
pub use reading::read;
pub(crate) use store::{ToWrite, to_write_after};
pub use subject::{columns_of, example_names, heading_of, keeps_unknown};
pub use take_back::take_back;

use crate::jobs::{NewJob, enqueue_in_tx};
use crate::{Error, OpContext, Platform, Result, audit};

/// Before the heading of a column that nobody knows, where a row keeps what it says: no column on the wire begins so.
pub const UNKNOWN_COLUMN: char = '*';

/// Bytes of a part of a stored workbook: it is held three times while it is sent to the database.
const PART: usize = 256 << 10;

/// A row of a workbook: texts by column.
#[derive(Default)]
pub(crate) struct TextRow {
    pub row: u32,
    pub cells: BTreeMap<String, String>,
    /// The code that was made for it earlier, kept while it is free.
    pub given: Option<String>,
    /// Hash of the password that it had.
    pub secret: Option<String>,
    /// What was wrong with it earlier, for what cannot be judged from the cells again.
    pub faults: Vec<RowFault>,
}

/// A row that is not taken back.
pub(crate) struct Kept {
    pub row: u32,
    pub column: &'static str,
    /// Key of the reason.
    pub why: &'static str,
}

/// A row with its verdict, as it is staged.
pub(crate) struct Judged {
    pub row: u32,
    pub verdict: RowVerdict,
    /// Of the machine, or the user name.
    pub code: Option<String>,
    pub cells: BTreeMap<String, String>,
    /// What is written when it is confirmed, as its subject reads it.
    pub written: Option<serde_json::Value>,
    pub changes: Vec<String>,
    /// What there is in the columns that change, where the subject says so.
    pub before: BTreeMap<String, String>,
    pub faults: Vec<RowFault>,
    /// Revision of what it changes that the verdict was made against.
    pub base_revision: Option<i64>,
    pub secret: Option<String>,
}

impl Judged {
    /// A row that is left out, with everything that is wrong with it.
    pub fn wrong(row: TextRow, code: Option<String>, faults: Vec<RowFault>) -> Self {
        Self {
            row: row.row,
            verdict: RowVerdict::Error,
            code,
            cells: row.cells,
            written: None,
            changes: Vec::new(),
            before: BTreeMap::new(),
            faults: columns::without_aftermath(faults),
            base_revision: None,
            secret: row.secret,
        }
    }

    /// A row about something that is there with this revision, and differs in these columns, or about something new.
    pub fn sound(
        row: TextRow,
        code: Option<String>,
        written: &impl serde::Serialize,
        (base_revision, changes): (Option<i64>, Vec<String>),
    ) -> Result<Self> {
        let verdict = match base_revision {
            None => RowVerdict::New,
            Some(_) if changes.is_empty() => RowVerdict::Unchanged,
            Some(_) => RowVerdict::Update,
        };
        let written = Some(serde_json::to_value(written).map_err(Error::internal)?);
        let faults = Vec::new();
        Ok(Self {
            row: row.row,
            verdict,
            code,
            cells: row.cells,
            written,
            changes,
            before: BTreeMap::new(),
            faults,
            base_revision,
            secret: row.secret,
        })
    }

    /// With what there is now in the columns that change.
    #[must_use]
    pub fn instead_of(mut self, before: BTreeMap<String, String>) -> Self {
        self.before = before;
        self
    }
}

/// Stages a workbook; it is read in the background, and [`get`] says how far that is.
///
/// # Errors
/// `Validation` for no file, `TooLarge` beyond [`MAX_IMPORT_BYTES`], `QuotaExceeded` for who has too many or too much
/// staged already.
pub async fn stage(
    platform: &Platform,
    ctx: &OpContext,
    subject: ImportSubject,
    file_name: &str,
    mut content: impl AsyncRead + Unpin,
) -> Result<ImportView> {
    let ctx = &attempt(ctx, subject);
    let mut tx = platform.db().begin(ctx).await?;
    let granted = subject::authorize(ctx, subject)?;
    subject::may_update(ctx, subject)?;
    // Only the name counts, whatever path a browser sent.
    let name: String = file_name.rsplit(['/', '\\']).next().unwrap_or_default().chars().take(200).collect();
    let name = if name.trim().is_empty() { format!("{}.xlsx", subject.code()) } else { name };
    let expires = ctx.now() + chrono::TimeDelta::hours(IMPORT_HOURS);
    let (others, others_bytes) = store::staged(&mut tx, &granted, ctx).await?;
    if others >= MAX_STAGED_IMPORTS {
        return Err(too_much(others));
    }
    let id = store::insert(&mut tx, &granted, &name, ctx, expires).await?;
    let mut size = 0;
    for part in 0.. {
        let mut bytes = Vec::with_capacity(PART);
        (&mut content).take(PART as u64).read_to_end(&mut bytes).await.map_err(Error::internal)?;
        if bytes.is_empty() {
            break;
        }
        size += bytes.len();
        if size > MAX_IMPORT_BYTES {
            return Err(Error::new(ErrorCode::TooLarge));
        }
        store::insert_part(&mut tx, &granted, id, part, &bytes).await?;
    }
    if size == 0 {
        return Err(Error::field("file", "field-file-required"));
    }
    let size = size as i64;
    if others_bytes + size > MAX_STAGED_BYTES {
        return Err(too_much(others));
    }
    store::note_size(&mut tx, &granted, id, size).await?;
    let mut job = NewJob::new(subject::kind(subject).job, ctx.now());
    job.payload = serde_json::json!({ "import": id.0 });
    // A person waits for it.
    job.priority = 10;
    job.person = ctx.user().map(|user| user.id);
    enqueue_in_tx(&mut tx, &job).await?;
    let view = store::get(&mut tx, subject, id).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?;
    platform.bell().notify_one();
    Ok(view)
}

/// One that is not staged yet.
fn attempt(ctx: &OpContext, subject: ImportSubject) -> OpContext {
    let kind = subject::kind(subject);
    ctx.trying_new(kind.importing, kind.target)
}

/// Whether the caller may import at all: asked before anything they send is taken in.
///
/// # Errors
/// `NotFound` for who may not.
pub fn may_stage(ctx: &OpContext, subject: ImportSubject) -> Result<()> {
    subject::may_bring_in(&attempt(ctx, subject), subject)
}

fn too_much(staged: i64) -> Error {
    Error::new(ErrorCode::QuotaExceeded)
        .with_key("error-import-too-many")
        .with_arg("n", staged)
        .with_arg("max", MAX_STAGED_IMPORTS)
        .with_arg("mib", MAX_STAGED_BYTES >> 20)
}

/// A staged import.
pub async fn get(platform: &Platform, ctx: &OpContext, subject: ImportSubject, id: ImportId) -> Result<ImportView> {
    subject::may_look(ctx, subject)?;
    let mut tx = platform.db().begin(ctx).await?;
    let view = store::get(&mut tx, subject, id).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?;
    Ok(view)
}

/// Rows of a staged import, in their order.
pub async fn rows(
    platform: &Platform,
    ctx: &OpContext,
    subject: ImportSubject,
    id: ImportId,
    query: &ImportRowQuery,
) -> Result<Page<ImportRow>> {
    subject::may_look(ctx, subject)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(ctx).await?;
    store::get(&mut tx, subject, id).await?.ok_or_else(Error::not_found)?;
    let (list, total) = store::rows(&mut tx, (subject, id), query, page, page_size).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// The rows after this one, at most a thousand: for the result's workbook.
pub async fn rows_after(
    platform: &Platform,
    ctx: &OpContext,
    subject: ImportSubject,
    id: ImportId,
    after: u32,
) -> Result<Vec<ImportRow>> {
    subject::may_look(ctx, subject)?;
    let mut tx = platform.db().begin(ctx).await?;
    store::get(&mut tx, subject, id).await?.ok_or_else(Error::not_found)?;
    let rows = store::rows_after(&mut tx, (subject, id), after).await?;
    tx.commit().await?;
    Ok(rows)
}

/// Throws a staged import away.
///
/// # Errors
/// `WrongState` for one that is over.
pub async fn discard(platform: &Platform, ctx: &OpContext, subject: ImportSubject, id: ImportId) -> Result<()> {
    let kind = subject::kind(subject);
    let ctx = &ctx.trying_on(kind.discarding, kind.target, id);
    subject::may_look(ctx, subject)?;
    let mut tx = platform.db().begin(ctx).await?;
    let granted = subject::authorize(ctx, subject)?;
    let view = store::lock(&mut tx, subject, id).await?.ok_or_else(Error::not_found)?;
    if matches!(view.state, ImportState::Confirmed | ImportState::Discarded) {
        return Err(wrong_state(&view));
    }
    store::close(&mut tx, &granted, id, ImportState::Discarded, ctx.now()).await?;
    let facts = serde_json::json!({ "file": view.file_name });
    audit::record_in_tx(&mut tx, ctx, entry(subject, kind.discarding, id, facts)).await?;
    tx.commit().await?;
    Ok(())
}

/// Forgets imports whose day is over. Run by the job queue.
pub async fn forget(platform: &Platform) -> Result<u64> {
    let ctx = platform.system(crate::SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    let forgotten = store::delete_expired(&mut tx, ctx.now()).await?;
    tx.commit().await?;
    Ok(forgotten)
}

fn entry(subject: ImportSubject, action: &'static str, id: ImportId, after: serde_json::Value) -> audit::Entry {
    audit::Entry {
        action,
        target_kind: subject::kind(subject).target,
        target_id: Some(id.to_string()),
        customer: None,
        before: None,
        after: Some(after),
    }
}

fn wrong_state(view: &ImportView) -> Error {
    Error::new(ErrorCode::WrongState).with_key("error-import-state").with_arg("state", view.state.code())
}

fn note(key: &str, args: &[(&str, String)]) -> Note {
    let args = args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Note { key: key.to_owned(), args, message: String::new() }
}
