//! What a page shows instead of itself: sign-in, not found, or what went wrong with the id that leads to the log.

use contract::{ApiError, ErrorCode};
use leptos::prelude::*;
use leptos_meta::Title;
use platform::OpContext;

use super::{Area, PageFrame, brand, frame, here, look_switches};
use crate::door::{see_other, set_status};
use crate::paths;
use crate::words::Words;

/// The page that an error means, with its status.
pub fn error_view(error: ApiError) -> AnyView {
    if error.code == ErrorCode::Unauthenticated {
        see_other(&paths::login(paths::local(&here())));
        return ().into_any();
    }
    if error.code == ErrorCode::EnrollmentRequired {
        see_other(paths::ACCOUNT_SECURITY);
        return ().into_any();
    }
    set_status(error.code.http_status());
    let words = Words::now();
    let (title, hint) = heading(words, &error);
    let again = matches!(error.code, ErrorCode::Internal | ErrorCode::Unavailable);
    let body = view! {
        <div class="empty card">
            <p>{hint}</p>
            {error.request_id.map(|id| view! {
                <p class="sub">{words.t("error-request-id")} " " <code class="select">{id}</code></p>
            })}
            <p class="actions">
                {again.then(|| view! { <a class="btn primary" href=here()>{words.t("error-try-again")}</a> })}
                <a class="btn" href=paths::HOME>{words.t("error-back-home")}</a>
            </p>
        </div>
    };
    match use_context::<OpContext>().as_ref().and_then(OpContext::user) {
        Some(_) => frame(PageFrame::new(title, Area::Elsewhere), body),
        None => plain(words, title, body),
    }
}

/// What happened, and what to do.
pub(super) fn heading(words: Words, error: &ApiError) -> (String, String) {
    match error.code {
        ErrorCode::NotFound => (words.t("error-page-missing"), words.t("error-page-missing-hint")),
        ErrorCode::Internal => (words.t("error-page-internal"), error.message.clone()),
        ErrorCode::Unavailable => (words.t("error-page-unavailable"), error.message.clone()),
        _ => (words.t("error-title"), error.message.clone()),
    }
}

/// A form for people who are not signed in, without any script.
pub fn plain_page(words: Words, title: String, body: impl IntoView + 'static) -> AnyView {
    view! {
        <Title text=title.clone() />
        <div class="plain">
            <main class="sign">
                <span class="brand">{brand()}</span>
                <h1>{title}</h1>
                {body}
                <div class="foot">{look_switches(words)}</div>
            </main>
        </div>
    }
    .into_any()
}

/// For people who are not signed in.
fn plain(words: Words, title: String, body: impl IntoView + 'static) -> AnyView {
    view! {
        <Title text=title.clone() />
        <div class="plain">
            <main class="sign wide">
                <h1>{title}</h1>
                {body}
                <div class="foot">{look_switches(words)}</div>
            </main>
        </div>
    }
    .into_any()
}
