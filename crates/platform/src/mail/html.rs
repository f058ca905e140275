//! A mail as HTML: the words of the plain text under the installation's name, with a button where its link stands. Styles
//! stand at the elements, because many mail programs drop everything else, and nothing is fetched from anywhere.

use super::message::Said;

const BODY: &str = "margin:0;padding:0;background:#f3f6f7;color:#1c2427;font:15px/1.6 system-ui,-apple-system,'Segoe \
                    UI','PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif";
const CARD: &str = "width:100%;max-width:560px;background:#ffffff;border:1px solid #dbe2e4;border-radius:10px";
const NAME: &str = "padding:16px 24px;border-bottom:1px solid #dbe2e4;font-weight:600";
const BUTTON: &str = "display:inline-block;padding:10px 18px;border-radius:6px;background:#117a7a;color:#ffffff;\
                      font-weight:600;text-decoration:none";
const QUIET: &str = "color:#5a676c;font-size:13px;word-break:break-all";
const FOOT: &str = "padding:14px 24px;border-top:1px solid #dbe2e4;color:#5a676c;font-size:13px";

/// The whole page of it.
pub(super) fn html(said: &Said) -> String {
    let paragraphs: String =
        said.text.split("\n\n").map(|part| format!("<p>{}</p>", escape(part).replace('\n', "<br>"))).collect();
    let link = said.button.as_ref().map(|(link, word)| {
        let (link, word) = (escape(link), escape(word));
        // Written out too: where a button is not shown, or not trusted, there is still the address to be read.
        format!("<p><a href=\"{link}\" style=\"{BUTTON}\">{word}</a></p><p style=\"{QUIET}\">{link}</p>")
    });
    format!(
        "<!DOCTYPE html><html lang=\"{language}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light\"><title>{subject}</title></head>\
         <body style=\"{BODY}\"><table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" \
         border=\"0\"><tr><td align=\"center\" style=\"padding:24px 12px\"><table role=\"presentation\" \
         cellpadding=\"0\" cellspacing=\"0\" border=\"0\" style=\"{CARD}\"><tr><td style=\"{NAME}\">{name}</td></tr><tr>\
         <td style=\"padding:8px 24px\">{paragraphs}{link}</td></tr><tr><td style=\"{FOOT}\">{footer}</td></tr></table>\
         </td></tr></table></body></html>",
        language = said.language.html_tag(),
        subject = escape(&said.subject),
        name = escape(&said.product),
        link = link.unwrap_or_default(),
        footer = escape(&said.footer),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use contract::accounts::Language;

    use super::*;

    fn said(text: &str, word: &str) -> Said {
        Said {
            language: Language::Zh,
            product: "Lab <One>".to_owned(),
            subject: "A \"subject\"".to_owned(),
            text: text.to_owned(),
            button: Some(("https://gpu.example.org/x?a=1&b='2'\"".to_owned(), word.to_owned())),
            footer: "Sent by Lab <One>".to_owned(),
        }
    }

    /// The words a person reads, one after the other.
    fn words(html: &str) -> Vec<String> {
        let (mut text, mut inside) = (String::new(), false);
        let body = html.split_once("<body").and_then(|(_, rest)| rest.split_once('>')).expect("a body").1;
        for c in body.chars() {
            match c {
                '<' => inside = true,
                '>' => {
                    inside = false;
                    text.push(' ');
                }
                c if !inside => text.push(c),
                _ => {}
            }
        }
        let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
        let text = plain.iter().fold(text, |text, (from, to)| text.replace(from, to));
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn nothing_of_a_value_becomes_markup() {
        let html = html(&said("<script>alert(1)</script>\n</td>\" onload='x'", "<b>Go</b>"));
        for raw in ["<script", "</script", "<b>", "onload='", "<One>", "A \"subject\""] {
            assert!(!html.contains(raw), "{raw}: {html}");
        }
        assert!(html.contains("<a href=\"https://gpu.example.org/x?a=1&amp;b=&#39;2&#39;&quot;\" style="), "{html}");
        assert!(
            html.contains("lang=\"zh-CN\"") && html.contains("&lt;script&gt;alert(1)&lt;/script&gt;<br>"),
            "{html}"
        );
    }

    #[test]
    fn nothing_is_fetched_from_anywhere() {
        let html = html(&said("Hello", "Go"));
        for fetched in ["src=", "url(", "<img", "<link", "<style", "@import", "background=", "<script"] {
            assert!(!html.contains(fetched), "{fetched}");
        }
        assert_eq!(html.matches("href=").count(), 1, "one button");
    }

    #[test]
    fn it_says_what_the_plain_text_says() {
        let said = said("Dear Ada,\n\nyour time <ends> & begins.\nSoon.", "Open the machine");
        let html = words(&html(&said));
        let plain = crate::mail::message::plain(&said);
        for word in plain.split_whitespace().filter(|word| *word != "--") {
            let word = word.trim_end_matches(['：', ':']);
            assert!(html.iter().any(|other| other == word), "{word} is not in {html:?}");
        }
        // The other way round, but for the name above.
        for word in html.iter().skip(said.product.split(' ').count()) {
            assert!(plain.contains(word.as_str()), "{word} is not in {plain}");
        }
    }
}
