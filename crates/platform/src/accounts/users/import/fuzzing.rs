//! See [`crate::fuzzing`].

use contract::CustomerId;
use contract::accounts::MemberRole;

use super::places::{self, Customers};
use crate::Result;
use crate::fields::Wrong;

/// User name, name and address of a row, as they are stored.
pub fn person(
    username: String,
    name: Option<String>,
    email: Option<String>,
) -> Result<(String, Option<String>, Option<String>)> {
    let mut wrong = Wrong::new();
    let details = super::super::details(&mut wrong, username, name, email);
    wrong.into_result()?;
    Ok((details.name, details.display_name, details.email))
}

/// What is asked for of customers that a cell may name.
pub fn named_customers(cell: &str) -> Vec<String> {
    places::candidates(cell)
}

/// The places that a cell says, of customers with these names; `None` where it names another.
pub fn places(cell: &str, customers: &[String]) -> Vec<Option<(CustomerId, MemberRole)>> {
    let numbered = customers.iter().zip(1..).map(|(name, id)| (CustomerId(id), name.clone()));
    let customers = Customers::new(numbered.collect());
    let names = places::names(cell, |name| customers.place(name).is_some());
    names.iter().map(|name| customers.place(name)).collect()
}
