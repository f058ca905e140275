//! Signing in by a directory: the same form, after the passwords kept here.
//!
//! Whether somebody has a password here must not show. So every name that was not proved here is looked up in the
//! directories, also one whose account is proved here alone; a directory that is away says the same of every name; and
//! the caller lets every refusal take equal time.

use contract::accounts::ProviderKind;
use contract::{ErrorCode, IdentityProviderId};
use serde_json::json;

use super::directory::{self, Fault};
use super::provision::{self, NameTaken};
use super::{Proved, Provider, Settings, store};
use crate::accounts::store::Credentials;
use crate::{Error, OpContext, Platform, Result, SystemActor};

/// What directories said.
pub(in crate::accounts) enum Answer {
    /// None is in use.
    NotAsked,
    /// No such name, or not this password, or not by this way; what the log says of why, where that is known.
    Refused(Option<serde_json::Value>),
    /// It is this person's account; and which provider said so, by its name too.
    Proved(Box<Credentials>, (IdentityProviderId, String)),
}

/// Asks directories about a name that no password here proved. `found` is the account of that name, if there is one.
/// Without a password, none is tried: for sign-ins that would be refused whatever it was.
///
/// # Errors
/// `Unavailable` when a directory could not be asked and no other proved it; what [`provision::admit`] refuses.
pub(in crate::accounts) async fn ask(
    platform: &Platform,
    ctx: &OpContext,
    (login, password): (&str, Option<&str>),
    found: Option<&Credentials>,
) -> Result<Answer> {
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let rows = store::providers(&mut tx, None).await?;
    let bound: Vec<_> = match found {
        Some(row) => store::identities_of(&mut tx, row.id).await?.into_iter().map(|i| i.provider).collect(),
        None => Vec::new(),
    };
    tx.commit().await?; // asking takes a while: hold no connection meanwhile
    let rows = rows.into_iter().filter(|row| row.enabled && row.kind == ProviderKind::Ldap);
    let directories = rows.map(|row| Provider::read(platform, row)).collect::<Result<Vec<_>>>()?;
    if directories.is_empty() {
        return Ok(Answer::NotAsked);
    }
    let proved_here = found.is_some_and(|row| row.password_hash.is_some());
    let (mut unasked, mut why) = (None, None);
    for provider in &directories {
        // The password of an account goes only where the account comes from.
        let may_prove = !proved_here && (bound.is_empty() || bound.contains(&provider.id));
        match look(provider, login, password.filter(|_| may_prove)).await {
            Ok(Look::Nobody) => {}
            // Only the log says so: whether somebody has a password here must not show.
            Ok(Look::Untried) if proved_here && password.is_some() => {
                why.get_or_insert_with(|| json!({ "provider": provider.name, "why": "name-has-password-here" }));
            }
            Ok(Look::Untried) => {}
            Ok(Look::Refused) => return Ok(Answer::Refused(None)),
            Ok(Look::Proved(proved)) => {
                let row = provision::admit(platform, ctx, provider, &proved, NameTaken::Refuse).await?;
                return Ok(Answer::Proved(Box::new(row), (provider.id, provider.name.clone())));
            }
            // Of this name alone: only the log says so, because it says what stands in the directory.
            Err(fault) if fault.key == directory::SEVERAL => {
                tracing::warn!(provider = provider.name, "a directory has several entries of a name that was typed");
                why.get_or_insert_with(|| json!({ "provider": provider.name, "why": "several-entries" }));
            }
            Err(fault) => {
                tracing::warn!(provider = provider.name, %fault, "a directory could not be asked");
                let key = if fault.passes() { "error-directory-away" } else { "error-directory-setup" };
                unasked = Some((key, &provider.name));
            }
        }
    }
    match unasked {
        Some((key, name)) => Err(Error::new(ErrorCode::Unavailable).with_key(key).with_arg("provider", name)),
        None => Ok(Answer::Refused(why)),
    }
}

enum Look {
    Nobody,
    /// Somebody of this name is there; no password was tried.
    Untried,
    Refused,
    Proved(Proved),
}

/// One directory's word; without a password, whether it can be asked at all.
async fn look(provider: &Provider, login: &str, password: Option<&str>) -> Result<Look, Fault> {
    let Settings::Ldap(settings) = &provider.settings else { return Ok(Look::Nobody) };
    let mut line = directory::open(settings, provider.secret.as_ref(), &mut Vec::new()).await?;
    let found = line.find(login).await?;
    let look = match (found, password) {
        (None, _) => Look::Nobody,
        (Some(_), None) => Look::Untried,
        (Some(person), Some(password)) => {
            if !line.proves(&person, password).await? || person.disabled {
                Look::Refused
            } else {
                let groups = line.groups(&person, login).await?;
                // Nothing to bind an account to: as good as not found, and the test of the provider says why.
                match person.id {
                    None => Look::Refused,
                    Some(id) => Look::Proved(Proved {
                        issuer: String::new(),
                        subject: id,
                        name: person.login,
                        email: person.email,
                        display_name: person.display_name,
                        groups,
                    }),
                }
            }
        }
    };
    line.close().await;
    Ok(look)
}
