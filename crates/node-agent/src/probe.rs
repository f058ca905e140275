//! `probe`: what would be reported, for people to compare with `nvidia-smi`, `free` and `df`.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use node_protocol::{Inventory, ProcessList, Sample};

use crate::cli::Options;
use crate::gpu::{Gpus, load, processes::ProcessReader};
use crate::host::{HostMeter, disks, facts};
use crate::tick::now_ms;

/// Prints one inventory, one sample (rates over one second) and the GPU processes.
///
/// # Errors
/// When `out` cannot be written.
pub fn probe(options: &Options, out: &mut dyn Write) -> Result<()> {
    let nvml = load(options.nvml_lib.as_deref());
    let mut gpus = Gpus::open(nvml.as_ref().map_err(Clone::clone), Vec::new());
    let mut host = HostMeter::default();
    host.measure();
    let space = disks::look();
    let found = gpus.inventory(now_ms());
    let inventory = Inventory {
        disks: space.clone().map(|space| space.disks).unwrap_or_default(),
        driver_version: found.driver_version,
        cuda_version: found.cuda_version,
        gpus: found.gpus,
        nvml_error: found.nvml_error,
        ..facts::inventory()
    };
    std::thread::sleep(Duration::from_secs(1));
    let at_ms = now_ms();
    let mut figures = host.measure();
    if let Some(space) = space {
        (figures.disk_used_bytes, figures.disk_total_bytes) = (Some(space.used_bytes), Some(space.total_bytes));
    }
    let (samples, events) = gpus.measure(at_ms, true);
    let processes = gpus.processes(&mut ProcessReader::default());
    writeln!(out, "{}", readable(&format!("{inventory:#?}")))?;
    let sample = Sample { at_ms, host: Some(figures), gpus: samples, events };
    writeln!(out, "{}", readable(&format!("{sample:#?}")))?;
    writeln!(out, "{}", readable(&format!("{:#?}", ProcessList { at_ms, processes })))?;
    Ok(())
}

/// Debug text without `Some(…)` around single values and without what is absent.
fn readable(debug: &str) -> String {
    let mut lines = Vec::new();
    let mut source = debug.lines().peekable();
    while let Some(line) = source.next() {
        let Some(start) = line.strip_suffix("Some(") else {
            if !line.ends_with(": None,") {
                lines.push(line.to_owned());
            }
            continue;
        };
        match source.peek() {
            Some(value) if value.ends_with(',') => {
                lines.push(format!("{start}{}", value.trim()));
                source.next();
                source.next();
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_figures_are_left_out_and_present_ones_are_plain() {
        let sample = node_protocol::GpuSample { uuid: "GPU-1".into(), power_w: Some(7.5), ..Default::default() };
        let text = readable(&format!("{sample:#?}"));
        assert!(text.contains("    power_w: 7.5,\n"), "{text}");
        assert!(!text.contains("None") && !text.contains("Some") && text.contains("uuid: \"GPU-1\","), "{text}");
    }
}
