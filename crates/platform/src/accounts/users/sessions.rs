//! Where somebody is signed in, for staff: a lost laptop or a token that got out is ended without a new password.
//!
//! Invariants: nobody ends the sessions of somebody who may more than they do; nobody ends their own here, because an API
//! token may not reach its owner's sessions; what ends takes its tokens and sockets with it at once.

use contract::accounts::{SessionView, SessionsEnded};
use contract::{Page, PageQuery, SessionId, UserId};

use super::{end_sessions_in_tx, entry, lock_in_tx, may_be_signed_out};
use crate::accounts::sessions::in_short;
use crate::accounts::store::sessions as store;
use crate::accounts::{SessionEnding, session_rules};
use crate::authz::{UpdateUser, UserRef, ViewUser};
use crate::{Error, OpContext, Platform, Result, audit};

/// The sessions and API tokens of somebody that count, last used first.
///
/// # Errors
/// `Validation` for a page or a size that no list has.
pub async fn sessions(
    platform: &Platform,
    ctx: &OpContext,
    id: UserId,
    query: &PageQuery,
) -> Result<Page<SessionView>> {
    let granted = ctx.authorize(ViewUser, &UserRef::of_platform(id))?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let idle_since = session_rules(platform, ctx).await.idle_since;
    let mut tx = platform.db().begin(ctx).await?;
    super::exists_in_tx(&mut tx, granted.id()).await?;
    let when = (ctx.now(), idle_since);
    let (mut list, total) = store::list(&mut tx, granted.id(), when, (page, page_size)).await?;
    tx.commit().await?;
    for session in &mut list {
        session.current = ctx.user().is_some_and(|user| user.session == session.id);
        session.agent = session.agent.take().and_then(|agent| in_short(&agent));
    }
    Ok(Page { list, total, page, page_size })
}

/// Ends one of them, with every token and socket of it.
///
/// # Errors
/// `NotFound` for one that is not that person's or has ended; `WrongState` for one's own; `Forbidden` when the person may
/// what the caller does not hold.
pub async fn end_session(platform: &Platform, ctx: &OpContext, id: UserId, session: SessionId) -> Result<()> {
    let ctx = &ctx.trying(entry("users:end-session", id));
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(UpdateUser, &UserRef::of_platform(id))?;
    lock_in_tx(&mut tx, id).await?;
    may_be_signed_out(&mut tx, ctx, id).await?;
    let ended = store::end_one_of(&mut tx, &granted, session, ctx.now()).await?.ok_or_else(Error::not_found)?;
    let before = Some(serde_json::json!({ "session": session, "kind": ended.kind, "name": ended.name }));
    audit::record_of_person_in_tx(&mut tx, ctx, id, audit::Entry { before, ..entry("users:end-session", id) }).await?;
    tx.commit().await?;
    // Nobody listening is fine: there is no socket to close.
    let _ = platform.endings().send(SessionEnding::Session(session));
    Ok(())
}

/// Ends all of them, and sign-ins that wait for a code.
///
/// # Errors
/// `WrongState` for one's own; `Forbidden` when the person may what the caller does not hold.
pub async fn end_sessions(platform: &Platform, ctx: &OpContext, id: UserId) -> Result<SessionsEnded> {
    let ctx = &ctx.trying(entry("users:end-sessions", id));
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(UpdateUser, &UserRef::of_platform(id))?;
    lock_in_tx(&mut tx, id).await?;
    may_be_signed_out(&mut tx, ctx, id).await?;
    let ended = store::end_all_of(&mut tx, &granted, ctx.now()).await?;
    end_sessions_in_tx(&mut tx, id).await?;
    let after = Some(serde_json::json!({ "ended": ended }));
    audit::record_of_person_in_tx(&mut tx, ctx, id, audit::Entry { after, ..entry("users:end-sessions", id) }).await?;
    tx.commit().await?;
    let _ = platform.endings().send(SessionEnding::User(id));
    Ok(SessionsEnded { ended })
}
