//! Which of one's customers a session acts for.
//!
//! Invariants: each session has its own choice, so that two browsers may act for two customers; nobody acts for a customer
//! they are none of the people of; staff stand outside of every customer; an API token stays with the customer it was made
//! for.

use contract::accounts::{MembershipView, Profile};
use contract::{CustomerId, ErrorCode};

use super::{account, entry, profile, signed_in, store};
use crate::authz::UpdateAccount;
use crate::db::Tx;
use crate::{Credential, Error, OpContext, Platform, Principal, Result, UserPrincipal, audit, customers};

/// Has this session act for another of one's customers; again is no error and changes nothing. Its open sockets end
/// within seconds, so that what they show next is the other customer's.
///
/// # Errors
/// `NotFound` for a customer one does not belong to or that is disabled, `WrongState` for staff and API tokens.
pub async fn switch_customer(platform: &Platform, ctx: &OpContext, customer: CustomerId) -> Result<Profile> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own("accounts:switch-customer");
    let granted = ctx.authorize(UpdateAccount, &account(user.id))?;
    if !user.memberships.iter().any(|(id, _)| *id == customer) {
        return Err(Error::not_found());
    }
    if ctx.is_staff() {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-switch-staff"));
    }
    if matches!(user.credential, Credential::ApiToken { .. }) {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-switch-token"));
    }
    if user.active_customer == Some(customer) {
        return profile(platform, ctx).await;
    }
    let mut tx = platform.db().begin(ctx).await?;
    store::sessions::set_customer(&mut tx, &granted, user.session, customer).await?;
    let ids: Vec<i64> = user.active_customer.iter().chain([&customer]).map(|id| id.0).collect();
    let names = customers::names(&mut tx, &ids).await?;
    let named = |id: CustomerId| audit::named(id.0, names.get(&id.0).map_or("", String::as_str));
    let facts = |customer: Option<CustomerId>| Some(serde_json::json!({ "customer": customer.map(named) }));
    let (before, after) = (facts(user.active_customer), facts(Some(customer)));
    let entry = audit::Entry { before, after, ..entry("accounts:switch-customer", user.id) };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    // No ending is told: sockets notice by themselves, when the page that asked is already on its way elsewhere.
    let now = UserPrincipal { active_customer: Some(customer), ..user.clone() };
    profile(platform, &ctx.as_principal(Principal::User(Box::new(now)))).await
}

/// The customers between which one may choose; none where there is no choice.
pub(crate) async fn choices_in_tx(tx: &mut Tx, ctx: &OpContext) -> Result<Vec<MembershipView>> {
    let user = signed_in(ctx)?;
    let another = user.memberships.iter().any(|(id, _)| Some(*id) != user.active_customer);
    match another && !ctx.is_staff() && !ctx.must_enroll() {
        true => store::memberships(tx, user.id, true).await,
        false => Ok(Vec::new()),
    }
}
