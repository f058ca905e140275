//! See [`crate::fuzzing`].

use contract::imports::ImportSubject;
use sheets::header::Column;

/// What the header search looks for.
pub fn header_columns(subject: ImportSubject) -> Vec<Column<'static>> {
    super::columns::header_columns(super::columns_of(subject))
}
