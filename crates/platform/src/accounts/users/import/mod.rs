//! People as a workbook has them: what `imports` has to know of them.
//!
//! Invariants: what somebody is lent in a row is judged by the rights of who stages it and again by those of who confirms
//! it; roles and places in customers are added, never taken away; of a typed password only the hash is kept.

mod columns;
mod evaluate;
pub(crate) mod fuzzing;
mod passwords;
mod places;
mod write;

use std::collections::{BTreeMap, HashMap};

use contract::accounts::MemberRole;
use contract::imports::PlaceChange;
use contract::{CustomerId, RoleId, UserId};
use serde::{Deserialize, Serialize};

pub(crate) use columns::{COLUMNS, compared};
pub use places::roles_kept;

use super::super::bootstrap::new_password;
use super::super::{PasswordRule, SessionEnding, password, password_rule};
use crate::roles::Assignable;
use crate::{Error, OpContext, Platform, Result, mail};

/// What a row writes when its import is confirmed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Written {
    /// The account it changes.
    user: Option<UserId>,
    username: String,
    display_name: Option<String>,
    email: Option<String>,
    /// Those that are added.
    roles: Vec<RoleId>,
    /// Places in customers that are added, or become more.
    places: Vec<(CustomerId, MemberRole)>,
    /// The same in words, for who looks at the preview. Rows that the version before staged have none.
    #[serde(default, rename = "become")]
    becomes: Vec<PlaceChange>,
    /// Whether a link to a first password goes to their address.
    invited: bool,
}

/// What a staged row would store of somebody, by column; roles and places are said as the cells name them.
pub(crate) fn stored(written: serde_json::Value) -> Result<BTreeMap<String, String>> {
    let written: Written = serde_json::from_value(written).map_err(Error::internal)?;
    let texts = [("username", Some(written.username)), ("displayName", written.display_name), ("email", written.email)];
    Ok(texts.into_iter().filter_map(|(column, text)| Some((column.to_owned(), text?))).collect())
}

/// What a staged change writes, without the details that it leaves as they are.
pub(crate) fn effect(mut written: serde_json::Value, changes: &[String]) -> serde_json::Value {
    if let Some(fields) = written.as_object_mut() {
        let kept = [("displayName", "display_name"), ("email", "email")];
        for (_, field) in kept.into_iter().filter(|(column, _)| !changes.iter().any(|change| change == column)) {
            fields.remove(field);
        }
    }
    written
}

/// Judges and writes the rows of one workbook, for somebody.
pub(crate) struct Evaluation {
    ctx: OpContext,
    rule: PasswordRule,
    mail_on: bool,
    /// Of a password that nobody knows: for who sets their first one by a link.
    nobodys_hash: String,
    /// The roles there are, once they were read.
    roles: Vec<Assignable>,
    /// What was seen in the workbook so far: two rows for one person are a mistake.
    names: HashMap<String, u32>,
    emails: HashMap<String, u32>,
    signed_out: Vec<UserId>,
}

impl Evaluation {
    pub(crate) async fn new(platform: &Platform, ctx: &OpContext) -> Result<Self> {
        Ok(Self {
            ctx: ctx.clone(),
            rule: password_rule(platform).await,
            mail_on: mail::is_on(platform).await,
            nobodys_hash: password::hash(platform, &new_password()).await?,
            roles: Vec::new(),
            names: HashMap::new(),
            emails: HashMap::new(),
            signed_out: Vec::new(),
        })
    }

    /// Whoever got a role is signed out: to be called after the commit.
    pub(crate) fn sign_out(&self, platform: &Platform) {
        for user in &self.signed_out {
            let _ = platform.endings().send(SessionEnding::User(*user));
        }
    }
}
