//! Workbooks made by hand, part by part, and reading them through the helper binary.

use std::io::{Cursor, Write};
use std::path::Path;

use sheets::{End, ReadError, ReadOptions, Refusal, Row, Source, read_in_child};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

pub fn exe() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_read-sheet"))
}

/// All rows and the end.
pub async fn read(source: impl Into<Source>, options: &ReadOptions) -> Result<(Vec<Row>, End), ReadError> {
    let mut rows = read_in_child(exe(), source, options).await.expect("the child starts");
    let mut read = Vec::new();
    while let Some(row) = rows.next().await? {
        read.push(row);
    }
    Ok((read, rows.end().expect("told after the last row").clone()))
}

/// Rows as `(number, cells)`, read with the usual options.
pub async fn rows(source: impl Into<Source>) -> Vec<(u32, Vec<String>)> {
    let (rows, end) = read(source, &ReadOptions::default()).await.unwrap();
    assert_eq!(end.rows, rows.len() as u64);
    rows.into_iter().map(|row| (row.row, row.cells)).collect()
}

pub async fn refusal(source: impl Into<Source>) -> Refusal {
    refusal_with(source, &ReadOptions::default()).await
}

pub async fn refusal_with(source: impl Into<Source>, options: &ReadOptions) -> Refusal {
    match read(source, options).await {
        Err(ReadError::Refused(refusal)) => refusal,
        other => panic!("no refusal: {other:?}"),
    }
}

/// A workbook of parts written out by hand.
pub struct Parts {
    pub parts: Vec<(String, Vec<u8>)>,
}

impl Parts {
    /// One sheet with `rows` as the inside of its `sheetData`.
    pub fn with_rows(rows: &str) -> Self {
        Self::with_sheet(&format!("<sheetData>{rows}</sheetData>"))
    }

    /// One sheet with `inside` as the inside of its `worksheet`.
    pub fn with_sheet(inside: &str) -> Self {
        let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
        let relations = "http://schemas.openxmlformats.org/package/2006/relationships";
        let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml";
        let mut parts = Self { parts: Vec::new() };
        parts.set(
            "[Content_Types].xml",
            format!(
                r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>"#
            ),
        );
        parts.set(
            "_rels/.rels",
            format!(
                r#"<Relationships xmlns="{relations}"><Relationship Id="rId1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>"#
            ),
        );
        parts.set(
            "xl/workbook.xml",
            format!(
                r#"<workbook xmlns="{main}" xmlns:r="{office}"><workbookPr/><sheets><sheet name="Data" sheetId="1" r:id="rId1"/></sheets></workbook>"#
            ),
        );
        parts.set(
            "xl/_rels/workbook.xml.rels",
            format!(
                r#"<Relationships xmlns="{relations}"><Relationship Id="rId1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#
            ),
        );
        parts.set(
            "xl/styles.xml",
            format!(
                r#"<styleSheet xmlns="{main}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>"#
            ),
        );
        parts.set("xl/worksheets/sheet1.xml", format!(r#"<worksheet xmlns="{main}">{inside}</worksheet>"#));
        parts
    }

    /// Adds a part or takes the place of one.
    pub fn set(&mut self, name: &str, content: impl Into<Vec<u8>>) -> &mut Self {
        let content = content.into();
        match self.parts.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = content,
            None => self.parts.push((name.to_owned(), content)),
        }
        self
    }

    /// Changes the text of a part.
    pub fn replace(&mut self, name: &str, from: &str, to: &str) -> &mut Self {
        let (_, content) = self.parts.iter().find(|(known, _)| known == name).expect("a part of this name");
        let text = String::from_utf8(content.clone()).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        self.set(name, text.replace(from, to))
    }

    pub fn zip(&self) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for (name, content) in &self.parts {
            zip.start_file(name.as_str(), options).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }
}

/// Writes another unpacked size for a part into the zip's directory and into the part's own header.
pub fn claim_size(zip: &mut [u8], name: &str, size: u32) {
    for (start, at_size, at_name) in [(b"PK\x01\x02", 24, 46), (b"PK\x03\x04", 22, 30)] {
        let header = zip
            .windows(at_name + name.len())
            .position(|window| window.starts_with(start) && window.ends_with(name.as_bytes()))
            .expect("a part of this name");
        zip[header + at_size..header + at_size + 4].copy_from_slice(&size.to_le_bytes());
    }
}

/// The smallest compound file: a header, a table of sectors and a directory of these names.
pub fn compound_file(names: &[&str]) -> Vec<u8> {
    const SECTOR: usize = 512;
    let mut file = vec![0; SECTOR];
    file[..8].copy_from_slice(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]);
    file[0x18..0x20].copy_from_slice(&[0x3E, 0, 3, 0, 0xFE, 0xFF, 9, 0]);
    file[0x20] = 6;
    file[0x2C] = 1;
    file[0x30] = 1;
    file[0x4C..].fill(0xFF);
    file[0x4C..0x50].fill(0);
    let mut table = vec![0xFF; SECTOR];
    table[..4].copy_from_slice(&0xFFFF_FFFD_u32.to_le_bytes());
    table[4..8].copy_from_slice(&0xFFFF_FFFE_u32.to_le_bytes());
    file.extend(table);
    for (index, name) in std::iter::once(&"Root Entry").chain(names).enumerate() {
        let mut entry = vec![0; 128];
        let units: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        entry[..units.len()].copy_from_slice(&units);
        entry[64] = units.len() as u8;
        entry[66] = if index == 0 { 5 } else { 2 };
        file.extend(entry);
    }
    file.resize(file.len().next_multiple_of(SECTOR), 0);
    file
}
