//! Figures as text. Whole-number arithmetic, because float formatting costs the browser bundle more than everything else
//! here; a value that was not measured is "—", never 0.

/// What stands where nothing was measured.
pub const NOT_MEASURED: &str = "—";

/// `x` rounded to one decimal; whole from 100 on.
pub fn decimal(x: f64) -> String {
    if !x.is_finite() {
        return NOT_MEASURED.to_owned();
    }
    let tenths = (x * 10.0).round() as i64;
    if tenths.abs() >= 1_000 || tenths % 10 == 0 {
        return grouped((x.round() as i64).unsigned_abs(), x < 0.0 && x.round() != 0.0);
    }
    let sign = if tenths < 0 { "-" } else { "" };
    format!("{sign}{}.{}", tenths.abs() / 10, tenths.abs() % 10)
}

/// `1,024`.
pub fn whole(n: u64) -> String {
    grouped(n, false)
}

fn grouped(n: u64, negative: bool) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 1);
    if negative {
        out.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A value in its best binary unit: `(12.5, "GiB")`.
pub fn bytes(n: f64) -> (String, &'static str) {
    scaled(n, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
}

/// A value in its best decimal unit, as disks are sold: `(12.5, "GB")`.
pub fn decimal_bytes(n: f64) -> (String, &'static str) {
    scaled(n, 1000.0, &["B", "kB", "MB", "GB", "TB", "PB"])
}

/// A rate in its best decimal unit, as network people count: `(1.2, "MB/s")`.
pub fn rate(n: f64) -> (String, &'static str) {
    scaled(n, 1000.0, &["B/s", "kB/s", "MB/s", "GB/s"])
}

/// Power: `(2.6, "kW")` from 1,000 W on.
pub fn watts(w: f64) -> (String, &'static str) {
    if w >= 999.5 { (decimal(w / 1000.0), "kW") } else { (grouped(w.round().max(0.0) as u64, false), "W") }
}

fn scaled(mut n: f64, step: f64, units: &'static [&'static str]) -> (String, &'static str) {
    let mut unit = 0;
    while n >= step && unit + 1 < units.len() {
        n /= step;
        unit += 1;
    }
    (decimal(n), units[unit])
}

/// A value and its unit, for views: the unit is set smaller.
pub type Figure = Option<(String, &'static str)>;

/// `12.5 GiB`, or the dash.
pub fn text(figure: Figure) -> String {
    figure.map_or_else(|| NOT_MEASURED.to_owned(), |(value, unit)| format!("{value}\u{a0}{unit}"))
}

/// Load step 0 to 4 for the colour ramp.
pub fn load_step(percent: u8) -> u8 {
    match percent {
        0..5 => 0,
        5..30 => 1,
        30..60 => 2,
        60..85 => 3,
        _ => 4,
    }
}

/// Whole percent of a part, 0 to 100.
pub fn percent_of(part: Option<u64>, whole: Option<u64>) -> Option<u8> {
    match (part, whole) {
        (Some(part), Some(whole)) if whole > 0 => {
            Some((part as f64 / whole as f64 * 100.0).round().clamp(0.0, 100.0) as u8)
        }
        _ => None,
    }
}

/// Appends `text` so that it is text in HTML, also inside quotes.
pub fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        let cases = [
            (0.0, "0"),
            (0.04, "0"),
            (9.96, "10"),
            (12.34, "12.3"),
            (-3.25, "-3.3"),
            (1234.0, "1,234"),
            (99.96, "100"),
        ];
        for (x, expected) in cases {
            assert_eq!(decimal(x), expected, "{x}");
        }
        assert_eq!(decimal(f64::NAN), "—");
        assert_eq!(bytes(80.0 * 1024.0 * 1024.0 * 1024.0), ("80".to_owned(), "GiB"));
        assert_eq!(decimal_bytes(10e9), ("10".to_owned(), "GB"));
        assert_eq!(rate(1_250_000.0), ("1.3".to_owned(), "MB/s"));
        assert_eq!(watts(312.4), ("312".to_owned(), "W"));
        assert_eq!(watts(2_630.0), ("2.6".to_owned(), "kW"));
        assert_eq!(percent_of(Some(1), Some(3)), Some(33));
        assert_eq!(percent_of(Some(1), Some(0)), None);
    }

    #[test]
    fn text_stays_text() {
        let mut out = String::new();
        escape(&mut out, r#"<b class="x">'&'</b>"#);
        assert_eq!(out, "&lt;b class=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/b&gt;");
    }
}
