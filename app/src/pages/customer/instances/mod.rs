//! Instances of one's own.

#[cfg(feature = "ssr")]
pub mod access;
#[cfg(feature = "ssr")]
pub mod apps;
#[cfg(feature = "ssr")]
pub mod cells;
pub mod form;
#[cfg(feature = "ssr")]
pub mod idle;
#[cfg(feature = "ssr")]
pub mod list;
#[cfg(feature = "ssr")]
pub mod new;
#[cfg(feature = "ssr")]
pub mod page;
#[cfg(feature = "ssr")]
pub mod recordings;
#[cfg(feature = "ssr")]
mod saves;
pub mod server_fns;
#[cfg(feature = "ssr")]
mod sizes;
#[cfg(feature = "ssr")]
pub mod terminal;
#[cfg(feature = "ssr")]
pub mod watch;
