//! MIG instances: what a profile's name says, and the ids the driver gives.

use crate::catalog::Model;
use crate::identity;

/// A profile such as `1g.10gb` or `1g.10gb+me`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// As written.
    pub name: String,
    /// Compute slices, 1 to 7.
    pub slices: u32,
    /// Memory, GB as in the name.
    pub gigabytes: u64,
}

impl Profile {
    /// Reads a profile's name.
    pub fn parse(name: &str) -> Option<Self> {
        let plain = name.strip_suffix("+me").unwrap_or(name);
        let (slices, memory) = plain.split_once("g.")?;
        let slices = slices.parse().ok().filter(|slices| matches!(slices, 1 | 2 | 3 | 4 | 7))?;
        let gigabytes = memory.strip_suffix("gb")?.parse().ok().filter(|gigabytes| *gigabytes > 0)?;
        Some(Self { name: name.to_owned(), slices, gigabytes })
    }
}

/// One instance on one GPU.
#[derive(Debug)]
pub struct Instance {
    /// Its profile.
    pub profile: Profile,
    /// `MIG-…`.
    pub uuid: String,
    /// GPU instance id, unique on its GPU.
    pub gpu_instance: u32,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Multiprocessors.
    pub multiprocessors: u32,
}

impl Instance {
    /// Makes the instances of one GPU from (already checked) profile names.
    pub fn of(names: &[String], model: &Model, seed: u64, gpu: usize) -> Vec<Self> {
        let mut taken = Vec::new();
        names
            .iter()
            .filter_map(|name| Profile::parse(name))
            .enumerate()
            .map(|(place, profile)| {
                let first = first_id(profile.slices);
                let gpu_instance = (first..).find(|id| !taken.contains(id)).unwrap_or(first);
                taken.push(gpu_instance);
                Self {
                    uuid: identity::uuid("MIG-", seed, gpu, place + 1),
                    gpu_instance,
                    // What is left of the nominal size once the driver took its share.
                    memory_mib: (profile.gigabytes * 1024 * 97 / 100).min(model.memory_mib),
                    multiprocessors: model.multiprocessors_per_slice() * profile.slices,
                    profile,
                }
            })
            .collect()
    }
}

/// The driver counts ids from a place that depends on the size.
fn first_id(slices: u32) -> u32 {
    match slices {
        7 => 0,
        3 | 4 => 1,
        2 => 3,
        _ => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_and_ids() {
        assert_eq!(Profile::parse("3g.40gb").map(|profile| (profile.slices, profile.gigabytes)), Some((3, 40)));
        assert!(Profile::parse("1g.10gb+me").is_some());
        for wrong in ["5g.10gb", "g.10gb", "1g.gb", "1g10gb", "1g.0gb", ""] {
            assert_eq!(Profile::parse(wrong), None, "{wrong}");
        }
        let names = ["3g.40gb", "1g.10gb", "1g.10gb"].map(str::to_owned);
        let model = Model::find("H100 80G").expect("a preset");
        let made = Instance::of(&names, model, 1, 0);
        assert_eq!(made.iter().map(|instance| instance.gpu_instance).collect::<Vec<_>>(), [1, 7, 8]);
        assert_ne!(made[1].uuid, made[2].uuid);
    }
}
