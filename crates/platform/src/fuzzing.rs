//! For the crate `fuzz` alone: what reads strangers' input inside of slices, bare, as pure functions. No door calls them.

pub use crate::accounts::fuzzing::*;
pub use crate::accounts::identity::fuzzing::*;
pub use crate::accounts::users::import::fuzzing::*;
pub use crate::engines::fuzzing::*;
pub use crate::images::fuzzing::*;
pub use crate::imports::fuzzing::*;
pub use crate::instances::recordings::fuzzing::*;
pub use crate::machines::fuzzing::*;
pub use crate::metrics::fuzzing::*;
pub use crate::notifications::channels::fuzzing::*;
pub use crate::outbound::fuzzing::*;
pub use crate::settings::fuzzing::*;
pub use crate::specs::fuzzing::*;
pub use crate::tunnels::fuzzing::*;

/// Whether a request may be known by it.
pub fn is_idempotency_key(key: &str) -> bool {
    crate::idempotency::is_key(key)
}

/// Whether mail is sent there.
pub fn is_email(text: &str) -> bool {
    crate::fields::is_email(text)
}
