//! Which words go which way to a person's client.
//!
//! What a channel carries, and what is asked for, clients show as it is: that is in the person's language. Lines of its own, in
//! which it says why it was sent away, why a port was not opened and what comes before a question, OpenSSH's client writes in
//! ASCII alone, whatever its terminal can show (anything else as `\344\270\226`): these are in English.

use contract::accounts::Language;
use platform::{Error, OpContext, Platform};

/// How a client shows what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// As it is: what is written on a channel, and questions.
    Shown,
    /// In a line of the client's own: the description of a disconnect, why a channel is not opened, instructions before
    /// questions.
    Line,
}

/// A text, for who it is.
pub(crate) fn words(ctx: &OpContext, way: Way, key: &str, args: &[(&str, String)]) -> String {
    match way {
        Way::Shown => texts::message(ctx.language(), key, args),
        Way::Line => ascii(&texts::message(Language::En, key, args)),
    }
}

/// An error in words; logged, and audited where it is a refusal.
pub(crate) async fn told(platform: &Platform, ctx: &OpContext, way: Way, error: Error) -> String {
    let reported = platform::report(platform, ctx, error).await;
    let mut text = words(ctx, way, reported.key, &reported.args);
    for field in &reported.fields {
        text.push(' ');
        text.push_str(&words(ctx, way, field.key, &field.args));
    }
    text
}

/// With what stands for its signs in ASCII; names in other letters lose them.
fn ascii(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '‘' | '’' => plain.push('\''),
            '“' | '”' => plain.push('"'),
            '–' | '—' => plain.push('-'),
            '…' => plain.push_str("..."),
            ' '..='~' => plain.push(letter),
            _ if letter.is_whitespace() => plain.push(' '),
            _ => plain.push('?'),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::ascii;

    #[test]
    fn a_line_is_ascii() {
        assert_eq!(ascii("The machine’s “sshd” – wait…"), "The machine's \"sshd\" - wait...");
        assert_eq!(ascii("no 世界\u{a0}here\r\n\x1b[31m~"), "no ?? here  ?[31m~");
    }
}
