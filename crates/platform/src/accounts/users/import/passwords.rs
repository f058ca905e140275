//! Passwords in a workbook: checked and hashed while it is read; nothing else of them stays.

use super::super::super::password;
use super::Evaluation;
use crate::fields::Wrong;
use crate::imports::{TextRow, faults_of, text_of};
use crate::{Platform, Result};

/// What a row shows of a password.
const DOTS: &str = "••••";
pub(super) const COLUMN: &str = "password";

impl Evaluation {
    /// Takes what was typed out of the rows. One after the other, and no transaction meanwhile: a workbook takes minutes of
    /// one core, and who signs in has the other.
    pub(crate) async fn take_passwords(&self, platform: &Platform, rows: &mut [TextRow]) -> Result<()> {
        for row in rows {
            let Some(typed) = row.cells.remove(COLUMN).filter(|typed| !typed.trim().is_empty()) else { continue };
            row.cells.insert(COLUMN.to_owned(), DOTS.to_owned());
            let about = ["username", "displayName", "email"].map(|column| text_of(&row.cells, column));
            let about = about.each_ref().map(|text| text.as_deref().unwrap_or_default());
            let mut wrong = Wrong::new();
            self.rule.check(&mut wrong, COLUMN, &typed, &about);
            match wrong.into_result() {
                Ok(()) => row.secret = Some(password::hash(platform, &typed).await?),
                Err(error) => row.faults.extend(faults_of(error)),
            }
        }
        Ok(())
    }
}

/// Of a row that is judged again: what was wrong with a password that is not there any more.
pub(super) fn kept_faults(row: &mut TextRow) -> Vec<contract::imports::RowFault> {
    let faults = std::mem::take(&mut row.faults).into_iter();
    faults.filter(|fault| fault.column == COLUMN && fault.note.key.split('-').nth(1) == Some(COLUMN)).collect()
}
