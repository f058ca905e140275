//! Rules for what people type about machines; every wrong field is named at once.

use contract::machines::{DeclaredHardware, MachineCreate, MachineUpdate, is_valid_code};

use crate::Result;
use crate::fields::Wrong;

fn hardware(wrong: &mut Wrong, mut declared: DeclaredHardware) -> DeclaredHardware {
    declared.gpu_model = wrong.text("declared.gpuModel", declared.gpu_model, 100);
    declared.cpu_model = wrong.text("declared.cpuModel", declared.cpu_model, 100);
    wrong.number("declared.gpuCount", declared.gpu_count, node_protocol::limits::MAX_GPUS as u32);
    wrong.number("declared.gpuMemoryGb", declared.gpu_memory_gb, 10_000);
    wrong.number("declared.cpuCores", declared.cpu_cores, 10_000);
    wrong.number("declared.memoryGb", declared.memory_gb, 1_000_000);
    wrong.number("declared.systemDiskGb", declared.system_disk_gb, 100_000_000);
    wrong.number("declared.dataDiskGb", declared.data_disk_gb, 100_000_000);
    declared
}

fn address(wrong: &mut Wrong, path: &'static str, value: Option<String>) -> Option<String> {
    let value = wrong.text(path, value, 253);
    if value.as_deref().is_some_and(|text| !is_address(text)) {
        wrong.add(path, "field-address");
    }
    value
}

/// An IP address, or a host name as RFC 1123 has it.
fn is_address(text: &str) -> bool {
    if text.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    // Four groups of digits were meant as an address and are a wrong one.
    let looks_like_ip = text.split('.').all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    !looks_like_ip && text.len() <= 253 && text.split('.').all(label)
}

pub(super) fn create(mut machine: MachineCreate) -> Result<MachineCreate> {
    let mut wrong = Wrong::new();
    machine.id = machine.id.map(|code| code.trim().to_owned()).filter(|code| !code.is_empty());
    if machine.id.as_deref().is_some_and(|code| !is_valid_code(code)) {
        wrong.add("id", "field-machine-code-shape");
    }
    machine.name = wrong.name("name", &machine.name);
    machine.region = wrong.text("region", machine.region, 64);
    machine.public_address = address(&mut wrong, "publicAddress", machine.public_address);
    machine.private_address = address(&mut wrong, "privateAddress", machine.private_address);
    machine.remark = wrong.text("remark", machine.remark, 1000);
    machine.declared = hardware(&mut wrong, machine.declared);
    wrong.into_result()?;
    Ok(machine)
}

pub(super) fn update(mut change: MachineUpdate) -> Result<MachineUpdate> {
    let mut wrong = Wrong::new();
    change.name = wrong.name("name", &change.name);
    change.region = wrong.text("region", change.region, 64);
    change.public_address = address(&mut wrong, "publicAddress", change.public_address);
    change.private_address = address(&mut wrong, "privateAddress", change.private_address);
    change.remark = wrong.text("remark", change.remark, 1000);
    change.declared = hardware(&mut wrong, change.declared);
    wrong.into_result()?;
    Ok(change)
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn addresses() {
        for good in ["10.2.3.4", "fd00::1", "gpu-01.example.org", "gpu01"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["10.2.3.400", "a b", "-x", "a..b", "http://x", "x/y"] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
