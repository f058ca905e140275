//! Excel workbooks (.xlsx): read from strangers with limits, written row by row.
//!
//! Invariants: an uploaded workbook is parsed only in a child process with a memory and a processor limit; rows go
//! through one at a time and are never held together; what cannot be read is a [`Refusal`] with a stable key, never
//! a half-read sheet taken for a whole one; text is written as text, whatever it begins with.
//!
//! The host binary calls [`child_main`] when it is started as `<exe> read-sheet`, before it starts threads or a
//! runtime: the limits are set on the calling process. The crate knows nothing of what the sheets are about.

mod child;
mod container;
#[doc(hidden)]
pub mod fuzzing;
pub mod header;
mod options;
mod parent;
mod refusal;
mod shown;
mod stream;
mod text;
pub mod write;

pub use child::child_main;
pub use options::ReadOptions;
pub use parent::{ReadError, Rows, SUBCOMMAND, Source, read_in_child};
pub use refusal::Refusal;
pub use stream::{End, Row, Unworked};
pub use write::{SheetWriter, WriteError};
