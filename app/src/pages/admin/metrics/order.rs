//! Order and filter of the wall: one rule for the server's first rendering and the browser's updates.

use std::cmp::Ordering;

use contract::machines::Presence;
use contract::metrics::WallTile;
use serde::{Deserialize, Serialize};

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WallSort {
    /// What needs somebody.
    #[default]
    Trouble,
    Name,
    /// The busiest.
    Load,
    /// Machines of one customer beside each other, free ones last.
    Customer,
}

impl WallSort {
    /// Every order, as offered.
    pub const ALL: [WallSort; 4] = [WallSort::Trouble, WallSort::Name, WallSort::Load, WallSort::Customer];

    /// The word in the address.
    pub fn code(self) -> &'static str {
        match self {
            WallSort::Trouble => "trouble",
            WallSort::Name => "name",
            WallSort::Load => "load",
            WallSort::Customer => "customer",
        }
    }

    /// Reads the word; anything else is the default.
    pub fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|sort| sort.code() == word).unwrap_or_default()
    }
}

/// How the wall is shown: the state in the address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WallOptions {
    pub sort: WallSort,
    /// The server's alone.
    #[serde(skip)]
    pub dense: bool,
    /// Part of a code, name, model or region.
    pub q: String,
}

impl WallOptions {
    /// True when the tile is to be shown.
    pub fn shows(&self, tile: &WallTile) -> bool {
        // ASCII case only: codes and models have no other, and the tables for the rest weigh as much as the wall.
        let q = self.q.trim().to_ascii_lowercase();
        let has = |text: &str| text.to_ascii_lowercase().contains(&q);
        q.is_empty()
            || has(&tile.id)
            || has(&tile.name)
            || tile.model.as_deref().is_some_and(has)
            || tile.region.as_deref().is_some_and(has)
    }

    /// Which of two tiles comes first.
    pub fn compare(&self, a: &WallTile, b: &WallTile) -> Ordering {
        let first = match self.sort {
            WallSort::Name => Ordering::Equal,
            WallSort::Trouble => trouble_rank(a).cmp(&trouble_rank(b)),
            WallSort::Load => load(b).cmp(&load(a)),
            WallSort::Customer => {
                b.customer.is_some().cmp(&a.customer.is_some()).then_with(|| a.customer.cmp(&b.customer))
            }
        };
        first.then_with(|| natural(&a.name, &b.name)).then_with(|| a.id.cmp(&b.id))
    }
}

/// Worst first; a machine nobody has seen yet is no trouble, but comes before those that are well.
fn trouble_rank(tile: &WallTile) -> usize {
    match (tile.trouble, tile.presence) {
        (Some(trouble), _) => trouble.rank(),
        (None, _) if !tile.monitored => 90,
        (None, Presence::Offline) => 50,
        (None, Presence::NeverSeen) => 60,
        (None, Presence::Online) => 100,
    }
}

/// Mean GPU load in percent, or the CPU's where there is no GPU; what is silent has none.
pub fn load(tile: &WallTile) -> Option<u32> {
    if !tile.is_current() {
        return None;
    }
    let (sum, n) = tile.gpus.iter().filter_map(|g| g.u).fold((0, 0), |(sum, n), u| (sum + u32::from(u), n + 1));
    u32::checked_div(sum, n).or_else(|| tile.cpu_percent.map(u32::from))
}

/// `gpu-2` before `gpu-10`.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.chars().peekable(), b.chars().peekable());
    loop {
        match (a.peek().copied(), b.peek().copied()) {
            (None, None) => return Ordering::Equal,
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (n, m) = (number(&mut a), number(&mut b));
                if n != m {
                    return n.cmp(&m);
                }
            }
            (Some(x), Some(y)) => {
                if x != y {
                    return x.cmp(&y);
                }
                a.next();
                b.next();
            }
        }
    }
}

fn number(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> u64 {
    let mut n = 0u64;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        n = n.saturating_mul(10).saturating_add(u64::from(digit));
        chars.next();
    }
    n
}

#[cfg(test)]
mod tests {
    use contract::machines::ServiceState;
    use contract::metrics::{GpuCell, Trouble};

    use super::*;

    fn tile(name: &str, presence: Presence, trouble: Option<Trouble>, util: Option<u8>) -> WallTile {
        WallTile {
            id: name.to_owned(),
            name: name.to_owned(),
            model: Some("H100 80G".to_owned()),
            region: None,
            presence,
            service_state: ServiceState::InService,
            monitored: true,
            trouble,
            at: None,
            gpus: vec![GpuCell { u: util, m: None, x: false }],
            cpu_percent: None,
            memory_percent: None,
            temperature_c: None,
            power_w: None,
            gpu_memory_used_mib: None,
            gpu_memory_total_mib: None,
            lease: None,
            customer: None,
            days_left: None,
            note: None,
        }
    }

    fn check(sort: WallSort, expected: &[&str]) {
        let mut tiles = [
            tile("gpu-10", Presence::Online, None, Some(10)),
            tile("gpu-2", Presence::Online, None, Some(90)),
            tile("gpu-3", Presence::Offline, Some(Trouble::Offline), Some(99)),
            tile("gpu-1", Presence::Online, Some(Trouble::Throttled), None),
            tile("gpu-4", Presence::Online, Some(Trouble::GpuLost), Some(50)),
        ];
        let options = WallOptions { sort, ..WallOptions::default() };
        tiles.sort_by(|a, b| options.compare(a, b));
        let names: Vec<_> = tiles.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, expected, "{sort:?}");
    }

    #[test]
    fn order() {
        check(WallSort::Name, &["gpu-1", "gpu-2", "gpu-3", "gpu-4", "gpu-10"]);
        check(WallSort::Trouble, &["gpu-4", "gpu-3", "gpu-1", "gpu-2", "gpu-10"]);
        check(WallSort::Load, &["gpu-2", "gpu-4", "gpu-10", "gpu-1", "gpu-3"]);
    }

    #[test]
    fn machines_of_a_customer_stand_together_and_free_ones_last() {
        let of = |name: &str, customer: Option<&str>| WallTile {
            customer: customer.map(ToOwned::to_owned),
            ..tile(name, Presence::Online, None, None)
        };
        let mut tiles = [of("a", None), of("b", Some("Globex")), of("c", Some("Acme")), of("d", Some("Globex"))];
        let options = WallOptions { sort: WallSort::Customer, ..WallOptions::default() };
        tiles.sort_by(|a, b| options.compare(a, b));
        assert_eq!(tiles.map(|tile| tile.name), ["c", "b", "d", "a"]);
    }

    #[test]
    fn filter() {
        let tile = tile("gpu-10", Presence::Online, None, None);
        for (q, shown) in [("", true), ("GPU-1", true), (" h100 ", true), ("a100", false)] {
            let options = WallOptions { q: q.to_owned(), ..WallOptions::default() };
            assert_eq!(options.shows(&tile), shown, "{q:?}");
        }
    }
}
