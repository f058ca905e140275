//! A host binary as small as can be, for this crate's tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    sheets::child_main()
}
