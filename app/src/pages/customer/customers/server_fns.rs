//! The customer's people.

use contract::accounts::MemberRole;
use contract::customers::{MemberQuery, MemberView};
use contract::{ApiError, CustomerId, LinkId, Page};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{door, paths};

/// The people of the customer one acts for; for its owners.
#[server]
pub async fn list_members(#[server(default)] query: MemberQuery) -> Result<Page<MemberView>, ApiError> {
    let (platform, ctx) = crate::door::door();
    crate::door::answer(&platform, &ctx, platform::customers::members(&platform, &ctx, &query).await).await
}

/// Invites people by mail: into this customer, for staff, or into the one the caller acts for. Who could not be invited stays
/// in the form.
#[server]
pub async fn invite_person(
    customer: Option<CustomerId>,
    #[server(default)] email: String,
    role: Option<MemberRole>,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let (result, left) = super::inviting::invite_all((&platform, &ctx), customer, &email, role).await;
    let typed = vec![("email", left), ("role", role.map_or("", MemberRole::code).to_owned())];
    let form = paths::people(customer);
    let next = |sent: usize| paths::with_query(&form, [("invited", sent.to_string().as_str())]);
    // Addresses are other people's: none of them stays in a browser's history or a proxy's log.
    door::form_answer_sealed((&platform, &ctx), result, next, &form, typed).await
}

/// Takes an invitation back.
#[server]
pub async fn revoke_invitation(customer: Option<CustomerId>, id: LinkId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::revoke_invitation(&platform, &ctx, customer, id).await;
    let form = paths::people(customer);
    door::form_answer((&platform, &ctx), result, |()| form.clone(), &form, Vec::new()).await
}
