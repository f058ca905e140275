//! Icons as inline SVG, each hidden from screen readers: a word always stands beside it.

/// The mark, as in the top bar.
pub const BRAND: &str = r#"<svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true"><path d="M2 4h14v10H2z" fill="none" stroke="currentColor" stroke-width="1.6"/><path d="M5 7h3v4H5zM10 7h3v4h-3z" fill="currentColor"/></svg>"#;
/// The mark as the page's icon.
pub const FAVICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 18 18'%3E%3Cpath \
                           d='M2 4h14v10H2z' fill='none' stroke='%23117a7a' stroke-width='1.6'/%3E%3Cpath d='M5 7h3v4H5zM10 \
                           7h3v4h-3z' fill='%23117a7a'/%3E%3C/svg%3E";
pub const DOT: &str =
    r#"<svg width="8" height="8" aria-hidden="true"><circle cx="4" cy="4" r="4" fill="currentColor"/></svg>"#;
pub const TRIANGLE: &str = r#"<svg width="11" height="11" viewBox="0 0 12 12" aria-hidden="true"><path d="M6 1 11.5 11h-11z" fill="currentColor"/></svg>"#;
pub const CROSS: &str = r#"<svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true"><path d="M1 1l8 8M9 1 1 9" stroke="currentColor" stroke-width="2"/></svg>"#;
pub const RING: &str = r#"<svg width="9" height="9" aria-hidden="true"><circle cx="4.5" cy="4.5" r="3.5" fill="none" stroke="currentColor" stroke-width="2"/></svg>"#;
pub const PAUSE: &str =
    r#"<svg width="9" height="10" aria-hidden="true"><path d="M1 0h2v10H1zM6 0h2v10H6z" fill="currentColor"/></svg>"#;
pub const SEARCH: &str = r#"<svg width="14" height="14" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.6" aria-hidden="true"><circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 3.5 3.5"/></svg>"#;
pub const MENU: &str = r#"<svg width="16" height="16" viewBox="0 0 16 16" stroke="currentColor" stroke-width="1.6" aria-hidden="true"><path d="M2 4h12M2 8h12M2 12h12"/></svg>"#;
pub const SUN: &str = r#"<svg width="15" height="15" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" aria-hidden="true"><circle cx="8" cy="8" r="3"/><path d="M8 1v2M8 13v2M1 8h2M13 8h2M3 3l1.4 1.4M11.6 11.6 13 13M3 13l1.4-1.4M11.6 4.4 13 3"/></svg>"#;
pub const MOON: &str = r#"<svg width="15" height="15" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" aria-hidden="true"><path d="M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z"/></svg>"#;
pub const HALF: &str = r#"<svg width="15" height="15" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" aria-hidden="true"><circle cx="8" cy="8" r="6"/><path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor"/></svg>"#;
pub const BELL: &str = r#"<svg width="15" height="15" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" aria-hidden="true"><path d="M3 12h10l-1.2-2V7a3.8 3.8 0 0 0-7.6 0v3zM6.5 14h3"/></svg>"#;
pub const HOURGLASS: &str = r#"<svg width="15" height="15" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" aria-hidden="true"><path d="M3.5 2h9M3.5 14h9M5 2v3l3 3 3-3V2M5 14v-3l3-3 3 3v3"/></svg>"#;
