//! Both languages hold the same texts with the same values.

use std::collections::{BTreeMap, BTreeSet};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};

use super::*;

fn variables(pattern: &Pattern<&str>, into: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            match expression {
                Expression::Inline(inline) => inline_variables(inline, into),
                Expression::Select { selector, variants } => {
                    inline_variables(selector, into);
                    variants.iter().for_each(|variant| variables(&variant.value, into));
                }
            }
        }
    }
}

fn inline_variables(inline: &InlineExpression<&str>, into: &mut BTreeSet<String>) {
    match inline {
        InlineExpression::VariableReference { id } => {
            into.insert(id.name.to_owned());
        }
        InlineExpression::Placeable { expression } => {
            if let Expression::Inline(inner) = expression.as_ref() {
                inline_variables(inner, into);
            }
        }
        _ => {}
    }
}

/// Key → variables of one language; panics on anything that does not parse or comes twice.
fn table(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let mut table = BTreeMap::new();
    for file in FILES {
        let parsed = fluent_syntax::parser::parse(source(language, file))
            .unwrap_or_else(|(_, errors)| panic!("{}/{}: {errors:?}", language.code(), file.0));
        for entry in &parsed.body {
            let Entry::Message(message) = entry else { continue };
            let value = message.value.as_ref().unwrap_or_else(|| panic!("{} has no text", message.id.name));
            let mut found = BTreeSet::new();
            variables(value, &mut found);
            let before = table.insert(message.id.name.to_owned(), found);
            assert!(before.is_none(), "{} is there twice in {}", message.id.name, language.code());
        }
    }
    table
}

/// A file that is not in the list would be there for nobody.
#[test]
fn every_file_is_read() {
    for language in ["zh", "en"] {
        let folder = format!("locales/{language}");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .expect("the texts are there")
            .map(|entry| entry.expect("can be read").file_name().to_string_lossy().replace(".ftl", ""))
            .collect();
        there.sort();
        assert_eq!(there, FILES.iter().map(|(noun, _, _)| *noun).collect::<Vec<_>>(), "{language}");
    }
}

#[test]
fn both_languages_say_the_same_things_with_the_same_values() {
    let (zh, en) = (table(Language::Zh), table(Language::En));
    let missing = |a: &BTreeMap<String, BTreeSet<String>>, b: &BTreeMap<String, BTreeSet<String>>| {
        a.keys().filter(|key| !b.contains_key(*key)).cloned().collect::<Vec<_>>()
    };
    assert_eq!(missing(&zh, &en), Vec::<String>::new(), "only in zh");
    assert_eq!(missing(&en, &zh), Vec::<String>::new(), "only in en");
    for (key, values) in &zh {
        assert_eq!(values, &en[key], "values of {key}");
    }
}

#[test]
fn the_quick_key_list_is_the_real_one() {
    for language in Language::ALL {
        let quick: BTreeSet<_> = keys(language).iter().cloned().collect();
        let real: BTreeSet<_> = table(language).into_keys().collect();
        assert_eq!(quick, real);
    }
}

/// Values that are counts of something.
const COUNTS: [&str; 16] = [
    "n",
    "days",
    "hours",
    "minutes",
    "seconds",
    "months",
    "gpus",
    "machines",
    "have",
    "need",
    "pages",
    "cores",
    "cards",
    "others",
    "customers",
    "people",
];

/// What is never of one: limits of the program, and what is said of several only.
const NEVER_ONE: [&str; 8] = [
    "customer-all-instances",
    "error-uploads-open",
    "field-end-too-late",
    "field-expiry-range",
    "field-start-far",
    "field-window-too-long",
    "passport-times",
    "terminal-viewers",
];

#[test]
fn one_is_not_several() {
    for (key, values) in table(Language::En) {
        let ones: Vec<_> =
            COUNTS.into_iter().filter(|name| values.contains(*name)).map(|name| (name, "1".to_owned())).collect();
        if ones.is_empty() || NEVER_ONE.contains(&key.as_str()) {
            continue;
        }
        let text = message(Language::En, &key, &ones);
        let words: Vec<_> = text.split_whitespace().collect();
        for (number, word) in words.iter().zip(words.iter().skip(1)) {
            let word = word.trim_matches(|c: char| !c.is_ascii_alphabetic());
            let several = word.ends_with('s') && !word.ends_with("ss") && !["is", "has", "was"].contains(&word);
            assert!(*number != "1" || !several, "{key}: {text}");
        }
    }
}

#[test]
fn every_error_kind_has_a_message() {
    for language in Language::ALL {
        for code in contract::ErrorCode::ALL {
            assert!(known_message(language, code.message_key(), &[]).is_some(), "{}", code.message_key());
        }
    }
}

#[test]
fn chinese_is_chinese_and_english_is_not() {
    let han = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    for key in keys(Language::En) {
        if key != "frame-language-zh" {
            let text = message(Language::En, key, &[]);
            assert!(!han(&text), "{key}: {text}");
        }
    }
    let english_only = keys(Language::Zh).iter().filter(|key| !han(&message(Language::Zh, key, &[]))).count();
    assert!(english_only * 8 < keys(Language::Zh).len(), "{english_only} Chinese texts have no Chinese in them");
}

#[test]
fn values_are_shown_as_given_and_select_plurals() {
    let seconds = |language, n: &str| message(language, "error-sign-in-wait", &[("seconds", n.to_owned())]);
    assert!(seconds(Language::En, "1").contains("1 second,") || seconds(Language::En, "1").contains("1 second "));
    assert!(seconds(Language::En, "8").contains("8 seconds"));
    assert!(seconds(Language::Zh, "8").contains('8'));
    assert!(seconds(Language::En, "90").contains("90 seconds") && seconds(Language::En, "91").contains("2 minutes"));
    let wait = |language| message(language, "error-rate-limited-wait", &[("seconds", "898".to_owned())]);
    assert_eq!(wait(Language::En), "Too many requests. Try again in 15 minutes.");
    let soon = |n: &str| message(Language::En, "error-rate-limited-wait", &[("seconds", n.to_owned())]);
    assert_eq!(soon("1"), "Too many requests. Try again in a second.");
    assert_eq!(soon("2"), "Too many requests. Try again in 2 seconds.");
    assert!(wait(Language::Zh).contains("15 分钟"), "{}", wait(Language::Zh));
    assert_eq!(message(Language::En, "no-such-key", &[]), "no-such-key");
}
