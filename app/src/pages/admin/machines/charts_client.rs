//! Charts in the browser: asks for their data again from time to time and hands it to the elements.

use std::cell::Cell;

use contract::metrics::HistoryRange;
use leptos::task::spawn_local;

use super::islands::CHARTS_ID;
use super::server_fns::machine_history;
use crate::live;

/// Refreshes every `every` seconds while the page is looked at.
pub(super) fn start(code: String, range: HistoryRange, every: u32) {
    let waited = Cell::new(0);
    live::every_second(move || {
        let document = web_sys::window().and_then(|w| w.document());
        // A period that is over takes the charts with it: nobody asks for what would be refused.
        let shown = document.is_some_and(|d| !d.hidden() && d.get_element_by_id(CHARTS_ID).is_some());
        waited.set(waited.get() + 1);
        if !shown || waited.get() < every {
            return;
        }
        waited.set(0);
        let code = code.clone();
        spawn_local(async move {
            // A failed refresh leaves the chart as it was; the chip says when the link is down.
            if let Ok(charts) = machine_history(code, range).await {
                hand_over(&charts);
            }
        });
    });
}

fn hand_over(charts: &[String]) {
    let Some(document) = web_sys::window().and_then(|w| w.document()) else { return };
    let Ok(elements) = document.query_selector_all("rg-chart") else { return };
    for (i, data) in charts.iter().enumerate() {
        use wasm_bindgen::JsCast;
        if let Some(element) = elements.item(i as u32).and_then(|node| node.dyn_into::<web_sys::Element>().ok()) {
            // `data` is a valid attribute name.
            let _ = element.set_attribute("data", data);
        }
    }
}
