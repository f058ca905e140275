//! Inviting several people at once, as they are pasted from a spreadsheet or a mail program.

use contract::accounts::{InvitationCreate, MemberRole};
use contract::{ApiError, CustomerId, ErrorCode};
use platform::error::FieldError;
use platform::{Error, OpContext, Platform};

use crate::door::to_api_error;

/// Most addresses at a time.
pub(super) const MOST_AT_ONCE: usize = 50;
/// Addresses whose refusal is explained.
const EXPLAINED: usize = 10;

/// Invites every address in the text; how many, and what of the text is left for another try.
pub(super) async fn invite_all(
    (platform, ctx): (&Platform, &OpContext),
    customer: Option<CustomerId>,
    text: &str,
    role: Option<MemberRole>,
) -> (platform::Result<usize>, String) {
    let addresses = addresses(text);
    if addresses.len() > MOST_AT_ONCE {
        let args = vec![("max", MOST_AT_ONCE.to_string())];
        return (Err(fault("field-invitations-at-once", args)), text.to_owned());
    }
    if addresses.len() < 2 {
        let email = addresses.into_iter().next().unwrap_or_default();
        let sent = platform::accounts::invite(platform, ctx, customer, InvitationCreate { email, role }).await;
        return (sent.map(|_| 1), text.to_owned());
    }
    let (mut sent, mut left, mut why) = (0, Vec::new(), Vec::new());
    for email in addresses {
        let body = InvitationCreate { email: email.clone(), role };
        let error = match platform::accounts::invite(platform, ctx, customer, body).await {
            Ok(_) => {
                sent += 1;
                continue;
            }
            Err(error) => error,
        };
        // What is wrong with none of them in particular is said at once.
        if error.code != ErrorCode::Validation && sent == 0 && left.is_empty() {
            return (Err(error), text.to_owned());
        }
        if why.len() < EXPLAINED {
            why.push(format!("{email}: {}", reason(to_api_error(platform, ctx, error).await)));
        }
        left.push(email);
    }
    if left.is_empty() {
        return (Ok(sent), String::new());
    }
    let args = vec![("sent", sent.to_string()), ("why", why.join(" "))];
    (Err(fault("field-invitations-some", args)), left.join("\n"))
}

fn fault(key: &'static str, args: Vec<(&'static str, String)>) -> Error {
    let mut error = Error::new(ErrorCode::Validation);
    error.fields.push(FieldError { path: "email", key, args });
    error
}

/// What is wrong with one address, in a sentence.
fn reason(error: ApiError) -> String {
    error.fields.into_values().next().unwrap_or(error.message)
}

/// The addresses in a text, each once: between lines, commas and semicolons, Chinese ones too, of `Name <address>` what is in the brackets,
/// else word by word.
pub(super) fn addresses(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    // What stands in quotes is a name, whatever is in it.
    let unquoted = text.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    for part in unquoted.split(['\n', '\r', ',', ';', '，', '、', '；']) {
        let inner = part.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(inner, _)| inner);
        for word in inner.unwrap_or(part).split_whitespace() {
            if !found.iter().any(|known| known.eq_ignore_ascii_case(word)) {
                found.push(word.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::addresses;

    #[test]
    fn addresses_are_found_however_they_are_pasted() {
        assert_eq!(addresses(" zoe@example.org "), ["zoe@example.org"]);
        let pasted = "a@x.org\r\nb@x.org; \"Doe, Zoe\" <c@x.org>,\td@x.org e@x.org\nA@x.org";
        assert_eq!(addresses(pasted), ["a@x.org", "b@x.org", "c@x.org", "d@x.org", "e@x.org"]);
        assert_eq!(addresses("a@x.org，b@x.org、c@x.org；d@x.org"), ["a@x.org", "b@x.org", "c@x.org", "d@x.org"]);
        assert!(addresses(" \n;, ").is_empty());
    }
}
