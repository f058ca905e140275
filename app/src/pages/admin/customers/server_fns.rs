//! What customer pages and forms call.

use contract::accounts::MemberRole;
use contract::customers::{CustomerCreated, CustomerQuery, CustomerRow, MemberSecret};
use contract::{ApiError, CustomerId, Page, UserId};
use leptos::prelude::*;

use super::form::CustomerForm;
#[cfg(feature = "ssr")]
use crate::{door, paths};
#[cfg(feature = "ssr")]
use contract::customers::MemberCreate;
#[cfg(feature = "ssr")]
use platform::accounts::ShownOnce;

/// A page of customers.
#[server]
pub async fn list_customers(#[server(default)] query: CustomerQuery) -> Result<Page<CustomerRow>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::customers::list(&platform, &ctx, &query).await).await
}

/// Adds a customer and goes to it, where its owner's password is shown once.
#[server]
pub async fn create_customer(#[server(default)] form: CustomerForm) -> Result<Option<CustomerCreated>, ApiError> {
    let (platform, ctx) = door::door();
    let made = platform::customers::create(&platform, &ctx, form.create()).await;
    let next = |made: &CustomerCreated| paths::customer(made.customer.id);
    let text = |made: &CustomerCreated| {
        let owner = made.owner.as_ref()?;
        Some(format!("{}  {}", owner.username, owner.password.as_ref()?))
    };
    let secret = (ShownOnce::NewPassword, text);
    door::secret_answer((&platform, &ctx), made, secret, next, paths::CUSTOMER_NEW, form.typed()).await
}

/// Changes a customer and goes back to it.
#[server]
pub async fn update_customer(id: CustomerId, #[server(default)] form: CustomerForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::customers::update(&platform, &ctx, id, form.update()).await;
    let next = |row: CustomerRow| paths::customer(row.id);
    door::form_answer((&platform, &ctx), result, next, &paths::customer_edit(id), form.typed()).await
}

/// Disables or enables a customer.
#[server]
pub async fn set_customer_active(id: CustomerId, active: bool) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::customers::set_active(&platform, &ctx, id, active).await;
    let next = |row: CustomerRow| paths::customer(row.id);
    door::form_answer((&platform, &ctx), result, next, &paths::customer(id), Vec::new()).await
}

/// Deletes a customer so that it can be brought back.
#[server]
pub async fn delete_customer(id: CustomerId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::customers::delete(&platform, &ctx, id).await;
    let next = |row: CustomerRow| paths::customer(row.id);
    door::form_answer((&platform, &ctx), result, next, &paths::customer(id), Vec::new()).await
}

/// Brings a deleted customer back.
#[server]
pub async fn restore_customer(id: CustomerId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::customers::restore(&platform, &ctx, id).await;
    let next = |row: CustomerRow| paths::customer(row.id);
    door::form_answer((&platform, &ctx), result, next, &paths::customer(id), Vec::new()).await
}

/// Adds a person; the page shows the password once. For owners and staff, as all of the following.
#[server]
pub async fn add_customer_member(
    id: CustomerId,
    new_username: String,
    #[server(default)] display_name: String,
    #[server(default)] new_email: String,
    role: MemberRole,
    #[server(default)] back: String,
) -> Result<Option<MemberSecret>, ApiError> {
    let (platform, ctx) = door::door();
    let typed = vec![
        ("newUsername", new_username.clone()),
        ("displayName", display_name.clone()),
        ("newEmail", new_email.clone()),
        ("role", role.code().to_owned()),
    ];
    let stated = |text: String| (!text.trim().is_empty()).then_some(text);
    let (display_name, email) = (stated(display_name), stated(new_email));
    let body =
        MemberCreate { username: new_username, display_name, email, role: Some(role), ..MemberCreate::default() };
    let made = platform::customers::add_member(&platform, &ctx, id, body).await;
    let text = |made: &MemberSecret| Some(format!("{}  {}", made.username, made.password.as_ref()?));
    let back = back_to(&back, id);
    let secret = (ShownOnce::NewPassword, text);
    door::secret_answer((&platform, &ctx), made, secret, |_| back.clone(), &back, typed).await
}

/// Makes somebody who has an account a member; for staff alone, and the person is told.
#[server]
pub async fn add_existing_member(
    id: CustomerId,
    username: String,
    role: MemberRole,
    #[server(default)] back: String,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let typed = vec![("username", username.clone()), ("role", role.code().to_owned())];
    let body = MemberCreate { username, role: Some(role), existing: true, ..MemberCreate::default() };
    let result = platform::customers::add_member(&platform, &ctx, id, body).await;
    let back = back_to(&back, id);
    door::form_answer((&platform, &ctx), result, |_| back.clone(), &back, typed).await
}

/// Makes somebody an owner or a member.
#[server]
pub async fn set_member_role(
    id: CustomerId,
    user: UserId,
    role: MemberRole,
    #[server(default)] back: String,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let body = contract::customers::MemberUpdate { role };
    let result = platform::customers::set_member_role(&platform, &ctx, id, user, body).await;
    let back = back_to(&back, id);
    door::form_answer((&platform, &ctx), result, |()| back.clone(), &back, Vec::new()).await
}

/// Removes somebody; the account stays.
#[server]
pub async fn remove_member(id: CustomerId, user: UserId, #[server(default)] back: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::customers::remove_member(&platform, &ctx, id, user).await;
    let back = back_to(&back, id);
    door::form_answer((&platform, &ctx), result, |()| back.clone(), &back, Vec::new()).await
}

/// Makes one of its people the only owner; the customer's name is typed again.
#[server]
pub async fn transfer_ownership(
    id: CustomerId,
    user: UserId,
    confirm: String,
    #[server(default)] back: String,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let body = contract::customers::OwnerTransfer { user_id: user, confirm };
    let result = platform::customers::transfer(&platform, &ctx, id, body).await;
    let back = back_to(&back, id);
    door::form_answer((&platform, &ctx), result, |()| back.clone(), &back, Vec::new()).await
}

/// The page a form of people came from.
#[cfg(feature = "ssr")]
fn back_to(back: &str, id: CustomerId) -> String {
    paths::local(back).map_or_else(|| paths::customer(id), str::to_owned)
}

/// Sets after how many hours its instances are stopped when nobody uses them; empty is as for everybody, 0 never.
#[server]
pub async fn set_customer_idle(id: CustomerId, #[server(default)] after_hours: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let hours = match after_hours.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| platform::Error::field("afterHours", "field-not-a-number")),
    };
    let result = match hours {
        Ok(hours) => platform::instances::set_idle_policy(&platform, &ctx, id, hours).await,
        // Who may not do it at all hears that first.
        Err(error) => door::must_hold(&ctx, contract::Permission::CustomersUpdate).and(Err(error)),
    };
    let typed = vec![("afterHours", after_hours)];
    door::form_answer((&platform, &ctx), result, |_| paths::customer(id), &paths::customer(id), typed).await
}

/// Has its sessions recorded whatever holds for everybody, or as for everybody.
#[server]
pub async fn set_customer_recording(id: CustomerId, #[server(default)] always: bool) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::instances::set_recording_policy(&platform, &ctx, id, always).await;
    door::form_answer((&platform, &ctx), result, |_| paths::customer(id), &paths::customer(id), Vec::new()).await
}
