//! Names that people would take for one another: by the skeletons of Unicode Technical Standard #39, in which characters that
//! look the same are the same.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;

/// What a name looks like at a glance: widths, letters of other alphabets, large and small ones and spaces do not count.
pub(crate) fn look_of(name: &str) -> String {
    let seen: String = name.nfkc().filter(|c| !c.is_whitespace() && !has_no_width(*c)).collect();
    // Large letters first: a large i looks like a small l, not like a small i.
    let alike: String = skeleton(&seen).collect();
    skeleton(&alike.to_lowercase()).collect()
}

/// The same without accents and signs, for names that nobody else may come near.
pub(crate) fn bare_look_of(name: &str) -> String {
    let bare: String = name.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    look_of(&bare).chars().filter(|c| c.is_alphanumeric()).map(in_simplified_script).collect()
}

/// The characters of what is built in as they are written in Taiwan and Hong Kong: to a reader they are the same word.
fn in_simplified_script(c: char) -> char {
    const PAIRS: [(char, char); 11] = [
        ('員', '员'),
        ('運', '运'),
        ('維', '维'),
        ('營', '营'),
        ('師', '师'),
        ('學', '学'),
        ('戶', '户'),
        ('責', '责'),
        ('負', '负'),
        ('臺', '台'),
        ('檯', '台'),
    ];
    PAIRS.iter().find(|(traditional, _)| *traditional == c).map_or(c, |(_, simplified)| *simplified)
}

/// Whether Latin letters stand beside Greek, Cyrillic or Armenian ones, many of which look the same.
pub(crate) fn mixes_alphabets(name: &str) -> bool {
    let latin = name.chars().any(|c| c.is_ascii_alphabetic());
    latin && name.chars().any(|c| matches!(c, '\u{370}'..='\u{58f}' | '\u{1f00}'..='\u{1fff}'))
}

/// Joiners and selectors of forms, which some scripts and pictures need.
fn has_no_width(c: char) -> bool {
    crate::fields::unseen(c) || matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_the_same_are_the_same() {
        for other in [
            "acme lab",
            "Acme\u{a0}Lab",
            "Acme  Lab",
            "Acme\u{2028}Lab",
            "Acme\u{34f} Lab",
            "Acme\u{200d} Lab",
            "Acme\u{fe0f} Lab",
            "Acme\u{e0041} Lab",
            "\u{410}\u{441}\u{6d}\u{435} Lab",
            "Ａｃｍｅ Ｌａｂ",
            "Acme \u{1d40b}ab",
        ] {
            assert_eq!(look_of(other), look_of("Acme Lab"), "{other:?}");
        }
        for other in ["Acme Labs", "Acme-Lab", "Ácme Lab", "中科渲染"] {
            assert_ne!(look_of(other), look_of("Acme Lab"), "{other:?}");
        }
    }

    #[test]
    fn nobody_comes_near_a_built_in_role() {
        for (name, other) in [
            ("Platform administrator", "PIatform administrator"),
            ("Platform administrator", "P1atform-Administrator"),
            ("Platform administrator", "Platform admin\u{ed}strator"),
            ("Operator", "0perator"),
            ("Operator", "Operat\u{585}r"),
            ("Operator", "\u{1d40e}perator"),
            ("Operator", "O p e r a t o r"),
            ("平台管理员", "平台管理員"),
            ("平台管理员", "平臺管理員"),
            ("运维人员", "運維人員"),
        ] {
            assert_eq!(bare_look_of(other), bare_look_of(name), "{other:?}");
        }
        assert_ne!(bare_look_of("Operators"), bare_look_of("Operator"));
        assert!(mixes_alphabets("Operat\u{585}r") && mixes_alphabets("Op\u{435}rator"));
        assert!(!mixes_alphabets("\u{41c}\u{430}\u{440}\u{441}") && !mixes_alphabets("中科 Lab"));
    }
}
