//! What is done in the background for a customer, with where the thing itself stands: a job that is done may have found that
//! an instance cannot be made.

use std::collections::HashMap;

use contract::instances::SaveState;
use contract::jobs::{JobState, JobSubject, OwnJobKind, OwnJobQuery, OwnJobView};
use contract::{InstanceSaveId, JobId, Page, Permission};
use serde_json::{Value, json};

use super::{Claim, staff, store};
use crate::authz::{Granted, ManageOwnJob, OwnJobRef, Scope};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, SystemActor, accounts, audit, files, instances};

/// What jobs are about, by their kind and its id.
pub(super) type Known = HashMap<OwnJobKind, HashMap<i64, Standing>>;

/// Where what a job is about stands now.
pub(crate) struct Standing {
    pub name: String,
    /// A word of its own states.
    pub state: &'static str,
    /// It did not come to be, or failed since.
    pub failed: bool,
    /// Why it failed, in the reader's language.
    pub message: Option<String>,
    /// A page of the customers' portal.
    pub link: Option<String>,
    /// Percent, where that is known.
    pub progress: Option<u8>,
}

/// One's customer's jobs for its owners, or one's own, the newest first. What has ended is kept for seven days.
///
/// # Errors
/// `NotFound` for who acts for no customer.
pub async fn list_own(platform: &Platform, ctx: &OpContext, query: &OwnJobQuery) -> Result<Page<OwnJobView>> {
    let acts_for = || ctx.user().and_then(|user| user.active_customer).ok_or_else(Error::not_found);
    let (customer, person) = match ctx.authorize_list::<OwnJobRef>(Permission::JobsViewOwn)? {
        Scope::Customer(customer) => (customer, None),
        Scope::Own(person) => (acts_for()?, Some(person)),
        Scope::All => return Err(Error::not_found()),
    };
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    // Those that tell people something.
    let kinds = OwnJobKind::ALL.iter().filter(|kind| query.kind.is_none_or(|wanted| wanted == **kind));
    let filter = store::Filter {
        kinds: Some(kinds.map(|kind| kind.code().to_owned()).collect()),
        state: query.state,
        outcome: query.outcome,
        customer: Some(customer),
        person,
        ..store::Filter::default()
    };
    let mut tx = platform.db().begin(ctx).await?;
    let rows = store::list(&mut tx, &filter, page, page_size).await?;
    let total = store::count(&mut tx, &filter).await?;
    let known = known(&mut tx, ctx, &rows).await?;
    tx.commit().await?;
    let people = match person {
        None => names(platform, ctx, &rows).await?,
        Some(_) => HashMap::new(),
    };
    let list = rows.into_iter().map(|row| view(ctx, row, &known, &people)).collect::<Result<_>>()?;
    Ok(Page { list, total, page, page_size })
}

/// Gives up what a job of one's own works on, where that can be given up as a whole: an image that is being made of an instance.
///
/// # Errors
/// `NotFound` where there is none, `Forbidden` for who may begin none, `WrongState` for what has ended, is given up already, or
/// is given up where it was begun.
pub async fn cancel_own(platform: &Platform, ctx: &OpContext, id: JobId) -> Result<OwnJobView> {
    let ctx = &ctx.trying_on("jobs:cancel", "job", id);
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Worker)).await?;
    let (row, kind, _) = managed(&mut tx, ctx, id).await?;
    let subject = subject_of(&row.payload);
    let mut known = known_of(&mut tx, ctx, kind, subject).await?;
    may_be_given_up(&row, kind, standing_in(&row, &known))?;
    // It may have ended just now.
    let save = InstanceSaveId(subject.ok_or_else(staff::ended)?);
    if !instances::give_up_save_in_tx(&mut tx, ctx, save).await? {
        return Err(staff::ended());
    }
    // One that waits has nothing to see to; one that runs, or began just now, sees it within a second, and tidies up.
    let ends_now = store::cancel_waiting(&mut tx, id).await?;
    let after = match ends_now {
        true => json!({ "kind": row.kind, "state": JobState::Cancelled, "attempt": row.attempt }),
        false => json!({ "kind": row.kind, "state": JobState::Running, "attempt": row.attempt, "stopping": true }),
    };
    staff::record(&mut tx, ctx, "jobs:cancel", &row, after).await?;
    known = known_of(&mut tx, ctx, kind, subject).await?;
    let view = view_now(&mut tx, ctx, id, &known).await?;
    tx.commit().await?;
    Ok(view)
}

/// Lets a failed job of one's own run again, from its beginning and with all its attempts.
///
/// # Errors
/// `NotFound` where there is none, `Forbidden` for who may begin none, `WrongState` for what has not failed or would find
/// nothing to do.
pub async fn retry_own(platform: &Platform, ctx: &OpContext, id: JobId) -> Result<OwnJobView> {
    let ctx = &ctx.trying_on("jobs:retry", "job", id);
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Worker)).await?;
    let (row, kind, granted) = managed(&mut tx, ctx, id).await?;
    staff::may_be_retried(&row, ctx.now())?;
    if !store::requeue(&mut tx, &granted).await? {
        return Err(staff::not_failed());
    }
    let after = json!({ "kind": row.kind, "state": JobState::Ready, "attempt": 0 });
    staff::record(&mut tx, ctx, "jobs:retry", &row, after).await?;
    let known = known_of(&mut tx, ctx, kind, subject_of(&row.payload)).await?;
    let view = view_now(&mut tx, ctx, id, &known).await?;
    tx.commit().await?;
    platform.bell().notify_one();
    Ok(view)
}

/// One of one's customer's, to change it.
async fn managed(tx: &mut Tx, ctx: &OpContext, id: JobId) -> Result<(store::Row, OwnJobKind, Granted<ManageOwnJob>)> {
    ctx.authorize_list::<OwnJobRef>(Permission::JobsViewOwn)?;
    let (row, _) = store::find(tx, id).await?.ok_or_else(Error::not_found)?;
    let resource = OwnJobRef { customer: row.customer, owner: row.person, ..OwnJobRef::of_platform(id) };
    let granted = ctx.authorize(ManageOwnJob, &resource)?;
    let acts_for = ctx.user().and_then(|user| user.active_customer);
    match OwnJobKind::parse(&row.kind) {
        Some(kind) if row.customer.is_some() && row.customer == acts_for => Ok((row, kind, granted)),
        // It is theirs, of another customer than they act for now.
        _ => Err(Error::not_found()),
    }
}

/// Of everything else the people give up the thing itself.
fn may_be_given_up(row: &store::Row, kind: OwnJobKind, standing: Option<&Standing>) -> Result<()> {
    let is_going = |standing: &Standing| {
        SaveState::parse(standing.state).is_some_and(|state| matches!(state, SaveState::Waiting | SaveState::Saving))
    };
    match (row.state, kind) {
        (JobState::Done | JobState::Failed | JobState::Cancelled, _) => Err(staff::ended()),
        (JobState::Ready | JobState::Running, OwnJobKind::Save) if standing.is_some_and(is_going) => Ok(()),
        (JobState::Ready | JobState::Running, OwnJobKind::Save) => Err(staff::is_stopping()),
        (JobState::Ready | JobState::Running, _) => Err(staff::works_on_something()),
    }
}

/// What these are about, as the caller may know it.
pub(super) async fn known(tx: &mut Tx, ctx: &OpContext, rows: &[store::Row]) -> Result<Known> {
    let mut known = HashMap::new();
    for kind in OwnJobKind::ALL {
        let of_kind = rows.iter().filter(|row| row.kind == kind.code());
        let ids: Vec<i64> = of_kind.filter_map(|row| subject_of(&row.payload)).collect();
        known.insert(*kind, standings(tx, ctx, *kind, &ids).await?);
    }
    Ok(known)
}

/// What one of them is about.
pub(super) fn standing_in<'a>(row: &store::Row, known: &'a Known) -> Option<&'a Standing> {
    known.get(&OwnJobKind::parse(&row.kind)?)?.get(&subject_of(&row.payload)?)
}

async fn known_of(tx: &mut Tx, ctx: &OpContext, kind: OwnJobKind, subject: Option<i64>) -> Result<Known> {
    let ids: Vec<i64> = subject.into_iter().collect();
    Ok(HashMap::from([(kind, standings(tx, ctx, kind, &ids).await?)]))
}

/// One as it is after a change.
async fn view_now(tx: &mut Tx, ctx: &OpContext, id: JobId, known: &Known) -> Result<OwnJobView> {
    let (row, _) = store::find(tx, id).await?.ok_or_else(Error::not_found)?;
    let people = match ctx.authorize_list::<OwnJobRef>(Permission::JobsViewOwn)? {
        Scope::Customer(_) => accounts::names(tx, &row.person.iter().map(|id| id.0).collect::<Vec<_>>()).await?,
        Scope::Own(_) | Scope::All => HashMap::new(),
    };
    view(ctx, row, known, &people)
}

fn view(ctx: &OpContext, row: store::Row, known: &Known, people: &HashMap<i64, String>) -> Result<OwnJobView> {
    let kind = OwnJobKind::parse(&row.kind).ok_or_else(|| Error::internal(format!("{} is nobody's", row.kind)))?;
    let standing = standing_in(&row, known);
    let permitted = ctx.holds(Permission::InstancesCreate);
    Ok(OwnJobView {
        may_cancel: crate::may(ctx, permitted, may_be_given_up(&row, kind, standing))?,
        may_retry: crate::may(ctx, permitted, staff::may_be_retried(&row, ctx.now()))?,
        id: row.id,
        kind,
        state: row.state,
        outcome: row.outcome(),
        attempt: row.attempt,
        max_attempts: row.max_attempts,
        progress: standing.and_then(|standing| standing.progress),
        subject: standing.map(|standing| JobSubject {
            kind: kind.subject().to_owned(),
            name: standing.name.clone(),
            state: standing.state.to_owned(),
            failed: standing.failed,
            message: standing.message.clone(),
            link: standing.link.clone(),
        }),
        person: row.person.and_then(|id| people.get(&id.0).cloned()),
        run_at: row.run_at,
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}

/// Id of the upload, the instance or the save that a job is about.
fn subject_of(payload: &Value) -> Option<i64> {
    ["instance", "save", "upload"].into_iter().find_map(|name| payload.get(name)?.as_i64())
}

async fn standings(tx: &mut Tx, ctx: &OpContext, kind: OwnJobKind, ids: &[i64]) -> Result<HashMap<i64, Standing>> {
    match kind {
        OwnJobKind::Upload => files::standings(tx, ctx, ids).await,
        OwnJobKind::Instance => instances::standings(tx, ctx, ids).await,
        OwnJobKind::Save => instances::save_standings(tx, ctx, ids).await,
    }
}

/// Whether what a customer's job is about has failed.
pub(super) async fn has_failed(tx: &mut Tx, ctx: &OpContext, claim: &Claim) -> Result<bool> {
    let (Some(kind), Some(id)) = (OwnJobKind::parse(&claim.kind), subject_of(&claim.payload)) else { return Ok(false) };
    Ok(standings(tx, ctx, kind, &[id]).await?.get(&id).is_some_and(|standing| standing.failed))
}

/// What people are called whose jobs an owner sees; also of those who left.
async fn names(platform: &Platform, ctx: &OpContext, rows: &[store::Row]) -> Result<HashMap<i64, String>> {
    let people: Vec<i64> = rows.iter().filter_map(|row| row.person).map(|id| id.0).collect();
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Worker)).await?;
    let names = accounts::names(&mut tx, &people).await?;
    tx.commit().await?;
    Ok(names)
}
