//! The conversation with a directory (LDAP v3, RFC 4511), step by step, so that a failure says which step it was.
//!
//! Invariants: no bind is ever sent with an empty password, which a directory takes for nobody and lets in (RFC 4513
//! 5.1.2); what was typed goes into a filter escaped (RFC 4515); exactly one entry may be the person's; referrals are not
//! followed, because the password would go to a server that nobody set here; a person's password goes to the directory
//! only after the line is encrypted as set.

use std::collections::HashMap;
use std::sync::Arc;

use contract::accounts::{LdapSecurity, LdapSettings, ProviderStep};
use ldap3::asn1::StructureTag;
use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, ResultEntry, Scope, SearchEntry, SearchOptions,
    StdStream, ldap_escape,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::certificates::{self, fault_key};
use super::network::{self, PATIENCE, in_full};

/// Longest user name that is looked up, in characters.
const MAX_LOGIN: usize = 128;
/// Most groups of a person that are read.
const MAX_GROUPS: i32 = 1000;
/// `userAccountControl` of Active Directory: ACCOUNTDISABLE.
const AD_DISABLED: u32 = 2;

/// Number of an entry among the answers of RFC 4511.
const SEARCH_RESULT_ENTRY: u64 = 4;

/// Result codes of RFC 4511, appendix A.
mod code {
    pub(super) const SUCCESS: u32 = 0;
    pub(super) const SIZE_LIMIT: u32 = 4;
    pub(super) const REFERRAL: u32 = 10;
    pub(super) const NO_SUCH_OBJECT: u32 = 32;
    /// What a directory says of a password it does not take: wrong, locked, to be changed first, not now.
    pub(super) const REFUSED: [u32; 4] = [49, 19, 50, 53];
}

/// Key of a name that more than one entry goes by.
pub(super) const SEVERAL: &str = "identity-fault-several";

/// Where a conversation ended, and why.
#[derive(Debug)]
pub(super) struct Fault {
    pub step: ProviderStep,
    /// Key of what it means and what to do.
    pub key: &'static str,
    pub detail: String,
}

impl Fault {
    /// Whether it may be over by itself; else somebody has to set something.
    pub(super) fn passes(&self) -> bool {
        ["identity-fault-name", "identity-fault-connect", "identity-fault-line"].contains(&self.key)
    }

    pub(super) fn new(step: ProviderStep, key: &'static str, detail: impl ToString) -> Self {
        Self { step, key, detail: detail.to_string() }
    }

    fn of(step: ProviderStep, key: &'static str, error: &LdapError) -> Self {
        Self::new(step, key, in_full(error))
    }

    fn late(step: ProviderStep, key: &'static str) -> Self {
        Self::new(step, key, format!("no answer within {} s", PATIENCE.as_secs()))
    }

    fn refused(step: ProviderStep, key: &'static str, result: &LdapResult) -> Self {
        let key = if result.rc == code::REFERRAL { "identity-fault-referral" } else { key };
        let to = if result.refs.is_empty() { String::new() } else { format!(" ({})", result.refs.join(", ")) };
        let text: String = result.text.chars().filter(|c| !c.is_control()).take(200).collect();
        Self::new(step, key, format!("{}: {text}{to}", result.rc))
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.step.code(), self.detail)
    }
}

/// A person's entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Person {
    pub dn: String,
    /// What stays the same for ever; absent where the directory does not say it.
    pub id: Option<String>,
    pub login: Option<String>,
    pub email: Option<String>,
    pub display_name: Option<String>,
    /// Groups that the entry itself names.
    pub member_of: Vec<String>,
    /// Does not get in, whatever the password.
    pub disabled: bool,
    /// That is because another password has to be chosen there first.
    pub must_choose: bool,
}

/// A line to a directory.
pub(super) struct Line<'a> {
    ldap: Ldap,
    settings: &'a LdapSettings,
    secret: Option<&'a SecretString>,
}

/// Opens a line: connected, encrypted as set, the one who searches let in. `passed` gets every step that went well.
pub(super) async fn open<'a>(
    settings: &'a LdapSettings,
    secret: Option<&'a SecretString>,
    passed: &mut Vec<ProviderStep>,
) -> Result<Line<'a>, Fault> {
    use ProviderStep::{Connect, Name, Tls};
    let finding = timeout(PATIENCE, network::addresses(&settings.host, settings.port)).await;
    let addresses = finding.map_err(|_| Fault::late(Name, "identity-fault-name"))?;
    let addresses = addresses.map_err(|error| Fault::new(Name, "identity-fault-name", error))?;
    passed.push(Name);
    let connecting = timeout(PATIENCE, TcpStream::connect(&addresses[..])).await;
    let stream = connecting.map_err(|_| Fault::late(Connect, "identity-fault-connect"))?;
    // The library takes the connection as the standard library knows it.
    let stream = stream.and_then(TcpStream::into_std);
    let stream = stream.map_err(|error| Fault::new(Connect, "identity-fault-connect", error))?;
    passed.push(Connect);
    let fault = |detail: String| Fault::new(Tls, "identity-fault-tls", detail);
    let scheme = if settings.security == LdapSecurity::Tls { "ldaps" } else { "ldap" };
    let host = if settings.host.contains(':') { format!("[{}]", settings.host) } else { settings.host.clone() };
    let url = Url::parse(&format!("{scheme}://{host}:{}", settings.port)).map_err(|error| fault(error.to_string()))?;
    let how = LdapConnSettings::new().set_std_stream(StdStream::Tcp(stream));
    let mut how = how.set_starttls(settings.security == LdapSecurity::StartTls);
    if settings.security != LdapSecurity::None {
        how = how.set_config(Arc::new(certificates::tls(settings.ca_certificate.as_deref()).map_err(fault)?));
    }
    let opening = timeout(PATIENCE, LdapConnAsync::from_url_with_settings(how, &url)).await;
    let opened = opening.map_err(|_| Fault::late(Tls, "identity-fault-tls"))?;
    let (connection, ldap) =
        opened.map_err(|error| Fault::of(Tls, fault_key(&error).unwrap_or("identity-fault-tls"), &error))?;
    // Ends with the last handle.
    tokio::spawn(async move {
        if let Err(error) = connection.drive().await {
            tracing::debug!(%error, "the line to a directory ended");
        }
    });
    if settings.security != LdapSecurity::None {
        passed.push(Tls);
    }
    let mut line = Line { ldap, settings, secret };
    line.become_searcher().await?;
    passed.push(ProviderStep::Bind);
    Ok(line)
}

impl Line<'_> {
    async fn become_searcher(&mut self) -> Result<(), Fault> {
        let Some(dn) = self.settings.bind_dn.as_deref() else { return Ok(()) };
        let password = self.secret.map(|secret| secret.expose_secret()).unwrap_or_default();
        if password.is_empty() {
            return Err(Fault::new(ProviderStep::Bind, "identity-fault-bind", "no password is stored"));
        }
        let result = self.bind(dn, password).await?;
        if result.rc == code::SUCCESS {
            return Ok(());
        }
        Err(Fault::refused(ProviderStep::Bind, "identity-fault-bind", &result))
    }

    async fn bind(&mut self, dn: &str, password: &str) -> Result<LdapResult, Fault> {
        let answer = self.ldap.with_timeout(PATIENCE).simple_bind(dn, password).await;
        answer.map_err(|error| Fault::of(ProviderStep::Bind, "identity-fault-line", &error))
    }

    /// The person whom the filter finds for this user name.
    pub(super) async fn find(&mut self, login: &str) -> Result<Option<Person>, Fault> {
        let settings = self.settings;
        // The place is looked at all the same: what a directory that is away says depends on no name.
        let sane = is_sane(login);
        let filter = filled(&settings.user_filter, &[("{login}", if sane { login } else { "" })]);
        let wanted = [
            settings.login_attribute.as_str(),
            settings.id_attribute.as_str(),
            settings.email_attribute.as_str(),
            settings.display_name_attribute.as_str(),
            "memberOf",
            "userAccountControl",
            "nsAccountLock",
            "pwdAccountLockedTime",
            "pwdReset",
        ];
        let found = self.search(ProviderStep::Search, (&settings.user_base, &filter), &wanted, 2).await?;
        match found.len() {
            0 => Ok(None),
            1 if sane => Ok(found.into_iter().next().map(|entry| person(settings, entry))),
            1 => Ok(None),
            _ => Err(Fault::new(ProviderStep::Person, SEVERAL, "more than one entry matches")),
        }
    }

    /// Groups of a person: those the entry names, and those that name the entry.
    pub(super) async fn groups(&mut self, person: &Person, typed: &str) -> Result<Vec<String>, Fault> {
        // What was typed may have been an address.
        let login = person.login.as_deref().unwrap_or(typed);
        let mut groups = person.member_of.clone();
        if let Some(base) = self.settings.group_base.as_deref() {
            let filter = filled(&self.settings.group_filter, &[("{dn}", &person.dn), ("{login}", login)]);
            // `1.1`: nothing but the names.
            let found = self.search(ProviderStep::Groups, (base, &filter), &["1.1"], MAX_GROUPS).await?;
            groups.extend(found.into_iter().map(|entry| entry.dn));
        }
        groups.sort();
        groups.dedup();
        Ok(groups)
    }

    /// Whether this is the person's password. The searcher has the line again afterwards.
    pub(super) async fn proves(&mut self, person: &Person, password: &str) -> Result<bool, Fault> {
        if password.is_empty() || password.contains('\0') {
            return Ok(false);
        }
        let result = self.bind(&person.dn, password).await?;
        match result.rc {
            code::SUCCESS => self.become_searcher().await.map(|()| true),
            rc if code::REFUSED.contains(&rc) => Ok(false),
            _ => Err(Fault::refused(ProviderStep::Bind, "identity-fault-line", &result)),
        }
    }

    async fn search(
        &mut self,
        step: ProviderStep,
        (base, filter): (&str, &str),
        attributes: &[&str],
        most: i32,
    ) -> Result<Vec<SearchEntry>, Fault> {
        let key = if step == ProviderStep::Groups { "identity-fault-groups" } else { "identity-fault-search" };
        let limits = SearchOptions::new().sizelimit(most).timelimit(PATIENCE.as_secs() as i32);
        let ldap = self.ldap.with_search_options(limits).with_timeout(PATIENCE);
        let answer = ldap.search(base, Scope::Subtree, filter, attributes.to_vec()).await;
        let ldap3::SearchResult(entries, result) = answer.map_err(|error| Fault::of(step, key, &error))?;
        match result.rc {
            // Pointers to other servers are not among them.
            code::SUCCESS | code::SIZE_LIMIT => {
                let read: Option<Vec<_>> = entries.into_iter().map(entry).collect();
                read.ok_or_else(|| Fault::new(step, key, "an entry does not read"))
            }
            code::NO_SUCH_OBJECT => Err(Fault::refused(step, "identity-fault-base", &result)),
            _ => Err(Fault::refused(step, key, &result)),
        }
    }

    /// Says good-bye; whatever comes of it, the line ends with this value.
    pub(super) async fn close(mut self) {
        let _ = self.ldap.with_timeout(PATIENCE).unbind().await;
    }
}

/// Whether it can be anybody's user name.
pub(super) fn is_sane(login: &str) -> bool {
    login.chars().count() <= MAX_LOGIN && !login.chars().any(char::is_control)
}

/// A filter with its places filled, each value escaped. In one go: a value that looks like a place stays what it is.
pub(super) fn filled(filter: &str, places: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(filter.len());
    let mut rest = filter;
    while let Some(next) = rest.chars().next() {
        if let Some((place, value)) = places.iter().find(|(place, _)| rest.starts_with(place)) {
            out.push_str(&ldap_escape(*value));
            rest = &rest[place.len()..];
        } else {
            out.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    out
}

/// An entry of an answer (RFC 4511 4.5.2); the library's own reading of it panics where one is not well-formed.
pub(super) fn entry(found: ResultEntry) -> Option<SearchEntry> {
    let text = |tag: StructureTag| String::from_utf8(tag.expect_primitive()?).ok();
    let mut parts = found.0.match_id(SEARCH_RESULT_ENTRY)?.expect_constructed()?.into_iter();
    let mut entry = SearchEntry { dn: text(parts.next()?)?, attrs: HashMap::new(), bin_attrs: HashMap::new() };
    for attribute in parts.next()?.expect_constructed()? {
        let mut parts = attribute.expect_constructed()?.into_iter();
        let name = text(parts.next()?)?;
        let values = parts.next()?.expect_constructed()?.into_iter().map(StructureTag::expect_primitive);
        let values: Vec<Vec<u8>> = values.collect::<Option<_>>()?;
        // Texts, or bytes where one of them is no text.
        match values.iter().map(|value| String::from_utf8(value.clone()).ok()).collect() {
            Some(texts) => drop(entry.attrs.insert(name, texts)),
            None => drop(entry.bin_attrs.insert(name, values)),
        }
    }
    Some(entry)
}

/// The first value of an attribute as text; what is no text, or an identifier of Active Directory, in hexadecimal.
fn value(entry: &SearchEntry, attribute: &str) -> Option<String> {
    let named = |name: &String| name.eq_ignore_ascii_case(attribute);
    let binary = ["objectGUID", "objectSid"].iter().any(|name| name.eq_ignore_ascii_case(attribute));
    let text = entry.attrs.iter().find(|(name, _)| named(name)).and_then(|(_, values)| values.first());
    let bytes = entry.bin_attrs.iter().find(|(name, _)| named(name)).and_then(|(_, values)| values.first());
    match (text, bytes) {
        (Some(text), _) if !binary && !text.chars().any(char::is_control) => {
            Some(text.trim().to_owned()).filter(|text| !text.is_empty())
        }
        (Some(text), _) => Some(hex::encode(text)),
        (None, Some(bytes)) => Some(hex::encode(bytes)),
        (None, None) => None,
    }
}

pub(super) fn person(settings: &LdapSettings, entry: SearchEntry) -> Person {
    let of = |attribute: &str| value(&entry, attribute);
    let ad = of("userAccountControl").and_then(|flags| flags.parse::<i64>().ok()).unwrap_or_default();
    let disabled = ad & i64::from(AD_DISABLED) != 0
        || of("nsAccountLock").is_some_and(|word| word.eq_ignore_ascii_case("true"))
        || of("pwdAccountLockedTime").is_some_and(|since| since.starts_with("0000"));
    // Whoever set this password is somebody else: the directory takes it for nothing but choosing another one there.
    let must_choose = !disabled && of("pwdReset").is_some_and(|word| word.eq_ignore_ascii_case("true"));
    let member_of = entry.attrs.iter().find(|(name, _)| name.eq_ignore_ascii_case("memberOf"));
    let member_of = member_of.map(|(_, values)| values.clone()).unwrap_or_default();
    Person {
        id: of(&settings.id_attribute),
        login: of(&settings.login_attribute),
        email: of(&settings.email_attribute),
        display_name: of(&settings.display_name_attribute),
        member_of,
        disabled: disabled || must_choose,
        must_choose,
        dn: entry.dn,
    }
}

#[cfg(test)]
mod tests {
    use ldap3::asn1::parse_tag;

    use super::*;

    fn found(bytes: &[u8]) -> Option<SearchEntry> {
        entry(ResultEntry::new(parse_tag(bytes).expect("a tag").1))
    }

    #[test]
    fn a_value_that_looks_like_a_place_stays_what_it_is() {
        let places = [("{dn}", "cn={login},ou=(x)"), ("{login}", "alice*")];
        assert_eq!(filled("(|(m={dn})(u={login}))", &places), r"(|(m=cn={login},ou=\28x\29)(u=alice\2a))");
    }

    #[test]
    fn entries_are_read_and_what_is_none_is_refused() {
        // `cn=a` with a text, a text and bytes, and nothing.
        let whole = b"\x64\x23\x04\x04cn=a\x30\x1b\x30\x08\x04\x01t\x31\x03\x04\x01x\
            \x30\x0a\x04\x01b\x31\x05\x04\x01y\x04\x00\x30\x03\x04\x01n";
        assert!(found(whole).is_none(), "an attribute without values");
        let whole = b"\x64\x22\x04\x04cn=a\x30\x1a\x30\x08\x04\x01t\x31\x03\x04\x01x\
            \x30\x0e\x04\x01b\x31\x09\x04\x01y\x04\x01\xff\x04\x01z";
        let entry = found(whole).expect("an entry");
        assert_eq!(entry.dn, "cn=a");
        assert_eq!(entry.attrs.get("t"), Some(&vec!["x".to_owned()]));
        assert_eq!(entry.bin_attrs.get("b"), Some(&vec![b"y".to_vec(), vec![0xff], b"z".to_vec()]));
        for none in
            [&b"\x64\x00"[..], b"\x64\x02\x04\x00", b"\x30\x04\x04\x00\x30\x00", b"\x64\x05\x04\x01\xff\x30\x00"]
        {
            assert!(found(none).is_none(), "{none:?}");
        }
    }
}
