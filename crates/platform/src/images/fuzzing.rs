//! What the fuzz targets call.

use super::{archive, registries};

/// Reads an archive; what it says of the image is bounded and shaped.
pub fn image_archive(bytes: &[u8]) {
    if let Ok(facts) = archive::read(&mut std::io::Cursor::new(bytes)) {
        assert!(facts.digest.len() == 71 && facts.digest.starts_with("sha256:"), "a digest is one");
        assert!(facts.layers > 0, "an image has layers");
        assert!(facts.tags.len() <= 50 && facts.tags.iter().all(|tag| tag.len() <= 512), "tags are shown");
        assert!(facts.cuda_version.as_deref().is_none_or(archive::is_version), "a version is one");
        let mut sent = Vec::new();
        let mut renamed = archive::renamed(std::io::Cursor::new(bytes), "own.invalid/image:1").expect("it was read");
        std::io::Read::read_to_end(&mut renamed, &mut sent).expect("all of it is there");
        let again = archive::read(&mut std::io::Cursor::new(&sent)).expect("what is written is read");
        assert_eq!(again.tags, ["own.invalid/image:1"], "an engine is sent no other name");
        assert_eq!((again.digest, again.layers), (facts.digest, facts.layers), "an engine is sent the same image");
    }
}

/// Reads an address of an image.
pub fn image_address(text: &str) {
    if super::check::is_address(text) {
        assert!(text.len() <= 512 && !text.chars().any(|c| c.is_whitespace() || c.is_control()), "{text}");
        // A tag may have two dots (the grammar of references says so); a step of the path is never nothing but dots.
        assert!(text.split('/').all(|step| !step.trim_matches('.').is_empty()), "{text}");
    }
}

/// Reads how a registry wants to be told who asks.
pub fn registry_challenge(text: &str) {
    if let Some(realm) = registries::realm_of(text) {
        assert!(text.contains(realm.as_str()), "{text}: {realm}");
    }
}
