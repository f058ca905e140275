//! See [`crate::fuzzing`].

/// A typed price as it is kept.
pub fn price(text: &str) -> Option<String> {
    super::read_price(text).map(|price| price.to_string())
}
