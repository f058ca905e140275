//! A short line of the last values, since the page was opened.

use leptos::prelude::*;

/// Values a line keeps.
pub const SPARK_VALUES: usize = 60;

/// Adds a value; `None` (not measured) is left out rather than drawn as 0.
pub fn push(values: &mut Vec<f32>, value: Option<f32>) {
    if let Some(value) = value {
        if values.len() == SPARK_VALUES {
            values.remove(0);
        }
        values.push(value);
    }
}

/// The line; `top` is the value at the upper edge, or the largest of the values when `None`.
pub fn spark(values: RwSignal<Vec<f32>>, top: Option<f32>) -> impl IntoView {
    let points = move || {
        values.with(|values| {
            let top = top.unwrap_or_else(|| values.iter().copied().fold(1.0, f32::max));
            let start = SPARK_VALUES.saturating_sub(values.len());
            let mut points = String::new();
            for (i, value) in values.iter().enumerate() {
                let y = 20.0 - (value / top).clamp(0.0, 1.0) * 18.0;
                points.push_str(&format!("{},{} ", (start + i) * 2, (y * 10.0).round() as i32));
            }
            points
        })
    };
    view! {
        <svg class="spark" viewBox="0 0 118 220" preserveAspectRatio="none" aria-hidden="true">
            <polyline points=points fill="none" stroke="currentColor" stroke-width="1.5" vector-effect="non-scaling-stroke" />
        </svg>
    }
}
