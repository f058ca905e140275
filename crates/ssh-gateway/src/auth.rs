//! Who somebody is: by a key, or by password and, where it is on, a code.

use std::borrow::Cow;

use contract::accounts::LoginRequest;
use contract::{CustomerId, ErrorCode};
use platform::accounts::{self, SignInStep, SshProof};
use platform::{Error, OpContext, Platform, secrets};
use russh::server::{Auth, Response};

use crate::Gateway;
use crate::words::{self, Way};

/// Longest answer to a question, bytes.
const MAX_ANSWER: usize = 1024;

/// Who somebody says they are: `person` or `person+instance`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) person: String,
    pub(crate) instance: Option<String>,
    /// A whole machine is meant, whatever instance is called so.
    pub(crate) machine: bool,
}

impl Named {
    /// `PERSON+NAME`, and `PERSON++MACHINE` for a whole machine alone. An e-mail address may hold a plus; what comes after its
    /// `@` is no name of an instance.
    pub(crate) fn read(user: &str) -> Self {
        match user.rsplit_once('+') {
            Some((person, instance)) if !person.is_empty() && !instance.is_empty() && !instance.contains('@') => {
                let (person, machine) = match person.strip_suffix('+').filter(|person| !person.is_empty()) {
                    Some(person) => (person, true),
                    None => (person, false),
                };
                Self { person: person.to_owned(), instance: Some(instance.to_owned()), machine }
            }
            _ => Self { person: user.to_owned(), instance: None, machine: false },
        }
    }
}

/// How far somebody who types has come.
#[derive(Default)]
pub(crate) enum Asked {
    #[default]
    Nothing,
    Password,
    /// The password was right; known again by this.
    Code([u8; 32]),
    /// It was said why not.
    Refused,
}

fn refuse() -> Auth {
    Auth::Reject { proceed_with_methods: None, partial_success: false }
}

fn ask(instructions: String, prompts: Vec<(String, bool)>) -> Auth {
    let prompts: Vec<_> = prompts.into_iter().map(|(text, echo)| (Cow::Owned(text), echo)).collect();
    Auth::Partial { name: Cow::Borrowed(""), instructions: Cow::Owned(instructions), prompts: Cow::Owned(prompts) }
}

/// What came of an answer.
pub(crate) enum Answered {
    Again(Auth),
    Known(SshProof),
}

/// The next step of somebody who types.
pub(crate) async fn converse(
    gateway: &Gateway,
    ctx: &OpContext,
    named: &Named,
    asked: &mut Asked,
    response: Option<Response<'_>>,
) -> Answered {
    let words = |way: Way, key: &str| words::words(ctx, way, key, &[]);
    let Some(mut response) = response else {
        *asked = Asked::Password;
        return Answered::Again(ask(String::new(), vec![(words(Way::Shown, "ssh-ask-password"), false)]));
    };
    let answer = response.next().filter(|bytes| bytes.len() <= MAX_ANSWER);
    let answer = answer.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok()).unwrap_or_default();
    let Ok(_turn) = gateway.strangers.acquire().await else { return Answered::Again(refuse()) };
    let result = match std::mem::take(asked) {
        Asked::Password => password(&gateway.platform, ctx, named, answer).await,
        Asked::Code(browser) => {
            let signed = accounts::answer_challenge(&gateway.platform, ctx, &browser, &answer).await;
            signed.map(|who| Step::Known(SshProof::by_password(who)))
        }
        Asked::Nothing | Asked::Refused => return Answered::Again(refuse()),
    };
    match result {
        Ok(Step::Known(proof)) => Answered::Known(proof),
        Ok(Step::Code(browser)) => {
            *asked = Asked::Code(browser);
            Answered::Again(ask(String::new(), vec![(words(Way::Shown, "ssh-ask-code"), true)]))
        }
        // Nothing was typed, or what is wrong.
        Err(error) if matches!(error.code, ErrorCode::BadCredentials | ErrorCode::Validation) => {
            Answered::Again(refuse())
        }
        Err(error) => {
            *asked = Asked::Refused;
            let text = match error.code {
                ErrorCode::CaptchaRequired => words(Way::Line, "ssh-captcha"),
                _ => words::told(&gateway.platform, ctx, Way::Line, error).await,
            };
            Answered::Again(ask(text, Vec::new()))
        }
    }
}

enum Step {
    Known(SshProof),
    Code([u8; 32]),
}

async fn password(platform: &Platform, ctx: &OpContext, named: &Named, password: String) -> Result<Step, Error> {
    let request = LoginRequest { username: named.person.clone(), password, ..LoginRequest::default() };
    match accounts::begin_sign_in(platform, ctx, &request).await? {
        SignInStep::Done(who) => Ok(Step::Known(SshProof::by_password(who))),
        SignInStep::CodeNeeded(needed) => {
            let browser = secrets::random_bytes::<32>();
            accounts::open_challenge(platform, ctx, needed, &browser).await?;
            Ok(Step::Code(browser))
        }
    }
}

/// Begins the session of who is known: for the customer of the instance they named, where they named one.
pub(crate) async fn settle(
    platform: &Platform,
    ctx: &OpContext,
    proof: &SshProof,
    customer: Option<CustomerId>,
) -> Result<OpContext, Error> {
    let user = accounts::begin_ssh_session(platform, ctx, proof, customer).await?;
    Ok(accounts::ssh_context(ctx, user))
}

#[cfg(test)]
mod tests {
    use super::Named;

    #[test]
    fn a_person_and_perhaps_an_instance() {
        let read = |user: &str| {
            let Named { person, instance, machine } = Named::read(user);
            assert!(!machine, "{user}");
            (person, instance.unwrap_or_default())
        };
        let pair = |person: &str, instance: &str| (person.to_owned(), instance.to_owned());
        assert_eq!(read("wanda"), pair("wanda", ""));
        assert_eq!(read("wanda+train"), pair("wanda", "train"));
        assert_eq!(read("wanda@example.org+train-2"), pair("wanda@example.org", "train-2"));
        assert_eq!(read("wanda+lab@example.org"), pair("wanda+lab@example.org", ""));
        assert_eq!(read("wanda+lab@example.org+train"), pair("wanda+lab@example.org", "train"));
        assert_eq!((read("wanda+"), read("+train")), (pair("wanda+", ""), pair("+train", "")));
        for (user, person) in [("wanda++host-1", "wanda"), ("wanda@example.org++host-1", "wanda@example.org")] {
            let named = Named::read(user);
            assert_eq!(
                (named.person.as_str(), named.instance.as_deref(), named.machine),
                (person, Some("host-1"), true)
            );
        }
    }
}
