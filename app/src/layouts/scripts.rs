//! Scripts of a page, only where something lives: the islands (wasm) and the custom elements.

use leptos::nonce::use_nonce;
use leptos::prelude::*;

use super::Extra;
use crate::door::{SiteManifest, TIME_ZONE_COOKIE};

/// Wakes the islands; after leptos 0.8.23's own `island_script.js`, without the idle wait and the islands router, and with
/// a mark on the document once everything lives.
const WAKE: &str = include_str!("islands.js");

pub(super) fn scripts(live: bool, elements: bool, extra: Option<Extra>) -> impl IntoView {
    let site = use_context::<SiteManifest>().unwrap_or_default();
    let nonce = use_nonce();
    let islands = live.then(|| {
        let (js, wasm) = (format!("{}.js", site.app), format!("{}.wasm", site.app));
        let call = format!("({WAKE})({js:?}, {wasm:?}, {TIME_ZONE_COOKIE:?});");
        view! {
            <link rel="modulepreload" href=js nonce=nonce.clone() />
            <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="anonymous" />
            <script r#type="module" nonce=nonce.clone() inner_html=call></script>
        }
    });
    let module = |src: String, nonce| view! { <script r#type="module" src=src nonce=nonce></script> };
    let elements = elements.then(|| module(site.elements, nonce.clone()));
    let extra = extra.map(|extra| match extra {
        Extra::Upload => module(site.upload, nonce).into_any(),
        Extra::Logs => module(site.logs, nonce).into_any(),
        Extra::Loads => module(site.loads, nonce).into_any(),
        Extra::Terminal => module(site.terminal, nonce).into_any(),
        Extra::Player => (module(site.terminal, nonce.clone()), module(site.player, nonce)).into_any(),
    });
    (shell_script(), elements, extra, islands)
}

/// The small helpers alone.
pub fn shell_script() -> impl IntoView {
    let site = use_context::<SiteManifest>().unwrap_or_default();
    view! { <script r#type="module" src=site.shell nonce=use_nonce()></script> }
}
