//! Names that stay the same from run to run: UUIDs, serial numbers and PCI addresses from seed and index.

use crate::curve::mix;

/// `GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`; `part` is 0 for a GPU and counts its MIG instances from 1.
pub fn uuid(prefix: &str, seed: u64, gpu: usize, part: usize) -> String {
    let base = mix(mix(seed, gpu as u64), part as u64);
    let (high, low) = (mix(base, 1), mix(base, 2));
    let text = format!("{high:016x}{low:016x}");
    let (a, b, c, d, e) = (&text[0..8], &text[8..12], &text[12..16], &text[16..20], &text[20..32]);
    format!("{prefix}{a}-{b}-{c}-{d}-{e}")
}

/// Thirteen digits, as on data centre boards.
pub fn serial(seed: u64, gpu: usize) -> String {
    format!("16{:011}", mix(seed ^ 0x5E71_A100, gpu as u64) % 100_000_000_000)
}

/// A GPU's place on the PCI bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// Domain.
    pub domain: u32,
    /// Bus.
    pub bus: u32,
    /// Device on the bus.
    pub device: u32,
}

impl Address {
    /// Twenty-four GPUs a domain, spread over its buses.
    pub fn of(gpu: usize) -> Self {
        Self { domain: (gpu / 24) as u32, bus: 0x18 + (gpu % 24) as u32 * 9, device: 0 }
    }

    /// `00000000:18:00.0`.
    pub fn long(&self) -> String {
        format!("{:08X}:{:02X}:{:02X}.0", self.domain, self.bus, self.device)
    }

    /// `0000:18:00.0`.
    pub fn legacy(&self) -> String {
        format!("{:04X}:{:02X}:{:02X}.0", self.domain, self.bus, self.device)
    }

    /// Reads `[domain:]bus:device[.function]`, hexadecimal in either case, as NVML does.
    pub fn parse(text: &str) -> Option<Self> {
        let (head, device) = text.rsplit_once(':')?;
        let device = match device.split_once('.') {
            Some((device, "0")) => device,
            Some(_) => return None,
            None => device,
        };
        let (domain, bus) = head.split_once(':').unwrap_or(("0", head));
        let number = |digits: &str| u32::from_str_radix(digits, 16).ok();
        Some(Self { domain: number(domain)?, bus: number(bus)?, device: number(device)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_repeat_and_differ() {
        let of = |seed, gpu, part| uuid("GPU-", seed, gpu, part);
        assert_eq!(of(1, 2, 0), of(1, 2, 0));
        assert_eq!(of(1, 2, 0).len(), 40);
        for other in [of(2, 2, 0), of(1, 3, 0), of(1, 2, 1)] {
            assert_ne!(of(1, 2, 0), other);
        }
        assert_eq!(serial(1, 2).len(), 13);
    }

    #[test]
    fn addresses_read_back() {
        let all: Vec<Address> = (0..64).map(Address::of).collect();
        for (place, address) in all.iter().enumerate() {
            assert!(address.bus < 256);
            assert_eq!(Address::parse(&address.long()), Some(*address));
            assert_eq!(Address::parse(&address.legacy().to_lowercase()), Some(*address));
            assert!(!all[..place].contains(address));
        }
        assert_eq!(Address::parse("21:00.0").map(|address| address.bus), Some(0x21));
        for wrong in ["", "21", "zz:00.0", "21:00.1"] {
            assert_eq!(Address::parse(wrong), None, "{wrong}");
        }
    }
}
