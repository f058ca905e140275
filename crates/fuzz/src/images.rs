//! Archives of images, addresses in registries, and ranges of files that are asked for.

use crate::{chosen, text};

/// Bytes of the file whose ranges are asked for.
const SIZE: u64 = 1000;

/// See the module.
pub fn image_archive(data: &[u8]) {
    match chosen(data, 3) {
        (0, archive) => platform::fuzzing::image_archive(archive),
        (1, address) => {
            platform::fuzzing::image_address(&text(address));
            platform::fuzzing::registry_challenge(&text(address));
        }
        (_, range) => {
            if let Some(Ok((from, to))) = server::fuzzing::range(&text(range), SIZE) {
                assert!(from < to && to <= SIZE, "{from} to {to}");
            }
        }
    }
}
