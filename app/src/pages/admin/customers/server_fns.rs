//! What customer pages and forms call.

use contract::customers::{CustomerQuery, CustomerRow, MemberCreate, MemberSecret};
use contract::{ApiError, CustomerId, Page};
use leptos::prelude::*;

use super::form::CustomerForm;
#[cfg(feature = "ssr")]
use crate::{door, paths};

/// A page of customers.
#[server]
pub async fn list_customers(#[server(default)] query: CustomerQuery) -> Result<Page<CustomerRow>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::customers::list(&platform, &ctx, &query).await).await
}

/// Adds a customer and goes to it.
#[server]
pub async fn create_customer(#[server(default)] form: CustomerForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::customers::create(&platform, &ctx, form.create()).await;
    let next = |made: contract::customers::CustomerCreated| paths::customer(made.customer.id);
    door::form_answer((&platform, &ctx), result, next, paths::CUSTOMER_NEW, form.typed()).await
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

/// Adds a person; the password is in this answer and nowhere else, so it is never part of an address.
#[server]
pub async fn add_customer_member(id: CustomerId, body: MemberCreate) -> Result<MemberSecret, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::customers::add_member(&platform, &ctx, id, body).await).await
}
