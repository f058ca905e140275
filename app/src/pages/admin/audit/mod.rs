//! The audit log.

pub mod list;
pub(crate) mod unread;
