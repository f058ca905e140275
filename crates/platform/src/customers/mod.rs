//! Customers: organisations that rent, and the people in them.
//!
//! Invariants: a disabled customer's people lose it at their next request, and their open sockets within seconds, because
//! who one acts for is looked up among active customers only; so do those of a deleted one, which holds no machine, is kept
//! with its people and can be brought back; its data stays; a password made here is shown once.

mod deletion;
mod members;
mod people;
mod store;

use std::collections::HashMap;

use contract::accounts::MemberRole;
use contract::customers::{
    CustomerCreate, CustomerCreated, CustomerQuery, CustomerRow, CustomerSort, CustomerUpdate, CustomerView,
    MemberCreate, MemberQuery, MemberSecret,
};
use contract::notifications::NotificationKind;
use contract::{CustomerId, ErrorCode, Page, Permission, UserId};

pub use deletion::{delete, restore};
pub(crate) use members::{Joining, join_in_tx, leave_in_tx, lock_own_place, may_join, may_leave_in_tx};
pub use members::{add_member, add_my_member, may_make_owner, remove_member, remove_my_member};
pub use members::{set_member_role, set_my_member_role};
pub use members::{transfer, transfer_mine};
pub use people::{PeopleFound, export_members, find_people, members, members_of};

use crate::accounts::{self, NewPerson};
use crate::authz::{Clientele, CreateCustomer, CustomerRef, ListMembers, ManageCustomer, UpdateCustomer, ViewCustomer};
use crate::db::Tx;
use crate::exports::Pages;
use crate::fields::Wrong;
use crate::lookalikes::mixes_alphabets;
use crate::notifications::{self, Notice, Value};
use crate::{Error, OpContext, Platform, Result, SystemActor, allocations, audit};

/// In the audit log.
const EXPORT_PEOPLE: &str = "customers:export-members";

/// The customer one acts for.
///
/// # Errors
/// `NotFound` for people who belong to none, such as platform staff.
pub async fn mine(platform: &Platform, ctx: &OpContext) -> Result<CustomerView> {
    let id = active(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(ViewCustomer, &resource(id))?;
    let view = store::view(&mut tx, granted.id()).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?;
    Ok(view)
}

/// Who takes the list of a customer's people away, the invited among them, is in the log: to be called before it is read. Of the
/// customer one acts for, or of any, for staff.
///
/// # Errors
/// As [`members`]' and [`members_of`]'s.
pub async fn note_people_export(
    platform: &Platform,
    ctx: &OpContext,
    id: Option<CustomerId>,
    query: &MemberQuery,
) -> Result<()> {
    let id = match id {
        Some(id) => ctx.trying(entry(EXPORT_PEOPLE, id)).authorize(ManageCustomer, &resource(id))?.id(),
        None => {
            let id = active(ctx)?;
            ctx.trying(entry(EXPORT_PEOPLE, id)).authorize(ListMembers, &resource(id))?.id()
        }
    };
    let mut tx = platform.db().begin(ctx).await?;
    let after = query.q.as_ref().map(|q| serde_json::json!({ "q": q }));
    audit::record_in_tx(&mut tx, ctx, audit::Entry { after, ..entry(EXPORT_PEOPLE, id) }).await?;
    tx.commit().await?;
    Ok(())
}

/// Customers as staff see them.
pub async fn list(platform: &Platform, ctx: &OpContext, query: &CustomerQuery) -> Result<Page<CustomerRow>> {
    ctx.authorize_list::<CustomerRef>(Permission::CustomersManage)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (list, total) = list_in_tx(&mut tx, query, page, page_size).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// Who takes the list away is in the log: to be called before it is read page by page for a workbook.
pub async fn note_export(platform: &Platform, ctx: &OpContext, query: &CustomerQuery) -> Result<()> {
    ctx.trying_new("customers:export", "clientele").authorize_list::<CustomerRef>(Permission::CustomersManage)?;
    audit::record_export(platform, ctx, ("customers:export", "clientele"), None, query).await
}

/// Every customer of these filters, as it all was at one instant; true when there are more than fit into a workbook.
///
/// # Errors
/// As [`list`]'s, and whatever `take` gives.
pub async fn export(
    platform: &Platform,
    ctx: &OpContext,
    query: &CustomerQuery,
    mut take: impl FnMut(CustomerRow) -> Result<()> + Send,
) -> Result<bool> {
    ctx.authorize_list::<CustomerRef>(Permission::CustomersManage)?;
    let mut tx = platform.db().snapshot(ctx).await?;
    let mut pages = Pages::new();
    while let Some((number, size)) = pages.wanted() {
        let (rows, _) = list_in_tx(&mut tx, query, number, size).await?;
        pages.hand_on(rows, &mut take)?;
    }
    tx.commit().await?;
    Ok(pages.cut())
}

/// A page of customers, for a slice that has decided that the caller may see them all.
pub(crate) async fn list_in_tx(
    tx: &mut Tx,
    query: &CustomerQuery,
    page: u32,
    page_size: u32,
) -> Result<(Vec<CustomerRow>, u64)> {
    let sort = contract::sort_of(query.sort.as_deref(), CustomerSort::parse)
        .map_err(|_| Error::field("sort", "field-sort-unknown"))?;
    // What they hold is another slice's: where it decides the order, it comes along.
    let by_held = sort.iter().any(|(column, _)| matches!(column, CustomerSort::Machines | CustomerSort::NextEnd));
    let held = if by_held { allocations::all_held(tx).await? } else { HashMap::new() };
    let (mut list, total) = store::list(tx, query, &sort, &held, page, page_size).await?;
    let ids: Vec<i64> = list.iter().map(|row| row.id.0).collect();
    let held = if by_held { held } else { allocations::held_by(tx, &ids).await? };
    list.iter_mut().for_each(|row| add_held(row, &held));
    Ok((list, total))
}

/// One customer as staff see it, deleted or not.
pub async fn get(platform: &Platform, ctx: &OpContext, id: CustomerId) -> Result<CustomerRow> {
    let mut tx = platform.db().begin(ctx).await?;
    ctx.authorize(ManageCustomer, &resource(id))?;
    let mut row = read(&mut tx, id).await?;
    row.may_delete = Some(deletion::may_delete(&mut tx, ctx, id).await?);
    tx.commit().await?;
    Ok(row)
}

/// Adds a customer, with its first owner's account where one is given.
pub async fn create(platform: &Platform, ctx: &OpContext, customer: CustomerCreate) -> Result<CustomerCreated> {
    let new = audit::Entry { target_id: None, customer: None, ..entry("customers:create", CustomerId(0)) };
    let ctx = &ctx.trying(new);
    let granted = ctx.authorize(CreateCustomer, &Clientele)?;
    // The link of its first owner is the system's.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let mut wrong = Wrong::new();
    let details = details(
        &mut wrong,
        CustomerUpdate {
            name: customer.name,
            contact_name: customer.contact_name,
            contact_email: customer.contact_email,
            contact_phone: customer.contact_phone,
            remark: customer.remark,
            revision: None,
        },
    );
    let owner = customer.owner.map(|owner| person(&mut wrong, OWNER_PATHS, owner, MemberRole::Owner));
    wrong.into_result()?;
    store::note_looks(&mut tx).await?;
    let id = store::insert(&mut tx, &granted, &details).await?;
    let entry = audit::Entry { after: Some(facts(&read(&mut tx, id).await?)), ..entry("customers:create", id) };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    let owner = match owner {
        Some(person) => {
            if person.existing {
                members::may_add_known(ctx, id)?;
            }
            ctx.must_cover_in(&resource(id), person.role)?;
            let added = accounts::add_person_in_tx(platform, &mut tx, ctx, id, &person).await;
            let password = added.map_err(|e| at(e, OWNER_PATHS))?;
            Some(MemberSecret { username: person.name, password })
        }
        None => None,
    };
    let customer = read(&mut tx, id).await?;
    tx.commit().await?;
    Ok(CustomerCreated { customer, owner })
}

/// Replaces what may change about a customer.
///
/// # Errors
/// `Conflict` when somebody changed it after the revision the caller read.
pub async fn update(
    platform: &Platform,
    ctx: &OpContext,
    id: CustomerId,
    change: CustomerUpdate,
) -> Result<CustomerRow> {
    let ctx = &ctx.trying(entry("customers:update", id));
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(UpdateCustomer, &resource(id))?;
    lock_present(&mut tx, id).await?;
    let before = read(&mut tx, id).await?;
    let mut wrong = Wrong::new();
    let change = details(&mut wrong, change);
    wrong.into_result()?;
    if change.revision.is_some_and(|revision| revision != before.revision) {
        return Err(Error::new(ErrorCode::Conflict).with_key("error-customer-changed"));
    }
    store::note_looks(&mut tx).await?;
    store::update(&mut tx, &granted, &change).await?;
    let after = read(&mut tx, id).await?;
    let entry =
        audit::Entry { before: Some(facts(&before)), after: Some(facts(&after)), ..entry("customers:update", id) };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    Ok(after)
}

/// Disables or enables a customer; again is no error and changes nothing.
pub async fn set_active(platform: &Platform, ctx: &OpContext, id: CustomerId, active: bool) -> Result<CustomerRow> {
    let action = if active { "customers:enable" } else { "customers:disable" };
    let ctx = &ctx.trying(entry(action, id));
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(UpdateCustomer, &resource(id))?;
    let was = lock_present(&mut tx, id).await?;
    if was != active {
        store::set_active(&mut tx, &granted, active, ctx.now()).await?;
        let fact = |active: bool| Some(serde_json::json!({ "active": active }));
        let entry = audit::Entry { before: fact(was), after: fact(active), ..entry(action, id) };
        audit::record_in_tx(&mut tx, ctx, entry).await?;
        tell_of_switch(platform, &mut tx, ctx, id, if active { "enabled" } else { "disabled" }).await?;
    }
    let row = read(&mut tx, id).await?;
    tx.commit().await?;
    Ok(row)
}

/// Its people lose what is theirs there, or have it again: they should not have to find out.
async fn tell_of_switch(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    id: CustomerId,
    change: &'static str,
) -> Result<()> {
    let name = read(tx, id).await?.name;
    let people = store::people(tx, id, false).await?;
    let people: Vec<_> = people.into_iter().filter(|person| ctx.user().is_none_or(|by| by.id != *person)).collect();
    let args = vec![
        ("change", Value::Text(change.to_owned())),
        ("customer", Value::Text(name)),
        ("by", notifications::by(ctx)),
    ];
    let notice = Notice { kind: NotificationKind::CustomerSwitched, args, link: None };
    notifications::notify_in_tx(platform, tx, ctx, &people, &notice).await
}

/// For those who may see every customer: whether there is this one, deleted or not.
pub(crate) async fn exists_in_tx(tx: &mut Tx, id: CustomerId) -> Result<()> {
    store::row(tx, id).await?.map(|_| ()).ok_or_else(Error::not_found)
}

/// Keeps the customer as it is for this transaction; whether it is active.
///
/// # Errors
/// `NotFound` where there is none, `WrongState` for a deleted one.
pub(crate) async fn lock_present(tx: &mut Tx, id: CustomerId) -> Result<bool> {
    match store::lock_any(tx, id).await?.ok_or_else(Error::not_found)? {
        Some(_) => Err(Error::new(ErrorCode::WrongState).with_key("error-customer-deleted")),
        None => store::lock(tx, id).await?.ok_or_else(Error::not_found),
    }
}

/// Those that are not deleted, by name: for other slices to choose from.
pub(crate) async fn present(tx: &mut Tx) -> Result<Vec<(CustomerId, String)>> {
    store::present(tx).await
}

/// Every customer's id, by name: for other slices' lists in this order.
pub(crate) async fn ids_by_name(tx: &mut Tx) -> Result<Vec<i64>> {
    store::ids_by_name(tx).await
}

/// Names by id, for other slices' lists.
pub(crate) async fn names(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, String>> {
    store::names(tx, ids).await
}

/// Customers with one of these names in lower case, or one of these ids.
pub(crate) async fn called(tx: &mut Tx, names: &[String], ids: &[i64]) -> Result<Vec<(CustomerId, String)>> {
    store::called(tx, names, ids).await
}

/// The customers that have somebody among their people.
pub(crate) async fn ids_of_person(tx: &mut Tx, user: UserId) -> Result<Vec<CustomerId>> {
    store::ids_of_person(tx, user).await
}

/// How many people it has, deleted accounts left out.
pub(crate) async fn member_count(tx: &mut Tx, id: CustomerId) -> Result<i64> {
    let row = store::row(tx, id).await?.ok_or_else(Error::not_found)?;
    Ok(i64::try_from(row.member_count).unwrap_or(i64::MAX))
}

/// Its active people, or its owners alone.
pub(crate) async fn people(tx: &mut Tx, id: CustomerId, owners_only: bool) -> Result<Vec<UserId>> {
    store::people(tx, id, owners_only).await
}

/// The people of those of these customers that are active, with what they are there.
pub(crate) async fn people_of(tx: &mut Tx, ids: &[i64]) -> Result<Vec<(CustomerId, UserId, MemberRole)>> {
    store::people_of(tx, ids).await
}

/// Keeps the customers that somebody owns as they are for this transaction.
pub(crate) async fn lock_owned_by(tx: &mut Tx, user: UserId) -> Result<()> {
    store::lock_owned_by(tx, user).await
}

/// To be called before somebody's account is deleted, with [`lock_owned_by`] before where it is then done.
///
/// # Errors
/// `WrongState` when a customer they own has no other owner who can sign in.
pub(crate) async fn leave_owners_in_tx(tx: &mut Tx, user: UserId) -> Result<()> {
    match store::without_owner_but(tx, user).await? {
        Some(name) => {
            Err(Error::new(ErrorCode::WrongState).with_key("error-user-last-owner").with_arg("customer", name))
        }
        None => Ok(()),
    }
}

/// To be called before somebody gets a role that makes them staff, with [`lock_owned_by`] before: staff act for no customer, so
/// that one they alone own would have nobody.
///
/// # Errors
/// `WrongState`, with the customer's name, when it has no other owner who can act for it.
pub(crate) async fn leave_owners_to_staff_in_tx(tx: &mut Tx, user: UserId) -> Result<()> {
    match alone_owned_by_in_tx(tx, user).await? {
        Some(name) => {
            Err(Error::new(ErrorCode::WrongState).with_key("error-role-only-owner").with_arg("customer", name))
        }
        None => Ok(()),
    }
}

/// The first customer that nobody could act for if this person became staff.
pub(crate) async fn alone_owned_by_in_tx(tx: &mut Tx, user: UserId) -> Result<Option<String>> {
    // Who works for the platform already owns nothing that could be lost by it.
    match store::is_staff(tx, user).await? {
        true => Ok(None),
        false => store::without_owner_but(tx, user).await,
    }
}

/// Customers whose name contains this.
pub(crate) async fn matching(tx: &mut Tx, text: &str) -> Result<Vec<i64>> {
    store::matching(tx, text).await
}

/// Whether a customer that is not deleted is active, for a slice that has decided that the caller may know.
pub(crate) async fn is_active(tx: &mut Tx, id: CustomerId) -> Result<bool> {
    Ok(read(tx, id).await?.active)
}

/// Keeps the customer as it is for this transaction; `None` when there is none, else whether it is active.
pub(crate) async fn lock(tx: &mut Tx, id: CustomerId) -> Result<Option<bool>> {
    store::lock(tx, id).await
}

async fn read(tx: &mut Tx, id: CustomerId) -> Result<CustomerRow> {
    let mut row = store::row(tx, id).await?.ok_or_else(Error::not_found)?;
    add_held(&mut row, &allocations::held_by(tx, &[id.0]).await?);
    Ok(row)
}

fn add_held(row: &mut CustomerRow, held: &HashMap<i64, allocations::Held>) {
    if let Some(held) = held.get(&row.id.0) {
        (row.machine_count, row.next_end_at) = (held.machines, held.next_end_at);
    }
}

fn details(wrong: &mut Wrong, mut change: CustomerUpdate) -> CustomerUpdate {
    change.name = wrong.name("name", &change.name);
    if mixes_alphabets(&change.name) {
        wrong.add("name", "field-name-mixed");
    }
    change.contact_name = wrong.line("contactName", change.contact_name, 100);
    change.contact_email = wrong.email("contactEmail", change.contact_email);
    change.contact_phone = wrong.text("contactPhone", change.contact_phone, 50);
    change.remark = wrong.text("remark", change.remark, 1000);
    change
}

/// Paths of a person's fields: user name, display name, e-mail.
type PersonPaths = [&'static str; 3];
const OWNER_PATHS: PersonPaths = ["owner.username", "owner.displayName", "owner.email"];
const MEMBER_PATHS: PersonPaths = ["username", "displayName", "email"];

fn person(wrong: &mut Wrong, paths: PersonPaths, member: MemberCreate, role: MemberRole) -> NewPerson {
    let name = member.username.trim().to_lowercase();
    if name.is_empty() {
        wrong.add(paths[0], "field-required");
    }
    if !member.existing {
        accounts::users::refuse_reserved(wrong, paths[0], &name);
    }
    NewPerson {
        name,
        display_name: wrong.display_name(paths[1], member.display_name),
        email: wrong.email(paths[2], member.email),
        role: member.role.unwrap_or(role),
        existing: member.existing,
        ..NewPerson::default()
    }
}

/// What the database found wrong with an account, under this body's paths.
fn at(mut error: Error, paths: PersonPaths) -> Error {
    for field in &mut error.fields {
        field.path = if field.path == "email" { paths[2] } else { paths[0] };
    }
    error
}

fn active(ctx: &OpContext) -> Result<CustomerId> {
    let user = ctx.user().ok_or_else(|| Error::new(ErrorCode::Unauthenticated))?;
    user.active_customer.ok_or_else(Error::not_found)
}

fn resource(id: CustomerId) -> CustomerRef {
    CustomerRef { id, customer: Some(id), owner: None, machine: None }
}

/// What the audit log keeps of a customer.
fn facts(row: &CustomerRow) -> serde_json::Value {
    serde_json::json!({
        "name": row.name, "contactName": row.contact_name, "contactEmail": row.contact_email,
        "contactPhone": row.contact_phone, "remark": row.remark, "active": row.active,
    })
}

fn entry(action: &'static str, id: CustomerId) -> audit::Entry {
    audit::Entry {
        action,
        target_kind: "customer",
        target_id: Some(id.to_string()),
        customer: Some(id),
        before: None,
        after: None,
    }
}
