//! Links that work once: to a new password, a new address, a place in a customer, an account.
//!
//! Invariants: a token is 256 random bits that travel by mail only; its hash alone is kept; it is used up in the transaction
//! of what it is for, so that of two who come with it one is refused; an answer never says why a link does not work.

mod store;

use chrono::{DateTime, TimeDelta, Utc};
use contract::accounts::MemberRole;
use contract::{CustomerId, ErrorCode, LinkId, UserId};

pub(super) use store::{
    consume, delete_expired, invited_since, issued_since, lock_owner, open_invitations, retire_of_user,
    revoke_invitation, sign_ups_since, withdraw_lost,
};

use crate::db::Tx;
use crate::{Error, Platform, Result, secrets};

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    PasswordReset,
    /// The same page for somebody whose account was made without a password.
    FirstPassword,
    EmailChange,
    Invitation,
    SignUp,
}

impl Purpose {
    /// Word in the database.
    pub(super) fn code(self) -> &'static str {
        match self {
            Purpose::PasswordReset => "password_reset",
            Purpose::FirstPassword => "first_password",
            Purpose::EmailChange => "email_change",
            Purpose::Invitation => "invitation",
            Purpose::SignUp => "sign_up",
        }
    }

    /// How long it works.
    pub(super) fn life(self) -> TimeDelta {
        match self {
            Purpose::PasswordReset => TimeDelta::minutes(10),
            Purpose::EmailChange | Purpose::SignUp => TimeDelta::hours(1),
            Purpose::FirstPassword | Purpose::Invitation => TimeDelta::days(7),
        }
    }
}

/// A link to be made.
pub(super) struct NewLink<'a> {
    pub purpose: Purpose,
    pub user: Option<UserId>,
    /// What an invited person will be, and where.
    pub place: Option<(CustomerId, MemberRole)>,
    pub address: &'a str,
    pub created_by: Option<UserId>,
}

/// A link that works.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub id: LinkId,
    pub user: Option<UserId>,
    pub place: Option<(CustomerId, MemberRole)>,
    pub address: String,
    /// Who invited.
    pub created_by: Option<UserId>,
}

/// Makes one; the token is in this answer and nowhere else.
pub(super) async fn issue(tx: &mut Tx, link: NewLink<'_>, now: DateTime<Utc>) -> Result<(LinkId, String)> {
    let token = hex::encode(secrets::random_bytes::<32>());
    let hash = secrets::sha256(token.as_bytes());
    let id = store::insert(tx, &hash, &link, now, now + link.purpose.life()).await?;
    Ok((id, token))
}

/// The link of this token, if it works and is for one of these.
///
/// # Errors
/// `Validation` for the field `token`: unknown, used and expired are the same.
pub(super) async fn find(tx: &mut Tx, purposes: &[Purpose], token: &str, now: DateTime<Utc>) -> Result<Link> {
    let hash = secrets::sha256(token.trim().as_bytes());
    store::find(tx, purposes, &hash, now).await?.ok_or_else(spent)
}

/// Uses up every link that opens a person's account or is about to move it to another address. Whoever changes their
/// password because somebody else knew it must be rid of that somebody: a link that waits in a mailbox would outlive it.
pub(super) async fn retire_ways_in(tx: &mut Tx, user: UserId, now: DateTime<Utc>) -> Result<()> {
    store::retire_of_user(tx, Purpose::PasswordReset, user, now).await?;
    store::retire_of_user(tx, Purpose::FirstPassword, user, now).await?;
    store::retire_of_user(tx, Purpose::EmailChange, user, now).await
}

/// What everybody hears whose link does not work.
pub(super) fn spent() -> Error {
    Error::field("token", "field-link-spent")
}

/// An invitation into a customer that is disabled for now.
pub(super) fn paused() -> Error {
    Error::new(ErrorCode::WrongState).with_key("error-invitation-paused")
}

/// Where a mail's button leads.
pub(super) fn address(platform: &Platform, path: &str, token: &str) -> String {
    format!("{}{path}?token={token}", platform.settings().public_url)
}
