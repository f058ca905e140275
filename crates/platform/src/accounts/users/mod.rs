//! Everybody's accounts, as staff run them.
//!
//! Invariants: nobody acts on the account of somebody who may more than they do; nobody disables or deletes themselves; the
//! last platform admin stays, and so does the last owner of a customer; a deleted account is kept, with its roles and memberships, and can be brought back; whoever is
//! disabled, deleted or given a new password is signed out everywhere at once; a password made here is shown once.

mod bulk;
pub(in crate::accounts) mod first_password;
mod identities;
pub(crate) mod import;
mod second_factor;
mod sessions;
mod store;

use contract::notifications::NotificationKind;
use contract::users::{
    UserCreate, UserCreated, UserMay, UserPassword, UserQuery, UserRow, UserSecret, UserState, UserUpdate, UserView,
};
use contract::{CustomerId, ErrorCode, May, Page, Permission, UserId};

pub use bulk::{act_on_many, preview_many};
pub use identities::unlink_identity;
pub use import::roles_kept;
pub use second_factor::reset_second_factor;
pub use sessions::{end_session, end_sessions, sessions};

use super::bootstrap::new_password;
use super::email_change::tell_of_move;
use super::links;
use super::password_reset::tell_of_password;
use super::store::passwords;
use super::{PasswordRule, SessionEnding, identity, password, password_rule};
use crate::authz::{AssignRole, CreateUser, DeleteUser, Granted, Population, UpdateUser, UserRef, ViewUser};
use crate::db::Tx;
use crate::exports::Pages;
use crate::fields::Wrong;
use crate::notifications::{self, Notice, Value};
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, customers, may, roles};

/// Everybody, as far as the filters say.
pub async fn list(platform: &Platform, ctx: &OpContext, query: &UserQuery) -> Result<Page<UserRow>> {
    ctx.authorize_list::<UserRef>(Permission::UsersView)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (list, total) = page_in_tx(&mut tx, query, page, page_size).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// Who takes the list away is in the log: to be called before it is read page by page for a workbook.
pub async fn note_export(platform: &Platform, ctx: &OpContext, query: &UserQuery) -> Result<()> {
    ctx.trying_new("users:export", "population").authorize_list::<UserRef>(Permission::UsersView)?;
    audit::record_export(platform, ctx, ("users:export", "population"), None, query).await
}

/// Everybody of these filters, as it all was at one instant; true when there are more than fit into a workbook.
///
/// # Errors
/// As [`list`]'s, and whatever `take` gives.
pub async fn export(
    platform: &Platform,
    ctx: &OpContext,
    query: &UserQuery,
    mut take: impl FnMut(UserRow) -> Result<()> + Send,
) -> Result<bool> {
    ctx.authorize_list::<UserRef>(Permission::UsersView)?;
    let mut tx = platform.db().snapshot(ctx).await?;
    let mut pages = Pages::new();
    while let Some((number, size)) = pages.wanted() {
        let (rows, _) = page_in_tx(&mut tx, query, number, size).await?;
        pages.hand_on(rows, &mut take)?;
    }
    tx.commit().await?;
    Ok(pages.cut())
}

async fn page_in_tx(tx: &mut Tx, query: &UserQuery, page: u32, page_size: u32) -> Result<(Vec<UserRow>, u64)> {
    let sort = query.sort_columns().map_err(|_| Error::field("sort", "field-sort-unknown"))?;
    let (mut list, total) = store::list(tx, query, &sort, page, page_size).await?;
    complete(tx, list.iter_mut().collect()).await?;
    Ok((list, total))
}

/// One person, deleted or not.
pub async fn get(platform: &Platform, ctx: &OpContext, id: UserId) -> Result<UserView> {
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(ViewUser, &UserRef::of_platform(id))?;
    let view = read(&mut tx, ctx, granted.id()).await?;
    tx.commit().await?;
    Ok(view)
}

/// Adds an account, with roles where some are named. Who has an address and was typed no password gets a link to a first one by
/// mail, where mail goes out.
///
/// # Errors
/// `Forbidden` when a role permits what the caller does not hold.
pub async fn create(platform: &Platform, ctx: &OpContext, body: UserCreate) -> Result<UserCreated> {
    let ctx = &ctx.trying(audit::Entry { target_id: None, ..entry("users:create", UserId(0)) });
    let granted = ctx.authorize(CreateUser, &Population)?;
    let mut wrong = Wrong::new();
    let details = details(&mut wrong, body.username, body.display_name, body.email);
    refuse_reserved(&mut wrong, "username", &details.name);
    let (typed, made) = chosen(password_rule(platform).await, &mut wrong, body.password, &details);
    wrong.into_result()?;
    let hash = hashed(platform, typed.as_ref().or(made.as_ref())).await?;
    // The link is the system's.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let id = insert_in_tx(&mut tx, ctx, &granted, &details, (&hash, false)).await?;
    for role in body.roles {
        let granted = ctx.authorize(AssignRole, &UserRef::of_platform(id))?;
        roles::assign_in_tx(&mut tx, ctx, &granted, role).await.map_err(at_roles)?;
    }
    if let Some(address) = details.email.as_deref().filter(|_| made.is_some()) {
        first_password::send_in_tx(platform, &mut tx, ctx, (id, &details.name, address), &[]).await?;
    }
    let user = read(&mut tx, ctx, id).await?;
    tx.commit().await?;
    Ok(UserCreated { user, password: made })
}

/// Replaces what may change about an account.
///
/// # Errors
/// `Conflict` when somebody changed it after the revision the caller read; `WrongState` for a deleted account.
pub async fn update(platform: &Platform, ctx: &OpContext, id: UserId, body: UserUpdate) -> Result<UserView> {
    let ctx = &ctx.trying(entry("users:update", id));
    // The links are the system's.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let granted = ctx.authorize(UpdateUser, &UserRef::of_platform(id))?;
    let before = lock_in_tx(&mut tx, id).await?;
    may_be_changed(&mut tx, ctx, id, before.state).await?;
    let mut wrong = Wrong::new();
    let details = details(&mut wrong, body.username, body.display_name, body.email);
    if details.name != before.details.name {
        refuse_reserved(&mut wrong, "username", &details.name);
    }
    wrong.into_result()?;
    if body.revision.is_some_and(|revision| revision != before.revision) {
        return Err(Error::new(ErrorCode::Conflict).with_key("error-user-changed"));
    }
    update_in_tx(platform, &mut tx, ctx, &granted, (&before, &details)).await?;
    let view = read(&mut tx, ctx, id).await?;
    tx.commit().await?;
    Ok(view)
}

/// Disables or enables an account; again is no error and changes nothing.
///
/// # Errors
/// `WrongState` for oneself, for the last platform admin and for a deleted account.
pub async fn set_active(platform: &Platform, ctx: &OpContext, id: UserId, active: bool) -> Result<UserView> {
    let action = if active { "users:enable" } else { "users:disable" };
    let ctx = &ctx.trying(entry(action, id));
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(UpdateUser, &UserRef::of_platform(id))?;
    let row = lock_in_tx(&mut tx, id).await?;
    if !active {
        roles::lock_admins_in_tx(&mut tx).await?;
    }
    may_be_switched(&mut tx, ctx, id, row.state, active).await?;
    let changed = (row.state == UserState::Disabled) == active;
    if changed {
        // Only who is active is written to: before the one, and after the other.
        if !active {
            tell_of_switch(platform, &mut tx, ctx, id, active).await?;
        }
        store::set_active(&mut tx, &granted, active, ctx.now()).await?;
        let after = if active { UserState::Active } else { UserState::Disabled };
        let entry = moved(entry(action, id), &row, after);
        audit::record_of_person_in_tx(&mut tx, ctx, id, entry).await?;
        if !active {
            end_sessions_in_tx(&mut tx, id).await?;
        } else {
            tell_of_switch(platform, &mut tx, ctx, id, active).await?;
        }
    }
    let view = read(&mut tx, ctx, id).await?;
    tx.commit().await?;
    if changed && !active {
        let _ = platform.endings().send(SessionEnding::User(id));
    }
    Ok(view)
}

/// Deletes an account so that it can be brought back; again is no error and changes nothing.
///
/// # Errors
/// `WrongState` for oneself, for the last platform admin and for the only owner of a customer.
pub async fn delete(platform: &Platform, ctx: &OpContext, id: UserId) -> Result<UserView> {
    let ctx = &ctx.trying(entry("users:delete", id));
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(DeleteUser, &UserRef::of_platform(id))?;
    customers::lock_owned_by(&mut tx, id).await?; // before the person, as everything that changes people of customers
    let row = lock_in_tx(&mut tx, id).await?;
    roles::lock_admins_in_tx(&mut tx).await?;
    may_be_deleted(&mut tx, ctx, id, row.state).await?;
    let changed = row.state != UserState::Deleted;
    if changed {
        store::set_deleted(&mut tx, &granted, Some(ctx.now())).await?;
        let entry = moved(entry("users:delete", id), &row, UserState::Deleted);
        audit::record_of_person_in_tx(&mut tx, ctx, id, entry).await?;
        end_sessions_in_tx(&mut tx, id).await?;
    }
    let view = read(&mut tx, ctx, id).await?;
    tx.commit().await?;
    if changed {
        let _ = platform.endings().send(SessionEnding::User(id));
    }
    Ok(view)
}

/// Brings a deleted account back as it was; again is no error and changes nothing.
///
/// # Errors
/// `AlreadyExists` when its name or address was given to somebody else meanwhile.
pub async fn restore(platform: &Platform, ctx: &OpContext, id: UserId) -> Result<UserView> {
    let ctx = &ctx.trying(entry("users:restore", id));
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(DeleteUser, &UserRef::of_platform(id))?;
    let row = lock_in_tx(&mut tx, id).await?;
    roles::must_cover_user_in_tx(&mut tx, ctx, id).await?;
    if row.state == UserState::Deleted {
        store::set_deleted(&mut tx, &granted, None).await.map_err(taken_meanwhile)?;
        // It is what it was before, disabled perhaps.
        let now = lock_in_tx(&mut tx, id).await?;
        let entry = moved(entry("users:restore", id), &row, now.state);
        audit::record_of_person_in_tx(&mut tx, ctx, id, entry).await?;
    }
    let view = read(&mut tx, ctx, id).await?;
    tx.commit().await?;
    Ok(view)
}

/// Gives an account a new password and signs the person out everywhere; links on their way to their mailbox end too. What a
/// directory let in is this platform's own from then on.
///
/// # Errors
/// `Forbidden` when the person may what the caller does not hold; `WrongState` for a deleted account, and for one that has its
/// password elsewhere unless it is said that it gets one here.
pub async fn set_password(platform: &Platform, ctx: &OpContext, id: UserId, body: UserPassword) -> Result<UserSecret> {
    let ctx = &ctx.trying(entry("users:set-password", id));
    let granted = ctx.authorize(UpdateUser, &UserRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let row = lock_in_tx(&mut tx, id).await?;
    may_get_password(&mut tx, ctx, id, row.state).await?;
    must_be_meant(&mut tx, id, body.local).await?;
    tx.commit().await?; // hashing takes a while: hold no connection meanwhile
    let mut wrong = Wrong::new();
    let (typed, made) = chosen(password_rule(platform).await, &mut wrong, body.password, &row.details);
    wrong.into_result()?;
    let hash = hashed(platform, typed.as_ref().or(made.as_ref())).await?;
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    // Meanwhile somebody may have made the person more than the caller is.
    may_get_password(&mut tx, ctx, id, row.state).await?;
    must_be_meant(&mut tx, id, body.local).await?;
    let left = identity::leave_providers_in_tx(&mut tx, id).await?;
    let now = lock_in_tx(&mut tx, id).await?;
    may_get_password(&mut tx, ctx, id, now.state).await?;
    passwords::set(&mut tx, granted.id(), &hash, ctx.now()).await?;
    identity::take_back_left_in_tx(platform, &mut tx, ctx, id, (left, false)).await?;
    links::retire_ways_in(&mut tx, id, ctx.now()).await?; // only the system reaches links
    audit::record_of_person_in_tx(&mut tx, ctx, id, entry("users:set-password", id)).await?;
    tell_of_password(platform, &mut tx, ctx, id).await?;
    tx.commit().await?;
    let _ = platform.endings().send(SessionEnding::User(id));
    Ok(UserSecret { username: row.details.name, password: made })
}

/// Adds an account with its event, for the form and for a workbook.
async fn insert_in_tx(
    tx: &mut Tx,
    ctx: &OpContext,
    granted: &Granted<CreateUser>,
    details: &store::Details,
    as_password: (&str, bool),
) -> Result<UserId> {
    let id = store::insert(tx, granted, details, as_password).await.map_err(at_username)?;
    let after = Some(facts(details, UserState::Active));
    audit::record_in_tx(tx, ctx, audit::Entry { after, ..entry("users:create", id) }).await?;
    Ok(id)
}

/// Writes what changes about an account, with its event and the word to its owner, for the form and for a workbook; in a
/// transaction of the system's, because links are.
///
/// # Errors
/// `Forbidden` for another address where the caller may not take the person over: there the links go that set a new password.
async fn update_in_tx(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    granted: &Granted<UpdateUser>,
    (before, details): (&store::Locked, &store::Details),
) -> Result<()> {
    let id = granted.id();
    let (old, new) = (before.details.email.as_deref(), details.email.as_deref());
    if old != new {
        may_take_over(tx, ctx, id).await?;
    }
    store::update(tx, granted, details).await.map_err(at_username)?;
    if old != new {
        links::retire_ways_in(tx, id, ctx.now()).await?; // only the system reaches links
        tell_of_move(platform, tx, ctx, id, (old, new)).await?;
    }
    let entry = audit::Entry {
        before: Some(facts(&before.details, before.state)),
        after: Some(facts(details, before.state)),
        ..entry("users:update", id)
    };
    audit::record_of_person_in_tx(tx, ctx, id, entry).await
}

/// Whose account somebody disabled reads it in their mailbox: nowhere else do they come to any more.
async fn tell_of_switch(platform: &Platform, tx: &mut Tx, ctx: &OpContext, id: UserId, active: bool) -> Result<()> {
    let change = if active { "enabled" } else { "disabled" };
    let args = vec![("change", Value::Text(change.to_owned())), ("by", notifications::by(ctx))];
    let notice = Notice { kind: NotificationKind::AccountSwitched, args, link: None };
    notifications::tell_in_tx(platform, tx, ctx, id, &notice).await
}

/// Loads and locks an account, deleted or not.
pub(crate) async fn lock_in_tx(tx: &mut Tx, id: UserId) -> Result<store::Locked> {
    store::lock(tx, id).await?.ok_or_else(Error::not_found)
}

/// For those who may see every account: whether there is this one.
pub(crate) async fn exists_in_tx(tx: &mut Tx, id: UserId) -> Result<()> {
    if store::exists(tx, id).await? { Ok(()) } else { Err(Error::not_found()) }
}

/// The customers somebody belongs to, those that are deleted left out.
pub(crate) async fn customers_in_tx(tx: &mut Tx, id: UserId) -> Result<Vec<CustomerId>> {
    let found = store::memberships(tx, &[id]).await?.remove(&id).unwrap_or_default();
    Ok(found.into_iter().map(|membership| membership.customer_id).collect())
}

/// The account of this name, unless it is deleted.
pub(crate) async fn by_name_in_tx(tx: &mut Tx, name: &str) -> Result<Option<UserId>> {
    store::by_name(tx, name).await
}

/// Every session and token of somebody ends with this transaction.
pub(crate) async fn end_sessions_in_tx(tx: &mut Tx, id: UserId) -> Result<()> {
    store::end_sessions(tx, id).await
}

/// Every session and token in which somebody acts for a customer ends with this transaction. The person's others stay: a
/// customer's owners have no say in them.
pub(crate) async fn end_sessions_for_in_tx(
    tx: &mut Tx,
    ctx: &OpContext,
    id: UserId,
    customer: CustomerId,
) -> Result<()> {
    store::end_sessions_for(tx, id, customer, ctx.now()).await
}

/// Whether an account may be disabled or enabled by the caller; the admins are locked where it is then done.
async fn may_be_switched(tx: &mut Tx, ctx: &OpContext, id: UserId, state: UserState, active: bool) -> Result<()> {
    match active {
        true => roles::must_cover_user_in_tx(tx, ctx, id).await?,
        // It takes a customer's person away, its only owner even.
        false => {
            not_oneself(ctx, id)?;
            may_take_over(tx, ctx, id).await?;
        }
    }
    there(state)?;
    if !active && state != UserState::Disabled {
        roles::leave_an_admin_in_tx(tx, id).await?;
    }
    Ok(())
}

/// Whether anything of an account may be changed by the caller.
async fn may_be_changed(tx: &mut Tx, ctx: &OpContext, id: UserId, state: UserState) -> Result<()> {
    roles::must_cover_user_in_tx(tx, ctx, id).await?;
    there(state)
}

/// Whether an account may get another password by the caller.
async fn may_get_password(tx: &mut Tx, ctx: &OpContext, id: UserId, state: UserState) -> Result<()> {
    may_take_over(tx, ctx, id).await?;
    there(state)
}

/// A password here beside a directory or sign-in service is a way in of its own, which these do not close.
async fn must_be_meant(tx: &mut Tx, id: UserId, local: bool) -> Result<()> {
    match identity::password_place(tx, id).await?.filter(|_| !local) {
        Some(place) => {
            let error = Error::new(ErrorCode::WrongState).with_key("error-user-password-elsewhere");
            Err(error.with_arg("provider", place.provider_name))
        }
        None => Ok(()),
    }
}

/// A deleted account is brought back first.
fn there(state: UserState) -> Result<()> {
    match state {
        UserState::Deleted => Err(Error::new(ErrorCode::WrongState).with_key("error-user-deleted")),
        _ => Ok(()),
    }
}

/// Whether an account may be deleted by the caller; the admins and the customers are locked where it is then done.
async fn may_be_deleted(tx: &mut Tx, ctx: &OpContext, id: UserId, state: UserState) -> Result<()> {
    not_oneself(ctx, id)?;
    roles::must_cover_user_in_tx(tx, ctx, id).await?;
    if state != UserState::Deleted {
        roles::leave_an_admin_in_tx(tx, id).await?;
        customers::leave_owners_in_tx(tx, id).await?;
    }
    Ok(())
}

/// Whether somebody's sessions may be ended by the caller.
async fn may_be_signed_out(tx: &mut Tx, ctx: &OpContext, id: UserId) -> Result<()> {
    not_oneself(ctx, id).map_err(|own| own.with_key("error-user-self-sessions"))?;
    roles::must_cover_user_in_tx(tx, ctx, id).await
}

/// Whether an account may be parted from a service by the caller; one's own is, on one's own page.
async fn may_be_parted(tx: &mut Tx, ctx: &OpContext, id: UserId, state: UserState) -> Result<()> {
    not_oneself(ctx, id).map_err(|own| own.with_key("error-user-self-identities"))?;
    may_be_changed(tx, ctx, id, state).await
}

/// What the caller may do with an account now, each by the rule of its operation.
async fn may_of(tx: &mut Tx, ctx: &OpContext, id: UserId, state: UserState) -> Result<UserMay> {
    let change = ctx.authorize(UpdateUser, &UserRef::of_platform(id)).is_ok();
    let delete = ctx.authorize(DeleteUser, &UserRef::of_platform(id)).is_ok();
    let covered = may(ctx, true, roles::must_cover_user_in_tx(tx, ctx, id).await)?;
    let when = |permitted: bool| if permitted { covered.clone() } else { May::default() };
    let (assign_roles, revoke_roles) = roles::may_of_user_in_tx(tx, ctx, id, state).await?;
    Ok(UserMay {
        change: may(ctx, change, may_be_changed(tx, ctx, id, state).await)?,
        disable: may(ctx, change, may_be_switched(tx, ctx, id, state, false).await)?,
        enable: may(ctx, change, may_be_switched(tx, ctx, id, state, true).await)?,
        delete: may(ctx, delete, may_be_deleted(tx, ctx, id, state).await)?,
        restore: when(delete),
        set_password: may(ctx, change, may_get_password(tx, ctx, id, state).await)?,
        end_sessions: may(ctx, change, may_be_signed_out(tx, ctx, id).await)?,
        reset_second_factor: may(ctx, change, second_factor::may_be_reset(tx, ctx, id, state).await)?,
        unlink_identities: may(ctx, change, may_be_parted(tx, ctx, id, state).await)?,
        assign_roles,
        revoke_roles,
    })
}

/// Whether the caller may do what lets them sign in as somebody: with it they could also act for that person's customers,
/// so they must be able to run those customers' people anyway.
async fn may_take_over(tx: &mut Tx, ctx: &OpContext, id: UserId) -> Result<()> {
    roles::must_cover_user_in_tx(tx, ctx, id).await?;
    match store::memberships(tx, &[id]).await?.is_empty() {
        true => Ok(()),
        false => ctx.must_cover([Permission::CustomersManageMembers]),
    }
}

fn not_oneself(ctx: &OpContext, id: UserId) -> Result<()> {
    match ctx.user() {
        Some(user) if user.id == id => Err(Error::new(ErrorCode::WrongState).with_key("error-user-self")),
        _ => Ok(()),
    }
}

async fn read(tx: &mut Tx, ctx: &OpContext, id: UserId) -> Result<UserView> {
    let mut view = store::view(tx, id, ctx.now()).await?.ok_or_else(Error::not_found)?;
    complete(tx, vec![&mut view.user]).await?;
    view.identities = super::store::identity::identities_of(tx, id).await?;
    (view.totp_since, view.recovery_codes_left) = super::store::second_factor::summary(tx, id).await?;
    view.user.second_factor = view.totp_since.is_some();
    if view.user.state == UserState::Active {
        view.only_owner_of = crate::customers::alone_owned_by_in_tx(tx, id).await?;
    }
    view.may = may_of(tx, ctx, id, view.user.state).await?;
    Ok(view)
}

/// Adds what other tables know of people.
async fn complete(tx: &mut Tx, rows: Vec<&mut UserRow>) -> Result<()> {
    let ids: Vec<UserId> = rows.iter().map(|row| row.id).collect();
    let mut roles = roles::of_users_in_tx(tx, &ids).await?;
    let mut memberships = store::memberships(tx, &ids).await?;
    for row in rows {
        row.roles = roles.remove(&row.id).unwrap_or_default();
        row.memberships = memberships.remove(&row.id).unwrap_or_default();
    }
    Ok(())
}

fn details(wrong: &mut Wrong, username: String, display_name: Option<String>, email: Option<String>) -> store::Details {
    let name = username.trim().to_lowercase();
    if name.is_empty() {
        wrong.add("username", "field-required");
    } else if !is_user_name(&name) {
        wrong.add("username", "field-user-name-shape");
    }
    store::Details {
        name,
        display_name: wrong.display_name("displayName", display_name),
        email: wrong.email("email", email),
    }
}

/// Nobody is called from now on as a part of the platform is in the log.
pub(crate) fn refuse_reserved(wrong: &mut Wrong, path: &'static str, name: &str) {
    if is_reserved(name) {
        wrong.add_with(path, "field-user-name-reserved", vec![("name", name.to_owned())]);
    }
}

/// Whether a user name stands for a part of the platform in the log.
pub(in crate::accounts) fn is_reserved(name: &str) -> bool {
    let parts = SystemActor::ALL.map(SystemActor::name);
    parts.contains(&name) || ["system", "anonymous", "cli", "root"].contains(&name)
}

/// As the database asks: `[a-z0-9][a-z0-9._-]{0,62}`.
fn is_user_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 63 && name.starts_with(plain) && name.chars().all(|c| plain(c) || "._-".contains(c))
}

/// The password that was typed, or else one that is made; what is typed has to be what the installation's rule asks.
fn chosen(
    rule: PasswordRule,
    wrong: &mut Wrong,
    password: Option<String>,
    details: &store::Details,
) -> (Option<String>, Option<String>) {
    let Some(typed) = password.filter(|password| !password.is_empty()) else {
        return (None, Some(new_password()));
    };
    let about = [
        details.name.as_str(),
        details.display_name.as_deref().unwrap_or_default(),
        details.email.as_deref().unwrap_or_default(),
    ];
    rule.check(wrong, "password", &typed, &about);
    (Some(typed), None)
}

/// Takes tens of milliseconds of a core, and no connection meanwhile.
async fn hashed(platform: &Platform, password: Option<&String>) -> Result<String> {
    let password = password.ok_or_else(|| Error::internal("neither typed nor made"))?;
    password::hash(platform, password).await
}

/// What the database found wrong with a name, under this body's path.
fn at_username(mut error: Error) -> Error {
    for field in error.fields.iter_mut().filter(|field| field.path == "name") {
        field.path = "username";
    }
    error
}

/// The same where no form is shown: what to do stands in the message.
fn taken_meanwhile(error: Error) -> Error {
    match error.code {
        ErrorCode::AlreadyExists => at_username(error).with_key("error-user-restore-taken"),
        _ => error,
    }
}

fn at_roles(mut error: Error) -> Error {
    for field in error.fields.iter_mut().filter(|field| field.path == "roleId") {
        field.path = "roles";
    }
    error
}

/// What the audit log keeps of an account.
fn facts(details: &store::Details, state: UserState) -> serde_json::Value {
    serde_json::json!({
        "name": details.name, "displayName": details.display_name, "email": details.email, "state": state,
    })
}

/// The event of an account that comes into another state.
fn moved(entry: audit::Entry, before: &store::Locked, after: UserState) -> audit::Entry {
    let (before, after) = (facts(&before.details, before.state), facts(&before.details, after));
    audit::Entry { before: Some(before), after: Some(after), ..entry }
}

fn entry(action: &'static str, id: UserId) -> audit::Entry {
    super::entry(action, id)
}
