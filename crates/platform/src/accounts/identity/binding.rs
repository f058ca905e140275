//! Binding one's account to a sign-in service, and parting from it.
//!
//! Invariants: coming back from a service binds nothing by itself; the yes is proved as everything is that opens the account
//! (whoever is bound comes in whatever becomes of the password); the owner is told of both.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use contract::accounts::{IdentityView, TotpProof};
use contract::notifications::NotificationKind;
use contract::{ErrorCode, IdentityId, UserId};
use serde_json::json;

use super::super::attempts::{self, Subjects};
use super::super::store::Credentials;
use super::super::{SessionEnding, account, entry, password, second_factor, signed_in};
use super::provision::{note_roles, why_of};
use super::roles::{self, Given};
use super::services::MINUTES;
use super::{Proved, Provider, store};
use crate::accounts::store as accounts;
use crate::accounts::store::oidc as ways;
use crate::accounts::store::passwords::Left;
use crate::authz::{SecureAccount, ViewAccount};
use crate::db::Tx;
use crate::notifications::{self, Notice, Value};
use crate::{Error, OpContext, Platform, Result, SystemActor, UserPrincipal, audit, customers, fields};

/// Where one sees what one's account is bound to.
const SECURITY_PAGE: &str = "/account/security";

/// An identity that waits for its owner to say yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub provider_name: String,
    /// Who the service says it is.
    pub label: String,
    /// What the yes has to be proved with.
    pub proof: LinkProof,
}

/// What proves that it is the owner who binds the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkProof {
    Password,
    /// There is no password here, but a second factor.
    Code,
    /// There is neither, and who asks signed in a moment ago.
    Nothing,
    /// There is neither, and signing in was too long ago.
    SignInAgain,
}

/// What one's account is bound to.
pub async fn identities(platform: &Platform, ctx: &OpContext) -> Result<Vec<IdentityView>> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(ViewAccount, &account(user.id))?;
    // Providers are the staff's to read; which ones one has oneself is one's own.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let list = store::identities_of(&mut tx, granted.id()).await?;
    tx.commit().await?;
    Ok(list)
}

/// Who the provider says it is, in the words that are best known.
pub(super) fn label_of(proved: &Proved) -> String {
    let label = [&proved.email, &proved.name, &proved.display_name].into_iter().flatten().next();
    label.unwrap_or(&proved.subject).chars().filter(|c| !fields::unseen(*c)).take(200).collect()
}

pub(super) async fn propose_link(
    platform: &Platform,
    ctx: &OpContext,
    provider: &Provider,
    proved: &Proved,
) -> Result<()> {
    let user = signed_in(ctx)?;
    let label = label_of(proved);
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let who = (proved.issuer.as_str(), proved.subject.as_str(), label.as_str());
    ways::put_link(&mut tx, user.id, provider.id, who, ctx.now() + TimeDelta::minutes(MINUTES)).await?;
    tx.commit().await?;
    Ok(())
}

/// The identity that waits for one's yes, if there is one.
pub async fn proposed_link(platform: &Platform, ctx: &OpContext) -> Result<Option<Proposal>> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let Some(link) = ways::link(&mut tx, granted.id(), ctx.now()).await? else { return Ok(None) };
    let row = accounts::credentials_of(&mut tx, user.id).await?.ok_or_else(Error::not_found)?;
    let proof = proof_of(&mut tx, ctx, user, &row).await?;
    tx.commit().await?;
    Ok(Some(Proposal { provider_name: link.provider_name, label: link.label, proof }))
}

/// What this person proves it with: as every change that opens the account, by what they have.
async fn proof_of(tx: &mut Tx, ctx: &OpContext, user: &UserPrincipal, row: &Credentials) -> Result<LinkProof> {
    if row.password_hash.is_some() {
        return Ok(LinkProof::Password);
    }
    if accounts::second_factor::is_on(tx, user.id).await? {
        return Ok(LinkProof::Code);
    }
    let began = accounts::sessions::began(tx, user.id, user.session).await?;
    let fresh = began.is_some_and(|began| began > ctx.now() - TimeDelta::minutes(MINUTES));
    Ok(if fresh { LinkProof::Nothing } else { LinkProof::SignInAgain })
}

/// That it is the owner who says yes; what binds, or sets up a second factor, goes on in the transaction that this returns.
/// A wrong password or code is a failed `action`.
pub(in crate::accounts) async fn prove(
    platform: &Platform,
    ctx: &OpContext,
    user: &UserPrincipal,
    proof: &TotpProof,
    action: &'static str,
) -> Result<Tx> {
    let system = ctx.as_system(SystemActor::Authenticator);
    let subjects = Subjects::of(ctx, &user.name);
    let mut tx = platform.db().begin(&system).await?;
    attempts::check_delay(&mut tx, ctx, &subjects, user.id).await?;
    let row = accounts::credentials_of(&mut tx, user.id).await?.ok_or_else(Error::not_found)?;
    let asked = proof_of(&mut tx, ctx, user, &row).await?;
    tx.commit().await?; // checking the password takes a while: hold no connection meanwhile
    let empty = match asked {
        LinkProof::Password => proof.password.is_empty().then_some("password"),
        LinkProof::Code => proof.code.trim().is_empty().then_some("code"),
        LinkProof::Nothing => None,
        LinkProof::SignInAgain => {
            return Err(Error::new(ErrorCode::WrongState).with_key("error-identity-sign-in-again"));
        }
    };
    if let Some(field) = empty {
        return Err(Error::field(field, "field-required"));
    }
    if asked == LinkProof::Password && !password::verify(platform, &proof.password, row.password_hash).await? {
        attempts::note_failure(platform, ctx, &subjects, action, Some(user.id)).await?;
        return Err(Error::field("password", "field-password-wrong"));
    }
    let mut tx = platform.db().begin(&system).await?;
    // The password, for one, may be another by now.
    let now = accounts::credentials_of(&mut tx, user.id).await?.map(|row| row.token_version);
    if now != Some(row.token_version) {
        return Err(Error::new(ErrorCode::Conflict));
    }
    if asked == LinkProof::Code
        && second_factor::check(platform, &mut tx, user.id, &proof.code, ctx.now()).await?.is_none()
    {
        drop(tx);
        attempts::note_failure(platform, ctx, &subjects, action, Some(user.id)).await?;
        let key = second_factor::wrong_code_key(&proof.code, ["field-code-wrong", "field-recovery-code-wrong"]);
        return Err(Error::field("code", key));
    }
    Ok(tx)
}

/// Binds one's account to the identity that waits, with the password or what stands for it ([`LinkProof`]); the owner is
/// told, because it may be somebody else at their open session.
///
/// # Errors
/// `WrongState` when none waits, when it is bound to another account, or the account to another identity there; and when
/// one has nothing to prove it with and signed in too long ago. `Validation` for a wrong password or code, which counts as a
/// failure; `RateLimited` after too many.
pub async fn confirm_link(platform: &Platform, ctx: &OpContext, proof: &TotpProof) -> Result<()> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own("accounts:link-identity");
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let wrong = |key: &'static str| Error::new(ErrorCode::WrongState).with_key(key);
    if proposed_link(platform, ctx).await?.is_none() {
        return Err(wrong("error-sso-over"));
    }
    let mut tx = prove(platform, ctx, user, proof, "accounts:link-identity").await?;
    let link = ways::link(&mut tx, granted.id(), ctx.now()).await?.ok_or_else(|| wrong("error-sso-over"))?;
    ways::delete_link(&mut tx, &granted).await?;
    store::lock_person(&mut tx, link.provider, &link.subject).await?;
    let taken = store::known_person(&mut tx, link.provider, &link.issuer, &link.subject).await?.is_some();
    let bound = store::identities_of(&mut tx, user.id).await?;
    let twice = bound.iter().any(|identity| identity.provider == link.provider);
    if taken || twice {
        tx.commit().await?; // the question is over: a further yes would find the same
        let error = wrong(if taken { "error-identity-taken" } else { "error-identity-twice" });
        let why = why_of(&error);
        let after = json!({
            "provider": link.provider_name, "why": why, "subject": link.subject, "label": link.label,
        });
        let failed = audit::Entry { after: Some(after), ..entry("accounts:link-identity", user.id) };
        audit::record_failed(platform, ctx, failed).await?;
        return Err(error);
    }
    let who = (link.issuer.as_str(), link.subject.as_str(), link.label.as_str());
    store::insert_identity(&mut tx, link.provider, who, user.id, ctx.now()).await?;
    let after = json!({
        "provider": link.provider_name, "issuer": link.issuer, "subject": link.subject, "label": link.label,
    });
    let entry = audit::Entry { after: Some(after), ..entry("accounts:link-identity", user.id) };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tell(platform, &mut tx, ctx, user.id, ("bound", &link.provider_name, &link.label)).await?;
    tx.commit().await?;
    Ok(())
}

/// Whoever did not do it should hear of it.
pub(in crate::accounts) async fn tell(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    user: UserId,
    (change, provider, label): (&str, &str, &str),
) -> Result<()> {
    let text = |text: &str| Value::Text(text.to_owned());
    let args = vec![
        ("change", text(change)),
        ("provider", text(provider)),
        ("label", text(label)),
        ("by", notifications::by(ctx)),
    ];
    let notice = Notice { kind: NotificationKind::IdentitiesChanged, args, link: Some(SECURITY_PAGE.to_owned()) };
    notifications::notify_in_tx(platform, tx, ctx, &[user], &notice).await
}

/// Whether somebody who signed in has to read that their address belongs to another account: their first page says it.
pub async fn has_address_notice(platform: &Platform, ctx: &OpContext, user: UserId) -> Result<bool> {
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let taken = store::address_taken(&mut tx, user).await?;
    tx.commit().await?;
    Ok(taken)
}

/// The same for the page that says it, for a day: the name of the provider that vouched for the address.
pub async fn address_notice(platform: &Platform, ctx: &OpContext) -> Result<Option<String>> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let since = ctx.now() - TimeDelta::days(1);
    let provider = store::address_taken_since(&mut tx, granted.id(), since).await?;
    tx.commit().await?;
    Ok(provider)
}

/// Forgets the identity that waits.
pub async fn forget_link(platform: &Platform, ctx: &OpContext) -> Result<()> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    ways::delete_link(&mut tx, &granted).await?;
    tx.commit().await?;
    Ok(())
}

/// Parts one's account from an identity; the roles that its groups gave go with it, and the sessions and API tokens end that
/// came in by it, but the session that asks. Whether every session ended, that one too, because roles went.
///
/// # Errors
/// `NotFound` for one that is not one's own; `WrongState` when it is the only way in.
pub async fn unlink(platform: &Platform, ctx: &OpContext, id: IdentityId) -> Result<bool> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own("accounts:unlink-identity");
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let all = store::identities_of(&mut tx, user.id).await?;
    let identity = all.iter().find(|identity| identity.id == id).ok_or_else(Error::not_found)?;
    if identity.only_way {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-identity-only-way"));
    }
    let before = store::delete_identity(&mut tx, &granted, id).await?.ok_or_else(Error::not_found)?;
    let (roles, ends) = take_back_in_tx(&mut tx, user.id, before).await?;
    let after = json!({ "provider": identity.provider_name, "label": identity.label, "roles": roles });
    let entry = audit::Entry { after: Some(after), ..entry("accounts:unlink-identity", user.id) };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tell(platform, &mut tx, ctx, user.id, ("parted", &identity.provider_name, &identity.label)).await?;
    let by = (identity.provider, user.session);
    let ended = store::end_sessions_by(&mut tx, &granted, by, ctx.now()).await?;
    if ends {
        store::end_sessions_of(&mut tx, user.id).await?;
    }
    tx.commit().await?;
    for session in ended {
        let _ = platform.endings().send(SessionEnding::Session(session));
    }
    if ends {
        let _ = platform.endings().send(SessionEnding::User(user.id));
    }
    Ok(ends)
}

/// Takes back the roles that the groups of an identity gave, after it is gone: what the log says of that, and whether there
/// were any.
pub(in crate::accounts) async fn take_back_in_tx(
    tx: &mut Tx,
    user: UserId,
    given: serde_json::Value,
) -> Result<(serde_json::Value, bool)> {
    let (_, changed) = roles::take_back(tx, user, None, given).await?;
    let ends = !changed.removed.is_empty();
    Ok((serde_json::to_value(changed).map_err(Error::internal)?, ends))
}

/// Parts an account from every identity, with the roles that their groups gave; how many there were.
pub(in crate::accounts) async fn unlink_all_in_tx(tx: &mut Tx, user: UserId) -> Result<u64> {
    let gone = store::delete_identities(tx, user).await?;
    for before in &gone {
        let before: Vec<Given> = serde_json::from_value(before.clone()).map_err(Error::internal)?;
        roles::apply(tx, user, (&before, &[]), &[]).await?;
    }
    Ok(gone.len() as u64)
}

/// What a provider gave that has no say any more, for who did it.
pub struct Parted {
    pub provider: String,
    /// Words of the roles that went with it.
    pub taken: Vec<String>,
    /// The account is still bound to it, and the next sign-in by it gives what its groups give then.
    pub bound: bool,
    /// Of those that stay: the last admin's, the last owner's, and those of the platform where they were to stay.
    pub kept: Vec<String>,
}

/// Parts an account from its directories where a password is about to be kept here; in the system's transaction, before it
/// holds the person. Passwords here are asked before directories, so these would have no say any more. A sign-in service stays a
/// way in, but who comes by the password asks it nothing. What the groups of either gave goes by [`take_back_left_in_tx`] once the
/// password is there: until then the last admin would not be known for one.
pub(in crate::accounts) async fn leave_providers_in_tx(tx: &mut Tx, user: UserId) -> Result<Vec<Left>> {
    let mut left = accounts::passwords::leave_directories(tx, user).await?;
    left.extend(accounts::passwords::services_that_gave(tx, user).await?);
    lock_places_in_tx(tx, &left).await?;
    Ok(left)
}

/// Parts the accounts from their directories that got a password here from a server of a version before, which left them bound:
/// what the groups gave would stay for good. Run by the job queue, because such a server may still run beside this one.
pub async fn part_from_directories(platform: &Platform) -> Result<()> {
    let ctx = platform.system(SystemActor::Authenticator);
    let mut tx = platform.db().begin(&ctx).await?;
    let people = accounts::passwords::bound_beside_password(&mut tx).await?;
    tx.commit().await?;
    for user in people {
        let mut tx = platform.db().begin(&ctx).await?;
        let left = accounts::passwords::leave_directories(&mut tx, user).await?;
        lock_places_in_tx(&mut tx, &left).await?;
        let parted = take_back_left_in_tx(platform, &mut tx, &ctx, user, (left, false)).await?;
        let ends = parted.iter().any(|parted| !parted.taken.is_empty());
        if ends {
            store::end_sessions_of(&mut tx, user).await?;
        }
        tx.commit().await?;
        if ends {
            let _ = platform.endings().send(SessionEnding::User(user));
        }
    }
    Ok(())
}

/// Customers whose people change come before the person.
async fn lock_places_in_tx(tx: &mut Tx, left: &[Left]) -> Result<()> {
    let mut places = BTreeSet::new();
    for left in left {
        let given: Vec<Given> = serde_json::from_value(left.granted.clone()).map_err(Error::internal)?;
        places.extend(given.into_iter().filter_map(|given| given.customer_id));
    }
    for customer in places {
        customers::lock(tx, customer).await?;
    }
    Ok(())
}

/// Takes back what the groups of providers gave that an account is parted from, or that are not asked when its password is; with an
/// event for each, and a word to the owner of what they are parted from. Roles of the platform stay with `keeps_platform`, as if somebody had given them by hand.
pub(in crate::accounts) async fn take_back_left_in_tx(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    user: UserId,
    (left, keeps_platform): (Vec<Left>, bool),
) -> Result<Vec<Parted>> {
    let mut parted = Vec::new();
    for left in left {
        let given: Vec<Given> = serde_json::from_value(left.granted).map_err(Error::internal)?;
        let (kept, given): (Vec<_>, Vec<_>) =
            given.into_iter().partition(|given| keeps_platform && given.role.of_platform().is_some());
        let others = roles::of_others(tx, user, left.bound).await?;
        let (mut now, mut changed) = roles::apply(tx, user, (&given, &[]), &others).await?;
        now.extend(kept.iter().cloned());
        changed.kept.extend(kept);
        let words = |given: &[Given]| given.iter().map(|given| given.role.code().to_owned()).collect();
        let (taken, kept) = (words(&changed.removed), words(&changed.kept));
        if let Some(identity) = left.bound {
            store::set_granted(tx, identity, &serde_json::to_value(now).map_err(Error::internal)?).await?;
            note_roles(tx, ctx, user, &left.provider, &changed).await?;
        } else {
            let entry = audit::Entry {
                before: Some(json!({ "provider": left.provider, "label": left.label })),
                after: Some(json!({ "roles": changed })),
                ..entry("users:unlink-identity", user)
            };
            audit::record_of_person_in_tx(tx, ctx, user, entry).await?;
            tell(platform, tx, ctx, user, ("parted", &left.provider, &left.label)).await?;
        }
        parted.push(Parted { provider: left.provider, bound: left.bound.is_some(), taken, kept });
    }
    Ok(parted)
}
