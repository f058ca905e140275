//! Rules for what people type, the same for every noun; every wrong field is named at once.

use contract::ErrorCode;

use crate::error::FieldError;
use crate::lookalikes::bare_look_of;
use crate::{Error, Result};

/// Characters of a reason that are no blanks.
const MIN_REASON: usize = 5;

/// Why staff do something with what is a customer's, as [`Wrong::reason`] wants it; nothing for who owes nobody a reason.
///
/// # Errors
/// `Validation` without one that says something.
pub(crate) fn owed_reason(given: Option<String>) -> Result<Option<String>> {
    let Some(given) = given else { return Ok(None) };
    let mut wrong = Wrong::new();
    let reason = wrong.reason(Some(given));
    wrong.into_result()?;
    Ok(reason)
}

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

    /// Why staff look at, or do something with, what is a customer's, in the field `reason`: who reads it has to learn something
    /// from it.
    pub(crate) fn reason(&mut self, given: Option<String>) -> Option<String> {
        let reason = self.text("reason", given, 1000);
        match &reason {
            None => self.add("reason", "field-required"),
            Some(reason) if reason.chars().filter(|c| !c.is_whitespace()).count() < MIN_REASON => {
                self.add_with("reason", "field-reason-short", vec![("min", MIN_REASON.to_string())]);
            }
            Some(_) => {}
        }
        reason
    }

    /// The same in one line: every stretch of white space is one space.
    pub(crate) fn line(&mut self, path: &'static str, value: Option<String>, max: usize) -> Option<String> {
        let value = value.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        self.text(path, value, max)
    }

    /// What a person is called: nothing that others would take for the platform's own words, and no address of a page, because
    /// the platform writes both into mails.
    pub(crate) fn display_name(&mut self, path: &'static str, value: Option<String>) -> Option<String> {
        let value = self.line(path, value, 100);
        if let Some(key) = value.as_deref().and_then(no_persons_name) {
            self.add(path, key);
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

    /// A name: 1 to 100 characters in one line.
    pub(crate) fn name(&mut self, path: &'static str, name: &str) -> String {
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        match name.chars().count() {
            0 => self.add(path, "field-required"),
            1..=100 if name.chars().any(unseen) => self.add(path, "field-control-characters"),
            1..=100 => {}
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

/// The name that somebody else, such as a sign-in service, gives a person, as far as it is one; empty where nothing is left.
pub(crate) fn display_name_of(said: &str) -> String {
    let seen: String = said.chars().filter(|c| c.is_whitespace() || !unseen(*c)).collect();
    let line: String = seen.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect();
    if no_persons_name(&line).is_some() { String::new() } else { line }
}

/// Why nobody may be called so.
fn no_persons_name(name: &str) -> Option<&'static str> {
    let look = bare_look_of(name);
    if look.is_empty() && !name.chars().any(char::is_alphanumeric) {
        return Some("field-name-without-letters");
    }
    let small = name.to_lowercase();
    if small.contains("://") || small.contains("www.") {
        return Some("field-name-address");
    }
    OUR_NAMES.iter().any(|ours| bare_look_of(ours) == look).then_some("field-name-ours")
}

/// What the platform calls itself and its staff, in either language.
const OUR_NAMES: &[&str] = &[
    contract::settings::PRODUCT,
    "Staff",
    "Staff of the platform",
    "Platform staff",
    "Platform",
    "The platform",
    "System",
    "Administrator",
    "Platform administrator",
    "Support",
    "平台",
    "平台工作人员",
    "平台人员",
    "工作人员",
    "平台管理员",
    "系统",
    "系统管理员",
    "客服",
];

/// Control characters, those that turn the direction of what stands after them round, in lists and mails of others too, and
/// those of no width, by which two names look alike. Joiners and selectors of forms are not among them: scripts need them.
pub(crate) fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}'
                | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
                | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{e0000}'..='\u{e0fff}'
        )
}

pub(crate) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain = |part: &str| {
        !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || unseen(c) || "<>(),;:\\\"[]@".contains(c))
    };
    plain(local) && plain(domain) && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::{display_name_of, is_email, no_persons_name, unseen};

    #[test]
    fn what_turns_text_round_is_unseen() {
        assert!(['\u{202e}', '\u{2066}', '\u{0}', '\n', '\u{200b}', '\u{feff}'].into_iter().all(unseen));
        assert!("Zoë 张伟 עברית - \u{200d}".chars().all(|c| !unseen(c)));
    }

    #[test]
    fn nobody_is_called_as_the_platform_or_an_address() {
        for bad in ["RemoteGPU", "Staff of the platform", "Staff\u{a0}of the p1atform", "平台工作人员", "SYSTEM"]
        {
            assert_eq!(no_persons_name(bad), Some("field-name-ours"), "{bad}");
        }
        for bad in ["Olga https://evil.example/verify", "WWW.evil.example"] {
            assert_eq!(no_persons_name(bad), Some("field-name-address"), "{bad}");
        }
        for good in ["Olga", "张伟", "J. R. Staff", "Systema"] {
            assert_eq!(no_persons_name(good), None, "{good}");
        }
        assert_eq!(no_persons_name("\u{200d}"), Some("field-name-without-letters"));
    }

    #[test]
    fn what_a_service_calls_somebody_is_made_a_name() {
        assert_eq!(display_name_of("Eve\u{202e}gnp.exe"), "Evegnp.exe");
        assert_eq!(display_name_of("Olga\nX"), "Olga X");
        assert_eq!(display_name_of("\u{200b}"), "");
        assert_eq!(display_name_of("平台工作人员"), "");
        assert_eq!(display_name_of(&"E".repeat(200)).len(), 100);
    }

    #[test]
    fn addresses_of_mail() {
        for good in ["a@b.cn", "first.last+tag@mail.example.org"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["e\u{200b}ve@o.org", "a", "a@b", "@b.cn", "a@", "a b@c.cn", "a@b@c.cn", "<a@b.cn>", "a@.cn", "a@b."]
        {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
