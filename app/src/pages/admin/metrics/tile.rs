//! One machine on the wall, as HTML text: the server renders it, and the browser renders the very same when a figure
//! changes. Text rather than reactive views, because a thousand tiles with eight GPUs each would be forty thousand
//! effects; everything that is not ours goes through `escape`.

use contract::machines::{Presence, ServiceState};
use contract::metrics::{Trouble, WallTile};

use crate::ui::format::{self, NOT_MEASURED, escape, load_step};
use crate::ui::lexicon::Lexicon;
use crate::ui::state::{Tone, state_html};

/// Seconds after which a figure says how old it is.
pub const OLD_AFTER_SECONDS: i64 = 5;

/// Texts a tile may need.
pub const TILE_WORDS: [&str; 26] = [
    "presence-online",
    "presence-offline",
    "presence-never_seen",
    "tile-offline-for",
    "tile-not-monitored",
    "tile-hot",
    "tile-gpus",
    "tile-cpu",
    "tile-memory",
    "tile-age",
    "tile-free",
    "tile-held",
    "tile-ending",
    "tile-grace",
    "tile-reclaiming",
    "tile-shared",
    "trouble-gpu_lost",
    "trouble-ecc_uncorrected",
    "trouble-xid",
    "trouble-throttled",
    "gpu-lost-short",
    "not-measured",
    "service-cordoned",
    "service-draining",
    "service-maintenance",
    "service-retired",
];

/// Key of where machines' pages are, before their codes; it is sent only to who may open them.
pub const TILE_WAY: &str = "way";

/// Classes of the tile's element.
pub fn tile_class(tile: &WallTile) -> &'static str {
    if !tile.monitored {
        return "tile unseen";
    }
    let severe = tile.trouble.map(Trouble::is_severe);
    match (tile.presence, severe) {
        (Presence::Offline, _) => "tile bad offline",
        (Presence::NeverSeen, _) => "tile unseen",
        (_, Some(true)) => "tile bad",
        (_, Some(false)) => "tile warn",
        _ => "tile",
    }
}

/// State in the head of a tile; nothing when all is well.
fn tile_state(tile: &WallTile, words: &Lexicon, now: i64) -> Option<(Tone, String)> {
    // What is out for good is neither offline nor unwatched to anybody.
    if tile.service_state == ServiceState::Retired {
        return Some((Tone::Off, words.t("service-retired")));
    }
    if !tile.monitored {
        return Some((Tone::Off, words.t("tile-not-monitored")));
    }
    if tile.presence == Presence::Offline {
        let word = match tile.at {
            Some(at) => words.fill("tile-offline-for", &[&words.duration(now - at)]),
            None => words.t("presence-offline"),
        };
        return Some((Tone::Off, word));
    }
    let hot = || tile.temperature_c.map_or_else(|| NOT_MEASURED.to_owned(), |t| format!("{t}\u{a0}°C"));
    match tile.trouble {
        Some(Trouble::GpuLost) => return Some((Tone::Bad, words.t("trouble-gpu_lost"))),
        Some(Trouble::Offline) => return Some((Tone::Off, words.t("presence-offline"))),
        Some(Trouble::EccUncorrected) => return Some((Tone::Bad, words.t("trouble-ecc_uncorrected"))),
        Some(Trouble::Xid) => return Some((Tone::Warn, words.t("trouble-xid"))),
        Some(Trouble::Hot) => return Some((Tone::Warn, words.fill("tile-hot", &[&hot()]))),
        Some(Trouble::Throttled) => return Some((Tone::Warn, words.t("trouble-throttled"))),
        None => {}
    }
    if tile.presence == Presence::NeverSeen {
        return Some((Tone::Off, words.t("presence-never_seen")));
    }
    let service = match tile.service_state {
        ServiceState::InService => return None,
        ServiceState::Cordoned => "service-cordoned",
        ServiceState::Draining => "service-draining",
        ServiceState::Maintenance => "service-maintenance",
        ServiceState::Retired => "service-retired",
    };
    let mut word = words.t(service);
    if let Some(note) = &tile.note {
        word.push_str(" · ");
        word.push_str(note);
    }
    Some((Tone::Info, word))
}

fn cell(out: &mut String, load: Option<u8>, memory: Option<u8>, label: &str, words: &Lexicon) {
    match load {
        Some(load) => {
            out.push_str(&format!("<span class=\"gpu l{} v{}\">", load_step(load), memory.unwrap_or(0).min(100)));
            escape(out, label);
            if !label.is_empty() {
                out.push(' ');
            }
            out.push_str(&format!("{load}</span>"));
        }
        None => {
            out.push_str("<span class=\"gpu na\" title=\"");
            escape(out, &words.t("not-measured"));
            out.push_str("\">");
            escape(out, label);
            out.push_str(" —</span>");
        }
    }
}

/// Cells: one per GPU, or CPU and memory of a host without GPUs. Nothing of a silent machine is shown as if it were now.
fn cells(out: &mut String, tile: &WallTile, words: &Lexicon) {
    let current = tile.is_current();
    let (cpu, memory) = (words.t("tile-cpu"), words.t("tile-memory"));
    let say = |v: Option<u8>| v.filter(|_| current).map_or_else(|| NOT_MEASURED.to_owned(), |v| format!("{v}%"));
    let label = if tile.gpus.is_empty() {
        format!("{cpu} {}, {memory} {}", say(tile.cpu_percent), say(tile.memory_percent))
    } else {
        let each = tile.gpus.iter().map(|g| if g.x { words.t("gpu-lost-short") } else { say(g.u) });
        words.fill("tile-gpus", &[&tile.gpus.len().to_string(), &each.collect::<Vec<_>>().join(", ")])
    };
    let class = if tile.gpus.is_empty() { "gpus host" } else { "gpus" };
    out.push_str(&format!("<span class=\"{class}\" role=\"img\" aria-label=\""));
    escape(out, &label);
    out.push_str("\">");
    if tile.gpus.is_empty() {
        cell(out, tile.cpu_percent.filter(|_| current), None, &cpu, words);
        cell(out, tile.memory_percent.filter(|_| current), None, &memory, words);
    }
    for gpu in &tile.gpus {
        if gpu.x {
            out.push_str("<span class=\"gpu lost\" title=\"");
            escape(out, &words.t("trouble-gpu_lost"));
            out.push_str("\">×</span>");
        } else {
            cell(out, gpu.u.filter(|_| current), gpu.m, "", words);
        }
    }
    out.push_str("</span>");
}

/// What is inside the tile's element.
pub fn tile_html(tile: &WallTile, words: &Lexicon, now: i64) -> String {
    let mut out = String::with_capacity(900);
    out.push_str("<span class=\"tile-head\"><b>");
    escape(&mut out, &tile.name);
    out.push_str("</b>");
    match tile_state(tile, words, now) {
        Some((tone, word)) => state_html(&mut out, tone, &word),
        None => {
            out.push_str("<span class=\"unseen-text\">");
            escape(&mut out, &words.t("presence-online"));
            out.push_str("</span>");
        }
    }
    out.push_str("<span class=\"end\">");
    escape(&mut out, tile.model.as_deref().unwrap_or_default());
    out.push_str("</span></span>");
    cells(&mut out, tile, words);
    out.push_str("<span class=\"tile-foot\">");
    foot(&mut out, tile, words, now);
    out.push_str("</span>");
    out
}

fn foot(out: &mut String, tile: &WallTile, words: &Lexicon, now: i64) {
    let current = tile.is_current();
    if !tile.gpus.is_empty() {
        let temperature =
            tile.temperature_c.filter(|_| current).map_or(NOT_MEASURED.to_owned(), |t| format!("{t}\u{a0}°C"));
        let power = format::text(tile.power_w.filter(|_| current).map(|w| format::watts(f64::from(w))));
        out.push_str(&format!("<span>{temperature}</span><span>{power}</span>"));
    }
    out.push_str("<span class=\"end\">");
    let age = tile.at.map(|at| now - at).filter(|age| current && *age > OLD_AFTER_SECONDS);
    if let Some(age) = age {
        escape(out, &words.fill("tile-age", &[&words.duration(age)]));
    } else if let Some(lease) = &tile.lease {
        let days = tile.days_left.unwrap_or_default().to_string();
        escape(out, &words.fill(&["tile-", lease].concat(), &[tile.customer.as_deref().unwrap_or_default(), &days]));
    } else {
        escape(out, tile.region.as_deref().unwrap_or_default());
    }
    out.push_str("</span>");
}

/// True when the tile's words change with time alone.
pub fn ages(tile: &WallTile, now: i64) -> bool {
    if !tile.monitored {
        return false;
    }
    match tile.presence {
        Presence::Offline => true,
        Presence::NeverSeen => false,
        Presence::Online => tile.at.is_some_and(|at| now - at > OLD_AFTER_SECONDS),
    }
}

/// The whole tile, for the server and for whole snapshots.
pub fn tile_element(out: &mut String, tile: &WallTile, words: &Lexicon, now: i64) {
    out.push_str(&format!("<a class=\"{}\" data-code=\"", tile_class(tile)));
    escape(out, &tile.id);
    if let Some(way) = words.0.get(TILE_WAY) {
        out.push_str("\" href=\"");
        out.push_str(way);
        escape(out, &tile.id);
    }
    out.push_str("\">");
    out.push_str(&tile_html(tile, words, now));
    out.push_str("</a>");
}

#[cfg(test)]
mod tests {
    use contract::metrics::GpuCell;

    use super::*;

    fn words() -> Lexicon {
        let texts = [
            ("presence-online", "online"),
            ("tile-offline-for", "offline for {}"),
            ("tile-not-monitored", "not monitored"),
            ("trouble-gpu_lost", "GPU lost"),
            ("tile-gpus", "{} GPUs: {}"),
            ("gpu-lost-short", "lost"),
            ("not-measured", "not measured"),
            ("tile-cpu", "CPU"),
            ("tile-memory", "memory"),
            ("tile-age", "{} old"),
            ("tile-free", "Free"),
            ("tile-held", "{} · {} d left"),
            ("tile-reclaiming", "{} · being taken back"),
            ("service-cordoned", "Cordoned"),
            ("service-retired", "Retired"),
            ("unit-minutes", "min"),
            ("unit-seconds", "s"),
        ];
        Lexicon(texts.into_iter().map(|(key, text)| (key.to_owned(), text.to_owned())).collect())
    }

    fn tile(presence: Presence, gpus: Vec<GpuCell>) -> WallTile {
        WallTile {
            id: "host-001".into(),
            name: "<gpu&1>".into(),
            model: Some("H100".into()),
            region: None,
            presence,
            service_state: ServiceState::InService,
            monitored: true,
            trouble: gpus.iter().any(|g| g.x).then_some(Trouble::GpuLost),
            at: Some(1_000),
            gpus,
            cpu_percent: Some(12),
            memory_percent: None,
            temperature_c: Some(60),
            power_w: Some(2_600),
            gpu_memory_used_mib: None,
            gpu_memory_total_mib: None,
            lease: Some("free".into()),
            customer: None,
            days_left: None,
            note: None,
        }
    }

    fn cell(u: Option<u8>, x: bool) -> GpuCell {
        GpuCell { u, m: Some(40), x }
    }

    #[test]
    fn names_are_escaped_and_missing_values_are_dashes() {
        let html = tile_html(&tile(Presence::Online, vec![cell(Some(89), false), cell(None, false)]), &words(), 1_001);
        assert!(html.contains("&lt;gpu&amp;1&gt;") && !html.contains("<gpu"), "{html}");
        assert!(html.contains("gpu l4 v40\">89<") && html.contains("title=\"not measured\""), "{html}");
        assert!(html.contains("2 GPUs: 89%, —") && html.contains("2.6\u{a0}kW"), "{html}");
    }

    #[test]
    fn a_silent_machine_shows_no_figures_and_since_when() {
        let tile = tile(Presence::Offline, vec![cell(Some(89), false)]);
        let html = tile_html(&tile, &words(), 1_252);
        assert!(html.contains("offline for 4\u{a0}min 12\u{a0}s") && !html.contains("89"), "{html}");
        assert!(tile_class(&tile).contains("offline"));
    }

    #[test]
    fn a_machine_that_nobody_listens_to_is_not_called_offline() {
        for presence in [Presence::Offline, Presence::Online, Presence::NeverSeen] {
            let tile = WallTile { monitored: false, trouble: None, ..tile(presence, vec![cell(Some(89), false)]) };
            let html = tile_html(&tile, &words(), 1_252);
            assert!(html.contains("not monitored") && !html.contains("offline") && !html.contains("89"), "{html}");
            assert_eq!(tile_class(&tile), "tile unseen");
            assert!(!ages(&tile, 1_252));
        }
    }

    #[test]
    fn a_lost_gpu_and_old_figures_say_so() {
        let html = tile_html(&tile(Presence::Online, vec![cell(Some(5), true)]), &words(), 1_009);
        assert!(html.contains("gpu lost") && html.contains("GPU lost") && html.contains("9\u{a0}s old"), "{html}");
    }

    #[test]
    fn a_tile_says_who_has_it_and_until_when() {
        let free = tile(Presence::Online, vec![cell(Some(5), false)]);
        let lent = |lease: &str, days_left| WallTile {
            lease: Some(lease.into()),
            customer: Some("A&B".into()),
            days_left,
            ..free.clone()
        };
        for (tile, foot) in [
            (free.clone(), ">Free<"),
            (lent("held", Some(47)), ">A&amp;B · 47 d left<"),
            (lent("reclaiming", None), ">A&amp;B · being taken back<"),
            // Who does not see allocations reads where it stands.
            (WallTile { lease: None, region: Some("east".into()), ..free.clone() }, ">east<"),
        ] {
            let html = tile_html(&tile, &words(), 1_000);
            assert!(html.contains(foot), "{foot}: {html}");
        }
    }

    #[test]
    fn why_a_machine_is_out_of_service_stands_beside_its_state() {
        let offline = || tile(Presence::Offline, vec![cell(Some(5), false)]);
        let out = WallTile {
            service_state: ServiceState::Cordoned,
            note: Some("fans <2>".into()),
            ..tile(Presence::Online, vec![cell(Some(5), false)])
        };
        let html = tile_html(&out, &words(), 1_000);
        assert!(html.contains("Cordoned · fans &lt;2&gt;"), "{html}");
        let html = tile_html(&WallTile { service_state: ServiceState::Retired, ..offline() }, &words(), 1_252);
        assert!(html.contains("Retired") && !html.contains("offline"), "{html}");
    }

    #[test]
    fn a_tile_leads_somewhere_only_where_the_page_says_where() {
        let drawn = |words: &Lexicon| {
            let mut html = String::new();
            tile_element(&mut html, &tile(Presence::Online, vec![]), words, 1_000);
            html
        };
        let mut words = words();
        let html = drawn(&words);
        assert!(html.contains("data-code=\"host-001\">") && !html.contains("href"), "{html}");
        words.0.insert(TILE_WAY.to_owned(), crate::paths::machine(""));
        assert!(drawn(&words).contains("data-code=\"host-001\" href=\"/admin/machines/host-001\">"));
    }

    #[test]
    fn a_host_without_gpus_shows_cpu_and_memory() {
        let html = tile_html(&tile(Presence::Online, vec![]), &words(), 1_000);
        assert!(html.contains("CPU 12<") && html.contains("memory —"), "{html}");
    }
}
