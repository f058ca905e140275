//! For the crate `fuzz` alone.

use platform::OpContext;
use platform::secrets::Keyring;

pub use crate::door::{Refused, look_of};

/// What a refused form brings back to the page at `path`; `None` for what we did not sign for it.
pub fn read_refused(keyring: &Keyring, ctx: &OpContext, path: &str, query: &str) -> Option<Refused> {
    Refused::read(keyring, ctx, path, query)
}

/// Where a form goes that was refused.
pub fn refused_address(refused: Refused, keyring: &Keyring, ctx: &OpContext, form: &str) -> String {
    refused.address(keyring, ctx, form)
}

/// The value of a cookie.
pub fn cookie(headers: &http::HeaderMap, name: &str) -> Option<String> {
    crate::door::cookie(headers, name)
}
