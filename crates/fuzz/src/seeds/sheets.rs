//! Workbooks, their parts, pictures, frames of agents.

use std::io::{Cursor, Read as _, Seek as _};

use contract::imports::ImportSubject;
use image::{DynamicImage, ImageFormat};
use node_protocol::{
    Ack, AgentBody, AgentFrame, Batch, Disk, Goodbye, GoodbyeReason, GpuEvent, GpuEventKind, GpuInfo, GpuSample, Hello,
    HostSample, Inventory, Message, MigDevice, Nic, OpenTunnel, Ping, Process, ProcessList, Sample, ServerBody,
    ServerFrame, TunnelRefusal, TunnelRefused, Welcome,
};
use platform::imports::columns_of;
use sheets::write::{Column, Kind, Value};
use sheets::{Row, SheetWriter};

use super::{Seed, add};
use crate::now;

/// The parts of a small workbook.
pub const PARTS: &[(&str, &str)] = &[
    (
        "xl/worksheets/sheet1.xml",
        r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:C3"/><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="inlineStr"><is><t>备注</t></is></c></row><row r="2"><c r="A2" t="str"><f>1</f><v>host-1</v></c><c r="B2"><v>8</v></c><c r="C2" s="1"><v>45943.5</v></c></row><row r="3"><c r="A3" t="d"><v>2026-02-01T00:00:00Z</v></c><c r="B3" t="b"><v>1</v></c><c r="C3" t="e"><v>#N/A</v></c></row></sheetData></worksheet>"#,
    ),
    (
        "xl/sharedStrings.xml",
        r#"<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="2" uniqueCount="2"><si><t>名称 *</t></si><si><r><t>GPU </t></r><r><t xml:space="preserve">count</t></r></si></sst>"#,
    ),
    (
        "xl/styles.xml",
        r#"<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts count="1"><numFmt numFmtId="165" formatCode="[h]:mm"/></numFmts><cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="165"/></cellXfs></styleSheet>"#,
    ),
    (
        "xl/workbook.xml",
        r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><workbookPr date1904="0"/><sheets><sheet name="Data" sheetId="1" r:id="rId1"/></sheets><definedNames><definedName name="n">Data!$A$1</definedName></definedNames></workbook>"#,
    ),
    (
        "xl/_rels/workbook.xml.rels",
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#,
    ),
    (
        "[Content_Types].xml",
        r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"#,
    ),
    (
        "_rels/.rels",
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
    ),
];

pub(super) fn add_all(seeds: &mut Vec<Seed>) {
    workbooks(seeds);
    pictures(seeds);
    frames(seeds);
}

/// A workbook of ours with one machine.
fn workbook() -> Vec<u8> {
    let columns: Vec<Column> = columns_of(ImportSubject::Machines)
        .iter()
        .map(|column| Column { required: column.required, kind: Kind::Text, ..Column::new(column.heading.0) })
        .collect();
    let mut writer = SheetWriter::new("机器", &columns).expect("a workbook begins");
    let mut values = vec![Value::Blank; columns.len()];
    (values[0], values[1], values[2]) = (Value::Text("host-1"), Value::Number(8.0), Value::Date("2026-02-01"));
    writer.row(&values).expect("a row");
    let mut file = writer.finish().expect("a workbook ends");
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("a file");
    bytes
}

fn workbooks(seeds: &mut Vec<Seed>) {
    let mut whole = |name: &str, data: &[u8]| {
        seeds.push(Seed { target: "workbook", name: format!("seed-{name}"), data: data.to_vec() });
    };
    whole("ours", &workbook());
    whole("csv", "名称,编码\nhost-1,host-001\n".as_bytes());
    whole("old", &[&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1][..], &[0; 600]].concat());
    whole("empty-archive", &[b"PK\x05\x06".as_slice(), &[0; 18]].concat());
    for (which, (name, content)) in (0..).zip(PARTS) {
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        add(seeds, "sheet_parts", which, &name, content);
    }
    let row = Row { row: 2, cells: vec!["host-1".to_owned(), String::new(), "8".to_owned()] };
    add(seeds, "rows", 0, "row", serde_json::to_vec(&row).expect("JSON"));
    add(seeds, "rows", 0, "end", r#"{"end":{"sheet":"Data","other_sheets":[],"rows":1,"peak_kib":null}}"#);
    add(seeds, "rows", 0, "refused", r#"{"refused":{"key":"sheet-refused-text-too-long","args":{"row":7}}}"#);
    let headings: Vec<&str> = columns_of(ImportSubject::Machines).iter().map(|column| column.heading.0).collect();
    let english: Vec<&str> = columns_of(ImportSubject::Machines).iter().map(|column| column.heading.1).collect();
    let values =
        "a\thost-001\t上海\t10.0.0.1\tgpu.example.org\t整机\tH100\t8\t80 GB\tEPYC\t1,024\t５１２\t1e3\t0\t是\tno\t备注";
    add(seeds, "rows", 1, "chinese", format!("title\n{}\n{values}", headings.join("\t")));
    add(seeds, "rows", 1, "english", format!("{}\n{values}", english.join(" *\t")));
    for (name, value) in [("noon", 45943.5), ("last", 2_958_465.999_999_9), ("leap", 60.0), ("sum", 0.1 + 0.2)] {
        for flags in 0..4_u8 {
            add(seeds, "rows", 2, &format!("{name}-{flags}"), [&f64::to_le_bytes(value)[..], &[flags]].concat());
        }
    }
    add(seeds, "rows", 3, "iso", "2026-02-01T08:30:00.5+08:00");
    for (name, cell) in [("number", "1,024 GB"), ("yes", "启用"), ("pool", "整机"), ("address", "2001:db8::1")] {
        add(seeds, "rows", 4, name, cell);
    }
    add(seeds, "rows", 5, "person", "Alice.B\n爱丽丝\nalice@example.org");
    add(seeds, "rows", 6, "places", "Acme, Inc. (Owner); 示例（负责人）\n2、nobody");
}

fn pictures(seeds: &mut Vec<Seed>) {
    let blank = DynamicImage::new_rgb8(6, 4);
    let gray = DynamicImage::new_luma16(3, 5);
    for (name, picture, format) in [
        ("png", &blank, ImageFormat::Png),
        ("png-gray", &gray, ImageFormat::Png),
        ("jpeg", &blank, ImageFormat::Jpeg),
        ("webp", &blank, ImageFormat::WebP),
    ] {
        let mut out = Cursor::new(Vec::new());
        picture.write_to(&mut out, format).expect("a picture");
        for which in 0..2 {
            add(seeds, "pictures", which, name, out.get_ref());
        }
    }
}

fn sample() -> Sample {
    let gpu = GpuSample {
        uuid: "GPU-1".to_owned(),
        util_percent: Some(97.5),
        memory_used_bytes: Some(70 << 30),
        throttle_bits: Some(4),
        ..GpuSample::default()
    };
    let host = HostSample { cpu_percent: Some(12.5), uptime_s: Some(3600), ..HostSample::default() };
    let event = GpuEvent { uuid: "GPU-1".to_owned(), at_ms: 5, kind: GpuEventKind::Xid.into(), value: 79 };
    Sample { at_ms: now().timestamp_millis(), host: Some(host), gpus: vec![gpu], events: vec![event] }
}

fn inventory() -> Inventory {
    Inventory {
        host_name: "gpu-01".to_owned(),
        os: Some("Debian GNU/Linux 12".to_owned()),
        memory_bytes: Some(1 << 40),
        disks: vec![Disk { name: "nvme0n1".to_owned(), mount_point: "/".to_owned(), ..Disk::default() }],
        nics: vec![Nic { name: "eth0".to_owned(), addresses: vec!["10.0.0.1".to_owned()], speed_mbps: Some(100_000) }],
        gpus: vec![GpuInfo {
            uuid: "GPU-1".to_owned(),
            model: "H100".to_owned(),
            power_limit_w: Some(700.0),
            mig_devices: vec![MigDevice { uuid: "MIG-1".to_owned(), ..MigDevice::default() }],
            ..GpuInfo::default()
        }],
        ..Inventory::default()
    }
}

fn frames(seeds: &mut Vec<Seed>) {
    let process = |pid, uuid: &str| Process {
        pid,
        gpu_uuid: uuid.to_owned(),
        user: Some("alice".to_owned()),
        command: Some("python3".to_owned()),
        gpu_memory_bytes: Some(1 << 30),
        kind: "compute".to_owned(),
        ..Process::default()
    };
    let hello = Hello { protocol_version: 1, agent_version: "0.1.0".to_owned(), ..Hello::default() };
    let detail = "/var/run/docker.sock: permission denied\n".to_owned();
    let refused = TunnelRefused { id: 9, reason: TunnelRefusal::Permission.into(), detail };
    let list = vec![process(7, "GPU-1"), process(7, "GPU-2"), process(8, "GPU-1")];
    for (name, body) in [
        ("hello", AgentBody::Hello(hello)),
        ("inventory", AgentBody::Inventory(inventory())),
        ("batch", AgentBody::Batch(Batch { sequence: 1, samples: vec![sample(), sample()], replayed: false })),
        ("processes", AgentBody::Processes(ProcessList { at_ms: 5, processes: list })),
        ("pong", AgentBody::Pong(Ping { nonce: 3 })),
        ("tunnel-refused", AgentBody::TunnelRefused(refused)),
    ] {
        let data = AgentFrame { body: Some(body) }.encode_to_vec();
        seeds.push(Seed { target: "agent_frames", name: format!("seed-{name}"), data });
    }
    let welcome = Welcome { protocol_version: 1, machine_code: "host-001".to_owned(), ..Welcome::default() };
    let bye = Goodbye { reason: GoodbyeReason::Replaced.into(), message: "another".to_owned(), retry_after_s: 60 };
    for (name, body) in [
        ("welcome", ServerBody::Welcome(welcome)),
        ("ack", ServerBody::Ack(Ack { sequence: 1 })),
        ("goodbye", ServerBody::Goodbye(bye)),
        (
            "open-tunnel",
            ServerBody::OpenTunnel(OpenTunnel {
                id: 9,
                ticket: "0f".repeat(32),
                wait_ms: 7000,
                ..OpenTunnel::default()
            }),
        ),
    ] {
        add(seeds, "agent", 0, name, ServerFrame { body: Some(body) }.encode_to_vec());
    }
    let record = node_agent::fuzzing::spool_record(&sample().encode_to_vec());
    add(seeds, "agent", 1, "segment", record.repeat(2));
    add(seeds, "agent", 1, "torn", &record[..record.len() - 3]);
    add(seeds, "agent", 2, "records", b"\x03one\0two\0three");
    add(seeds, "agent", 3, "name", "GPU_01.example.org");
}
