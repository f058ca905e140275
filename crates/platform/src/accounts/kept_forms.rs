//! What was typed into a form that was refused and is too long for an address.
//!
//! It lies sealed with the installation's key for one session and one page, so that every server can show it again, as
//! often as the page is asked for within an hour. Of a session there are the newest [`MOST`].

use chrono::TimeDelta;
use contract::ErrorCode;

use super::{account, signed_in, store};
use crate::authz::UpdateAccount;
use crate::{Error, OpContext, Platform, Result};

/// Longest text that is kept, in bytes: twice the longest body of a form, which JSON may spell longer.
pub const MAX_KEPT_FORM: usize = (2 << 20) - 1024;
const MINUTES: i64 = 60;
const MOST: i64 = 8;

/// Where it belongs: nobody else's session and no other page opens it.
fn sealed_for(session: contract::SessionId, path: &str) -> String {
    format!("kept_forms.content:{session}:{path}")
}

/// Keeps a text for the page at `path`; the number it is asked for with.
///
/// # Errors
/// `TooLarge` beyond [`MAX_KEPT_FORM`]; who is not signed in keeps nothing.
pub async fn keep_form(platform: &Platform, ctx: &OpContext, path: &str, text: &str) -> Result<i64> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(UpdateAccount, &account(user.id))?;
    if text.len() > MAX_KEPT_FORM {
        return Err(Error::new(ErrorCode::TooLarge));
    }
    let sealed = platform.keyring().seal(&sealed_for(user.session, path), text.as_bytes());
    let mut tx = platform.db().begin(ctx).await?;
    let until = ctx.now() + TimeDelta::minutes(MINUTES);
    let id = store::sessions::keep_form(&mut tx, &granted, user.session, &sealed, until).await?;
    store::sessions::forget_older_forms(&mut tx, &granted, user.session, MOST).await?;
    tx.commit().await?;
    Ok(id)
}

/// What was kept for the page at `path` under this number; nothing of another session or page, and nothing after an hour.
pub async fn kept_form(platform: &Platform, ctx: &OpContext, path: &str, id: i64) -> Result<Option<String>> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(UpdateAccount, &account(user.id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let sealed = store::sessions::kept_form(&mut tx, &granted, user.session, id, ctx.now()).await?;
    tx.commit().await?;
    let opened = sealed.and_then(|sealed| platform.keyring().open(&sealed_for(user.session, path), &sealed).ok());
    opened.map(|text| String::from_utf8(text).map_err(Error::internal)).transpose()
}
