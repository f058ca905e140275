//! For the crate `fuzz` alone: what an engine reports while it pulls an image.

use bollard::models::CreateImageInfo;

use super::{Layers, Report};

/// Reports, one a line; what is said to be done is never more than there is. Whether anything was read.
pub fn pulled(bytes: &[u8]) -> bool {
    let mut layers = Layers::default();
    let mut told = false;
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(it) = serde_json::from_slice::<CreateImageInfo>(line) else { continue };
        if let Some(progress) = layers.note(Report::new(it.id, it.progress_detail, it.status)) {
            assert!(progress.done <= progress.total, "{progress:?}");
            told = true;
        }
    }
    told
}
