//! Generic widgets that know no domain type. `format`, `icons` and `state` are shared with the islands; the rest is
//! rendered on the server only.

pub mod cells;
pub mod copy;
pub mod format;
pub mod icons;
pub mod lexicon;
pub mod spark;
pub mod state;

#[cfg(feature = "ssr")]
pub mod ansi;
#[cfg(feature = "ssr")]
pub mod ask;
#[cfg(feature = "ssr")]
pub mod forms;
#[cfg(feature = "ssr")]
pub mod lists;
#[cfg(feature = "ssr")]
pub mod money;
#[cfg(feature = "ssr")]
pub mod qr;
#[cfg(feature = "ssr")]
pub mod secret;
#[cfg(feature = "ssr")]
pub mod table;
#[cfg(feature = "ssr")]
pub mod time;
