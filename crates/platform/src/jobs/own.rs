//! What is done in the background for a customer, with where the thing itself stands: a job that is done may have found that
//! an instance cannot be made.

use std::collections::HashMap;

use contract::jobs::{JobSubject, OwnJobKind, OwnJobQuery, OwnJobView};
use contract::{Page, Permission};

use super::store;
use crate::authz::{OwnJobRef, Scope};
use crate::{Error, OpContext, Platform, Result, SystemActor, accounts, audit, files, instances};

/// Where what a job is about stands now.
pub(crate) struct Standing {
    pub name: String,
    /// A word of its own states.
    pub state: &'static str,
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
    let whose = match ctx.authorize_list::<OwnJobRef>(Permission::JobsViewOwn)? {
        Scope::Customer(customer) => (customer, None),
        Scope::Own(person) => (acts_for()?, Some(person)),
        Scope::All => return Err(Error::not_found()),
    };
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (rows, total) = store::list_own(&mut tx, whose, query, (page, page_size)).await?;
    let ids = |kind| -> Vec<i64> { rows.iter().filter(|row| row.kind == kind).filter_map(|row| row.subject).collect() };
    let mut known: HashMap<OwnJobKind, HashMap<i64, Standing>> = HashMap::new();
    known.insert(OwnJobKind::Upload, files::standings(&mut tx, ctx, &ids(OwnJobKind::Upload)).await?);
    known.insert(OwnJobKind::Instance, instances::standings(&mut tx, ctx, &ids(OwnJobKind::Instance)).await?);
    known.insert(OwnJobKind::Save, instances::save_standings(&mut tx, ctx, &ids(OwnJobKind::Save)).await?);
    tx.commit().await?;
    let people = match whose.1 {
        None => names(platform, ctx, &rows).await?,
        Some(_) => HashMap::new(),
    };
    let list = rows.into_iter().map(|row| {
        let standing = row.subject.and_then(|id| known.get(&row.kind)?.get(&id));
        OwnJobView {
            id: row.id,
            kind: row.kind,
            state: row.state,
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            progress: standing.and_then(|standing| standing.progress),
            subject: standing.map(|standing| JobSubject {
                kind: row.kind.subject().to_owned(),
                name: standing.name.clone(),
                state: standing.state.to_owned(),
                message: standing.message.clone(),
                link: standing.link.clone(),
            }),
            person: row.person.and_then(|id| people.get(&id.0).cloned()),
            run_at: row.run_at,
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    });
    Ok(Page { list: list.collect(), total, page, page_size })
}

/// What people are called whose jobs an owner sees; also of those who left.
async fn names(platform: &Platform, ctx: &OpContext, rows: &[store::OwnRow]) -> Result<HashMap<i64, String>> {
    let people: Vec<i64> = rows.iter().filter_map(|row| row.person).map(|id| id.0).collect();
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Worker)).await?;
    let names = accounts::names(&mut tx, &people).await?;
    tx.commit().await?;
    Ok(names)
}
