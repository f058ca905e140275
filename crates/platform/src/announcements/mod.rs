//! What the platform has to say: news and maintenance, shown on top of the pages of whom it is for, for a while.
//!
//! Invariants: nobody sees what is not for them, also past a mistake of ours (row-level security says the same); text is
//! text, never markup; who put one away sees it again only when it was changed.

mod store;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use contract::announcements::{
    AnnouncementEdit, AnnouncementKind, AnnouncementQuery, AnnouncementState, AnnouncementView, Audience, BannerView,
    ChosenCustomer, MAX_BODY, MAX_CHOSEN,
};
use contract::{AnnouncementId, CustomerId, ErrorCode, Page, Permission};
use serde_json::json;

use crate::authz::{AccountRef, ManageAnnouncements, Noticeboard, UpdateAccount, ViewAccount};
use crate::db::Tx;
use crate::exports::Pages;
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result, audit, customers, secrets};

/// In the audit log, of a list that was taken away.
const EXPORT: &str = "announcements:export";

/// An announcement without fault.
struct Checked {
    kind: AnnouncementKind,
    title: String,
    body: String,
    audience: Audience,
    customers: Vec<CustomerId>,
    starts_at: DateTime<Utc>,
    ends_at: Option<DateTime<Utc>>,
    /// When something is out, whenever that is told.
    work: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// Those that fit, the latest first.
///
/// # Errors
/// `Validation` for a page or a size that no list has.
pub async fn list(platform: &Platform, ctx: &OpContext, query: &AnnouncementQuery) -> Result<Page<AnnouncementView>> {
    ctx.authorize_list::<Noticeboard>(Permission::AnnouncementsManage)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (rows, total) = store::list(&mut tx, query, (page, page_size), ctx.now()).await?;
    let list = views(&mut tx, ctx, rows).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// All that fit, as they were at one instant; true when there are more than fit into a workbook. Who takes them away is in the
/// log.
///
/// # Errors
/// As [`list`]'s, and whatever `take` gives.
pub async fn export(
    platform: &Platform,
    ctx: &OpContext,
    query: &AnnouncementQuery,
    mut take: impl FnMut(AnnouncementView) -> Result<()> + Send,
) -> Result<bool> {
    ctx.trying_new(EXPORT, "announcement").authorize_list::<Noticeboard>(Permission::AnnouncementsManage)?;
    audit::record_export(platform, ctx, (EXPORT, "announcement"), None, query).await?;
    let mut tx = platform.db().snapshot(ctx).await?;
    let mut pages = Pages::new();
    while let Some(place) = pages.wanted() {
        let (rows, _) = store::list(&mut tx, query, place, ctx.now()).await?;
        pages.hand_on(views(&mut tx, ctx, rows).await?, &mut take)?;
    }
    tx.commit().await?;
    Ok(pages.cut())
}

/// One of them.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn get(platform: &Platform, ctx: &OpContext, id: AnnouncementId) -> Result<AnnouncementView> {
    ctx.authorize(ManageAnnouncements, &Noticeboard)?;
    let mut tx = platform.db().begin(ctx).await?;
    let view = found(&mut tx, ctx, id).await?;
    tx.commit().await?;
    Ok(view)
}

/// Who can be chosen, by name.
pub async fn choices(platform: &Platform, ctx: &OpContext) -> Result<Vec<ChosenCustomer>> {
    ctx.authorize(ManageAnnouncements, &Noticeboard)?;
    let mut tx = platform.db().begin(ctx).await?;
    let present = customers::present(&mut tx).await?;
    tx.commit().await?;
    Ok(present.into_iter().map(|(id, name)| ChosenCustomer { id, name }).collect())
}

/// Says something.
///
/// # Errors
/// `Validation` with every fault at once.
pub async fn create(platform: &Platform, ctx: &OpContext, body: AnnouncementEdit) -> Result<AnnouncementView> {
    let ctx = &ctx.trying_new("announcements:create", "announcement");
    let granted = ctx.authorize(ManageAnnouncements, &Noticeboard)?;
    let mut tx = platform.db().begin(ctx).await?;
    let new = check(&mut tx, body, ctx.now()).await?;
    let id = store::insert(&mut tx, &granted, &new, ctx).await?;
    let view = found(&mut tx, ctx, id).await?;
    audit::record_in_tx(&mut tx, ctx, entry("announcements:create", None, Some(&view))).await?;
    tx.commit().await?;
    Ok(view)
}

/// Replaces what is said; who had put it away sees it again.
///
/// # Errors
/// `NotFound` where there is none, `Conflict` when somebody changed it meanwhile, `Validation` as [`create`].
pub async fn update(
    platform: &Platform,
    ctx: &OpContext,
    id: AnnouncementId,
    body: AnnouncementEdit,
) -> Result<AnnouncementView> {
    let ctx = &ctx.trying_on("announcements:update", "announcement", id);
    let granted = ctx.authorize(ManageAnnouncements, &Noticeboard)?;
    let mut tx = platform.db().begin(ctx).await?;
    let before = found(&mut tx, ctx, id).await?;
    if body.revision.is_some_and(|seen| seen != before.revision) {
        return Err(Error::new(ErrorCode::Conflict));
    }
    let change = check(&mut tx, body, before.starts_at).await?;
    store::update(&mut tx, &granted, id, &change).await?;
    let after = found(&mut tx, ctx, id).await?;
    audit::record_in_tx(&mut tx, ctx, entry("announcements:update", Some(&before), Some(&after))).await?;
    tx.commit().await?;
    Ok(after)
}

/// Takes it away.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn delete(platform: &Platform, ctx: &OpContext, id: AnnouncementId) -> Result<()> {
    let ctx = &ctx.trying_on("announcements:delete", "announcement", id);
    let granted = ctx.authorize(ManageAnnouncements, &Noticeboard)?;
    let mut tx = platform.db().begin(ctx).await?;
    let gone = found(&mut tx, ctx, id).await?;
    store::delete(&mut tx, &granted, id).await?;
    audit::record_in_tx(&mut tx, ctx, entry("announcements:delete", Some(&gone), None)).await?;
    tx.commit().await?;
    Ok(())
}

/// What the caller is told now and has not put away, maintenance first.
pub async fn current(platform: &Platform, ctx: &OpContext) -> Result<Vec<BannerView>> {
    let mut tx = platform.db().begin(ctx).await?;
    let banners = current_in_tx(&mut tx, ctx).await?;
    tx.commit().await?;
    Ok(banners)
}

pub(crate) async fn current_in_tx(tx: &mut Tx, ctx: &OpContext) -> Result<Vec<BannerView>> {
    let granted = ctx.authorize(ViewAccount, &own(ctx)?)?;
    let customer = ctx.user().and_then(|user| user.active_customer);
    store::current(tx, granted.id(), ctx.is_staff(), customer, ctx.now()).await
}

/// Puts one away, until it is changed; again changes nothing.
///
/// # Errors
/// `NotFound` for what the caller is not told now.
pub async fn dismiss(platform: &Platform, ctx: &OpContext, id: AnnouncementId) -> Result<()> {
    let granted = ctx.authorize(UpdateAccount, &own(ctx)?)?;
    if !current(platform, ctx).await?.iter().any(|banner| banner.id == id) {
        return Err(Error::not_found());
    }
    let mut tx = platform.db().begin(ctx).await?;
    store::dismiss(&mut tx, &granted, id).await?;
    tx.commit().await?;
    Ok(())
}

/// Something that is told now, and to whom.
pub(crate) struct ToldNow {
    id: i64,
    revision: i64,
    audience: Audience,
    customers: Vec<i64>,
}

/// What is told now, to whomever: read once for all who watch.
pub(crate) async fn told_now_in_tx(tx: &mut Tx, now: DateTime<Utc>) -> Result<Vec<ToldNow>> {
    store::told_now(tx, now).await
}

/// A number that is another one whenever something else of these is told to the caller: open pages look again then. Programs
/// read it as a number that counts: no more bits than those keep.
pub(crate) fn mark_of(ctx: &OpContext, told: &[ToldNow]) -> i64 {
    let customer = ctx.user().and_then(|user| user.active_customer);
    let is_told = |told: &&ToldNow| match told.audience {
        Audience::Everybody => true,
        Audience::Staff => ctx.is_staff(),
        Audience::Customers => customer.is_some(),
        Audience::Chosen => customer.is_some_and(|customer| told.customers.contains(&customer.0)),
    };
    let mine: Vec<u8> = told
        .iter()
        .filter(is_told)
        .flat_map(|told| [told.id.to_be_bytes(), told.revision.to_be_bytes()].concat())
        .collect();
    if mine.is_empty() {
        return 0;
    }
    let hash = secrets::sha256(&mine);
    hash.first_chunk().map_or(0, |first| i64::from_be_bytes(*first) & ((1 << 53) - 1))
}

fn own(ctx: &OpContext) -> Result<AccountRef> {
    let user = ctx.user().ok_or_else(|| Error::new(ErrorCode::Unauthenticated))?;
    Ok(AccountRef { owner: Some(user.id), ..AccountRef::of_platform(user.id) })
}

async fn found(tx: &mut Tx, ctx: &OpContext, id: AnnouncementId) -> Result<AnnouncementView> {
    let row = store::find(tx, id).await?.ok_or_else(Error::not_found)?;
    let view = views(tx, ctx, vec![row]).await?.pop();
    view.ok_or_else(|| Error::internal("an announcement without a view"))
}

async fn views(tx: &mut Tx, ctx: &OpContext, rows: Vec<store::Row>) -> Result<Vec<AnnouncementView>> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id.0).collect();
    let mut chosen = store::chosen(tx, &ids).await?;
    let customers: Vec<i64> = chosen.values().flatten().map(|id| id.0).collect();
    let names = customers::names(tx, &customers).await?;
    let named = |id: CustomerId| ChosenCustomer { id, name: names.get(&id.0).cloned().unwrap_or_default() };
    let view = |row: store::Row| {
        let mut customers: Vec<_> = chosen.remove(&row.id.0).unwrap_or_default().into_iter().map(named).collect();
        customers.sort_by(|a, b| a.name.cmp(&b.name));
        let state = match (row.starts_at > ctx.now(), row.ends_at.is_some_and(|end| end <= ctx.now())) {
            (true, _) => AnnouncementState::Planned,
            (false, true) => AnnouncementState::Over,
            (false, false) => AnnouncementState::Showing,
        };
        AnnouncementView {
            id: row.id,
            kind: row.kind,
            title: row.title,
            body: row.body,
            audience: row.audience,
            customers,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            work_starts_at: row.work.map(|(from, _)| from),
            work_ends_at: row.work.map(|(_, until)| until),
            state,
            created_by: row.created_name,
            revision: row.revision,
        }
    };
    Ok(rows.into_iter().map(view).collect())
}

async fn check(tx: &mut Tx, body: AnnouncementEdit, usual_start: DateTime<Utc>) -> Result<Checked> {
    let mut wrong = Wrong::new();
    let title = wrong.name("title", &body.title);
    let text = wrong.text("body", Some(body.body.replace("\r\n", "\n")), MAX_BODY).unwrap_or_default();
    let starts_at = body.starts_at.unwrap_or(usual_start);
    if body.ends_at.is_some_and(|end| end <= starts_at) {
        wrong.add("endsAt", "field-end-before-start");
    }
    let work = check_work(&mut wrong, &body);
    // Nobody is told of work that is done; who wants it so says until when.
    let ends_at = body.ends_at.or(work.map(|(_, until)| until));
    if body.ends_at.is_none() && ends_at.is_some_and(|end| end <= starts_at) {
        wrong.add("workEndsAt", "field-end-before-start");
    }
    let chosen: BTreeSet<_> = body.customer_ids.into_iter().collect();
    match (body.audience, chosen.len()) {
        (Audience::Chosen, 0) => wrong.add("customerIds", "field-required"),
        (Audience::Chosen, 1..=MAX_CHOSEN) => {
            let ids: Vec<i64> = chosen.iter().map(|id| id.0).collect();
            if customers::names(tx, &ids).await?.len() != chosen.len() {
                wrong.add("customerIds", "field-unknown-value");
            }
        }
        (Audience::Chosen, _) => {
            wrong.add_with("customerIds", "field-number-max", vec![("max", MAX_CHOSEN.to_string())]);
        }
        (_, 0) => {}
        // Chosen, and not meant: what would become of them?
        (_, _) => wrong.add("customerIds", "field-only-for-chosen"),
    }
    wrong.into_result()?;
    Ok(Checked {
        kind: body.kind,
        title,
        body: text,
        audience: body.audience,
        customers: chosen.into_iter().collect(),
        starts_at,
        ends_at,
        work,
    })
}

/// When the work of a maintenance begins and ends.
fn check_work(wrong: &mut Wrong, body: &AnnouncementEdit) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let work = match (body.work_starts_at, body.work_ends_at) {
        (None, None) => return None,
        (Some(from), Some(until)) => (from, until),
        (None, Some(_)) => {
            wrong.add("workStartsAt", "field-required");
            return None;
        }
        (Some(_), None) => {
            wrong.add("workEndsAt", "field-required");
            return None;
        }
    };
    if body.kind != AnnouncementKind::Maintenance {
        wrong.add("workStartsAt", "field-only-for-maintenance");
    } else if work.1 <= work.0 {
        wrong.add("workEndsAt", "field-end-before-start");
    }
    Some(work)
}

fn entry(action: &'static str, before: Option<&AnnouncementView>, after: Option<&AnnouncementView>) -> audit::Entry {
    let fact = |view: &AnnouncementView| {
        let customers: Vec<_> = view.customers.iter().map(|customer| customer.name.as_str()).collect();
        json!({
            "kind": view.kind, "title": view.title, "body": view.body, "audience": view.audience,
            "customers": customers, "startsAt": view.starts_at, "endsAt": view.ends_at,
            "workStartsAt": view.work_starts_at, "workEndsAt": view.work_ends_at,
        })
    };
    audit::Entry {
        action,
        target_kind: "announcement",
        target_id: after.or(before).map(|view| view.id.to_string()),
        customer: None,
        before: before.map(fact),
        after: after.map(fact),
    }
}
