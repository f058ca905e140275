//! The account of somebody whom a provider proved: found by issuer and subject, or made; with the roles of their groups.

use contract::{ErrorCode, UserId};
use serde_json::json;

use super::super::{SessionEnding, entry};
use super::roles::{self, Changed, Given, GroupNames};
use super::{Proved, Provider, Settings, binding, store};
use crate::accounts::store::Credentials;
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, fields, secrets};

/// Longest user name.
const MAX_NAME: usize = 63;
/// Other names that are tried when the first is taken.
const OTHER_NAMES: u32 = 20;

/// What to do when the name is taken that somebody has at their provider.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NameTaken {
    /// They sign in by typing it: no other would do.
    Refuse,
    /// It is only a label.
    TakeAnother,
}

/// The account, with its roles brought up to date.
///
/// # Errors
/// `BadCredentials` for an account that is disabled; `WrongState` when there is none and none is made.
pub(super) async fn admit(
    platform: &Platform,
    ctx: &OpContext,
    provider: &Provider,
    proved: &Proved,
    taken: NameTaken,
) -> Result<Credentials> {
    let label = binding::label_of(proved);
    let names = match &provider.settings {
        Settings::Ldap(_) => GroupNames::Entries,
        Settings::Oidc(_) => GroupNames::Words,
    };
    let wanted = roles::wanted(&provider.mappings, &proved.groups, names);
    if provider.only_mapped && wanted.is_empty() {
        return Err(refused("error-identity-no-role", provider));
    }
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    store::lock_person(&mut tx, provider.id, &proved.subject).await?;
    let known = store::known_person(&mut tx, provider.id, &proved.issuer, &proved.subject).await?;
    let (identity, user, before, new) = match known {
        Some(known) => {
            let before: Vec<Given> = serde_json::from_value(known.granted).map_err(Error::internal)?;
            (known.id, known.user, before, false)
        }
        None if !provider.creates_accounts => return Err(refused("error-identity-unknown", provider)),
        None => {
            let (user, address_taken) = create(&mut tx, ctx, provider, proved, taken).await?;
            let who = (proved.issuer.as_str(), proved.subject.as_str(), label.as_str());
            let identity = store::insert_identity(&mut tx, provider.id, who, user, ctx.now()).await?;
            if address_taken {
                store::mark_address_taken(&mut tx, identity).await?;
            }
            (identity, user, Vec::new(), true)
        }
    };
    let row = crate::accounts::store::credentials_of(&mut tx, user).await?.filter(|row| row.active);
    if row.is_none() {
        // Who came back from a service typed nothing that could be wrong, and it has proved who they are. A directory is asked
        // behind the form, whose refusals are all the same.
        let wrong = Error::new(ErrorCode::BadCredentials);
        return Err(match provider.settings {
            Settings::Oidc(_) => wrong.with_key("error-identity-disabled").with_arg("provider", &provider.name),
            Settings::Ldap(_) => wrong,
        });
    }
    let others = roles::of_others(&mut tx, user, Some(identity)).await?;
    let (granted, changed) = roles::apply(&mut tx, user, (&before, &wanted), &others).await?;
    let granted = serde_json::to_value(granted).map_err(Error::internal)?;
    store::note_identity(&mut tx, identity, (&granted, &label), ctx.now()).await?;
    let changes = !changed.added.is_empty() || !changed.removed.is_empty();
    let ends = changes && !new;
    if ends {
        store::end_sessions_of(&mut tx, user).await?;
    }
    note_roles(&mut tx, ctx, user, &provider.name, &changed).await?;
    // Read again: roles and token version may be others by now.
    let row = crate::accounts::store::credentials_of(&mut tx, user).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?;
    if ends {
        let _ = platform.endings().send(SessionEnding::User(user));
    }
    Ok(row)
}

/// The word of why somebody whom a provider proved is not let in, for the log; nothing of other errors.
pub(in crate::accounts) fn why_of(error: &Error) -> Option<&'static str> {
    let of = |noun| error.key.split_once(noun).filter(|(kind, _)| *kind == "error").map(|(_, why)| why);
    of("-identity-").or_else(|| of("-directory-"))
}

fn refused(key: &'static str, provider: &Provider) -> Error {
    Error::new(ErrorCode::WrongState).with_key(key).with_arg("provider", &provider.name)
}

pub(super) async fn note_roles(
    tx: &mut Tx,
    ctx: &OpContext,
    user: UserId,
    provider: &str,
    changed: &Changed,
) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    let after = json!({ "provider": provider, "roles": changed });
    let entry = audit::Entry { after: Some(after), ..entry("accounts:map-roles", user) };
    audit::record_in_tx(tx, ctx, entry).await
}

/// A new account; and whether the address that the provider vouches for belongs to another one.
async fn create(
    tx: &mut Tx,
    ctx: &OpContext,
    provider: &Provider,
    proved: &Proved,
    taken: NameTaken,
) -> Result<(UserId, bool)> {
    let name = user_name(proved);
    let display_name = fields::display_name_of(proved.display_name.as_deref().unwrap_or_default());
    let email = proved.email.as_deref().map(str::to_lowercase);
    let email = email.filter(|email| email.len() <= 254 && fields::is_email(email));
    let mut called = name.clone();
    let mut user = store::insert_person(tx, &name, &display_name, email.as_deref()).await?;
    for number in 2..OTHER_NAMES + 2 {
        if user.is_some() || taken == NameTaken::Refuse {
            break;
        }
        called = format!("{}-{number}", name.chars().take(MAX_NAME - 3).collect::<String>());
        user = store::insert_person(tx, &called, &display_name, email.as_deref()).await?;
    }
    let made = user.ok_or_else(|| refused("error-identity-name-taken", provider).with_arg("name", &name))?;
    let (user, has_email) = made;
    let taken = email.filter(|_| !has_email);
    let mut after =
        json!({ "provider": provider.name, "issuer": proved.issuer, "subject": proved.subject, "name": called });
    if let Some(email) = &taken {
        // For those who look after people: it may be one person with two accounts.
        after["addressOfAnother"] = email.as_str().into();
    }
    let entry = audit::Entry { after: Some(after), ..entry("accounts:create-from-provider", user) };
    audit::record_in_tx(tx, ctx, entry).await?;
    Ok((user, taken.is_some()))
}

/// A user name of ours, made of what the provider calls them; of the subject, where that gives none.
fn user_name(proved: &Proved) -> String {
    let of = |text: &str| -> String {
        let local = text.split('@').next().unwrap_or_default().to_lowercase();
        let plain: String =
            local.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect();
        plain.trim_matches(['-', '.', '_']).chars().take(MAX_NAME).collect()
    };
    let named = [proved.name.as_deref(), proved.email.as_deref()].into_iter().flatten().map(of);
    // Letters that are none of ours leave nothing to recognise.
    named.into_iter().find(|name| name.chars().any(char::is_alphanumeric)).unwrap_or_else(|| {
        let hash = secrets::sha256(format!("{}\0{}", proved.issuer, proved.subject).as_bytes());
        format!("user-{}", hex::encode(&hash[..5]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_are_made_of_what_there_is() {
        let name = |name: Option<&str>, email: Option<&str>| {
            user_name(&Proved {
                issuer: "https://sso.example".to_owned(),
                subject: "1".to_owned(),
                name: name.map(str::to_owned),
                email: email.map(str::to_owned),
                display_name: None,
                groups: Vec::new(),
            })
        };
        assert_eq!(name(Some("Wanda.Erer"), None), "wanda.erer");
        assert_eq!(name(Some("wanda@example.org"), None), "wanda");
        assert_eq!(name(Some("EXAMPLE\\wanda"), None), "example-wanda");
        assert_eq!(name(None, Some("w.erer@example.org")), "w.erer");
        assert_eq!(name(Some("王大"), Some("wang@example.org")), "wang");
        assert!(name(Some("王大"), None).starts_with("user-"));
        assert_eq!(name(Some(&"x".repeat(200)), None).len(), MAX_NAME);
    }
}
