//! What is at an address that leads nowhere.

use contract::ErrorCode;
use leptos::prelude::*;
use platform::Error;

use crate::layouts::page;

/// 404, in the frame for people who are signed in.
#[component]
pub fn MissingPage() -> impl IntoView {
    page(async { Err::<(), _>(Error::new(ErrorCode::NotFound)) }, |()| ().into_any())
}
