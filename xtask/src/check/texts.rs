//! Texts: every key in both languages, and every key the code names exists.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Source};

const FOLDER: &str = "crates/texts/locales/";

/// Keys a file of texts defines.
fn keys(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.split_once('=').map(|(key, _)| key.trim()))
}

/// Strings in code that can only be keys: the error and field messages of the domain.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2).filter(|word| {
        (word.starts_with("error-") || word.starts_with("field-"))
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    })
}

/// See the module.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let mut languages: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for source in sources {
        if let Some((language, _)) = source.path.strip_prefix(FOLDER).and_then(|rest| rest.split_once('/')) {
            let known = languages.entry(language).or_default();
            known.extend(keys(&source.text).map(|key| (key, source.path.as_str())));
        }
    }
    let all: BTreeSet<&str> = languages.values().flat_map(|known| known.keys().copied()).collect();
    let mut found = Vec::new();
    for (language, known) in &languages {
        for key in all.iter().filter(|key| !known.contains_key(*key)) {
            found.push(Finding {
                place: format!("{FOLDER}{language}"),
                what: format!("{key} is missing in {language}"),
            });
        }
    }
    for source in sources {
        let domain = source.path.starts_with("crates/platform/src/")
            || source.path.starts_with("crates/contract/src/")
            || source.path.starts_with("server/src/");
        if !domain || !source.path.ends_with(".rs") {
            continue;
        }
        for key in named(&source.text).filter(|key| !all.contains(key)) {
            found.push(Finding { place: source.path.clone(), what: format!("no text has the key {key}") });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn missing_translations_and_unknown_keys_are_found() {
        let sources = [
            source("crates/texts/locales/zh/a.ftl", "error-one = 一\nonly-zh = 二\n"),
            source("crates/texts/locales/en/a.ftl", "error-one = one\n"),
            source("crates/platform/src/a.rs", "Error::field(\"a\", \"field-nobody-wrote\").with_key(\"error-one\")"),
        ];
        let what: Vec<_> = check(&sources).into_iter().map(|finding| finding.what).collect();
        assert_eq!(what, ["only-zh is missing in en", "no text has the key field-nobody-wrote"]);
    }
}
