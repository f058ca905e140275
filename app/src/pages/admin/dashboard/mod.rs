//! The staff's first page.

pub mod page;
