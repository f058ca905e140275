//! For the crate `fuzz` alone: what reads an engine's answers. Nothing else calls it.

pub use crate::docker::containers::fuzzing::*;
pub use crate::docker::images::fuzzing::*;
pub use crate::docker::probe::fuzzing::*;
