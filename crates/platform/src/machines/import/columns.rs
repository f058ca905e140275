//! Columns of the machines' workbook: their names in both languages, with the variants people use, and how a row of texts
//! becomes a machine.

use std::collections::BTreeMap;

use contract::imports::RowFault;
use contract::machines::{MachineCreate, Pool};

use crate::imports::{columns, fault, text_of};

columns! {
    "name" "名称" "Name" true ["机器名称", "主机名称", "服务器名称", "主机名", "机器名", "machine name", "host name", "hostname", "server name", "server"];
    "id" "编号" "Code" false ["编码", "机器编码", "机器编号", "主机编号", "机器ID", "id", "machine id", "machine code", "host id"];
    "region" "区域" "Region" false ["地域", "机房", "位置", "location", "zone", "site", "data center"];
    "privateAddress" "内网地址" "Private address" false ["内网IP", "私网IP", "IP", "IP地址", "内网", "private ip", "internal ip", "ip address"];
    "publicAddress" "公网地址" "Public address" false ["公网IP", "外网IP", "外网地址", "public ip", "external ip"];
    "pool" "出租方式" "Let as" false ["资源池", "池", "分配方式", "pool", "mode"];
    "gpuModel" "GPU 型号" "GPU model" false ["显卡型号", "显卡", "gpu", "gpu type", "graphics card"];
    "gpuCount" "GPU 数量" "GPU count" false ["GPU数", "显卡数量", "卡数", "gpus", "number of gpus"];
    "gpuMemoryGb" "单卡显存 (GB)" "Memory per GPU (GB)" false ["显存", "GPU显存", "显存大小", "vram", "gpu memory"];
    "cpuModel" "CPU 型号" "CPU model" false ["处理器型号", "处理器", "cpu", "processor"];
    "cpuCores" "CPU 核数" "CPU cores" false ["CPU核心数", "核数", "核心数", "cores", "cpu count"];
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
    let mut faults = Vec::new();
    let text = |key: &str| text_of(cells, key);
    let mut number = |key: &str| {
        let text = text(key)?;
        let read = read_number(&text);
        if read.is_none() {
            faults.push(fault(key, "field-not-a-number", &[]));
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
            faults.push(fault("pool", "field-unknown-value", &[]));
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

/// A whole number, also with a unit or thousands' separators: `8`, `8.0`, `1,024`, `80 GB`, `８`.
fn read_number(text: &str) -> Option<u32> {
    let plain: String = text
        .chars()
        .map(|c| match c {
            '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')).unwrap_or(c),
            other => other,
        })
        .filter(|c| !c.is_whitespace() && *c != ',' && *c != '，')
        .collect();
    let lower = plain.to_lowercase();
    let digits = ["gb", "g", "gib", "核", "张", "卡", "块", "个", "cores"]
        .iter()
        .find_map(|unit| lower.strip_suffix(unit))
        .unwrap_or(&lower);
    let number: f64 = digits.parse().ok()?;
    (number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number)).then_some(number as u32)
}

fn read_yes_no(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "是" | "有" | "对" | "启用" | "开启" | "开" | "yes" | "y" | "true" | "1" | "on" | "√" | "✓" => {
            Some(true)
        }
        "否" | "无" | "不" | "停用" | "关闭" | "关" | "no" | "n" | "false" | "0" | "off" | "×" | "✗" => {
            Some(false)
        }
        _ => None,
    }
}

fn read_pool(text: &str) -> Option<Pool> {
    match text.to_lowercase().as_str() {
        "整机" | "独占" | "whole" | "whole machine" | "dedicated" => Some(Pool::Whole),
        "共享" | "shared" => Some(Pool::Shared),
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
            assert_eq!(read_number(text), number, "{text}");
        }
        for text in ["eight", "-1", "8.5", "", "1e99", "NaN"] {
            assert_eq!(read_number(text), None, "{text}");
        }
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
    }
}
