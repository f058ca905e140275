//! Roles of the platform: the built-in ones, those made here from permissions, and who holds them.
//!
//! Invariants: nobody gives, takes or puts into a role what they do not hold everywhere themselves; built-in roles are never
//! changed; a role somebody holds is not deleted; there is always an active platform admin who signs in by a password of
//! their own, however many requests try to take the last ones at once; who gets or loses a role is signed out, and a changed role ends the sockets of its holders.

mod list;
mod store;

use std::collections::{BTreeSet, HashMap};

use contract::accounts::Language;
use contract::notifications::NotificationKind;
use contract::roles::{RoleBrief, RoleHolder, RoleScope, RoleView, RoleWrite};
use contract::users::{RoleMay, UserState};
use contract::{ErrorCode, May, Permission, RoleId, UserId};

pub use list::{export, holders, list, page_of_found, permissions};

use crate::accounts::{ACCOUNT_PAGE, SessionEnding, users};
use crate::authz::{
    AssignRole, CreateRole, KEPT_ROLE, ManageRole, RoleBook, RoleRef, UserRef, ViewRole, is_grantable, must_be_kept,
    permitted_by, powers_of,
};
use crate::db::Tx;
use crate::error::FieldError;
use crate::fields::Wrong;
use crate::lookalikes::{bare_look_of, mixes_alphabets};
use crate::notifications::{self, Notice, Value};
use crate::{Error, OpContext, Platform, Result, audit, customers, may};

/// Words of the built-in roles, which are what they are called by in the texts, too.
pub const BUILT_IN: [&str; 7] =
    ["platform_admin", "operator", "teacher", "student", "customer_owner", "customer_member", "signed_in"];
/// Holders that a refusal names.
const NAMED_HOLDERS: usize = 10;

/// One role.
pub async fn get(platform: &Platform, ctx: &OpContext, id: RoleId) -> Result<RoleView> {
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(ViewRole, &RoleRef::of_platform(id))?;
    let role = read(&mut tx, granted.id()).await?;
    let (holders, _) = store::holders(&mut tx, &role, (0, Some(1000))).await?;
    tx.commit().await?;
    let permitted = ctx.authorize(ManageRole, &RoleRef::of_platform(id)).is_ok();
    let may_change = may(ctx, permitted, may_be_changed(&role))?;
    let may_delete = may(ctx, permitted, may_be_deleted(&role, &holders))?;
    Ok(RoleView { may_change: Some(may_change), may_delete: Some(may_delete), ..view(role) })
}

/// Makes a role.
///
/// # Errors
/// `Forbidden` when it would permit what the caller does not hold.
pub async fn create(platform: &Platform, ctx: &OpContext, body: RoleWrite) -> Result<RoleView> {
    let ctx = &ctx.trying(audit::Entry { target_id: None, ..entry("roles:create", RoleId(0)) });
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(CreateRole, &RoleBook)?;
    let body = checked(body)?;
    ctx.must_cover(body.permissions.iter().copied())?;
    looks_like_no_other(&mut tx, None, &body.name).await?;
    let id = store::insert(&mut tx, &granted, &body).await?;
    let made = view(read(&mut tx, id).await?);
    audit::record_in_tx(&mut tx, ctx, audit::Entry { after: Some(facts(&made)), ..entry("roles:create", id) }).await?;
    tx.commit().await?;
    Ok(made)
}

/// Changes a role; who holds it has what it permits from their next request on, and open sockets end.
///
/// # Errors
/// `WrongState` for a built-in role, `Forbidden` when it would get or lose what the caller does not hold, `Conflict` when
/// somebody changed it after the revision the caller read.
pub async fn update(platform: &Platform, ctx: &OpContext, id: RoleId, body: RoleWrite) -> Result<RoleView> {
    let ctx = &ctx.trying(entry("roles:update", id));
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(ManageRole, &RoleRef::of_platform(id))?;
    let role = lock_custom(&mut tx, id).await?;
    let before = view(role);
    let body = checked(body)?;
    if body.revision.is_some_and(|revision| revision != before.revision) {
        return Err(Error::new(ErrorCode::Conflict).with_key("error-role-changed"));
    }
    let (old, new): (BTreeSet<_>, BTreeSet<_>) =
        (before.permissions.iter().copied().collect(), body.permissions.iter().copied().collect());
    ctx.must_cover(old.symmetric_difference(&new).copied())?;
    looks_like_no_other(&mut tx, Some(id), &body.name).await?;
    store::update(&mut tx, &granted, &body).await?;
    let role = read(&mut tx, id).await?;
    let (holders, _) = store::holders(&mut tx, &role, (0, None)).await?;
    let after = view(role);
    let entry = audit::Entry { before: Some(facts(&before)), after: Some(facts(&after)), ..entry("roles:update", id) };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    if old != new {
        for holder in &holders {
            let told = Told { role: after.name.clone(), change: "changed" };
            tell_in_tx(platform, &mut tx, ctx, holder.user_id, told).await?;
        }
    }
    tx.commit().await?;
    if old != new {
        for holder in holders {
            let _ = platform.endings().send(SessionEnding::User(holder.user_id));
        }
    }
    Ok(after)
}

/// Deletes a role nobody holds; deleted accounts lose it.
///
/// # Errors
/// `WrongState` for a built-in role, and for one that is held: the field `holders` says by whom.
pub async fn delete(platform: &Platform, ctx: &OpContext, id: RoleId) -> Result<()> {
    let ctx = &ctx.trying(entry("roles:delete", id));
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(ManageRole, &RoleRef::of_platform(id))?;
    let role = lock_custom(&mut tx, id).await?;
    let (holders, _) = store::holders(&mut tx, &role, (0, None)).await?;
    may_be_deleted(&role, &holders)?;
    store::take_from_deleted(&mut tx, &granted, &role.code).await?;
    let before = view(role);
    store::delete(&mut tx, &granted).await?;
    audit::record_in_tx(&mut tx, ctx, audit::Entry { before: Some(facts(&before)), ..entry("roles:delete", id) })
        .await?;
    tx.commit().await?;
    Ok(())
}

/// Gives somebody a role of the platform and signs them out; again is no error and changes nothing.
///
/// # Errors
/// `Forbidden` when the role permits, or the person may, what the caller does not hold; `WrongState` when it would make staff
/// of the only owner of a customer.
pub async fn assign(platform: &Platform, ctx: &OpContext, user: UserId, role: RoleId) -> Result<Vec<RoleBrief>> {
    let mut tx = platform.db().begin(ctx).await?;
    let ctx = &ctx.trying(wanted(&mut tx, "roles:assign", user, role).await?);
    let granted = ctx.authorize(AssignRole, &UserRef::of_platform(user))?;
    customers::lock_owned_by(&mut tx, user).await?; // before the person, as everything that changes people of customers
    let state = users::lock_in_tx(&mut tx, user).await?.state;
    may_be_given_some(&mut tx, ctx, user, state).await?;
    let role = to_give_in_tx(&mut tx, ctx, role).await?;
    keeps_owners_in_tx(&mut tx, user, &role).await?;
    let changed = give_in_tx(&mut tx, ctx, &granted, &role).await?;
    if changed {
        users::end_sessions_in_tx(&mut tx, user).await?;
        tell_in_tx(platform, &mut tx, ctx, user, role.given()).await?;
    }
    let roles = of_users_in_tx(&mut tx, &[user]).await?.remove(&user).unwrap_or_default();
    tx.commit().await?;
    if changed {
        let _ = platform.endings().send(SessionEnding::User(user));
    }
    Ok(roles)
}

/// Takes a role away and signs the person out; again is no error and changes nothing.
///
/// # Errors
/// `WrongState` for the last platform admin, `Forbidden` when the role permits, or the person may, what the caller does
/// not hold.
pub async fn revoke(platform: &Platform, ctx: &OpContext, user: UserId, role: RoleId) -> Result<Vec<RoleBrief>> {
    let mut tx = platform.db().begin(ctx).await?;
    let ctx = &ctx.trying(wanted(&mut tx, "roles:revoke", user, role).await?);
    let granted = ctx.authorize(AssignRole, &UserRef::of_platform(user))?;
    users::lock_in_tx(&mut tx, user).await?;
    let role = read(&mut tx, role).await?;
    if must_be_kept(&role.code) {
        lock_admins_in_tx(&mut tx).await?;
    }
    may_be_taken(&mut tx, ctx, user, &role).await?;
    let changed = store::revoke(&mut tx, &granted, &role.code).await?;
    if changed {
        users::end_sessions_in_tx(&mut tx, user).await?;
        let entry =
            audit::Entry { before: Some(serde_json::json!({ "role": role.name })), ..given("roles:revoke", user) };
        audit::record_in_tx(&mut tx, ctx, entry).await?;
        tell_in_tx(platform, &mut tx, ctx, user, Told { role: word(&role), change: "taken" }).await?;
    }
    let roles = of_users_in_tx(&mut tx, &[user]).await?.remove(&user).unwrap_or_default();
    tx.commit().await?;
    if changed {
        let _ = platform.endings().send(SessionEnding::User(user));
    }
    Ok(roles)
}

/// A role that somebody got or lost, as they are told of it.
pub(crate) struct Told {
    role: String,
    change: &'static str,
}

/// Tells somebody in the transaction in which a role was given to them or taken away.
pub(crate) async fn tell_in_tx(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    user: UserId,
    told: Told,
) -> Result<()> {
    let args = vec![
        ("role", Value::Text(told.role)),
        ("change", Value::Text(told.change.to_owned())),
        ("by", notifications::by(ctx)),
    ];
    let notice = Notice { kind: NotificationKind::RolesChanged, args, link: Some(ACCOUNT_PAGE.to_owned()) };
    notifications::tell_in_tx(platform, tx, ctx, user, &notice).await
}

/// The word of a built-in role, which the texts put into the reader's language, or the name that somebody gave it.
fn word(role: &store::Row) -> String {
    role.builtin.clone().unwrap_or_else(|| role.name.clone())
}

/// Whether the caller may give somebody any role.
async fn may_be_given_some(tx: &mut Tx, ctx: &OpContext, user: UserId, state: UserState) -> Result<()> {
    if state == UserState::Deleted {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-user-deleted"));
    }
    must_cover_user_in_tx(tx, ctx, user).await
}

/// Whether the caller may take a role away from somebody; with [`lock_admins_in_tx`] before where it is then done.
async fn may_be_taken(tx: &mut Tx, ctx: &OpContext, user: UserId, role: &store::Row) -> Result<()> {
    must_cover_user_in_tx(tx, ctx, user).await?;
    ctx.must_cover(powers(role))?;
    if must_be_kept(&role.code) {
        leave_an_admin_in_tx(tx, user).await?;
    }
    Ok(())
}

/// What the caller may do with somebody's roles now: giving, and taking each of theirs away.
pub(crate) async fn may_of_user_in_tx(
    tx: &mut Tx,
    ctx: &OpContext,
    user: UserId,
    state: UserState,
) -> Result<(May, Vec<RoleMay>)> {
    let permitted = ctx.authorize(AssignRole, &UserRef::of_platform(user)).is_ok();
    let give = may(ctx, permitted, may_be_given_some(tx, ctx, user, state).await)?;
    let mut take = Vec::new();
    for role in store::roles_of(tx, user).await? {
        let may = may(ctx, permitted, may_be_taken(tx, ctx, user, &role).await)?;
        take.push(RoleMay { role_id: role.id, may });
    }
    Ok((give, take))
}

/// Gives a role in the caller's transaction; false when it was held already.
pub(crate) async fn assign_in_tx(
    tx: &mut Tx,
    ctx: &OpContext,
    granted: &crate::authz::Granted<AssignRole>,
    role: RoleId,
) -> Result<bool> {
    let role = to_give_in_tx(tx, ctx, role).await?;
    give_in_tx(tx, ctx, granted, &role).await
}

/// A role that stays as it is until the end of the transaction, and that the caller holds.
pub(crate) struct ToGive {
    code: String,
    name: String,
    word: String,
    makes_staff: bool,
}

impl ToGive {
    /// As who gets it is told.
    pub(crate) fn given(&self) -> Told {
        Told { role: self.word.clone(), change: "given" }
    }
}

/// Keeps a role to be given to several people.
///
/// # Errors
/// `Forbidden` when it permits what the caller does not hold.
pub(crate) async fn to_give_in_tx(tx: &mut Tx, ctx: &OpContext, role: RoleId) -> Result<ToGive> {
    let unknown = || Error::field("roleId", "field-role-unknown");
    // Kept as it is until the end, so that it is not made stronger meanwhile.
    let role = store::keep(tx, role).await?.ok_or_else(unknown)?;
    if role.scope != RoleScope::Platform {
        return Err(unknown());
    }
    ctx.must_cover(powers(&role)).map_err(|refused| refused.with_attempt("role", role.name.as_str()))?;
    // As `roles.of_staff` in the database: what is made here, and the built-in roles that permit something.
    let makes_staff = role.builtin.as_deref().is_none_or(|word| !powers_of(word).is_empty());
    Ok(ToGive { word: word(&role), code: role.code, name: role.name, makes_staff })
}

/// To be called before somebody is given such a role.
///
/// # Errors
/// `WrongState` when it would make staff of the only owner of a customer, for which nobody could act any more.
pub(crate) async fn keeps_owners_in_tx(tx: &mut Tx, user: UserId, role: &ToGive) -> Result<()> {
    if !role.makes_staff {
        return Ok(());
    }
    customers::lock_owned_by(tx, user).await?;
    customers::leave_owners_to_staff_in_tx(tx, user).await
}

/// Gives somebody such a role; false when it was held already.
pub(crate) async fn give_in_tx(
    tx: &mut Tx,
    ctx: &OpContext,
    granted: &crate::authz::Granted<AssignRole>,
    role: &ToGive,
) -> Result<bool> {
    let changed = store::assign(tx, granted, &role.code).await?;
    if changed {
        let entry = audit::Entry {
            after: Some(serde_json::json!({ "role": role.name })),
            ..given("roles:assign", granted.id())
        };
        audit::record_in_tx(tx, ctx, entry).await?;
    }
    Ok(changed)
}

/// A role of the platform, with what holding it gives everywhere.
pub(crate) struct Assignable {
    pub id: RoleId,
    pub code: String,
    pub name: String,
    pub builtin: bool,
    pub powers: Vec<Permission>,
}

impl Assignable {
    /// As `roles.of_staff` in the database: what is made here, and the built-in roles that permit something.
    pub(crate) fn makes_staff(&self) -> bool {
        !self.builtin || !self.powers.is_empty()
    }
}

/// Every role that can be given to somebody.
pub(crate) async fn assignable_in_tx(tx: &mut Tx) -> Result<Vec<Assignable>> {
    let roles = store::list(tx).await?.into_iter().filter(|role| role.scope == RoleScope::Platform);
    let roles = roles.map(|role| {
        let powers = powers(&role);
        Assignable { id: role.id, code: role.code, name: role.name, builtin: role.builtin.is_some(), powers }
    });
    Ok(roles.collect())
}

/// Roles of the platform by person.
pub(crate) async fn of_users_in_tx(tx: &mut Tx, users: &[UserId]) -> Result<HashMap<UserId, Vec<RoleBrief>>> {
    store::of_users(tx, users).await
}

/// Words of the roles of the platform that a person holds and that do not make them staff by themselves, then names of those made
/// here.
pub(crate) async fn other_names_in_tx(tx: &mut Tx, user: UserId) -> Result<Vec<String>> {
    let held = store::of_users(tx, &[user]).await?.remove(&user).unwrap_or_default();
    let (builtin, made): (Vec<_>, Vec<_>) = held.into_iter().partition(|role| role.builtin);
    let learning = builtin.into_iter().map(|role| role.code).filter(|code| powers_of(code).is_empty());
    Ok(learning.chain(made.into_iter().map(|role| role.name)).collect())
}

/// Whoever acts on somebody's account must hold everything that person's roles give: else a new password or address of
/// a stronger person would be a way up.
///
/// # Errors
/// `Forbidden`, with the first permission that is missing.
pub(crate) async fn must_cover_user_in_tx(tx: &mut Tx, ctx: &OpContext, user: UserId) -> Result<()> {
    for role in store::roles_of(tx, user).await? {
        ctx.must_cover(powers(&role))?;
    }
    Ok(())
}

/// To be called before somebody is disabled or deleted or loses the role, in the same transaction; with
/// [`lock_admins_in_tx`] before where it is then done.
///
/// # Errors
/// `WrongState` for the last admin, as [`is_last_admin_in_tx`] says.
pub(crate) async fn leave_an_admin_in_tx(tx: &mut Tx, user: UserId) -> Result<()> {
    match is_last_admin(tx, user).await? {
        true => Err(Error::new(ErrorCode::WrongState).with_key("error-last-admin")),
        false => Ok(()),
    }
}

/// One at a time may lessen the admins: who waits here counts again when the other has finished.
pub(crate) async fn lock_admins_in_tx(tx: &mut Tx) -> Result<()> {
    store::lock_admins(tx).await
}

/// Whether nobody would be left without this person who may set things right; the one place where that is decided.
///
/// An admin counts who is active and has set a password here. Who was invited and did not come may never come, and who
/// comes from a provider gets in only while it answers: they count where nobody better is lost, so that the account of
/// one of them can be closed.
pub(crate) async fn is_last_admin_in_tx(tx: &mut Tx, user: UserId) -> Result<bool> {
    lock_admins_in_tx(tx).await?;
    is_last_admin(tx, user).await
}

async fn is_last_admin(tx: &mut Tx, user: UserId) -> Result<bool> {
    let store::Admins { is_one, counts, others, others_count } = store::admins(tx, KEPT_ROLE, user).await?;
    Ok(is_one && others_count == 0 && (counts || others == 0))
}

async fn read(tx: &mut Tx, id: RoleId) -> Result<store::Row> {
    store::get(tx, id).await?.ok_or_else(Error::not_found)
}

/// Loads and locks a role to change it.
async fn lock_custom(tx: &mut Tx, id: RoleId) -> Result<store::Row> {
    store::lock(tx, id).await?;
    let role = read(tx, id).await?;
    may_be_changed(&role)?;
    Ok(role)
}

/// Whether a role can be changed at all.
fn may_be_changed(role: &store::Row) -> Result<()> {
    match role.builtin {
        Some(_) => Err(Error::new(ErrorCode::WrongState).with_key("error-role-builtin")),
        None => Ok(()),
    }
}

/// Whether a role with these holders can be deleted.
fn may_be_deleted(role: &store::Row, holders: &[RoleHolder]) -> Result<()> {
    may_be_changed(role)?;
    // Whose account is deleted comes back without it.
    let live: Vec<&RoleHolder> = holders.iter().filter(|holder| !holder.deleted).collect();
    if live.is_empty() { Ok(()) } else { Err(held_by(&live)) }
}

/// What holding it gives everywhere.
fn powers(role: &store::Row) -> Vec<Permission> {
    match &role.builtin {
        Some(word) => powers_of(word),
        None => role.permissions.clone(),
    }
}

fn view(role: store::Row) -> RoleView {
    let permissions = match &role.builtin {
        Some(word) => permitted_by(word),
        None => role.permissions,
    };
    RoleView {
        id: role.id,
        code: role.code,
        name: role.name,
        description: role.description,
        builtin: role.builtin.is_some(),
        scope: role.scope,
        permissions,
        holder_count: role.holders,
        revision: role.revision,
        created_at: role.created_at,
        may_change: None,
        may_delete: None,
    }
}

fn checked(mut body: RoleWrite) -> Result<RoleWrite> {
    let mut wrong = Wrong::new();
    body.name = wrong.name("name", &body.name);
    if is_called_as_built_in(&body.name) {
        wrong.add("name", "field-role-name-built-in");
    } else if mixes_alphabets(&body.name) {
        wrong.add("name", "field-name-mixed");
    }
    body.description = wrong.text("description", body.description, 1000);
    body.permissions.sort_unstable();
    body.permissions.dedup();
    let refused = body.permissions.iter().filter(|permission| !is_grantable(**permission));
    let refused: Vec<_> = refused.map(|permission| permission.name()).collect();
    if !refused.is_empty() {
        wrong.add_with("permissions", "field-permission-not-grantable", vec![("names", refused.join(", "))]);
    }
    wrong.into_result()?;
    Ok(body)
}

/// What is left of a name when only what one hears of it counts: letters and digits, small, those of double width as others.
pub(crate) fn plain(text: &str) -> String {
    let narrow = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    };
    text.chars().map(narrow).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Two roles that people, or a workbook, take for one another would be given in place of each other. Roles are few, and none
/// of them is anybody's secret.
async fn looks_like_no_other(tx: &mut Tx, id: Option<RoleId>, name: &str) -> Result<()> {
    let (look, heard) = (bare_look_of(name), plain(name));
    let roles = store::list(tx).await?;
    let alike = |role: &&store::Row| bare_look_of(&role.name) == look || plain(&role.name) == heard;
    match roles.iter().filter(|role| role.builtin.is_none() && Some(role.id) != id).find(alike) {
        Some(other) => {
            let mut error = Error::new(ErrorCode::AlreadyExists);
            let args = vec![("name", other.name.clone())];
            error.fields.push(FieldError { path: "name", key: "field-role-name-alike", args });
            Err(error)
        }
        None => Ok(()),
    }
}

/// Whether people, or a workbook, would take a role of this name for a built-in one, in either language, or for another one's
/// code: whoever may make roles could have somebody else give the wrong one.
fn is_called_as_built_in(name: &str) -> bool {
    let (look, name) = (bare_look_of(name), plain(name));
    let is_code = name.strip_prefix("custom").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    let called = |code: &&str| {
        let words = [Language::Zh, Language::En].map(|language| texts::message(language, &format!("role-{code}"), &[]));
        words.iter().map(String::as_str).chain([*code]).any(|word| plain(word) == name || bare_look_of(word) == look)
    };
    is_code || BUILT_IN.iter().any(called)
}

fn held_by(holders: &[&RoleHolder]) -> Error {
    let names: Vec<_> = holders.iter().take(NAMED_HOLDERS).map(|holder| holder.name.as_str()).collect();
    let mut error =
        Error::new(ErrorCode::WrongState).with_key("error-role-held").with_arg("n", holders.len().to_string());
    let args = vec![("names", names.join(", ")), ("n", holders.len().to_string())];
    error.fields.push(FieldError { path: "holders", key: "field-role-holders", args });
    error
}

/// What the audit log keeps of a role.
fn facts(role: &RoleView) -> serde_json::Value {
    let permissions: Vec<_> = role.permissions.iter().map(|permission| permission.name()).collect();
    serde_json::json!({ "name": role.name, "description": role.description, "permissions": permissions })
}

fn entry(action: &'static str, id: RoleId) -> audit::Entry {
    audit::Entry {
        action,
        target_kind: "role",
        target_id: Some(id.to_string()),
        customer: None,
        before: None,
        after: None,
    }
}

/// What is tried with somebody and a role, by the role's name.
async fn wanted(tx: &mut Tx, action: &'static str, user: UserId, role: RoleId) -> Result<audit::Entry> {
    let role = store::get(tx, role).await?.map(|role| serde_json::json!({ "role": role.name }));
    Ok(audit::Entry { after: role, ..given(action, user) })
}

fn given(action: &'static str, user: UserId) -> audit::Entry {
    audit::Entry {
        action,
        target_kind: "user",
        target_id: Some(user.to_string()),
        customer: None,
        before: None,
        after: None,
    }
}
