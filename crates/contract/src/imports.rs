//! Machines or people from a workbook: read, looked at row by row, confirmed as a whole.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ImportId;
use crate::accounts::MemberRole;
use crate::machines::word_enum;

/// Largest workbook taken, bytes.
pub const MAX_IMPORT_BYTES: usize = 32 << 20;
/// Hours until a staged import is forgotten.
pub const IMPORT_HOURS: i64 = 24;
/// Imports that one person may have staged at a time.
pub const MAX_STAGED_IMPORTS: i64 = 10;
/// Bytes of workbooks that one person may have staged at a time.
pub const MAX_STAGED_BYTES: i64 = 64 << 20;

word_enum! {
    /// What a workbook is about.
    #[derive(Default)]
    ImportSubject {
        #[default]
        Machines = "machines",
        /// People's accounts.
        Users = "users",
    }
}

word_enum! {
    /// Where an import stands.
    ImportState {
        /// The workbook is being read.
        Reading = "reading",
        /// To be looked at and confirmed.
        Ready = "ready",
        /// The workbook cannot be used.
        Refused = "refused",
        Confirmed = "confirmed",
        Discarded = "discarded",
    }
}

word_enum! {
    /// What a row of the workbook would do.
    RowVerdict {
        New = "new",
        Update = "update",
        Unchanged = "unchanged",
        Error = "error",
    }
}

/// Something a text says: a key of the text files with its values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Note {
    pub key: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
    /// In the reader's language; filled in by the door.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// A staged import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImportView {
    pub id: ImportId,
    pub file_name: String,
    pub state: ImportState,
    /// Why the workbook cannot be used.
    pub refusal: Option<Note>,
    /// Name of the sheet that was read.
    pub sheet: Option<String>,
    /// Names of the other visible sheets, of which nothing was read.
    #[serde(default)]
    pub other_sheets: Vec<String>,
    /// Headings of the workbook that name nothing we know.
    pub unknown_columns: Vec<String>,
    /// Rows read so far.
    pub rows: u32,
    pub new_rows: u32,
    pub update_rows: u32,
    pub unchanged_rows: u32,
    pub error_rows: u32,
    /// Rows that would turn out differently from what was shown, since somebody changed something meanwhile.
    pub changed_rows: u32,
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    /// Forgotten afterwards.
    pub expires_at: DateTime<Utc>,
    pub confirmed_at: Option<DateTime<Utc>>,
    /// When what it wrote was taken back.
    #[serde(default)]
    pub taken_back_at: Option<DateTime<Utc>>,
    /// Rows that were taken back.
    #[serde(default)]
    pub taken_back_rows: u32,
    /// Rows that were not, because somebody changed or uses since what they are about; their `faults` say so.
    #[serde(default)]
    pub kept_rows: u32,
}

/// What is wrong with a cell, or to be said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RowFault {
    /// Name of the column on the wire, e.g. `gpuCount`.
    pub column: String,
    pub note: Note,
}

/// A row of the workbook with its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImportRow {
    /// Its number in Excel.
    pub row: u32,
    pub verdict: RowVerdict,
    /// The verdict that was shown, where confirming found another one.
    pub was: Option<RowVerdict>,
    /// Of the machine it makes or changes; the user name of a person.
    pub code: Option<String>,
    /// What the cells say, by column; of a password only dots. Of machines also under headings that name nothing we know:
    /// those begin with `*`.
    pub cells: BTreeMap<String, String>,
    /// Columns that would change, for an update.
    pub changes: Vec<String>,
    /// What there is in those columns: of machines, as a number, a text, `true` or `false`, `whole` or `shared`; absent where
    /// there is nothing. Of people, in every column: built-in roles by their code, roles and customers with `; ` between them.
    #[serde(default)]
    pub before: BTreeMap<String, String>,
    /// What would be stored, by column, as `before` says it: of a machine everything that it would have, also what the sheet leaves
    /// as it is; of a person user name, name and address. Nothing of a row with errors.
    #[serde(default)]
    pub stored: BTreeMap<String, String>,
    /// Where that is not quite what a cell says, such as a size that is rounded to whole GB.
    #[serde(default)]
    pub notes: Vec<RowFault>,
    /// What somebody becomes in customers, where they are less there now.
    #[serde(default)]
    pub places: Vec<PlaceChange>,
    /// What is wrong with it; of a row that is new or a change, why it was not taken back.
    pub faults: Vec<RowFault>,
}

/// What somebody becomes in a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlaceChange {
    /// The customer's name.
    pub customer: String,
    /// What they are there now; absent where nothing.
    pub was: Option<MemberRole>,
    pub role: MemberRole,
}

/// Parameters of an upload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ImportUpload {
    /// What the workbook is called, where the body is the file itself.
    pub file_name: Option<String>,
}

/// Parameters of the list of rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ImportRowQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    pub verdict: Option<RowVerdict>,
    /// True: only rows that have a `was`.
    pub changed: Option<bool>,
}
