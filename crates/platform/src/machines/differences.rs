//! Where what was typed and what was found do not agree.
//!
//! Vendors count in 10^9 and part of memory is reserved by firmware or driver, so sizes may differ by 8 % before they
//! count; model names are compared by the words that were typed ("H100 80G" fits "NVIDIA H100 80GB HBM3", "L4" does not
//! fit "NVIDIA L40S").

use contract::machines::{
    DeclaredHardware, DiscoveredHardware, DiskSizes, GpuView, HardwareDifference, models_in_words,
};

const TOLERANCE: f64 = 0.08;
const GB: f64 = 1e9;

/// The differences, in the order of the form.
pub fn differences(
    declared: &DeclaredHardware,
    discovered: &DiscoveredHardware,
    gpus: &[GpuView],
) -> Vec<HardwareDifference> {
    let mut found = Vec::new();
    let mut add = |field: &str, declared: String, discovered: String| {
        found.push(HardwareDifference { field: field.to_owned(), declared, discovered });
    };
    // Without NVML nothing is known about GPUs: that is no difference.
    if discovered.nvml_error.is_none() {
        let models = || gpus.iter().map(|gpu| gpu.model.as_str()).filter(|model| !model.is_empty());
        if let (Some(typed), Some(found)) = (&declared.gpu_model, models_in_words(models()))
            && !models_fit(typed, &models().collect::<Vec<_>>())
        {
            add("gpuModel", typed.clone(), found);
        }
        if let Some(count) = declared.gpu_count
            && count as usize != gpus.len()
        {
            add("gpuCount", count.to_string(), gpus.len().to_string());
        }
        // The first that differs, so that a host with different GPUs is not judged by one of them.
        let sizes = || gpus.iter().filter_map(|gpu| gpu.memory_bytes);
        if let Some(gb) = declared.gpu_memory_gb
            && let Some(bytes) = sizes().find(|bytes| !size_fits(gb, *bytes))
        {
            add("gpuMemoryGb", gb.to_string(), format!("{:.0}", bytes as f64 / GB));
        }
    }
    if let (Some(typed), Some(model)) = (&declared.cpu_model, &discovered.cpu_model)
        && !model_fits(typed, model)
    {
        add("cpuModel", typed.clone(), model.clone());
    }
    if let (Some(cores), Some(found)) = (declared.cpu_cores, discovered.cpu_cores.or(discovered.cpu_threads))
        && cores != found
        // People type threads as often as cores.
        && Some(cores) != discovered.cpu_threads
    {
        add("cpuCores", cores.to_string(), found.to_string());
    }
    if let (Some(gb), Some(bytes)) = (declared.memory_gb, discovered.memory_bytes)
        && !size_fits(gb, bytes)
    {
        add("memoryGb", gb.to_string(), format!("{:.0}", bytes as f64 / GB));
    }
    for (field, gb, bytes) in disk_differences(declared, &discovered.disk_sizes()) {
        add(field, gb.to_string(), format!("{:.0}", bytes as f64 / GB));
    }
    found
}

/// Field, what was typed, what was found.
///
/// Where one ends and the other begins is a matter of partitions, so disks agree when their sum does; and who typed the
/// system disk alone may have meant everything there is.
fn disk_differences(declared: &DeclaredHardware, found: &DiskSizes) -> Vec<(&'static str, u32, u64)> {
    let (system, data) = (declared.system_disk_gb, declared.data_disk_gb);
    let all = found.system.saturating_add(found.data);
    let sum_fits = match (system, data) {
        (Some(system), data) => size_fits(system.saturating_add(data.unwrap_or(0)), all),
        (None, _) => false,
    };
    if all == 0 || sum_fits {
        return Vec::new();
    }
    [("systemDiskGb", system, found.system), ("dataDiskGb", data, found.data)]
        .into_iter()
        .filter_map(|(field, gb, bytes)| gb.filter(|gb| !size_fits(*gb, bytes)).map(|gb| (field, gb, bytes)))
        .collect()
}

/// True within the tolerance of either way to count a gigabyte.
fn size_fits(gb: u32, bytes: u64) -> bool {
    let near = |unit: f64| {
        let typed = f64::from(gb) * unit;
        (bytes as f64 - typed).abs() <= typed * TOLERANCE
    };
    near(GB) || near((1u64 << 30) as f64)
}

/// True when what was typed fits every model: as a whole, or part by part ("2 × A100 + L40S") each model and no other.
fn models_fit(typed: &str, found: &[&str]) -> bool {
    if found.iter().all(|model| model_fits(typed, model)) {
        return true;
    }
    let parts: Vec<_> = typed
        .split(['+', ',', ';', '，', '、'])
        .map(without_count)
        .filter(|part| part.contains(char::is_alphanumeric))
        .collect();
    parts.iter().all(|part| found.iter().any(|model| model_fits(part, model)))
        && found.iter().all(|model| parts.iter().any(|part| model_fits(part, model)))
}

/// `2 × A100` without how many.
fn without_count(part: &str) -> &str {
    let part = part.trim();
    let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
    let model = rest.trim_start().strip_prefix(['×', 'x', 'X', '*']);
    model.filter(|_| rest.len() < part.len()).unwrap_or(part)
}

/// True when every typed word was found, alone or as several words that follow each other ("RTX4090", "RTX 4090").
fn model_fits(typed: &str, found: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty() && *word != "nvidia")
            .map(gigabytes)
            .collect()
    };
    let found = words(found);
    let follows = |word: &str| {
        (0..found.len()).any(|first| {
            let mut rest = Some(word);
            for next in &found[first..] {
                rest = rest.and_then(|rest| rest.strip_prefix(next.as_str()));
                match rest {
                    Some("") => return true,
                    Some(_) => {}
                    None => return false,
                }
            }
            false
        })
    };
    words(typed).iter().all(|word| follows(word))
}

/// `80gb` and `80g` are the same word.
fn gigabytes(word: &str) -> String {
    match word.strip_suffix('b').filter(|short| short.ends_with('g')) {
        Some(short) if short[..short.len() - 1].parse::<u32>().is_ok() => short.to_owned(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_fit_by_words() {
        assert!(model_fits("H100 80G", "NVIDIA H100 80GB HBM3"));
        assert!(model_fits("RTX 4090", "NVIDIA GeForce RTX 4090"));
        assert!(model_fits("RTX4090", "NVIDIA GeForce RTX 4090"));
        assert!(model_fits("Xeon 8480C", "Intel(R) Xeon(R) Platinum 8480C"));
        assert!(!model_fits("A100", "NVIDIA H100 80GB HBM3"));
        assert!(!model_fits("L4", "NVIDIA L40S"));
        assert!(!model_fits("A10", "NVIDIA A100 80GB PCIe"));
        assert!(!model_fits("RTX 4090", "NVIDIA RTX 4000"));
    }

    #[test]
    fn different_models_fit_part_by_part() {
        let found = ["NVIDIA A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB", "NVIDIA L40S"];
        for typed in
            ["2 × A100 + 1 × L40S", "A100, L40S", "2x A100 80G、1*L40S", "2 × NVIDIA A100-SXM4-80GB + 1 × NVIDIA L40S"]
        {
            assert!(models_fit(typed, &found), "{typed}");
        }
        for typed in ["A100", "L40S", "A100 + H100", "A100 + L40S + H100"] {
            assert!(!models_fit(typed, &found), "{typed}");
        }
        assert!(models_fit("2 × A100", &found[..2]));
    }

    #[test]
    fn disks_agree_each_or_together() {
        let found = DiskSizes { system: 500_000_000_000, data: 7_680_000_000_000 };
        let differ = |system_disk_gb, data_disk_gb| {
            let declared = DeclaredHardware { system_disk_gb, data_disk_gb, ..DeclaredHardware::default() };
            disk_differences(&declared, &found).into_iter().map(|(field, ..)| field).collect::<Vec<_>>()
        };
        for (system, data) in [(None, None), (Some(500), None), (Some(8180), None), (None, Some(7680))] {
            assert!(differ(system, data).is_empty(), "{system:?} {data:?}");
        }
        assert!(differ(Some(1000), Some(7180)).is_empty(), "cut into partitions otherwise");
        assert_eq!(differ(Some(500), Some(3840)), ["dataDiskGb"]);
        assert!(differ(Some(240), Some(7680)).is_empty(), "within the tolerance of the sum");
        assert_eq!(differ(Some(240), Some(3840)), ["systemDiskGb", "dataDiskGb"]);
        assert_eq!(differ(Some(1000), None), ["systemDiskGb"]);
    }

    #[test]
    fn sizes_fit_within_tolerance() {
        assert!(size_fits(80, 85_520_809_984));
        assert!(size_fits(64, 67_000_000_000));
        assert!(!size_fits(1024, 960_000_000_000 - 60_000_000_000));
    }
}
