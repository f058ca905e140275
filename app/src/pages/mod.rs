//! Pages by area and noun: `page.rs` is rendered on the server, `islands.rs` also lives in the browser, `server_fns.rs`
//! is what forms and islands call.

pub mod admin;
pub mod auth;
pub mod customer;

#[cfg(feature = "ssr")]
pub mod missing;
#[cfg(feature = "ssr")]
pub mod search;
