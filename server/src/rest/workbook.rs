//! Answers that are workbooks.

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use contract::accounts::Language;
use platform::{Error, OpContext};
use sheets::write::{Column, Kind, Value};
use sheets::{SheetWriter, WriteError};
use tokio_util::io::ReaderStream;

use super::Rest;

/// Media type of a workbook.
pub(crate) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Whether the caller wants the list as a workbook: by what it accepts. For lists that have an export.
pub struct AsWorkbook(pub bool);

impl<S: Send + Sync> FromRequestParts<S> for AsWorkbook {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let accept = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Self(accept.contains(XLSX)))
    }
}

/// A list that is written down, row by row.
pub(super) struct List {
    sheet: SheetWriter,
    language: Language,
}

impl List {
    /// A sheet with these headings: text keys, widths in characters, what the cells hold.
    pub(super) fn new(language: Language, title: &str, columns: &[(&str, f64, Kind)]) -> platform::Result<Self> {
        let column = |(key, width, kind): &(&str, f64, Kind)| {
            let heading = say(language, key, &[]);
            let heading = if *kind == Kind::DateTime { format!("{heading} (UTC)") } else { heading };
            Column { kind: *kind, width: *width, ..Column::new(heading) }
        };
        let columns: Vec<_> = columns.iter().map(column).collect();
        let sheet = SheetWriter::new(&say(language, title, &[]), &columns).map_err(Error::internal)?;
        Ok(Self { sheet, language })
    }

    /// A row; empty texts are blank cells.
    pub(super) fn row(&mut self, cells: &[Cell]) -> platform::Result<()> {
        let values: Vec<Value<'_>> = cells
            .iter()
            .map(|cell| match cell {
                Cell::Text(text) if text.is_empty() => Value::Blank,
                Cell::Text(text) => Value::Text(text),
                Cell::Number(number) => Value::Number(*number),
                Cell::At(text) => Value::Date(text),
                Cell::Blank => Value::Blank,
            })
            .collect();
        self.sheet.row(&values).map_err(Error::internal)
    }

    /// For [`download`].
    pub(super) fn finish(self) -> platform::Result<SheetWriter> {
        Ok(self.sheet)
    }

    /// The same of an export; where there is more than fits, the last row says so.
    pub(super) fn finish_export(self, cut: bool) -> platform::Result<SheetWriter> {
        self.finish_cut(cut, "export-cut")
    }

    /// The same in words of its own.
    pub(super) fn finish_cut(mut self, cut: bool, key: &str) -> platform::Result<SheetWriter> {
        if cut {
            let missing = say(self.language, key, &[]);
            self.row(&[missing.into()])?;
        }
        self.finish()
    }
}

/// A cell of a [`List`].
pub(super) enum Cell {
    Blank,
    Text(String),
    Number(f64),
    At(String),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Blank, Self::Text)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Number(number as f64)
    }
}

impl From<Option<u64>> for Cell {
    fn from(number: Option<u64>) -> Self {
        number.map_or(Self::Blank, Self::from)
    }
}

impl Cell {
    /// A decimal number on the wire as one that a spreadsheet adds up; what is none stays a text.
    pub(super) fn decimal(text: String) -> Self {
        text.parse().ok().filter(|number: &f64| number.is_finite()).map_or(Self::Text(text), Self::Number)
    }
}

impl From<DateTime<Utc>> for Cell {
    fn from(at: DateTime<Utc>) -> Self {
        Self::At(at.format("%Y-%m-%dT%H:%M:%S").to_string())
    }
}

impl From<Option<DateTime<Utc>>> for Cell {
    fn from(at: Option<DateTime<Utc>>) -> Self {
        at.map_or(Self::Blank, Self::from)
    }
}

/// A text, or its key where there is none.
pub(super) fn say(language: Language, key: &str, args: &[(&str, String)]) -> String {
    texts::known_message(language, key, args).unwrap_or_else(|| key.to_owned())
}

/// The workbook as an attachment, or the error in the envelope.
pub(super) async fn download(rest: &Rest, built: platform::Result<SheetWriter>, name: &str) -> Response {
    let packed = match built {
        Ok(sheet) => pack(sheet).await,
        Err(error) => Err(error),
    };
    match packed {
        Ok((file, length)) => attachment(&rest.ctx, file, length, name),
        Err(error) => super::refuse(&rest.platform, &rest.ctx, error).await,
    }
}

/// The file, already without a name, and its length. Packing a long one takes a second of a processor.
async fn pack(sheet: SheetWriter) -> platform::Result<(tokio::fs::File, u64)> {
    let packed = tokio::task::spawn_blocking(move || {
        let file = sheet.finish()?.reopen()?;
        let length = file.metadata()?.len();
        Ok::<_, WriteError>((file, length))
    });
    let (file, length) = packed.await.map_err(Error::internal)?.map_err(Error::internal)?;
    Ok((tokio::fs::File::from_std(file), length))
}

/// Sent as it is read: no workbook lies in memory.
fn attachment(ctx: &OpContext, file: tokio::fs::File, length: u64, name: &str) -> Response {
    let disposition = format!("attachment; filename=\"{name}-{}.xlsx\"", ctx.now().format("%Y%m%d-%H%M"));
    let mut response = (StatusCode::OK, Body::from_stream(ReaderStream::new(file))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(XLSX));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_fit_is_said_to_be_missing_by_a_row_of_its_own() {
        for (cut, rows) in [(false, 1), (true, 2)] {
            let columns = [("customer-created-at", 20.0, Kind::DateTime), ("home-people", 10.0, Kind::Number)];
            let mut list = List::new(Language::Zh, "customers-title", &columns).unwrap();
            list.row(&[Utc::now().into(), 3_u64.into()]).unwrap();
            assert_eq!(list.finish_export(cut).unwrap().rows(), rows);
        }
        for language in [Language::Zh, Language::En] {
            assert_ne!(say(language, "export-cut", &[]), "export-cut");
        }
    }
}
