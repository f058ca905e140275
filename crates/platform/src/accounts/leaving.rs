//! Leaving a customer one belongs to, by oneself; the account stays.
//!
//! Invariants: nobody leaves by an API token; the last owner stays; whatever acts for the customer as this person ends, and the
//! browser that asked goes on under a new session.

use contract::{CustomerId, May};

use super::joining::as_member;
use super::store::Credentials;
use super::{SignedIn, account, signed_in, store};
use crate::authz::SecureAccount;
use crate::may::may;
use crate::{Error, OpContext, Platform, Result, SystemActor, UserPrincipal, customers};

/// Leaves a customer.
///
/// # Errors
/// `NotFound` for one that one is none of the people of; `WrongState` for its last owner; `Forbidden` with an API token.
pub async fn leave(platform: &Platform, ctx: &OpContext, customer: CustomerId) -> Result<SignedIn> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_on("customers:leave", "customer", customer);
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let role = customers::lock_own_place(&mut tx, customer, user.id).await?;
    customers::leave_in_tx(&mut tx, &as_member(ctx, user, customer, role), &granted, (customer, role)).await?;
    let row = store::credentials_of(&mut tx, user.id).await?.ok_or_else(Error::not_found)?;
    let provider = store::sessions::came_by(&mut tx, user.session).await?;
    tx.commit().await?;
    Ok(SignedIn {
        user: user.id,
        token_version: row.token_version,
        active_customer: next_customer(user, customer, &row),
        provider,
    })
}

/// The one a browser acts for from now on: as before, where that was not the one that was left.
fn next_customer(user: &UserPrincipal, left: CustomerId, row: &Credentials) -> Option<CustomerId> {
    let before = user.active_customer.filter(|customer| *customer != left);
    before.or(row.first_customer).filter(|_| !row.staff)
}

/// Whether the caller could leave each of their customers now.
pub async fn may_leave(platform: &Platform, ctx: &OpContext) -> Result<Vec<(CustomerId, May)>> {
    let user = signed_in(ctx)?;
    let permitted = ctx.authorize(SecureAccount, &account(user.id)).is_ok();
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let mut list = Vec::new();
    for active in [true, false] {
        for place in store::memberships(&mut tx, user.id, active).await? {
            let ruled = customers::may_leave_in_tx(&mut tx, place.customer_id, (user.id, place.role)).await;
            list.push((place.customer_id, may(ctx, permitted, ruled)?));
        }
    }
    tx.commit().await?;
    Ok(list)
}
