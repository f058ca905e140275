//! What everybody gets alike.

/// The same for everybody, with nothing of anybody in them: looked at in `ops.rs`.
pub const PUBLIC: [&str; 8] = [
    "/agent/{name}",
    "/branding/{name}",
    "/healthz",
    "/install.sh",
    "/metrics",
    "/pkg/{name}",
    "/readyz",
    "/robots.txt",
];
