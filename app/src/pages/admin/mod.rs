//! The staff's area.

pub mod allocations;
pub mod customers;
pub mod machines;
pub mod metrics;

#[cfg(feature = "ssr")]
mod start {
    use leptos::prelude::*;

    /// `/admin` leads to the wall.
    #[component]
    pub fn AdminPage() -> impl IntoView {
        crate::door::see_other(crate::paths::WALL);
    }
}
#[cfg(feature = "ssr")]
pub use start::AdminPage;
