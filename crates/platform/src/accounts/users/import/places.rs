//! Roles and customers as people write them into one cell.

use std::collections::HashMap;

use contract::CustomerId;
use contract::accounts::{Language, MemberRole};

use crate::roles::{Assignable, BUILT_IN, plain};

/// Between roles, and between customers, of what is there.
pub(super) const BETWEEN: &str = "; ";

/// The names in a cell, as far as they are known whole: a name may hold a comma.
pub(super) fn names(text: &str, known: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for part in text.split([';', '；', '\n']).map(str::trim).filter(|part| !part.is_empty()) {
        if known(part) {
            found.push(part.to_owned());
            continue;
        }
        let smaller = part.split([',', '，', '、']).map(str::trim).filter(|part| !part.is_empty());
        found.extend(smaller.map(str::to_owned));
    }
    found
}

/// What a text calls.
pub(super) enum Called<'a> {
    Nothing,
    One(&'a Assignable),
    /// Several are called so: which one is meant is not guessed.
    Several,
}

/// A role of the platform by its name, in either language where it is built in, or its code.
pub(super) fn role<'a>(roles: &'a [Assignable], text: &str) -> Called<'a> {
    let text = plain(text);
    let is_called = |role: &&Assignable| {
        let in_words = |language| plain(&texts::message(language, &format!("role-{}", role.code), &[]));
        plain(&role.code) == text
            || match role.builtin {
                true => [Language::Zh, Language::En].into_iter().any(|language| in_words(language) == text),
                false => plain(&role.name) == text,
            }
    };
    let mut called = roles.iter().filter(is_called);
    match (called.next(), called.next()) {
        (None, _) => Called::Nothing,
        (Some(role), None) => Called::One(role),
        (Some(_), Some(_)) => Called::Several,
    }
}

/// Customers by what people call them: their name in lower case, or their number.
#[derive(Default)]
pub(super) struct Customers {
    called: HashMap<String, CustomerId>,
    names: HashMap<CustomerId, String>,
}

impl Customers {
    pub(super) fn new(found: Vec<(CustomerId, String)>) -> Self {
        let mut called: HashMap<String, CustomerId> = found.iter().map(|(id, _)| (id.to_string(), *id)).collect();
        // A name that looks like another's number is a name.
        called.extend(found.iter().map(|(id, name)| (name.to_lowercase(), *id)));
        Self { called, names: found.into_iter().collect() }
    }

    /// What it is called.
    pub(super) fn name(&self, id: CustomerId) -> String {
        self.names.get(&id).cloned().unwrap_or_default()
    }

    /// The customer and what somebody is to be there.
    pub(super) fn place(&self, text: &str) -> Option<(CustomerId, MemberRole)> {
        let by_name = |name: &str| self.called.get(&name.to_lowercase()).copied();
        if let Some(id) = by_name(text) {
            return Some((id, MemberRole::Member));
        }
        let (name, role) = with_role(text)?;
        Some((by_name(name)?, role))
    }
}

impl Customers {
    /// A known customer's name, with what stands in brackets behind it and is no role there.
    pub(super) fn unknown_role<'a>(&self, text: &'a str) -> Option<(&'a str, &'a str)> {
        let (name, word) = in_brackets(text)?;
        (with_role(text).is_none() && self.called.contains_key(&name.to_lowercase())).then_some((name, word))
    }
}

/// Everything in a cell that may be a customer's name, in lower case.
pub(super) fn candidates(text: &str) -> Vec<String> {
    let whole = names(text, |_| true);
    let smaller = names(text, |_| false);
    let all: Vec<String> = whole.into_iter().chain(smaller).collect();
    let bare = all.iter().filter_map(|part| in_brackets(part)).map(|(name, _)| name.to_lowercase());
    let bare: Vec<String> = bare.collect();
    all.iter().map(|part| part.to_lowercase()).chain(bare).collect()
}

/// `Acme (owner)`, `Acme（负责人）`.
fn with_role(text: &str) -> Option<(&str, MemberRole)> {
    let (name, word) = in_brackets(text)?;
    let word = word.to_lowercase();
    let in_words = |role: MemberRole, language| {
        texts::message(language, &format!("member-role-{}", role.code()), &[]).to_lowercase()
    };
    let role = [MemberRole::Owner, MemberRole::Member].into_iter().find(|role| {
        role.code() == word
            || [Language::Zh, Language::En].into_iter().any(|language| in_words(*role, language) == word)
    })?;
    Some((name, role))
}

/// Those of somebody's roles that a cell does not call: roles are added, never taken away, so they stay beside those of the
/// cell. `before` as a preview says it: codes of built-in roles, names of others.
pub fn roles_kept<'a>(before: &'a str, cell: &str) -> Vec<&'a str> {
    let held: Vec<&str> = before.split(BETWEEN).filter(|role| !role.is_empty()).collect();
    let called = names(cell, |part| held.iter().any(|role| is_called(role, part)));
    held.into_iter().filter(|role| !called.iter().any(|name| is_called(role, name))).collect()
}

fn is_called(role: &str, text: &str) -> bool {
    let text = plain(text);
    let in_words = |language| plain(&texts::message(language, &format!("role-{role}"), &[]));
    !text.is_empty()
        && (plain(role) == text
            || BUILT_IN.contains(&role)
                && [Language::Zh, Language::En].into_iter().any(|language| in_words(language) == text))
}

/// What stands before brackets at the end, and in them.
fn in_brackets(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_suffix([')', '）'])?;
    let (name, word) = inner.rsplit_once(['(', '（'])?;
    Some((name.trim(), word.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_roles_go_by_their_words_in_either_language() {
        let roles: Vec<_> = ["operator", "teacher", "student"]
            .into_iter()
            .zip(1..)
            .map(|(code, id)| Assignable {
                id: contract::RoleId(id),
                code: code.to_owned(),
                name: code.to_owned(),
                builtin: true,
                powers: Vec::new(),
            })
            .collect();
        for (text, code) in [("教师", "teacher"), ("Teacher", "teacher"), ("学生", "student"), ("STUDENT", "student")]
        {
            assert!(matches!(role(&roles, text), Called::One(role) if role.code == code), "{text}");
        }
        let mut roles = roles;
        let (code, name) = ("custom-9".to_owned(), "教师".to_owned());
        roles.push(Assignable { id: contract::RoleId(9), code, name, builtin: false, powers: Vec::new() });
        assert!(matches!(role(&roles, "教师"), Called::Several), "one of these words made before they were refused");
        assert!(matches!(role(&roles, "custom-9"), Called::One(role) if role.id.0 == 9));
        assert!(matches!(role(&roles, "boss"), Called::Nothing) && matches!(role(&roles, "-"), Called::Nothing));
        // As somebody could have called one before: what one does not see makes no other name.
        let (code, name) = ("custom-8".to_owned(), "Operator\u{200b}".to_owned());
        roles.push(Assignable { id: contract::RoleId(8), code, name, builtin: false, powers: Vec::new() });
        assert!(matches!(role(&roles, "Operator"), Called::Several));
    }

    #[test]
    fn roles_that_a_cell_does_not_call_whole_are_kept() {
        let before = "teacher; Lab; Night, Day";
        for (cell, kept) in [
            ("Lab leader", vec!["teacher", "Lab", "Night, Day"]),
            ("Lab", vec!["teacher", "Night, Day"]),
            ("ｌａｂ、教师", vec!["Night, Day"]),
            ("Night, Day; TEACHER", vec!["Lab"]),
            ("Night；teachers", vec!["teacher", "Lab", "Night, Day"]),
            ("-", vec!["teacher", "Lab", "Night, Day"]),
        ] {
            assert_eq!(roles_kept(before, cell), kept, "{cell}");
        }
    }

    #[test]
    fn a_cell_names_several_and_says_what_somebody_is_there() {
        let customers =
            Customers::new(vec![(CustomerId(1), "Acme, Inc.".to_owned()), (CustomerId(2), "示例".to_owned())]);
        let text = "Acme, Inc. (Owner); 示例（负责人）\n2、nobody";
        let places: Vec<_> =
            names(text, |part| customers.place(part).is_some()).iter().map(|part| customers.place(part)).collect();
        let owner = |id| Some((CustomerId(id), MemberRole::Owner));
        assert_eq!(places, [owner(1), owner(2), Some((CustomerId(2), MemberRole::Member)), None]);
        assert!(candidates(text).contains(&"acme, inc.".to_owned()));
        assert!(candidates(text).contains(&"示例".to_owned()));
        assert_eq!(with_role("Acme (boss)"), None);
        assert_eq!(customers.unknown_role("Acme, Inc. (Boss)"), Some(("Acme, Inc.", "Boss")));
        assert_eq!(customers.unknown_role("示例（Boss）"), Some(("示例", "Boss")));
        assert_eq!(customers.unknown_role("Nobody (Boss)"), None, "the customer is what is unknown");
        assert_eq!(customers.unknown_role("示例（负责人）"), None);
        assert!(candidates("示例（Boss）").contains(&"示例".to_owned()), "looked up, so that the fault can say so");
    }
}
