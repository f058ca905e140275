//! People of a customer: brought in, given a role, removed, and the ownership handed over, by its owners and by staff.
//!
//! Invariants: a customer that has an owner keeps one; who has an account comes in by accepting an invitation, or is added
//! by staff who run people everywhere, and told of it; where somebody acts for the customer whose role in it changes, or
//! who is removed, that session ends (open sockets by asking again, within seconds), and no other of theirs; what stays open in
//! the customer's instances whichever customer a session acts for ends with who is removed; nobody makes somebody more than they
//! are there themselves; an invitation is withdrawn for good with the say of who sent it.

use contract::accounts::MemberRole;
use contract::customers::{MemberCreate, MemberSecret, MemberUpdate, MemberView, OwnerTransfer};
use contract::notifications::NotificationKind;
use contract::{CustomerId, ErrorCode, May, Permission, UserId};

use super::{MEMBER_PATHS, active, at, entry, lock_present, person, resource, store};
use crate::accounts::{self, users};
use crate::authz::{AddMember, Granted, ManageMembers, SecureAccount};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::notifications::{self, Notice, Value};
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, instances, may};

/// Adds somebody to a customer, for staff: a new account, or one that exists, whose owner is told.
///
/// # Errors
/// `Forbidden` for a customer's owner, whomever they name and whether or not there is an account: they invite by mail. Who
/// makes an account knows its password and chooses its address, which would be anybody's.
pub async fn add_member(
    platform: &Platform,
    ctx: &OpContext,
    id: CustomerId,
    member: MemberCreate,
) -> Result<MemberSecret> {
    // Whose row it would be is not known yet.
    let ctx = &ctx.trying(entry("customers:add-member", id));
    match member.existing {
        true => may_add_known(ctx, id)?,
        false => may_add_new(ctx, id)?,
    }
    let mut tx = begin(platform, ctx).await?;
    lock_present(&mut tx, id).await?;
    let mut wrong = Wrong::new();
    let person = person(&mut wrong, MEMBER_PATHS, member, MemberRole::Member);
    wrong.into_result()?;
    ctx.must_cover_in(&resource(id), person.role)?;
    let password =
        accounts::add_person_in_tx(platform, &mut tx, ctx, id, &person).await.map_err(|e| at(e, MEMBER_PATHS))?;
    tx.commit().await?;
    Ok(MemberSecret { username: person.name, password })
}

/// The same in the customer one acts for; its own people are refused and told to invite.
pub async fn add_my_member(platform: &Platform, ctx: &OpContext, member: MemberCreate) -> Result<MemberSecret> {
    add_member(platform, ctx, active(ctx)?, member).await
}

/// Makes somebody an owner or a member; again is no error and changes nothing.
///
/// # Errors
/// `WrongState` for the last owner.
pub async fn set_member_role(
    platform: &Platform,
    ctx: &OpContext,
    id: CustomerId,
    user: UserId,
    body: MemberUpdate,
) -> Result<()> {
    let wanted = Some(serde_json::json!({ "role": body.role }));
    let ctx =
        &ctx.trying(audit::Entry { after: wanted, ..audit::Entry::of_member("customers:change-member", id, user) });
    let granted = ctx.authorize(ManageMembers, &resource(id))?;
    let mut tx = begin(platform, ctx).await?;
    let before = lock_member(&mut tx, id, user).await?;
    let changed = before != body.role;
    if changed {
        may_change_role(ctx, id, &store::owners(&mut tx, id).await?, (user, before))?;
        store::set_member_role(&mut tx, &granted, user, body.role).await?;
        note_role(platform, &mut tx, ctx, &granted, user, (before, body.role)).await?;
        accounts::withdraw_lost_invitations_in_tx(&mut tx, ctx, Some(id)).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The same in the customer one acts for.
pub async fn set_my_member_role(platform: &Platform, ctx: &OpContext, user: UserId, body: MemberUpdate) -> Result<()> {
    set_member_role(platform, ctx, active(ctx)?, user, body).await
}

/// Whether the caller may make somebody who has an account one of a customer's people without asking them.
///
/// # Errors
/// `Forbidden` for those who run the people of one customer: they invite.
pub(super) fn may_add_known(ctx: &OpContext, id: CustomerId) -> Result<()> {
    ctx.authorize(ManageMembers, &resource(id))?;
    let everywhere = ctx.must_cover([Permission::CustomersManageMembers]);
    everywhere.map_err(|error| error.with_key("error-member-by-invitation"))
}

/// Whether the caller may make an account for one of a customer's people.
fn may_add_new(ctx: &OpContext, id: CustomerId) -> Result<()> {
    let granted = ctx.authorize(AddMember, &resource(id)).map(|_| ());
    granted.map_err(|error| match error.code {
        ErrorCode::Forbidden => error.with_key("error-member-by-invitation"),
        _ => error,
    })
}

/// Who is to be one of a customer's people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joining {
    /// Somebody whose account is made along with it.
    New,
    /// Somebody who has an account, whether or not they are in the customer already.
    Known,
}

/// Whether the caller may make somebody one of a customer's people.
pub(crate) fn may_join(ctx: &OpContext, id: CustomerId, who: Joining, role: MemberRole) -> Result<()> {
    match who {
        Joining::New => may_add_new(ctx, id)?,
        Joining::Known => may_add_known(ctx, id)?,
    }
    ctx.must_cover_in(&resource(id), role)
}

/// Makes somebody one of a customer's people, or its owner, in a transaction of the system's; never less than they are. Who
/// had an account before is told.
pub(crate) async fn join_in_tx(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    id: CustomerId,
    (user, who): (UserId, Joining),
    role: MemberRole,
) -> Result<()> {
    store::lock(tx, id).await?.ok_or_else(|| Error::new(ErrorCode::Conflict))?;
    let held = store::member_role(tx, id, user).await?;
    if held == Some(role) || held.is_some_and(MemberRole::is_owner) {
        return Ok(());
    }
    may_join(ctx, id, who, role)?;
    let Some(before) = held else {
        return match who {
            Joining::New => accounts::add_membership_in_tx(tx, ctx, id, user, role).await,
            Joining::Known => accounts::add_known_in_tx(platform, tx, ctx, id, (user, role)).await,
        };
    };
    let granted = ctx.authorize(ManageMembers, &resource(id))?;
    store::set_member_role(tx, &granted, user, role).await?;
    note_role(platform, tx, ctx, &granted, user, (before, role)).await
}

/// Removes somebody from a customer; the account stays.
///
/// # Errors
/// `WrongState` for the last owner.
pub async fn remove_member(platform: &Platform, ctx: &OpContext, id: CustomerId, user: UserId) -> Result<()> {
    let ctx = &ctx.trying(audit::Entry::of_member("customers:remove-member", id, user));
    let granted = ctx.authorize(ManageMembers, &resource(id))?;
    let mut tx = begin(platform, ctx).await?;
    let before = lock_member(&mut tx, id, user).await?;
    may_leave(&store::owners(&mut tx, id).await?, (user, before))?;
    store::remove_member(&mut tx, &granted, user).await?;
    end_all_of(&mut tx, ctx, (user, id)).await?;
    // As they are called now: the customer reads it by that from now on.
    let name = accounts::names(&mut tx, &[user.0]).await?.remove(&user.0);
    let entry = audit::Entry {
        before: Some(serde_json::json!({ "username": name, "role": before })),
        ..audit::Entry::of_member("customers:remove-member", id, user)
    };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tell(platform, &mut tx, ctx, id, (user, None)).await?;
    accounts::withdraw_lost_invitations_in_tx(&mut tx, ctx, Some(id)).await?;
    tx.commit().await?;
    Ok(())
}

/// The same in the customer one acts for.
pub async fn remove_my_member(platform: &Platform, ctx: &OpContext, user: UserId) -> Result<()> {
    remove_member(platform, ctx, active(ctx)?, user).await
}

/// What somebody is in a customer, of which nobody else changes the people until the end of the transaction.
///
/// # Errors
/// `NotFound` for who is none of its people, whether or not there is such a customer.
pub(crate) async fn lock_own_place(tx: &mut Tx, id: CustomerId, user: UserId) -> Result<MemberRole> {
    store::member_role(tx, id, user).await?.ok_or_else(Error::not_found)?;
    lock_member(tx, id, user).await
}

/// Takes oneself out of a customer, in the system's transaction and after [`lock_own_place`].
///
/// # Errors
/// `WrongState` for the last owner.
pub(crate) async fn leave_in_tx(
    tx: &mut Tx,
    ctx: &OpContext,
    granted: &Granted<SecureAccount>,
    (id, role): (CustomerId, MemberRole),
) -> Result<()> {
    let user = granted.id();
    may_leave_in_tx(tx, id, (user, role)).await?;
    store::leave(tx, granted, id).await?;
    end_all_of(tx, ctx, (user, id)).await?;
    let before = Some(serde_json::json!({ "role": role }));
    audit::record_in_tx(tx, ctx, audit::Entry { before, ..entry("customers:leave", id) }).await?;
    accounts::withdraw_lost_invitations_in_tx(tx, ctx, Some(id)).await
}

/// Whatever somebody has open in a customer that has them no more: what acts for it, and what stays open in its instances
/// whichever of their customers a session acts for. The sessions that act for others are not its own to end.
async fn end_all_of(tx: &mut Tx, ctx: &OpContext, (user, id): (UserId, CustomerId)) -> Result<()> {
    users::end_sessions_for_in_tx(tx, ctx, user, id).await?;
    instances::end_access_of_in_tx(tx, ctx, (user, id)).await
}

/// Whether somebody who is this in a customer can leave it now.
pub(crate) async fn may_leave_in_tx(tx: &mut Tx, id: CustomerId, who: (UserId, MemberRole)) -> Result<()> {
    may_leave(&store::owners(tx, id).await?, who)
}

/// Makes one of its people the only owner; the owners so far become members.
///
/// # Errors
/// `Validation` when the customer's name was not typed as it is, or the person is none of its people, is disabled, or works for
/// the platform and so acts for no customer.
pub async fn transfer(platform: &Platform, ctx: &OpContext, id: CustomerId, body: OwnerTransfer) -> Result<()> {
    let ctx = &ctx.trying(entry("customers:transfer", id));
    let granted = ctx.authorize(ManageMembers, &resource(id))?;
    ctx.must_cover_in(&resource(id), MemberRole::Owner)?;
    let mut tx = begin(platform, ctx).await?;
    lock_present(&mut tx, id).await?;
    let name = store::view(&mut tx, id).await?.ok_or_else(Error::not_found)?.name;
    let heir = store::member_role(&mut tx, id, body.user_id).await?;
    let mut wrong = Wrong::new();
    if body.confirm.trim() != name {
        wrong.add("confirm", "field-confirm-name");
    }
    let Some(heir) = heir else {
        wrong.add("userId", "field-not-a-member");
        return Err(wrong.into_result().err().unwrap_or_else(Error::not_found));
    };
    // An owner who cannot act for the customer is none; and who hands it to themselves would only demote the others.
    if heir.is_owner() && ctx.user().is_some_and(|user| user.id == body.user_id) {
        wrong.add("userId", "field-heir-oneself");
    } else if !store::is_active(&mut tx, body.user_id).await? {
        wrong.add("userId", "field-heir-disabled");
    } else if store::is_staff(&mut tx, body.user_id).await? {
        wrong.add("userId", "field-heir-staff");
    }
    wrong.into_result()?;
    let mut changed = Vec::new();
    let people = store::find_members(&mut tx, id, &store::LookedFor::default(), (0, None)).await?;
    for owner in &people {
        if owner.role.is_owner() && owner.user_id != body.user_id {
            store::set_member_role(&mut tx, &granted, owner.user_id, MemberRole::Member).await?;
            changed.push(owner.user_id);
        }
    }
    if !heir.is_owner() {
        store::set_member_role(&mut tx, &granted, body.user_id, MemberRole::Owner).await?;
        changed.push(body.user_id);
    }
    for user in &changed {
        users::end_sessions_for_in_tx(&mut tx, ctx, *user, id).await?;
    }
    let owners = |is_one: &dyn Fn(&MemberView) -> bool| {
        let named = people.iter().filter(|person| is_one(person));
        serde_json::json!({ "owners": named.map(|one| audit::named(one.user_id.0, &one.name)).collect::<Vec<_>>() })
    };
    let entry = audit::Entry {
        before: Some(owners(&|person| person.role.is_owner())),
        after: Some(owners(&|person| person.user_id == body.user_id)),
        ..entry("customers:transfer", id)
    };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    for user in changed {
        let role = if user == body.user_id { MemberRole::Owner } else { MemberRole::Member };
        tell(platform, &mut tx, ctx, id, (user, Some(role))).await?;
    }
    accounts::withdraw_lost_invitations_in_tx(&mut tx, ctx, Some(id)).await?;
    tx.commit().await?;
    Ok(())
}

/// The same in the customer one acts for.
pub async fn transfer_mine(platform: &Platform, ctx: &OpContext, body: OwnerTransfer) -> Result<()> {
    transfer(platform, ctx, active(ctx)?, body).await
}

/// Owners write accounts and sessions that are not theirs: what they were granted is done by the authenticator, and the
/// audit row names them.
async fn begin(platform: &Platform, ctx: &OpContext) -> Result<Tx> {
    platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await
}

async fn lock_member(tx: &mut Tx, id: CustomerId, user: UserId) -> Result<MemberRole> {
    // The customer's row stands for its list of people: two who remove the last two owners meet here.
    lock_present(tx, id).await?;
    store::member_role(tx, id, user).await?.ok_or_else(Error::not_found)
}

/// Some of a customer's people as the caller sees them, with what the caller may do with each now.
pub(super) async fn as_seen_in_tx(
    tx: &mut Tx,
    ctx: &OpContext,
    id: CustomerId,
    mut list: Vec<MemberView>,
) -> Result<Vec<MemberView>> {
    let owners = store::owners(tx, id).await?;
    let manages = ctx.authorize(ManageMembers, &resource(id)).is_ok();
    for member in &mut list {
        let who = (member.user_id, member.role);
        if !manages {
            member.email = None;
        }
        member.may_change_role = may(ctx, manages, may_change_role(ctx, id, &owners, who))?;
        member.may_remove = may(ctx, manages, may_leave(&owners, who))?;
    }
    Ok(list)
}

/// Whether somebody can leave a customer with these owners who can act for it.
fn may_leave(owners: &[UserId], (user, role): (UserId, MemberRole)) -> Result<()> {
    match role.is_owner() && owners.iter().all(|owner| *owner == user) {
        true => Err(last_owner()),
        false => Ok(()),
    }
}

/// Whether the caller may give somebody the other role.
fn may_change_role(ctx: &OpContext, id: CustomerId, owners: &[UserId], who: (UserId, MemberRole)) -> Result<()> {
    let other = if who.1.is_owner() { MemberRole::Member } else { MemberRole::Owner };
    ctx.must_cover_in(&resource(id), other)?;
    may_leave(owners, who)
}

/// Whether the caller could make somebody an owner of a customer: by adding or inviting them, or by handing it over.
///
/// # Errors
/// As [`may`]'s.
pub fn may_make_owner(ctx: &OpContext, id: CustomerId) -> Result<May> {
    may(ctx, true, ctx.must_cover_in(&resource(id), MemberRole::Owner))
}

fn last_owner() -> Error {
    Error::new(ErrorCode::WrongState).with_key("error-last-owner")
}

async fn note_role(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    granted: &Granted<ManageMembers>,
    user: UserId,
    (before, after): (MemberRole, MemberRole),
) -> Result<()> {
    users::end_sessions_for_in_tx(tx, ctx, user, granted.id()).await?;
    let entry = audit::Entry {
        before: Some(serde_json::json!({ "role": before })),
        after: Some(serde_json::json!({ "role": after })),
        ..audit::Entry::of_member("customers:change-member", granted.id(), user)
    };
    audit::record_in_tx(tx, ctx, entry).await?;
    tell(platform, tx, ctx, granted.id(), (user, Some(after))).await
}

/// Tells somebody what they are in the customer from now on, or that they are in it no more.
async fn tell(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    id: CustomerId,
    (user, role): (UserId, Option<MemberRole>),
) -> Result<()> {
    let name = store::names(tx, &[id.0]).await?.remove(&id.0).ok_or_else(Error::not_found)?;
    let mut args = vec![("customer", Value::Text(name)), ("by", notifications::by(ctx))];
    args.extend(role.map(|role| ("role", Value::Text(role.code().to_owned()))));
    // Staff act for no customer: to be told to go on there would be wrong.
    let staff = if store::is_staff(tx, user).await? { "yes" } else { "no" };
    args.push(("staff", Value::Text(staff.to_owned())));
    let kind = if role.is_some() { NotificationKind::MemberChanged } else { NotificationKind::MemberRemoved };
    let notice = Notice { kind, args, link: Some(accounts::ACCOUNT_PAGE.to_owned()) };
    notifications::tell_in_tx(platform, tx, ctx, user, &notice).await
}
