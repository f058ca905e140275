//! A customer's people as they are listed: page by page, for a workbook, and with what a page about them offers.

use contract::customers::{MemberQuery, MemberView};
use contract::{CustomerId, Page, UserId};

use super::members::as_seen_in_tx;
use super::store::{self, LookedFor};
use super::{active, exists_in_tx, resource};
use crate::authz::{ListMembers, ManageCustomer, ManageMembers};
use crate::db::{Tx, contains};
use crate::{OpContext, Platform, Result, SystemActor, audit};

/// Most people whom a customer is offered to be handed to at a time; among more, one is looked for.
const MOST_HEIRS: usize = 100;

/// What a page about a customer's people shows.
#[derive(Clone, Debug)]
pub struct PeopleFound {
    /// Those who are looked for.
    pub found: Page<MemberView>,
    /// All there are.
    pub count: u64,
    /// Somebody who can sign in owns the customer.
    pub owned: bool,
    /// To whom of those who are looked for the caller could hand it, the first of them.
    pub heirs: Vec<MemberView>,
    /// There are more of them.
    pub more_heirs: bool,
}

/// The people of the customer one acts for; for its owners.
///
/// # Errors
/// `Forbidden` for its members, `Validation` for a page or a size that no list has.
pub async fn members(platform: &Platform, ctx: &OpContext, query: &MemberQuery) -> Result<Page<MemberView>> {
    let (mut tx, id) = begin(platform, ctx, None).await?;
    let found = page(&mut tx, ctx, id, query).await?;
    tx.commit().await?;
    Ok(found)
}

/// The people of a customer, for staff.
///
/// # Errors
/// `NotFound` where there is no such customer, `Validation` for a page or a size that no list has.
pub async fn members_of(
    platform: &Platform,
    ctx: &OpContext,
    id: CustomerId,
    query: &MemberQuery,
) -> Result<Page<MemberView>> {
    let (mut tx, id) = begin(platform, ctx, Some(id)).await?;
    let found = page(&mut tx, ctx, id, query).await?;
    tx.commit().await?;
    Ok(found)
}

/// A page of them with what is offered beside it; of the customer one acts for, or of any, for staff.
///
/// # Errors
/// As [`members`]' and [`members_of`]'s.
pub async fn find_people(
    platform: &Platform,
    ctx: &OpContext,
    id: Option<CustomerId>,
    query: &MemberQuery,
) -> Result<PeopleFound> {
    let (mut tx, id) = begin(platform, ctx, id).await?;
    let found = page(&mut tx, ctx, id, query).await?;
    let heir_of = Some(ctx.user().map_or(UserId(0), |user| user.id));
    let wanted = LookedFor { heir_of, ..looked_for(ctx, id, query) };
    let mut heirs = store::find_members(&mut tx, id, &wanted, (0, Some(MOST_HEIRS as i64 + 1))).await?;
    let more_heirs = heirs.len() > MOST_HEIRS;
    heirs.truncate(MOST_HEIRS);
    let count = store::count_members(&mut tx, id, &LookedFor::default()).await?;
    let owned = store::is_owned(&mut tx, id).await?;
    tx.commit().await?;
    Ok(PeopleFound { found, count, owned, heirs, more_heirs })
}

/// All who are looked for, for a workbook.
///
/// # Errors
/// As [`members`]' and [`members_of`]'s.
pub async fn export_members(
    platform: &Platform,
    ctx: &OpContext,
    id: Option<CustomerId>,
    query: &MemberQuery,
) -> Result<Vec<MemberView>> {
    let (mut tx, id) = begin(platform, ctx, id).await?;
    let list = store::find_members(&mut tx, id, &looked_for(ctx, id, query), (0, None)).await?;
    let list = as_seen_in_tx(&mut tx, ctx, id, list).await?;
    tx.commit().await?;
    Ok(list)
}

/// Whose people they are, for who may list them.
async fn begin(platform: &Platform, ctx: &OpContext, id: Option<CustomerId>) -> Result<(Tx, CustomerId)> {
    let Some(id) = id else {
        let granted = ctx.authorize(ListMembers, &resource(active(ctx)?))?;
        // Which owners count depends on who of them works for the platform, which is not the customer's to read.
        return Ok((platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?, granted.id()));
    };
    let granted = ctx.authorize(ManageCustomer, &resource(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    // For staff every number is permitted, so that it names somebody is asked apart.
    exists_in_tx(&mut tx, id).await?;
    Ok((tx, granted.id()))
}

/// By name, and by the address where the caller sees it.
fn looked_for(ctx: &OpContext, id: CustomerId, query: &MemberQuery) -> LookedFor {
    let by_email = ctx.authorize(ManageMembers, &resource(id)).is_ok();
    LookedFor { pattern: query.q.as_deref().and_then(contains), by_email, heir_of: None }
}

async fn page(tx: &mut Tx, ctx: &OpContext, id: CustomerId, query: &MemberQuery) -> Result<Page<MemberView>> {
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let wanted = looked_for(ctx, id, query);
    let before = i64::from(page - 1) * i64::from(page_size);
    let list = store::find_members(tx, id, &wanted, (before, Some(i64::from(page_size)))).await?;
    let total = store::count_members(tx, id, &wanted).await?;
    Ok(Page { list: as_seen_in_tx(tx, ctx, id, list).await?, total, page, page_size })
}
