//! The audit log.

pub(crate) mod filters;
pub mod list;
pub(crate) mod unread;
