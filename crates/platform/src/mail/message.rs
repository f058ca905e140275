//! A mail's text, in the recipient's language: the same words as plain text and as simple HTML.

use chrono::{DateTime, Utc};
use contract::accounts::Language;
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use uuid::Uuid;

use super::host_of;
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

/// The mail as it goes out; an error says which address is none.
pub(super) async fn build(platform: &Platform, server: &MailServer, letter: &Letter<'_>) -> Result<Message, String> {
    let product = settings::appearance(platform).await.name;
    let mut args = letter.args.to_vec();
    args.push(("product", product));
    args.push(("address", platform.settings().public_url.clone()));
    let say = |part: &str| texts::message(letter.language, &format!("mail-{}-{part}", letter.kind), &args);
    let footer = texts::message(letter.language, "mail-footer", &args);
    let text = say("text");
    let button = letter.link.map(|link| (link, say("link")));
    let from = server.from_address.parse::<lettre::Address>().map_err(|error| format!("sender: {error}"))?;
    let to = letter.to.parse::<lettre::Address>().map_err(|error| format!("recipient: {error}"))?;
    let parts = MultiPart::alternative()
        .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(plain(
            letter.language,
            &text,
            button.as_ref(),
            &footer,
        )))
        .singlepart(SinglePart::builder().header(ContentType::TEXT_HTML).body(html(
            letter.language,
            &text,
            button.as_ref(),
            &footer,
        )));
    Message::builder()
        .from(Mailbox::new(Some(server.from_name.clone()).filter(|name| !name.is_empty()), from))
        .to(Mailbox::new(None, to))
        .subject(say("subject"))
        .date(letter.at.into())
        // The same at every try, so that a mail server can see what it has already.
        .message_id(Some(format!("<{}@{}>", letter.token, host_of(platform).trim_matches(['[', ']']))))
        // RFC 3834: no out-of-office answers, please.
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
        .multipart(parts)
        .map_err(|error| error.to_string())
}

fn plain(language: Language, text: &str, button: Option<&(&str, String)>, footer: &str) -> String {
    let above = |word: &String| texts::message(language, "mail-link", &[("word", word.clone())]);
    let link = button.map(|(link, word)| format!("{}\n{link}\n\n", above(word))).unwrap_or_default();
    format!("{text}\n\n{link}-- \n{footer}\n")
}

fn html(language: Language, text: &str, button: Option<&(&str, String)>, footer: &str) -> String {
    let paragraphs: String =
        text.split("\n\n").map(|part| format!("<p>{}</p>", escape(part).replace('\n', "<br>"))).collect();
    let link = button
        .map(|(link, word)| {
            let (link, word) = (escape(link), escape(word));
            format!("<p><a href=\"{link}\">{word}</a></p><p>{link}</p>")
        })
        .unwrap_or_default();
    format!(
        "<!DOCTYPE html><html lang=\"{}\"><head><meta charset=\"utf-8\"></head><body>{paragraphs}{link}<hr>\
         <p>{}</p></body></html>",
        language.html_tag(),
        escape(footer)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colon_is_of_the_mails_language() {
        let button = ("https://gpu.example.org/reset", "Link".to_owned());
        assert!(plain(Language::Zh, "", Some(&button), "").contains("Link：\nhttps://"));
        assert!(plain(Language::En, "", Some(&button), "").contains("Link:\nhttps://"));
    }
}
