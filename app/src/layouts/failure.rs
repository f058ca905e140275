//! The page of last resort: a whole document as text, for requests that fail where no page can be rendered (too many of
//! them, no database) or because rendering one panicked. It needs neither router nor context, so it cannot fail as well.

use contract::ApiError;

use super::errors::heading;
use crate::door::{Look, SiteManifest};
use crate::paths;
use crate::ui::format::escape;
use crate::words::Words;

/// What happened, what to do, and the id that leads to the log.
pub fn failure_page(site: &SiteManifest, look: &Look, error: &ApiError) -> String {
    let words = Words(look.language);
    let (title, hint) = heading(words, error);
    let safe = |text: &str| {
        let mut out = String::with_capacity(text.len());
        escape(&mut out, text);
        out
    };
    let id = error.request_id.as_deref().map_or_else(String::new, |id| {
        format!(
            "<p class=\"sub\">{} <code class=\"select\">{}</code></p>",
            safe(&words.t("error-request-id")),
            safe(id)
        )
    });
    format!(
        "<!DOCTYPE html><html lang=\"{lang}\" data-theme=\"{theme}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title} · RemoteGPU</title>\
         <link rel=\"stylesheet\" href=\"{css}\"></head><body><div class=\"plain\"><main class=\"sign wide\">\
         <h1>{title}</h1><div class=\"empty card\"><p>{hint}</p>{id}<p class=\"actions\">\
         <a class=\"btn\" href=\"{home}\">{back}</a></p></div></main></div></body></html>",
        lang = look.language.html_tag(),
        theme = look.theme.code(),
        title = safe(&title),
        css = safe(&site.css),
        hint = safe(&hint),
        home = paths::HOME,
        back = safe(&words.t("error-back-home")),
    )
}
