//! Columns of the machines' workbook: their names in both languages, with the variants people use, and how a row of texts
//! becomes a machine.

use std::collections::BTreeMap;

use contract::imports::RowFault;
use contract::machines::{MachineCreate, Pool};

use crate::imports::{SheetColumn, columns, errors_in, fault, text_of};

columns! {
    "name" "名称" "Name" true ["机器名称", "主机名称", "服务器名称", "节点名称", "主机名", "机器名", "服务器名", "节点名", "主机", "机器", "服务器", "节点", "machine", "host", "node", "node name", "machine name", "host name", "hostname", "server name", "server"];
    "id" "编号" "Code" false ["编码", "机器编码", "机器编号", "主机编号", "机器ID", "id", "machine id", "machine code", "host id"];
    "region" "区域" "Region" false ["地域", "机房", "位置", "location", "zone", "site", "data center"];
    "privateAddress" "内网地址" "Private address" false ["内网IP", "私网IP", "主机IP", "服务器IP", "host ip", "server ip", "IP", "IP地址", "内网", "private ip", "internal ip", "ip address"];
    "publicAddress" "公网地址" "Public address" false ["公网IP", "公网", "外网", "外网IP", "外网地址", "public ip", "external ip"];
    "pool" "出租方式" "Let as" false ["出租", "资源池", "池", "分配方式", "pool", "mode"];
    "gpuModel" "GPU 型号" "GPU model" false ["显卡型号", "显卡", "gpu", "gpu type", "graphics card"];
    "gpuCount" "GPU 数量" "GPU count" false ["GPU数", "显卡数量", "卡数", "gpus", "number of gpus", "GPU (张)", "显卡 (张)", "GPU (count)"];
    "gpuMemoryGb" "单卡显存 (GB)" "Memory per GPU (GB)" false ["显存", "GPU显存", "显存大小", "vram", "gpu memory"];
    "cpuModel" "CPU 型号" "CPU model" false ["处理器型号", "处理器", "cpu", "processor"];
    "cpuCores" "CPU 核数" "CPU cores" false ["CPU核心数", "核数", "核心数", "cores", "cpu count", "CPU (核)", "CPU (核数)", "CPU (cores)"];
    "memoryGb" "内存 (GB)" "Memory (GB)" false ["内存大小", "内存容量", "ram", "memory"];
    "systemDiskGb" "系统盘 (GB)" "System disk (GB)" false ["系统盘大小", "系统盘容量", "磁盘", "硬盘", "磁盘容量", "硬盘容量", "os disk", "boot disk", "disk", "storage"];
    "dataDiskGb" "数据盘 (GB)" "Data disk (GB)" false ["数据盘大小", "数据盘容量", "data storage", "data disks"];
    "listed" "上架" "Listed" false ["是否上架", "对外可见", "visible", "published"];
    "monitored" "监控" "Monitored" false ["是否监控", "启用监控", "monitoring", "monitor"];
    "remark" "备注" "Remark" false ["说明", "描述", "notes", "note", "comment", "remarks", "description"];
}

/// Text keys of the headings that the export has beyond those: what is so by itself, and not for an import to say.
pub const EXPORTED: &[&str] = &[
    "machines-service",
    "machines-presence",
    "machine-export-holder",
    "machine-export-until",
    "machine-export-gpu-model",
    "machine-export-gpu-count",
    "machine-export-gpu-memory",
    "machine-export-cpu-model",
    "machine-export-cpu-cores",
    "machine-export-memory",
    "machine-export-system-disk",
    "machine-export-data-disk",
    "machine-export-next",
    "machine-export-next-from",
    "machine-export-next-state",
];

/// What a row's texts say.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    pub machine: MachineCreate,
    pub listed: Option<bool>,
    pub faults: Vec<RowFault>,
}

/// Reads the texts of a row; what does not read is a fault, everything at once.
pub fn parse(cells: &BTreeMap<String, String>) -> Parsed {
    let mut faults = errors_in(cells);
    let text = |key: &str| text_of(cells, key);
    let mut number = |key: &str| {
        let text = text(key)?;
        let reads = if key.ends_with("Gb") { read_gigabytes } else { read_count };
        let read = reads(&text);
        if read.is_none() {
            let negative = text.strip_prefix(['-', '−', '－']).and_then(reads).is_some();
            faults.push(match negative {
                true => fault(key, "field-number-min", &[("min", "0".to_owned())]),
                false if key.ends_with("Gb") => fault(key, "field-size-gb", &[]),
                false => fault(key, "field-not-a-number", &[]),
            });
        }
        read
    };
    let declared = contract::machines::DeclaredHardware {
        gpu_model: text("gpuModel"),
        gpu_count: number("gpuCount"),
        gpu_memory_gb: number("gpuMemoryGb"),
        cpu_model: text("cpuModel"),
        cpu_cores: number("cpuCores"),
        memory_gb: number("memoryGb"),
        system_disk_gb: number("systemDiskGb"),
        data_disk_gb: number("dataDiskGb"),
    };
    let mut yes_no = |key: &str| {
        let text = text(key)?;
        let read = read_yes_no(&text);
        if read.is_none() {
            faults.push(fault(key, "field-yes-or-no", &[]));
        }
        read
    };
    let (listed, monitored) = (yes_no("listed"), yes_no("monitored"));
    let pool = text("pool").and_then(|text| {
        let read = read_pool(&text);
        if read.is_none() {
            faults.push(fault("pool", "field-pool-choices", &[]));
        }
        read
    });
    let machine = MachineCreate {
        id: text("id").map(|code| code.to_lowercase()),
        name: text("name").unwrap_or_default(),
        region: text("region"),
        public_address: text("publicAddress"),
        private_address: text("privateAddress"),
        pool,
        listed: listed.unwrap_or(false),
        monitored,
        remark: text("remark"),
        declared,
    };
    Parsed { machine, listed, faults }
}

/// Units of sizes, the longest first, and how many MB one is.
const SIZES: [(&[&str], f64); 5] = [
    (&["kib", "kb", "k"], 1.0 / 1024.0),
    (&["mib", "mb", "m"], 1.0),
    (&["gib", "gb", "g"], 1024.0),
    (&["tib", "tb", "t"], 1_048_576.0),
    (&["pib", "pb", "p"], 1_073_741_824.0),
];

/// What people write behind a number of things.
const COUNTED: [&str; 15] =
    ["核", "核心", "颗", "线程", "张", "卡", "块", "个", "台", "core", "cores", "card", "cards", "pcs", "x"];

/// In half-width signs, without spaces and thousands' separators.
fn bare(text: &str) -> String {
    let half_width = |c: char| match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '×' => 'x',
        other => other,
    };
    text.chars().map(half_width).filter(|c| !c.is_whitespace() && *c != ',').flat_map(char::to_lowercase).collect()
}

/// A whole number of things, also with a unit or thousands' separators: `8`, `8.0`, `1,024`, `64 cores`, `8x`, `x8`, `８`.
fn read_count(text: &str) -> Option<u32> {
    let bare = bare(text);
    let cut = COUNTED.iter().find_map(|unit| bare.strip_suffix(unit));
    whole(cut.or_else(|| bare.strip_prefix('x')).unwrap_or(&bare).parse().ok()?)
}

/// A size in whole GB of 1024 MB, also of another unit: `80`, `80 GB`, `2 TB`, `81,920 MB`. What is of another unit is
/// rounded: a card of 80 GB says of itself that it has 81,559 MB.
fn read_gigabytes(text: &str) -> Option<u32> {
    let (exact, converted) = exact_gigabytes(text)?;
    if !converted {
        return whole(exact);
    }
    // Less than half a GB is not nothing.
    whole(exact.round()).filter(|read| *read > 0 || exact == 0.0)
}

/// The same with its fraction, and whether it was of another unit.
fn exact_gigabytes(text: &str) -> Option<(f64, bool)> {
    let bare = bare(text);
    let unit = SIZES.iter().find_map(|(names, mib)| {
        let digits = names.iter().find_map(|name| bare.strip_suffix(name))?;
        Some((digits, *mib))
    });
    let (digits, mib) = unit.unwrap_or((bare.as_str(), 1024.0));
    let number: f64 = digits.parse().ok()?;
    Some((number * mib / 1024.0, mib != 1024.0))
}

/// Sizes that are stored otherwise than their cells say, because they are kept in whole GB.
pub(super) fn rounded(cells: &BTreeMap<String, String>) -> Vec<RowFault> {
    let sizes = COLUMNS.iter().filter(|column| column.key.ends_with("Gb"));
    let note = |column: &SheetColumn| {
        let text = text_of(cells, column.key)?;
        let ((exact, _), read) = (exact_gigabytes(&text)?, read_gigabytes(&text)?);
        (exact != f64::from(read)).then(|| fault(column.key, "import-rounded", &[("gb", read.to_string())]))
    };
    sizes.filter_map(note).collect()
}

fn whole(number: f64) -> Option<u32> {
    (number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number)).then_some(number as u32)
}

fn read_yes_no(text: &str) -> Option<bool> {
    match bare(text).as_str() {
        "是" | "是的" | "有" | "对" | "启用" | "已启用" | "开启" | "开" | "已上架" | "上架" | "yes" | "y" | "true"
        | "1" | "on" | "√" | "✓" | "✔" | "✔\u{FE0F}" | "✅" | "☑" | "☑\u{FE0F}" => Some(true),
        "否" | "不是" | "无" | "不" | "停用" | "未启用" | "关闭" | "关" | "未上架" | "下架" | "no" | "n" | "false"
        | "0" | "off" | "x" | "✗" | "✘" | "❌" | "☒" => Some(false),
        _ => None,
    }
}

fn read_pool(text: &str) -> Option<Pool> {
    match bare(text).as_str() {
        "整机" | "整机出租" | "整台" | "独占" | "独享" | "专用" | "whole" | "wholemachine" | "dedicated"
        | "exclusive" => Some(Pool::Whole),
        "共享" | "共享出租" | "共用" | "shared" | "sharedmachine" => Some(Pool::Shared),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_write_them() {
        for (text, number) in [
            ("8", Some(8)),
            ("8.0", Some(8)),
            ("1,024", Some(1024)),
            ("80 GB", Some(80)),
            ("８", Some(8)),
            ("64核", Some(64)),
        ] {
            let reads = if text.ends_with("GB") { read_gigabytes } else { read_count };
            assert_eq!(reads(text), number, "{text}");
        }
        for text in ["8x", "x8", "8×", "8 张"] {
            assert_eq!(read_count(text), Some(8), "{text}");
        }
        for text in ["eight", "-1", "8.5", "", "1e99", "NaN"] {
            assert_eq!((read_count(text), read_gigabytes(text)), (None, None), "{text}");
        }
    }

    #[test]
    fn sizes_of_other_units_are_converted() {
        for (text, number) in [
            ("7 TB", Some(7168)),
            ("1.5TB", Some(1536)),
            ("81,920 MB", Some(80)),
            ("81559MiB", Some(80)),
            ("512 g", Some(512)),
            ("0 MB", Some(0)),
            ("8 MB", None),
            ("8.5 GB", None),
        ] {
            assert_eq!(read_gigabytes(text), number, "{text}");
        }
        assert_eq!(read_count("8 TB"), None, "no number of things");
    }

    #[test]
    fn a_size_that_is_rounded_is_told() {
        let cells = [
            ("memoryGb", "1500 MB"),
            ("gpuMemoryGb", "81,920 MB"),
            ("systemDiskGb", "2 TB"),
            ("dataDiskGb", "8.5 GB"),
            ("gpuCount", "8"),
        ];
        let told = rounded(&cells.map(|(key, text)| (key.to_owned(), text.to_owned())).into_iter().collect());
        let told: Vec<_> = told.iter().map(|note| (note.column.as_str(), note.note.args["gb"].as_str())).collect();
        assert_eq!(told, [("memoryGb", "1")], "what is exact is not, and what does not read is a fault");
    }

    #[test]
    fn choices_as_people_write_them() {
        for text in ["整机", "独享", "整机出租", "Whole machine", "whole  Machine"] {
            assert_eq!(read_pool(text), Some(Pool::Whole), "{text}");
        }
        assert_eq!((read_pool("共用"), read_pool("Shared")), (Some(Pool::Shared), Some(Pool::Shared)));
        assert_eq!((read_yes_no("是的"), read_yes_no("✔"), read_yes_no("✘")), (Some(true), Some(true), Some(false)));
    }

    #[test]
    fn what_a_formula_failed_to_say_is_no_value() {
        let cells = [("name", "#NAME?"), ("region", "#REF!"), ("gpuCount", "#N/A"), ("remark", "see #REF!")];
        let parsed = parse(&cells.map(|(key, text)| (key.to_owned(), text.to_owned())).into_iter().collect());
        let faults: Vec<_> =
            parsed.faults.iter().map(|fault| (fault.column.as_str(), fault.note.key.as_str())).collect();
        let is = "field-cell-error";
        assert_eq!(faults, [("gpuCount", is), ("name", is), ("region", is)]);
        assert_eq!((parsed.machine.region, parsed.machine.remark.as_deref()), (None, Some("see #REF!")));
    }

    #[test]
    fn every_wrong_cell_is_named() {
        let cells =
            [("name", "a"), ("gpuCount", "many"), ("listed", "perhaps"), ("pool", "pond"), ("memoryGb", "512 GB")];
        let cells = cells.map(|(key, text)| (key.to_owned(), text.to_owned())).into_iter().collect();
        let parsed = parse(&cells);
        let columns: Vec<_> = parsed.faults.iter().map(|fault| fault.column.as_str()).collect();
        assert_eq!(columns, ["gpuCount", "listed", "pool"]);
        assert_eq!(parsed.machine.declared.memory_gb, Some(512));
        let cells = [("gpuCount", "-1"), ("cpuCores", "-many"), ("memoryGb", "8.5 GB")];
        let cells = cells.map(|(key, text)| (key.to_owned(), text.to_owned()));
        let parsed = parse(&cells.into_iter().collect());
        let keys: Vec<_> = parsed.faults.iter().map(|fault| fault.note.key.as_str()).collect();
        let expected = ["field-number-min", "field-not-a-number", "field-size-gb"];
        assert_eq!(keys, expected, "a number below zero is a number, and a size has a unit");
    }
}
