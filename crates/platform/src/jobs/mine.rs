//! What somebody wanted themselves, for the drawer of every page: how much of it is under way, and the newest of it.
//!
//! Who acts for a customer sees what is done there for them; staff see theirs wherever it is.

use std::collections::HashMap;

use contract::jobs::{JobState, MyJob, MyJobs, MyJobsMark, OwnJobKind};
use contract::{CustomerId, Permission, UserId};

use super::handlers::wanted_kinds;
use super::own::{self, Known};
use super::store;
use crate::authz::{JobRef, OwnJobRef};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result};

/// How many are shown; what is under way comes first.
const LATEST: u32 = 10;

/// Jobs of somebody's that are under way, of one of their customers, or of none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Going {
    pub customer: Option<CustomerId>,
    pub jobs: i64,
    /// Another number when one of them stands otherwise.
    pub mark: i64,
}

/// Whose they are, and of which customer; of every one for staff.
type Whose = (UserId, Option<CustomerId>);

/// Nobody's for who sees no jobs at all.
fn whose(ctx: &OpContext) -> Option<Whose> {
    let user = ctx.user()?;
    if ctx.holds_everywhere(Permission::JobsView) {
        return Some((user.id, None));
    }
    let customer = user.active_customer.filter(|_| ctx.holds(Permission::JobsViewOwn))?;
    Some((user.id, Some(customer)))
}

/// What is under way of these people's.
pub(crate) async fn going_in_tx(tx: &mut Tx, people: &[UserId]) -> Result<HashMap<UserId, Vec<Going>>> {
    let mut going: HashMap<UserId, Vec<Going>> = HashMap::new();
    for (person, row) in store::going(tx, people).await? {
        going.entry(person).or_default().push(row);
    }
    Ok(going)
}

/// What the caller's drawer counts of it; nothing for who has none.
pub(crate) fn mark_of(ctx: &OpContext, going: &[Going]) -> Option<MyJobsMark> {
    let (_, customer) = whose(ctx)?;
    let counted = going.iter().filter(|row| customer.is_none() || row.customer == customer);
    let mark = counted.fold(MyJobsMark::default(), |sum, row| MyJobsMark {
        going: sum.going + row.jobs.unsigned_abs(),
        mark: sum.mark.wrapping_add(row.mark),
    });
    Some(mark)
}

/// The same for a page that is about to be shown.
pub(crate) async fn mark_in_tx(tx: &mut Tx, ctx: &OpContext) -> Result<Option<MyJobsMark>> {
    let Some((person, _)) = whose(ctx) else { return Ok(None) };
    let going = store::going(tx, &[person]).await?;
    Ok(mark_of(ctx, &going.into_iter().map(|(_, row)| row).collect::<Vec<_>>()))
}

/// What one wanted oneself: all that is under way, the newest first, then what ended last.
///
/// # Errors
/// `NotFound` for who sees no jobs.
pub async fn mine(platform: &Platform, ctx: &OpContext) -> Result<MyJobs> {
    let whose = whose(ctx);
    match whose {
        Some((_, None)) => ctx.authorize_list::<JobRef>(Permission::JobsView)?,
        _ => ctx.authorize_list::<OwnJobRef>(Permission::JobsViewOwn)?,
    };
    let (person, customer) = whose.ok_or_else(Error::not_found)?;
    let kinds = match customer {
        None => wanted_kinds().map(str::to_owned).collect(),
        Some(_) => OwnJobKind::ALL.iter().map(|kind| kind.code().to_owned()).collect(),
    };
    let all = store::Filter { kinds: Some(kinds), customer, person: Some(person), ..store::Filter::default() };
    let mut tx = platform.db().begin(ctx).await?;
    let mark = mark_in_tx(&mut tx, ctx).await?.unwrap_or_default();
    let mut rows: Vec<store::Row> = Vec::new();
    for state in [Some(JobState::Running), Some(JobState::Ready), None] {
        let filter = store::Filter { state, ..all.clone() };
        let found = store::list(&mut tx, &filter, 1, LATEST).await?;
        let others: Vec<_> = found.into_iter().filter(|row| rows.iter().all(|known| known.id != row.id)).collect();
        rows.extend(others);
    }
    rows.truncate(LATEST as usize);
    let known = own::known(&mut tx, ctx, &rows).await?;
    tx.commit().await?;
    let list = rows.iter().map(|row| view(ctx, row, &known, customer.is_none())).collect();
    Ok(MyJobs { going: mark.going, list })
}

fn view(ctx: &OpContext, row: &store::Row, known: &Known, staff: bool) -> MyJob {
    let standing = own::standing_in(row, known);
    let state = row.outcome();
    let word = |key: String| texts::message(ctx.language(), &key, &[]);
    let link = match (staff, standing.and_then(|standing| standing.link.clone())) {
        (true, _) => format!("/admin/jobs/{}", row.id),
        (false, Some(link)) => link,
        (false, None) => "/jobs".to_owned(),
    };
    MyJob {
        id: row.id,
        title: word(format!("job-kind-{}", row.kind)),
        about: standing.map(|standing| standing.name.clone()),
        state,
        says: word(format!("job-state-{}", state.code())),
        message: standing.and_then(|standing| standing.message.clone()),
        progress: standing.and_then(|standing| standing.progress),
        link,
        created_at: row.created_at,
        finished_at: row.finished_at,
    }
}
