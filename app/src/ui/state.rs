//! State: an icon and a word, colour last.

use leptos::prelude::*;

use super::icons;

/// How a state feels; colour and icon follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Ok,
    Info,
    Warn,
    Bad,
    Off,
}

impl Tone {
    /// Class of the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Tone::Ok => "ok",
            Tone::Info => "info",
            Tone::Warn => "warn",
            Tone::Bad => "bad",
            Tone::Off => "off",
        }
    }

    /// Its icon.
    pub fn icon(self) -> &'static str {
        match self {
            Tone::Ok => icons::DOT,
            Tone::Info => icons::RING,
            Tone::Warn => icons::TRIANGLE,
            Tone::Bad => icons::CROSS,
            Tone::Off => icons::PAUSE,
        }
    }
}

/// A state as a view.
pub fn state(tone: Tone, word: impl Into<String>) -> impl IntoView {
    view! {
        <span class=format!("state {}", tone.class())>
            <span class="icon" inner_html=tone.icon()></span>
            <span>{word.into()}</span>
        </span>
    }
}

/// The same as a part of the page that is brought up to date by itself (`rg-follow`).
#[cfg(feature = "ssr")]
pub fn state_part(part: &'static str, tone: Tone, word: impl Into<String>) -> impl IntoView {
    view! {
        <span class=format!("state {}", tone.class()) data-part=part>
            <span class="icon" inner_html=tone.icon()></span>
            <span>{word.into()}</span>
        </span>
    }
}

/// The same as text, for tiles that are rewritten every second.
pub fn state_html(out: &mut String, tone: Tone, word: &str) {
    out.push_str("<span class=\"state ");
    out.push_str(tone.class());
    out.push_str("\"><span class=\"icon\">");
    out.push_str(tone.icon());
    out.push_str("</span><span>");
    super::format::escape(out, word);
    out.push_str("</span></span>");
}
