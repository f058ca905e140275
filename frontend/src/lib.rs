//! The browser's entry: wakes the islands of `app`.

use wasm_bindgen::prelude::wasm_bindgen;

/// Called once by the page's script, before it hydrates each island.
#[wasm_bindgen]
pub fn hydrate() {
    app::live::start();
    leptos::mount::hydrate_islands();
}
