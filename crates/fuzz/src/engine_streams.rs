//! What an engine sends: of containers events, logs, figures, states, what programs write; how far it is with an image; what it
//! is. What is promised is asserted beside the decoders.

use runtime::fuzzing::{described, events, logs, program, pulled, states, stats};

use crate::chosen;

/// See the module.
pub fn engine_streams(data: &[u8]) {
    reads(data);
}

/// Whether anything was read.
pub(crate) fn reads(data: &[u8]) -> bool {
    match chosen(data, 7) {
        (0, lines) => events(lines),
        (1, pieces) => logs(pieces),
        (2, figures) => stats(figures),
        (3, container) => states(container),
        (4, parts) => program(parts),
        (5, reports) => pulled(reports),
        (_, words) => described(words),
    }
}
