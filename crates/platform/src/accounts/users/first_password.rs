//! The mail to somebody whose account staff made: a link to their first password, with who made it and for whom.

use contract::UserId;
use contract::mail::RESET_PATH;

use super::super::links::{self, NewLink, Purpose};
use crate::accounts::contacts;
use crate::db::Tx;
use crate::mail::{self, NewMail};
use crate::notifications;
use crate::{OpContext, Platform, Result, settings};

/// In a transaction of the system's, because links are; nothing where no mail goes out. `customers`: what they are in by it.
pub(in crate::accounts) async fn send_in_tx(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    (user, name, address): (UserId, &str, &str),
    customers: &[String],
) -> Result<()> {
    settings::refresh_in_tx(platform, tx).await?;
    if !settings::sends_mail(platform) {
        return Ok(());
    }
    let created_by = ctx.user().map(|user| user.id);
    let link = NewLink { purpose: Purpose::FirstPassword, user: Some(user), place: None, address, created_by };
    let (_, token) = links::issue(tx, link, ctx.now()).await?;
    // Theirs is not known yet; that of whoever makes the account says nothing of it.
    let language = settings::usual_language(platform);
    let colleague = contacts(tx, &[user]).await?.first().is_some_and(|contact| contact.staff);
    let by = notifications::by_in_words(ctx, language, colleague);
    let places = if customers.is_empty() { "none".to_owned() } else { customers.join(", ") };
    let letter = NewMail {
        kind: "first-password",
        user: Some(user),
        address: address.to_owned(),
        language,
        args: vec![("name", name.to_owned()), ("by", by), ("customers", places)],
        link: Some(links::address(platform, RESET_PATH, &token)),
        at: ctx.now(),
        idempotency_key: None,
    };
    mail::enqueue_in_tx(platform, tx, letter).await.map(|_| ())
}
