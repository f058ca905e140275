//! A QR code as inline SVG: one path, no style, dark on light in either theme, because cameras want it so.

use std::fmt::Write as _;

use qrcode::{Color, QrCode};

/// Modules of light around it, as the standard wants.
const QUIET: usize = 4;

/// The code with `label` for those who do not see it; `None` when the text is too long for one.
pub fn svg(text: &str, label: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (at % width + QUIET, at / width + QUIET);
            let _ = write!(path, "M{x} {y}h1v1h-1z");
        }
    }
    let side = width + 2 * QUIET;
    let mut out =
        format!("<svg viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"");
    super::format::escape(&mut out, label);
    let _ = write!(out, "\"><path d=\"M0 0h{side}v{side}H0z\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>");
    Some(out)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_code_has_its_finders_and_its_margin() {
        let svg = super::svg("otpauth://totp/RemoteGPU:admin?secret=JBSWY3DPEHPK3PXP", "\"<Code>").unwrap();
        assert!(svg.contains("M4 4h1v1h-1z"), "the first finder stands at the margin");
        assert!(!svg.contains("M3 3h1"));
        assert!(svg.contains("aria-label=\"&quot;&lt;Code&gt;\"") && !svg.contains("style"));
        assert_eq!(super::svg(&"x".repeat(5000), ""), None);
    }
}
