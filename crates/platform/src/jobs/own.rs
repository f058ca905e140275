//! What is done in the background for a customer, with where the thing itself stands: a job that is done may have found that
//! an instance cannot be made.

use std::collections::HashMap;

use contract::jobs::{JobSubject, OwnJobKind, OwnJobQuery, OwnJobView};
use contract::{Page, Permission};
use serde_json::Value;

use super::{Claim, store};
use crate::authz::{OwnJobRef, Scope};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, SystemActor, accounts, audit, files, instances};

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
    let mut known = HashMap::new();
    for kind in OwnJobKind::ALL {
        let of_kind = rows.iter().filter(|row| row.kind == kind.code());
        let ids: Vec<i64> = of_kind.filter_map(|row| subject_of(&row.payload)).collect();
        known.insert(*kind, standings(&mut tx, ctx, *kind, &ids).await?);
    }
    tx.commit().await?;
    let people = match person {
        None => names(platform, ctx, &rows).await?,
        Some(_) => HashMap::new(),
    };
    let list = rows.into_iter().map(|row| view(row, &known, &people)).collect::<Result<_>>()?;
    Ok(Page { list, total, page, page_size })
}

fn view(
    row: store::Row,
    known: &HashMap<OwnJobKind, HashMap<i64, Standing>>,
    people: &HashMap<i64, String>,
) -> Result<OwnJobView> {
    let kind = OwnJobKind::parse(&row.kind).ok_or_else(|| Error::internal(format!("{} is nobody's", row.kind)))?;
    let standing = subject_of(&row.payload).and_then(|id| known.get(&kind)?.get(&id));
    Ok(OwnJobView {
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

/// Whether what a job is about has failed, as it stands when the job has done its work: later jobs may find it otherwise.
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
