//! What is done in the background for a customer, what is on its way in, and how much is stored.

#[cfg(feature = "ssr")]
pub mod page;
pub mod server_fns;
