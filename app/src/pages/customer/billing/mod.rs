//! What one's customer, or oneself, used and what it costs.

pub mod budget_form;
#[cfg(feature = "ssr")]
pub mod budgets;
#[cfg(feature = "ssr")]
pub mod cards;
#[cfg(feature = "ssr")]
pub mod page;
pub mod server_fns;
