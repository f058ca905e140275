//! Rules for what people type, the same for every noun; every wrong field is named at once.

use contract::ErrorCode;

use crate::error::FieldError;
use crate::{Error, Result};

/// Gathers what is wrong.
pub(crate) struct Wrong(Error);

impl Wrong {
    pub(crate) fn new() -> Self {
        Self(Error::new(ErrorCode::Validation))
    }

    pub(crate) fn add(&mut self, path: &'static str, key: &'static str) {
        self.add_with(path, key, Vec::new());
    }

    pub(crate) fn add_with(&mut self, path: &'static str, key: &'static str, args: Vec<(&'static str, String)>) {
        self.0.fields.push(FieldError { path, key, args });
    }

    /// Trimmed, empty is absent, at most `max` characters, nothing unseen but line ends.
    pub(crate) fn text(&mut self, path: &'static str, value: Option<String>, max: usize) -> Option<String> {
        let value = value.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if value.as_deref().is_some_and(|text| text.chars().count() > max) {
            self.add_with(path, "field-too-long", vec![("max", max.to_string())]);
        }
        if value.as_deref().is_some_and(|text| text.chars().any(|c| unseen(c) && c != '\n')) {
            self.add(path, "field-control-characters");
        }
        value
    }

    /// The same of what must not be absent; empty where it is.
    pub(crate) fn required(&mut self, path: &'static str, value: String, max: usize) -> String {
        let value = self.text(path, Some(value), max);
        if value.is_none() {
            self.add(path, "field-required");
        }
        value.unwrap_or_default()
    }

    /// A name: 1 to 100 characters.
    pub(crate) fn name(&mut self, path: &'static str, name: &str) -> String {
        let name = name.trim().to_owned();
        match name.chars().count() {
            0 => self.add(path, "field-required"),
            1..=100 if !name.chars().any(unseen) => {}
            _ => self.add(path, "field-length-1-100"),
        }
        name
    }

    /// An e-mail address as far as a form can tell: the mail itself proves it.
    pub(crate) fn email(&mut self, path: &'static str, value: Option<String>) -> Option<String> {
        let value = self.text(path, value, 254);
        if value.as_deref().is_some_and(|text| !is_email(text)) {
            self.add(path, "field-email");
        }
        value
    }

    pub(crate) fn number(&mut self, path: &'static str, value: Option<u32>, max: u32) {
        if value.is_some_and(|n| n > max) {
            self.add_with(path, "field-number-max", vec![("max", max.to_string())]);
        }
    }

    /// `Err` when anything was wrong.
    pub(crate) fn into_result(self) -> Result<()> {
        self.0.into_result()
    }
}

/// Control characters, those that turn the direction of what stands after them round, in lists and mails of others too, and
/// those of no width, by which two names look alike.
pub(crate) fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        )
}

pub(crate) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain =
        |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || "<>(),;:\\\"[]@".contains(c));
    plain(local) && plain(domain) && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::{is_email, unseen};

    #[test]
    fn what_turns_text_round_is_unseen() {
        assert!(['\u{202e}', '\u{2066}', '\u{0}', '\n', '\u{200b}', '\u{feff}'].into_iter().all(unseen));
        assert!("Zoë 张伟 עברית - \u{200d}".chars().all(|c| !unseen(c)));
    }

    #[test]
    fn addresses_of_mail() {
        for good in ["a@b.cn", "first.last+tag@mail.example.org"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["a", "a@b", "@b.cn", "a@", "a b@c.cn", "a@b@c.cn", "<a@b.cn>", "a@.cn", "a@b."] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
