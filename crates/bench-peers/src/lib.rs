//! Programs for `cargo xtask bench`: peers to compare with, and loads. Each binary says on top what it is.
