//! What goes to a directory and what it answers.

use contract::accounts::LdapSettings;
use ldap3::asn1::{ASNTag as _, PL, StructureTag, parse_tag};
use ldap3::{ResultEntry, parse_filter};
use platform::fuzzing;

use crate::{chosen, line_and_rest, text};

/// Filters as admins set them.
const FILTERS: [&str; 4] = [
    "(uid={login})",
    "(&(objectClass=person)(|(uid={login})(mail={login})))",
    "(member={dn})",
    "(|(uniqueMember={dn})(memberUid={login}))",
];

/// See the module.
pub fn ldap(data: &[u8]) {
    match chosen(data, 5) {
        (0, rest) => {
            let (filter, rest) = chosen(rest, FILTERS.len() as u8);
            let (login, dn) = line_and_rest(rest);
            filled(FILTERS[usize::from(filter)], &text(login), &text(dn));
        }
        (1, filter) => {
            let filter = text(filter);
            if fuzzing::is_directory_filter(&filter, &["{login}"]) {
                assert!(filter.contains("{login}"));
                let _ = parse_filter(fuzzing::directory_filter(&filter, &[("{login}", "a)(b=*")]));
            }
        }
        (2, bytes) => entry(bytes),
        (3, group) => {
            let group = text(group);
            let name = fuzzing::directory_group(&group);
            assert!(name.is_none_or(|name| group.contains(name) && !name.contains([',', '\\', '+'])));
        }
        (_, attribute) => {
            let attribute = text(attribute);
            let plain = attribute.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.;".contains(&b));
            assert!(!fuzzing::is_directory_attribute(&attribute) || (plain && !attribute.is_empty()));
        }
    }
}

/// Every primitive value of a tag, in order.
fn values(tag: StructureTag, found: &mut Vec<Vec<u8>>) {
    match tag.payload {
        PL::P(value) => found.push(value),
        PL::C(inner) => inner.into_iter().for_each(|tag| values(tag, found)),
    }
}

fn values_of(filter: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    values(parse_filter(filter).expect("a filter").into_structure(), &mut found);
    found
}

/// Whatever is filled in is compared as it is: a filter keeps its shape, and no value becomes another.
fn filled(filter: &str, login: &str, dn: &str) {
    // An empty value asks whether the attribute is there.
    if login.is_empty() || dn.is_empty() {
        return;
    }
    let marked = fuzzing::directory_filter(filter, &[("{dn}", "\u{1}dn"), ("{login}", "\u{1}login")]);
    let wanted: Vec<Vec<u8>> = values_of(&marked)
        .into_iter()
        .map(|value| match &value[..] {
            b"\x01dn" => dn.as_bytes().to_vec(),
            b"\x01login" => login.as_bytes().to_vec(),
            _ => value,
        })
        .collect();
    let real = fuzzing::directory_filter(filter, &[("{dn}", dn), ("{login}", login)]);
    assert_eq!(values_of(&real), wanted, "{real}");
}

/// An entry that reads is somebody; nothing that a directory sends ends the program.
fn entry(bytes: &[u8]) {
    let Ok((_, tag)) = parse_tag(bytes) else { return };
    let settings = LdapSettings::default();
    let Some((_, somebody)) = fuzzing::directory_entry(&settings, ResultEntry::new(tag)) else { return };
    for value in [&somebody.name, &somebody.email, &somebody.display_name].into_iter().flatten() {
        assert!(!value.is_empty() && value.trim() == value && !value.chars().any(char::is_control), "{value:?}");
    }
}
