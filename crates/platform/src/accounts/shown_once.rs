//! What a page shows exactly once: a form's answer is a redirect, and a secret belongs in no address.
//!
//! Sealed with the installation's key, forgotten when it is read or after five minutes; an API token never gets it.

use chrono::TimeDelta;

use super::{account, signed_in, store};
use crate::authz::SecureAccount;
use crate::{Error, OpContext, Platform, Result};

const MINUTES: i64 = 5;

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownOnce {
    ApiToken,
    /// The command with which a machine joins.
    InstallCommand,
    /// Somebody else's, with their user name before it.
    NewPassword,
    RecoveryCodes,
    /// Fields of a refused form whose text may be secret.
    Typed,
    WebhookSecret,
}

impl ShownOnce {
    /// Word in the database.
    fn code(self) -> &'static str {
        match self {
            ShownOnce::ApiToken => "api_token",
            ShownOnce::InstallCommand => "install_command",
            ShownOnce::NewPassword => "new_password",
            ShownOnce::RecoveryCodes => "recovery_codes",
            ShownOnce::Typed => "typed",
            ShownOnce::WebhookSecret => "webhook_secret",
        }
    }

    /// Where the sealed text belongs.
    fn sealed_for(self, user: contract::UserId) -> String {
        format!("shown_once.content:{user}:{}", self.code())
    }
}

/// Keeps a text for the page that comes next; a further one of its kind takes its place.
pub async fn keep_for_page(platform: &Platform, ctx: &OpContext, what: ShownOnce, text: &str) -> Result<()> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let sealed = platform.keyring().seal(&what.sealed_for(user.id), text.as_bytes());
    let mut tx = platform.db().begin(ctx).await?;
    let until = ctx.now() + TimeDelta::minutes(MINUTES);
    store::sessions::keep_for_page(&mut tx, &granted, what.code(), &sealed, until).await?;
    tx.commit().await?;
    Ok(())
}

/// Gives the text and forgets it.
pub async fn take_for_page(platform: &Platform, ctx: &OpContext, what: ShownOnce) -> Result<Option<String>> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let sealed = store::sessions::take_for_page(&mut tx, &granted, what.code(), ctx.now()).await?;
    tx.commit().await?;
    let Some(sealed) = sealed else { return Ok(None) };
    let text = platform.keyring().open(&what.sealed_for(user.id), &sealed)?;
    String::from_utf8(text).map(Some).map_err(Error::internal)
}
