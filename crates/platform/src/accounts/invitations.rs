//! People who are asked into a customer by mail, and make their account themselves; who has one accepts with it, in
//! [`super::joining`]. Whether an address has an account is said to who holds its link, and never to who invites.

use chrono::TimeDelta;
use contract::accounts::{AccountByLink, InvitationCreate, InvitationView, MemberRole};
use contract::mail::INVITATION_PATH;
use contract::notifications::NotificationKind;
use contract::{CustomerId, ErrorCode, LinkId, Page, PageQuery, UserId};

use super::joining::{WayIn, role_held, way_in};
use super::links::{self, Link, NewLink, Purpose};
use super::sign_up::prepare;
use super::{entry, signed_in, store};
use crate::authz::{CustomerRef, Granted, InviteMember};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::mail::{self, NewMail};
use crate::notifications::{self, Notice};
use crate::settings::{self, SignUp};
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, customers};

/// Most invitations of a customer that are open at a time.
const MOST_OPEN: usize = 200;
/// Most invitations of a customer in a day, whatever became of them, and of these to one address: taking one back and
/// asking again is no way to flood a mailbox.
const MOST_A_DAY: i64 = 400;
const MOST_A_DAY_TO_ONE: i64 = 3;

/// Whom an open invitation is for, as its page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    pub customer: String,
    pub email: String,
    pub role: MemberRole,
    /// How who asks can accept it.
    pub way: WayIn,
}

/// Sends somebody a link to become a member: of this customer, or of the one the caller acts for.
///
/// # Errors
/// `Validation` for the address, also when too many invitations went there or out at all; `WrongState` where no mail goes
/// out, or the customer is disabled. Where only staff make accounts it goes out all the same: who has one accepts with it,
/// and who invites must not hear who that is.
pub async fn invite(
    platform: &Platform,
    ctx: &OpContext,
    customer: Option<CustomerId>,
    body: InvitationCreate,
) -> Result<InvitationView> {
    let active = ctx.user().and_then(|user| user.active_customer);
    // There is no invitation yet: what is tried is tried with the customer.
    let whose = customer.or(active);
    let attempt = audit::Entry::attempt("customers:invite", "customer", whose.map(|id| id.to_string()));
    let ctx = &ctx.trying(audit::Entry { customer: whose, ..attempt });
    let granted = authorize(ctx, customer)?;
    let customer = granted.id();
    let mut wrong = Wrong::new();
    let email = wrong.email("email", Some(body.email.to_lowercase()));
    if email.is_none() {
        wrong.add("email", "field-required");
    }
    wrong.into_result()?;
    let email = email.unwrap_or_default();
    if !mail::is_on(platform).await {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-mail-off"));
    }
    let role = body.role.unwrap_or(MemberRole::Member);
    ctx.must_cover_in(&CustomerRef { customer: Some(customer), ..CustomerRef::of_platform(customer) }, role)?;
    let by = signed_in(ctx)?;
    // The links are the system's; that the caller may is decided above.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    if !customers::lock_present(&mut tx, customer).await? {
        return Err(Error::new(ErrorCode::WrongState).with_key("field-customer-disabled"));
    }
    let open = links::open_invitations(&mut tx, customer, ctx.now()).await?;
    if open.len() >= MOST_OPEN {
        return Err(Error::field("email", "field-invitations-open"));
    }
    let (there, all) = links::invited_since(&mut tx, customer, &email, ctx.now() - TimeDelta::days(1)).await?;
    if there >= MOST_A_DAY_TO_ONE || all >= MOST_A_DAY {
        return Err(Error::field("email", "field-invited-often"));
    }
    // One address has one open invitation, with what was said last.
    for earlier in open.iter().filter(|earlier| earlier.email.eq_ignore_ascii_case(&email)) {
        links::revoke_invitation(&mut tx, customer, earlier.id, ctx.now()).await?;
    }
    let name = customer_name(&mut tx, customer).await?;
    // Of who has an account here already, it is known; who has none reads most likely what who invites them reads.
    let known = store::by_email(&mut tx, &email).await?;
    if let Some(person) = &known
        && role_held(&mut tx, customer, person.id).await?.is_some_and(|held| held.covers(role))
    {
        return Err(Error::field("email", "field-invited-member"));
    }
    let language = known.and_then(|known| known.language).unwrap_or_else(|| ctx.language());
    let link = NewLink {
        purpose: Purpose::Invitation,
        user: None,
        place: Some((customer, role)),
        address: &email,
        created_by: Some(by.id),
    };
    let (id, token) = links::issue(&mut tx, link, ctx.now()).await?;
    let letter = NewMail {
        kind: "invitation",
        user: None,
        address: email.clone(),
        language,
        args: vec![("customer", name), ("by", notifications::by_in_words(ctx, language, false))],
        link: Some(links::address(platform, INVITATION_PATH, &token)),
        at: ctx.now(),
        idempotency_key: None,
    };
    mail::enqueue_in_tx(platform, &mut tx, letter).await?;
    let after = serde_json::json!({ "email": email, "role": role });
    audit::record_in_tx(&mut tx, ctx, audit::Entry { after: Some(after), ..about("customers:invite", customer, id) })
        .await?;
    let open = links::open_invitations(&mut tx, customer, ctx.now()).await?;
    tx.commit().await?;
    open.into_iter().find(|view| view.id == id).ok_or_else(|| Error::internal("an invitation is gone at once"))
}

/// Invitations that still work, newest first.
pub async fn invitations(
    platform: &Platform,
    ctx: &OpContext,
    customer: Option<CustomerId>,
) -> Result<Vec<InvitationView>> {
    let granted = authorize(ctx, customer)?;
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let open = links::open_invitations(&mut tx, granted.id(), ctx.now()).await?;
    tx.commit().await?;
    Ok(open)
}

/// A page of them.
///
/// # Errors
/// `Validation` for a page or a size that no list has.
pub async fn invitations_page(
    platform: &Platform,
    ctx: &OpContext,
    customer: Option<CustomerId>,
    query: &PageQuery,
) -> Result<Page<InvitationView>> {
    let open = invitations(platform, ctx, customer).await?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    Ok(Page::cut(open, page, page_size))
}

/// Takes an invitation back.
///
/// # Errors
/// `NotFound` for one that does not work any more.
pub async fn revoke_invitation(
    platform: &Platform,
    ctx: &OpContext,
    customer: Option<CustomerId>,
    id: LinkId,
) -> Result<()> {
    let ctx = &ctx.trying_on("customers:revoke-invitation", "invitation", id);
    let granted = authorize(ctx, customer)?;
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let address = links::revoke_invitation(&mut tx, granted.id(), id, ctx.now()).await?.ok_or_else(Error::not_found)?;
    let before = serde_json::json!({ "email": address });
    let entry = audit::Entry { before: Some(before), ..about("customers:revoke-invitation", granted.id(), id) };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    Ok(())
}

/// Withdraws, in the system's transaction, the invitations of a customer, or of all, whose senders may not invite any more, with
/// an event for each. A link that merely slept would open the customer again once its sender is an owner again, and until then
/// nobody would see it to take it back.
pub(crate) async fn withdraw_lost_in_tx(tx: &mut Tx, ctx: &OpContext, customer: Option<CustomerId>) -> Result<()> {
    for lost in links::withdraw_lost(tx, customer, ctx.now()).await? {
        let before = Some(serde_json::json!({ "email": lost.address, "role": lost.role }));
        let entry = audit::Entry { before, ..about("customers:withdraw-invitation", lost.customer, lost.id) };
        audit::record_in_tx(tx, ctx, entry).await?;
    }
    Ok(())
}

/// The same of all customers, for senders who lost their say elsewhere than in a customer: with an account that was disabled or
/// deleted, a role of the platform, or the groups of a sign-in service.
pub async fn withdraw_lost(platform: &Platform) -> Result<()> {
    let ctx = platform.system(SystemActor::Authenticator);
    let mut tx = platform.db().begin(&ctx).await?;
    withdraw_lost_in_tx(&mut tx, &ctx, None).await?;
    tx.commit().await?;
    Ok(())
}

/// What a token invites to.
///
/// # Errors
/// `Validation` for a link that does not work (any more).
pub async fn invited(platform: &Platform, ctx: &OpContext, token: &str) -> Result<Invited> {
    let open = open_to_invited(platform).await.is_ok();
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let link = links::find(&mut tx, &[Purpose::Invitation], token, ctx.now()).await?;
    let (customer, role) = link.place.ok_or_else(links::spent)?;
    if customers::lock(&mut tx, customer).await? == Some(false) {
        return Err(links::paused());
    }
    let customer = customer_name(&mut tx, customer).await?;
    let way = match way_in(&mut tx, ctx, &link).await? {
        WayIn::NewAccount if !open => WayIn::AccountFromStaff,
        way => way,
    };
    tx.commit().await?;
    Ok(Invited { customer, email: link.address, role, way })
}

/// Makes the account of an invited person, a member from now on.
///
/// # Errors
/// `Validation` with every fault at once, for a link that does not work (any more) too; `AlreadyExists` for a user name
/// that is taken, and for an address that has an account: who has one accepts with it; `WrongState` when only staff make
/// accounts by now.
pub async fn accept_invitation(platform: &Platform, ctx: &OpContext, body: &AccountByLink) -> Result<()> {
    open_to_invited(platform).await?;
    let (mut tx, link, person) = prepare(platform, ctx, Purpose::Invitation, body).await?;
    let (customer, role) = link.place.ok_or_else(links::spent)?;
    // A customer that was disabled meanwhile takes nobody.
    match customers::lock(&mut tx, customer).await? {
        Some(true) => {}
        Some(false) => return Err(links::paused()),
        None => return Err(links::spent()),
    }
    if store::by_email(&mut tx, &link.address).await?.is_some() {
        return Err(Error::new(ErrorCode::AlreadyExists).with_field("email", "field-invitation-has-account"));
    }
    let user = person.insert(&mut tx, &link, ctx).await?;
    store::insert_membership(&mut tx, customer, user, role).await?;
    let name = customer_name(&mut tx, customer).await?;
    let accepted = Accepted { user, username: &person.name, held: None, customer: &name };
    note_accepted(platform, &mut tx, ctx, &link, accepted).await?;
    tx.commit().await?;
    Ok(())
}

/// Who accepted.
pub(super) struct Accepted<'a> {
    pub user: UserId,
    pub username: &'a str,
    /// What they were in the customer before.
    pub held: Option<MemberRole>,
    /// The customer's name.
    pub customer: &'a str,
}

/// Writes down that an invitation was accepted, and tells who invited.
pub(super) async fn note_accepted(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    link: &Link,
    accepted: Accepted<'_>,
) -> Result<()> {
    let (customer, role) = link.place.ok_or_else(links::spent)?;
    let entry = audit::Entry {
        customer: Some(customer),
        before: accepted.held.map(|held| serde_json::json!({ "role": held })),
        after: Some(serde_json::json!({ "username": accepted.username, "email": link.address, "role": role })),
        ..entry("accounts:accept-invitation", accepted.user)
    };
    audit::record_in_tx(tx, ctx, entry).await?;
    let text = |text: &str| notifications::Value::Text(text.to_owned());
    let contact = store::contacts(tx, &[accepted.user.0]).await?.into_iter().next();
    let called = contact.map(|contact| contact.display_name).filter(|name| !name.is_empty());
    let person = called.unwrap_or_else(|| accepted.username.to_owned());
    let link_for = match link.created_by {
        Some(inviter) => Some(people_page(tx, inviter, customer).await?),
        None => None,
    };
    let notice = Notice {
        kind: NotificationKind::InvitationAccepted,
        args: vec![("person", text(&person)), ("customer", text(accepted.customer))],
        link: link_for,
    };
    let inviter: Vec<_> = link.created_by.into_iter().collect();
    notifications::notify_in_tx(platform, tx, ctx, &inviter, &notice).await
}

/// Where who invited sees the customer's people: staff see them from outside.
async fn people_page(tx: &mut Tx, inviter: UserId, customer: CustomerId) -> Result<String> {
    let staff = store::credentials_of(tx, inviter).await?.is_some_and(|row| row.staff);
    Ok(if staff { format!("/admin/customers/{customer}") } else { "/members".to_owned() })
}

async fn open_to_invited(platform: &Platform) -> Result<()> {
    match settings::sign_in(platform).await.sign_up {
        SignUp::Off => Err(Error::new(ErrorCode::WrongState).with_key("error-invitations-off")),
        SignUp::Invitation | SignUp::Open => Ok(()),
    }
}

fn authorize(ctx: &OpContext, customer: Option<CustomerId>) -> Result<Granted<InviteMember>> {
    let id = match customer {
        Some(id) => id,
        None => signed_in(ctx)?.active_customer.ok_or_else(Error::not_found)?,
    };
    ctx.authorize(InviteMember, &CustomerRef { customer: Some(id), ..CustomerRef::of_platform(id) })
}

pub(super) async fn customer_name(tx: &mut Tx, id: CustomerId) -> Result<String> {
    customers::names(tx, &[id.0]).await?.remove(&id.0).ok_or_else(Error::not_found)
}

fn about(action: &'static str, customer: CustomerId, id: LinkId) -> audit::Entry {
    audit::Entry {
        action,
        target_kind: "invitation",
        target_id: Some(id.to_string()),
        customer: Some(customer),
        before: None,
        after: None,
    }
}
