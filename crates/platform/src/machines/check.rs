//! Rules for what people type about machines; every wrong field is named at once.

use contract::ErrorCode;
use contract::machines::{DeclaredHardware, MachineCreate, MachineUpdate, is_valid_code};

use crate::error::FieldError;
use crate::{Error, Result};

struct Wrong(Error);

impl Wrong {
    fn new() -> Self {
        Self(Error::new(ErrorCode::Validation))
    }

    fn add(&mut self, path: &'static str, key: &'static str, args: Vec<(&'static str, String)>) {
        self.0.fields.push(FieldError { path, key, args });
    }

    fn text(&mut self, path: &'static str, value: Option<String>, max: usize) -> Option<String> {
        let value = value.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if value.as_deref().is_some_and(|text| text.chars().count() > max) {
            self.add(path, "field-too-long", vec![("max", max.to_string())]);
        }
        if value.as_deref().is_some_and(|text| text.chars().any(|c| c.is_control() && c != '\n')) {
            self.add(path, "field-control-characters", Vec::new());
        }
        value
    }

    fn name(&mut self, name: &str) -> String {
        let name = name.trim().to_owned();
        match name.chars().count() {
            0 => self.add("name", "field-required", Vec::new()),
            1..=100 if !name.chars().any(char::is_control) => {}
            _ => self.add("name", "field-length-1-100", Vec::new()),
        }
        name
    }

    fn address(&mut self, path: &'static str, value: Option<String>) -> Option<String> {
        let value = self.text(path, value, 253);
        if value.as_deref().is_some_and(|text| !is_address(text)) {
            self.add(path, "field-address", Vec::new());
        }
        value
    }

    fn number(&mut self, path: &'static str, value: Option<u32>, max: u32) {
        if value.is_some_and(|n| n > max) {
            self.add(path, "field-number-max", vec![("max", max.to_string())]);
        }
    }

    fn hardware(&mut self, mut declared: DeclaredHardware) -> DeclaredHardware {
        declared.gpu_model = self.text("declared.gpuModel", declared.gpu_model, 100);
        declared.cpu_model = self.text("declared.cpuModel", declared.cpu_model, 100);
        self.number("declared.gpuCount", declared.gpu_count, node_protocol::limits::MAX_GPUS as u32);
        self.number("declared.gpuMemoryGb", declared.gpu_memory_gb, 10_000);
        self.number("declared.cpuCores", declared.cpu_cores, 10_000);
        self.number("declared.memoryGb", declared.memory_gb, 1_000_000);
        self.number("declared.diskGb", declared.disk_gb, 100_000_000);
        declared
    }
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
        wrong.add("id", "field-machine-code-shape", Vec::new());
    }
    machine.name = wrong.name(&machine.name);
    machine.region = wrong.text("region", machine.region, 64);
    machine.public_address = wrong.address("publicAddress", machine.public_address);
    machine.private_address = wrong.address("privateAddress", machine.private_address);
    machine.remark = wrong.text("remark", machine.remark, 1000);
    machine.declared = wrong.hardware(machine.declared);
    wrong.0.into_result()?;
    Ok(machine)
}

pub(super) fn update(mut change: MachineUpdate) -> Result<MachineUpdate> {
    let mut wrong = Wrong::new();
    change.name = wrong.name(&change.name);
    change.region = wrong.text("region", change.region, 64);
    change.public_address = wrong.address("publicAddress", change.public_address);
    change.private_address = wrong.address("privateAddress", change.private_address);
    change.remark = wrong.text("remark", change.remark, 1000);
    change.declared = wrong.hardware(change.declared);
    wrong.0.into_result()?;
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
