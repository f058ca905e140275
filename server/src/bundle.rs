//! What the program carries inside: the pages' files under `site/`, the agents' programs under `agents/`. Nothing without
//! the feature `bundle`, so that checks and unit tests need no built site.

#[cfg(feature = "bundle")]
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/bundle.rs"));
#[cfg(not(feature = "bundle"))]
static FILES: &[(&str, &[u8])] = &[];

/// A file by its path, sorted at build time.
pub fn file(path: &str) -> Option<&'static [u8]> {
    let place = FILES.binary_search_by(|(name, _)| (*name).cmp(path)).ok()?;
    Some(FILES[place].1)
}
