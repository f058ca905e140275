//! People who have an account and become one of a customer's people with it: by an invitation they accept, or because staff
//! added them, of which they are told.
//!
//! Invariants: nobody who runs a customer brings somebody in who did not accept; an invitation is accepted by an account
//! that has the address it went to, and by nobody who did not get its link: together they prove whose mailbox and whose
//! account it is, also where staff or an owner typed the account's address; it makes nobody less than they are.

use contract::accounts::{InvitationJoin, InvitationJoined, MemberRole};
use contract::notifications::NotificationKind;
use contract::{CustomerId, ErrorCode, UserId};

use super::bootstrap::{NewPerson, add_membership_in_tx};
use super::invitations::{Accepted, customer_name, note_accepted};
use super::links::{self, Link, Purpose};
use super::store::{Credentials, identity as members};
use super::{SignedIn, account, signed_in, store, users};
use crate::authz::{SecureAccount, UpdateAccount};
use crate::db::Tx;
use crate::notifications::{self, Notice, Value};
use crate::{Credential, Error, OpContext, Platform, Principal, Result, SystemActor, UserPrincipal, customers};

/// Where one sees what one belongs to.
pub(crate) const ACCOUNT_PAGE: &str = "/account";

/// How who opened an invitation can accept it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayIn {
    /// Nobody has an account with this address: they make one.
    NewAccount,
    /// The same, but only staff make accounts here.
    AccountFromStaff,
    /// Somebody has one: they sign in first.
    SignIn,
    /// They are signed in with it.
    Accept,
    /// They are in the customer already, as this, which is no less.
    Already(MemberRole),
    /// They are signed in as somebody whom it is not for.
    SwitchAccount,
}

/// How the invitation of this link is accepted by who asks. Only who holds the link hears whether its address has an account.
pub(super) async fn way_in(tx: &mut Tx, ctx: &OpContext, link: &Link) -> Result<WayIn> {
    let owner = store::by_email(tx, &link.address).await?.map(|contact| contact.id);
    let Some(user) = ctx.user() else {
        return Ok(if owner.is_some() { WayIn::SignIn } else { WayIn::NewAccount });
    };
    if owner != Some(user.id) {
        return Ok(WayIn::SwitchAccount);
    }
    let (customer, role) = link.place.ok_or_else(links::spent)?;
    let held = role_held(tx, customer, user.id).await?;
    Ok(held.filter(|held| held.covers(role)).map_or(WayIn::Accept, WayIn::Already))
}

/// Accepts an invitation with the account one is signed in with; an invited owner who is a member becomes one. What is
/// signed in besides stays, but for sessions for this customer where the role in it changed. The browser that asked goes on
/// under a new session, for this customer; a program's session acts for it if it acted for none.
///
/// # Errors
/// `Validation` for a link that does not work (any more), also when two use it at once; `WrongState` for an invitation to
/// another address, and for who is in the customer already; `Forbidden` with an API token: consent is the person's own.
pub async fn join(platform: &Platform, ctx: &OpContext, body: &InvitationJoin) -> Result<(InvitationJoined, SignedIn)> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own("accounts:accept-invitation");
    ctx.authorize(SecureAccount, &account(user.id))?;
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let link = links::find(&mut tx, &[Purpose::Invitation], &body.token, ctx.now()).await?;
    let (customer, role) = link.place.ok_or_else(links::spent)?;
    // Before the person, as everything that changes people of customers; one that was disabled meanwhile takes nobody.
    match customers::lock(&mut tx, customer).await? {
        Some(true) => {}
        Some(false) => return Err(links::paused()),
        None => return Err(links::spent()),
    }
    links::lock_owner(&mut tx, user.id).await?;
    let row = store::credentials_of(&mut tx, user.id).await?.filter(|row| row.active);
    let row = row.ok_or_else(|| Error::new(ErrorCode::Unauthenticated))?;
    if store::by_email(&mut tx, &link.address).await?.map(|contact| contact.id) != Some(user.id) {
        let error = Error::new(ErrorCode::WrongState).with_key("error-invitation-for-another");
        return Err(error.with_arg("email", &link.address));
    }
    let name = customer_name(&mut tx, customer).await?;
    let held = role_held(&mut tx, customer, user.id).await?;
    if held.is_some_and(|held| held.covers(role)) {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-invitation-already").with_arg("customer", name));
    }
    if !links::consume(&mut tx, &link, ctx.now()).await? {
        return Err(links::spent());
    }
    members::set_membership(&mut tx, customer, user.id, role.code()).await?;
    if held.is_some() {
        users::end_sessions_for_in_tx(&mut tx, ctx, user.id, customer).await?;
    }
    let accepted = Accepted { user: user.id, username: &user.name, held, customer: &name };
    note_accepted(platform, &mut tx, &as_member(ctx, user, customer, role), &link, accepted).await?;
    let who = act_for(&mut tx, ctx, user, &row, customer).await?;
    tx.commit().await?;
    Ok((InvitationJoined { customer_id: customer, customer_name: name, role }, who))
}

/// Who accepts, or leaves, does it as who they are by it: the customer's own log would take them for staff, who act from outside.
pub(super) fn as_member(ctx: &OpContext, user: &UserPrincipal, customer: CustomerId, role: MemberRole) -> OpContext {
    let mut member = user.clone();
    member.memberships.push((customer, role));
    member.active_customer = Some(customer);
    ctx.as_principal(Principal::User(Box::new(member)))
}

/// Makes the session act for the customer at once, where it acts for none; a browser gets a new one anyway.
async fn act_for(
    tx: &mut Tx,
    ctx: &OpContext,
    user: &UserPrincipal,
    row: &Credentials,
    customer: CustomerId,
) -> Result<SignedIn> {
    // Staff stand outside of every customer.
    let active_customer = Some(customer).filter(|_| !row.staff);
    if user.credential == Credential::AccessToken && user.active_customer.is_none() && active_customer.is_some() {
        let granted = ctx.authorize(UpdateAccount, &account(user.id))?;
        store::sessions::set_customer(tx, &granted, user.session, customer).await?;
    }
    let provider = store::sessions::came_by(tx, user.session).await?;
    Ok(SignedIn { user: user.id, token_version: row.token_version, active_customer, provider })
}

pub(super) async fn role_held(tx: &mut Tx, customer: CustomerId, user: UserId) -> Result<Option<MemberRole>> {
    members::membership(tx, customer, user).await?.map(|word| store::role(&word)).transpose()
}

/// Makes somebody whose account is there one of a customer's people, in the transaction of a caller who was permitted that.
///
/// # Errors
/// `Validation` for the field `name` when nobody is called so, `AlreadyExists` for who is in it already.
pub(super) async fn add_existing_in_tx(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    customer: CustomerId,
    person: &NewPerson,
) -> Result<()> {
    let unknown = || Error::field("name", "field-user-unknown");
    let user = users::by_name_in_tx(tx, &person.name).await?.ok_or_else(unknown)?;
    add_known_in_tx(platform, tx, ctx, customer, (user, person.role)).await
}

/// The same of somebody who was looked up before.
pub(crate) async fn add_known_in_tx(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    customer: CustomerId,
    (user, role): (UserId, MemberRole),
) -> Result<()> {
    add_membership_in_tx(tx, ctx, customer, user, role).await?;
    let notice = Notice {
        kind: NotificationKind::MemberAdded,
        args: vec![
            ("customer", Value::Text(customer_name(tx, customer).await?)),
            ("role", Value::Text(role.code().to_owned())),
            ("by", notifications::by(ctx)),
        ],
        link: Some(ACCOUNT_PAGE.to_owned()),
    };
    notifications::tell_in_tx(platform, tx, ctx, user, &notice).await
}
