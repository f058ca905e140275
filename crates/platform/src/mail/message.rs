//! A mail's text, in the recipient's language: the same words as plain text and as simple HTML.

use chrono::{DateTime, Utc};
use contract::accounts::Language;
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use uuid::Uuid;

use super::host_of;
use super::html::html;
use crate::Platform;
use crate::settings::{self, MailServer};

/// What a mail is made of.
pub(super) struct Letter<'a> {
    pub kind: &'a str,
    pub language: Language,
    pub to: &'a str,
    pub args: &'a [(&'a str, String)],
    pub link: Option<&'a str>,
    pub token: Uuid,
    pub at: DateTime<Utc>,
}

/// What it says, in whichever form.
pub(super) struct Said {
    pub language: Language,
    /// What the installation is called.
    pub product: String,
    pub subject: String,
    pub text: String,
    /// Where it leads, and the word for it.
    pub button: Option<(String, String)>,
    pub footer: String,
}

/// The mail as it goes out; an error says which address is none.
pub(super) async fn build(platform: &Platform, server: &MailServer, letter: &Letter<'_>) -> Result<Message, String> {
    let product = settings::appearance(platform).await.name;
    let said = say(letter, product, platform.settings().public_url.clone());
    let from = server.from_address.parse::<lettre::Address>().map_err(|error| format!("sender: {error}"))?;
    let to = letter.to.parse::<lettre::Address>().map_err(|error| format!("recipient: {error}"))?;
    let part = |kind, text| SinglePart::builder().header(kind).body(text);
    // The best form last (RFC 2046 5.1.4).
    let parts = MultiPart::alternative()
        .singlepart(part(ContentType::TEXT_PLAIN, plain(&said)))
        .singlepart(part(ContentType::TEXT_HTML, html(&said)));
    Message::builder()
        .from(Mailbox::new(Some(server.from_name.clone()).filter(|name| !name.is_empty()), from))
        .to(Mailbox::new(None, to))
        .subject(said.subject)
        .date(letter.at.into())
        // The same at every try, so that a mail server can see what it has already.
        .message_id(Some(format!("<{}@{}>", letter.token, host_of(platform).trim_matches(['[', ']']))))
        // RFC 3834: no out-of-office answers, please.
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
        .multipart(parts)
        .map_err(|error| error.to_string())
}

fn say(letter: &Letter<'_>, product: String, address: String) -> Said {
    let mut args = letter.args.to_vec();
    args.push(("product", product.clone()));
    args.push(("address", address));
    let say = |part: &str| texts::message(letter.language, &format!("mail-{}-{part}", letter.kind), &args);
    Said {
        language: letter.language,
        subject: say("subject"),
        text: say("text"),
        button: letter.link.map(|link| (link.to_owned(), say("link"))),
        footer: texts::message(letter.language, "mail-footer", &args),
        product,
    }
}

/// The words alone.
pub(super) fn plain(said: &Said) -> String {
    let above = |word: &String| texts::message(said.language, "mail-link", &[("word", word.clone())]);
    let link = said.button.as_ref().map(|(link, word)| format!("{}\n{link}\n\n", above(word))).unwrap_or_default();
    format!("{}\n\n{link}-- \n{}\n", said.text, said.footer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter<'a>(kind: &'a str, language: Language, args: &'a [(&'a str, String)]) -> Letter<'a> {
        let link = Some("https://gpu.example.org/reset");
        Letter { kind, language, to: "ada@example.org", args, link, token: Uuid::nil(), at: DateTime::UNIX_EPOCH }
    }

    #[test]
    fn the_colon_is_of_the_mails_language() {
        for (language, line) in
            [(Language::Zh, "设置新密码：\nhttps://"), (Language::En, "Set a new password:\nhttps://")]
        {
            let said = say(&letter("password-reset", language, &[]), "RemoteGPU".to_owned(), String::new());
            assert!(plain(&said).contains(line), "{}", plain(&said));
        }
    }

    /// Whatever a value is, it stays a value, in every kind of mail and both languages.
    #[test]
    fn every_mail_escapes_what_people_are_called() {
        let names = [
            "name", "machine", "customer", "person", "by", "image", "word", "answer", "endsAt", "startsAt", "state",
            "email", "role", "change", "begins", "instance", "since", "stopsAt", "budget", "amount", "currency",
            "spent", "percent",
        ];
        let args = names.map(|name| (name, "<img src=x>".to_owned()));
        for kind in crate::mail::kinds() {
            for language in Language::ALL {
                let said = say(&letter(kind, language, &args), "<i>Lab</i>".to_owned(), "https://gpu.test".to_owned());
                let html = html(&said);
                assert!(!html.contains("<img") && !html.contains("<i>"), "{kind}: {html}");
                let valued = said.text.contains("<img") || said.subject.contains("<img");
                assert_eq!(valued, html.contains("&lt;img src=x&gt;"), "{kind}: {html}");
                assert!(html.contains(&format!("lang=\"{}\"", language.html_tag())));
            }
        }
    }
}
