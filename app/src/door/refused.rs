//! A form that was refused, on its way back to its page.
//!
//! What was typed, the keys of what is wrong and their values go with the redirect's query, signed for this person and this
//! page, because values are names that people chose: a made-up link cannot put words into our mouth. What is too long for
//! an address is kept on the server for the session ([`platform::accounts::keep_form`]), and the query names it. Nothing
//! typed is left out silently: a form shows all of it, or what is stored and that the rest is lost.

use std::collections::BTreeMap;

use contract::ErrorCode;
use contract::accounts::Language;
use leptos::prelude::*;
use platform::accounts::{keep_form, kept_form};
use platform::secrets::Keyring;
use platform::{OpContext, Platform};
use serde::{Deserialize, Serialize};

use super::door;

/// Longest query a refused form is sent back with, percent-encoded.
const MAX_REFUSED_BYTES: usize = 6_000;
/// Purpose of the key that signs it.
const SIGNED_FOR: &str = "refused form";
/// How a query begins that names what is kept.
const KEPT: &str = "kept.";

/// What the server kept of the form that this page shows again, as the server provides it for pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptForm {
    id: Option<i64>,
    text: Option<String>,
}

impl KeptForm {
    /// The number it is kept by.
    pub(crate) fn id(&self) -> Option<i64> {
        self.id
    }

    /// What this address names, if it names anything. What cannot be read is not there: the page says so.
    pub async fn of(platform: &Platform, ctx: &OpContext, uri: &http::Uri) -> Self {
        let id = uri
            .query()
            .unwrap_or_default()
            .split('&')
            .find_map(|pair| pair.strip_prefix("refused=")?.strip_prefix(KEPT)?.parse::<i64>().ok());
        let Some(id) = id else { return Self::default() };
        match kept_form(platform, ctx, uri.path(), id).await {
            Ok(text) => Self { id: text.is_some().then_some(id), text },
            Err(error) => {
                platform::report(platform, ctx, error).await;
                Self::default()
            }
        }
    }
}

/// What a refused form comes back with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Refused {
    /// Key of the message.
    #[serde(rename = "k")]
    pub key: String,
    #[serde(rename = "a", skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
    /// Field path → message key and its values.
    #[serde(rename = "f", skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, (String, BTreeMap<String, String>)>,
    /// Field → what was typed. Never a password.
    #[serde(rename = "t", skip_serializing_if = "BTreeMap::is_empty")]
    pub typed: BTreeMap<String, String>,
    /// What was typed could not be kept: the form says so, and shows what is stored.
    #[serde(rename = "l", skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
    #[serde(rename = "r")]
    pub request_id: String,
}

impl Refused {
    /// From the query of the page, if its form was refused. What we did not sign says nothing but that.
    pub fn from_query() -> Option<Self> {
        let query = leptos_router::hooks::use_query_map().get_untracked().get("refused")?;
        let read = if query.starts_with(KEPT) {
            use_context::<KeptForm>().and_then(|kept| serde_json::from_str(&kept.text?).ok())
        } else {
            let (platform, ctx) = door();
            let path =
                use_context::<http::request::Parts>().map(|parts| parts.uri.path().to_owned()).unwrap_or_default();
            Self::read(platform.keyring(), &ctx, &path, &query)
        };
        Some(read.unwrap_or_else(|| Self { key: "error-refused-unread".to_owned(), ..Self::default() }))
    }

    /// Itself, if what was typed is there to be shown again; without it a form shows what is stored.
    pub fn with_typed(&self) -> Option<&Self> {
        (!self.typed.is_empty()).then_some(self)
    }

    /// The address of the page at `form` that shows it again.
    pub(super) async fn way_back(self, platform: &Platform, ctx: &OpContext, form: &str) -> String {
        let too_long = ctx.user().is_some() && self.query().len() > MAX_REFUSED_BYTES;
        let kept = if too_long { self.keep(platform, ctx, form).await } else { None };
        kept.unwrap_or_else(|| self.address(platform.keyring(), ctx, form))
    }

    /// The same of a form whose fields belong in no address, however short they are.
    pub(super) async fn sealed_way_back(mut self, platform: &Platform, ctx: &OpContext, form: &str) -> String {
        match self.keep(platform, ctx, form).await {
            Some(address) => address,
            None => {
                self.lost = !self.typed.is_empty();
                self.typed.clear();
                self.address(platform.keyring(), ctx, form)
            }
        }
    }

    /// The address that names it where the server keeps it; nothing where it cannot, which is logged: the form says that
    /// what was typed is lost.
    async fn keep(&self, platform: &Platform, ctx: &OpContext, form: &str) -> Option<String> {
        let (path, join) = parts(form);
        let json = serde_json::to_string(self).unwrap_or_default();
        match keep_form(platform, ctx, path, &json).await {
            Ok(id) => Some(format!("{form}{join}refused={KEPT}{id}")),
            Err(error) => {
                platform::report(platform, ctx, error).await;
                None
            }
        }
    }

    pub(crate) fn read(keyring: &Keyring, ctx: &OpContext, path: &str, query: &str) -> Option<Self> {
        let (signature, json) = query.split_once('.')?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(signature, &mut bytes).ok()?;
        let signed = keyring.verify(SIGNED_FOR, &Self::signed(ctx, path, json), &bytes);
        signed.then(|| serde_json::from_str(json).ok()).flatten()
    }

    /// What is signed: whoever it is shown to, and the page it is shown on, are part of it.
    fn signed(ctx: &OpContext, path: &str, json: &str) -> Vec<u8> {
        let person = ctx.user().map_or(0, |user| user.id.0);
        format!("{person} {path} {json}").into_bytes()
    }

    fn query(&self) -> String {
        crate::paths::encode(&serde_json::to_string(self).unwrap_or_default())
    }

    /// All of it in the address, or of what was typed nothing: half of it would be saved as the whole.
    pub(crate) fn address(mut self, keyring: &Keyring, ctx: &OpContext, form: &str) -> String {
        if self.query().len() > MAX_REFUSED_BYTES && !self.typed.is_empty() {
            self.typed.clear();
            self.lost = true;
        }
        let (path, join) = parts(form);
        let json = serde_json::to_string(&self).unwrap_or_default();
        let signature = hex::encode(keyring.sign(SIGNED_FOR, &Self::signed(ctx, path, &json)));
        format!("{form}{join}refused={signature}.{}", crate::paths::encode(&json))
    }

    /// The message, in `language`.
    pub fn message(&self, language: Language) -> String {
        let message = say(language, &self.key, &self.args)
            .unwrap_or_else(|| texts::message(language, ErrorCode::Internal.message_key(), &[]));
        match self.lost {
            true => format!("{message} {}", texts::message(language, "refused-lost", &[])),
            false => message,
        }
    }

    /// What is wrong with a field, in `language`.
    pub fn fault(&self, language: Language, path: &str) -> Option<String> {
        let (key, args) = self.fields.get(path)?;
        say(language, key, args)
    }
}

/// The path of a page's address, and what a further parameter is joined to it with.
fn parts(form: &str) -> (&str, char) {
    match form.split_once('?') {
        Some((path, _)) => (path, '&'),
        None => (form, '?'),
    }
}

fn say(language: Language, key: &str, args: &BTreeMap<String, String>) -> Option<String> {
    let args: Vec<_> = args.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    texts::known_message(language, key, &args)
}

#[cfg(test)]
mod tests {
    use platform::{Clock, Principal, Via};

    use super::*;

    fn somebody(language: Language) -> OpContext {
        OpContext::new(Principal::Anonymous, Clock::default().now(), Via::Page, "request-1", None, language)
    }

    fn refused(customer: &str) -> Refused {
        Refused {
            key: "error-allocation-overlap".to_owned(),
            args: BTreeMap::from([("customer".to_owned(), customer.to_owned())]),
            ..Refused::default()
        }
    }

    fn decoded(address: &str) -> String {
        let query = address.split_once("refused=").expect("a query").1;
        percent_decode(query)
    }

    fn percent_decode(text: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, tail @ ..] = rest {
            let (byte, tail) = match (first, tail) {
                (b'%', [high, low, tail @ ..]) => {
                    let digit = |c: &u8| char::from(*c).to_digit(16).expect("a digit") as u8;
                    ((digit(high) << 4) | digit(low), tail)
                }
                _ => (*first, tail),
            };
            bytes.push(byte);
            rest = tail;
        }
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn names_come_back_whole_and_made_up_links_say_nothing() {
        let keyring = Keyring::from_bytes([3; 32]);
        let ctx = somebody(Language::En);
        for name in ["Initech Vision", "启明视觉", "a \"quoted\" <b>name</b>"] {
            let query = decoded(&refused(name).address(&keyring, &ctx, "/admin/machines/h1/allocate?cq=x"));
            let read = Refused::read(&keyring, &ctx, "/admin/machines/h1/allocate", &query).expect("we signed it");
            assert!(read.message(Language::En).contains(name), "{}", read.message(Language::En));
            assert!(read.message(Language::Zh).contains(name), "{}", read.message(Language::Zh));
            // Another page, another key, other words, no signature.
            assert_eq!(Refused::read(&keyring, &ctx, "/login", &query), None);
            let other = Keyring::from_bytes([4; 32]);
            assert_eq!(Refused::read(&other, &ctx, "/admin/machines/h1/allocate", &query), None);
            let forged = query.replace("error-allocation-overlap", "error-machine-allocated");
            assert_ne!(forged, query);
            assert_eq!(Refused::read(&keyring, &ctx, "/admin/machines/h1/allocate", &forged), None);
            let bare = query.split_once('.').expect("signature and query").1;
            for query in [bare, "", ".", "00.{}"] {
                assert_eq!(Refused::read(&keyring, &ctx, "/admin/machines/h1/allocate", query), None, "{query}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_into_an_address_is_left_out_whole_and_said() {
        let keyring = Keyring::from_bytes([3; 32]);
        let ctx = somebody(Language::Zh);
        let typed = BTreeMap::from([("remark".to_owned(), "长".repeat(1000)), ("months".to_owned(), "3".to_owned())]);
        let address = Refused { typed, ..refused("启明视觉") }.address(&keyring, &ctx, "/form");
        assert!(address.len() < MAX_REFUSED_BYTES + 100, "{}", address.len());
        let read = Refused::read(&keyring, &ctx, "/form", &decoded(&address)).expect("we signed it");
        assert!(read.typed.is_empty() && read.lost && read.with_typed().is_none());
        let said = texts::message(Language::Zh, "refused-lost", &[]);
        assert!(read.message(Language::Zh).ends_with(&said), "{}", read.message(Language::Zh));
    }
}
