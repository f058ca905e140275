//! Engines that run things, as the platform reaches and asks them.
//!
//! Invariants: no database, no user and no permission in here; whoever calls has decided that it may be done. An engine is
//! never believed: what it sends is bounded in time and size, and what goes wrong comes back as a [`docker::Fault`] that says
//! what it is.

pub mod docker;
#[doc(hidden)]
pub mod fuzzing;
