//! Every word the product says, in Chinese and English: pages, API messages, later mail and sheets.
//!
//! Invariants: both languages have the same keys with the same variables (tested); texts are whole sentences or labels,
//! never parts to be put together; nothing is loaded at run time. Fluent syntax: <https://projectfluent.org>.

use std::sync::LazyLock;

use contract::accounts::Language;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

macro_rules! files {
    ($($noun:literal),+ $(,)?) => {
        /// `(noun, Chinese, English)`.
        const FILES: &[(&str, &str, &str)] = &[$((
            $noun,
            include_str!(concat!("../locales/zh/", $noun, ".ftl")),
            include_str!(concat!("../locales/en/", $noun, ".ftl")),
        )),+];
    };
}

files!(
    "access",
    "accounts",
    "allocations",
    "announcements",
    "apps",
    "audit",
    "billing",
    "customers",
    "dashboard",
    "engines",
    "errors",
    "fields",
    "frame",
    "identity",
    "images",
    "imports",
    "instances",
    "jobs",
    "join-tokens",
    "machine-service",
    "machines",
    "mail",
    "metrics",
    "notifications",
    "roles",
    "security",
    "settings",
    "specs",
    "users"
);

struct Book {
    bundle: FluentBundle<FluentResource>,
    keys: Vec<String>,
}

static ZH: LazyLock<Book> = LazyLock::new(|| read(Language::Zh));
static EN: LazyLock<Book> = LazyLock::new(|| read(Language::En));

fn book(language: Language) -> &'static Book {
    match language {
        Language::Zh => &ZH,
        Language::En => &EN,
    }
}

/// Text of one file.
fn source(language: Language, (_, zh, en): &(&'static str, &'static str, &'static str)) -> &'static str {
    match language {
        Language::Zh => zh,
        Language::En => en,
    }
}

fn read(language: Language) -> Book {
    let tag = language.html_tag().parse().expect("our language tags are well-formed");
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    // Marks around values help in mixed-direction text, which neither language has; in attributes they are noise.
    bundle.set_use_isolating(false);
    let mut keys = Vec::new();
    for file in FILES {
        let text = source(language, file);
        keys.extend(text.lines().filter_map(key_of_line));
        let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(whatever_was_read, errors)| {
            tracing::error!(file = file.0, language = language.code(), ?errors, "text file has errors");
            whatever_was_read
        });
        if let Err(errors) = bundle.add_resource(resource) {
            tracing::error!(file = file.0, language = language.code(), ?errors, "text keys defined twice");
        }
    }
    Book { bundle, keys }
}

/// `key` of a line `key = …`.
fn key_of_line(line: &str) -> Option<String> {
    let (key, _) = line.split_once('=')?;
    let key = key.trim_end();
    let ok = key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    ok.then(|| key.to_owned())
}

/// What an audit action is called; its code where there is no word for it (any more).
pub fn audit_action(language: Language, action: &str) -> String {
    let key = format!("audit-action-{}", action.replace(':', "-"));
    known_message(language, &key, &[]).unwrap_or_else(|| action.to_owned())
}

/// What a kind of target is called, likewise.
pub fn audit_kind(language: Language, kind: &str) -> String {
    let key = format!("audit-kind-{}", kind.replace('_', "-"));
    known_message(language, &key, &[]).unwrap_or_else(|| kind.to_owned())
}

/// The text of `key`, or `None` where there is none.
///
/// Values that are whole numbers select plural forms; all values are shown as given. Where a wait in `seconds` is given, a text
/// may say it in `minutes`, which is 0 while seconds are what people understand.
pub fn known_message(language: Language, key: &str, args: &[(&str, String)]) -> Option<String> {
    let bundle = &book(language).bundle;
    let pattern = bundle.get_message(key)?.value()?;
    let mut values = FluentArgs::with_capacity(args.len());
    for (name, value) in args {
        // Only numbers that read back the same: `007` and `1.0` stay as they are.
        let number = value.parse::<i64>().ok().filter(|n| n.to_string() == *value && n.abs() < 1 << 53);
        match number {
            Some(number) => values.set(*name, number as f64),
            None => values.set(*name, FluentValue::from(value.as_str())),
        }
    }
    if let Some(seconds) =
        args.iter().find(|(name, _)| *name == "seconds").and_then(|(_, value)| value.parse::<u32>().ok())
    {
        values.set("minutes", f64::from(minutes(seconds)));
    }
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, Some(&values), &mut errors).into_owned();
    if !errors.is_empty() {
        tracing::error!(key, language = language.code(), ?errors, "text could not be completed");
    }
    Some(text)
}

/// Longest wait that is said in seconds.
const MOST_SECONDS: u32 = 90;

/// Whole minutes after which `seconds` are over; 0 up to [`MOST_SECONDS`].
fn minutes(seconds: u32) -> u32 {
    if seconds > MOST_SECONDS { seconds.div_ceil(60) } else { 0 }
}

/// The text of `key`; the key itself, and a line in the log, where there is none.
pub fn message(language: Language, key: &str, args: &[(&str, String)]) -> String {
    known_message(language, key, args).unwrap_or_else(|| {
        tracing::error!(key, language = language.code(), "text is missing");
        key.to_owned()
    })
}

/// Every key of a language, in file order, for checks.
pub fn keys(language: Language) -> &'static [String] {
    &book(language).keys
}

#[cfg(test)]
mod tests;
