//! One's own sessions: where one is signed in, and ending what should not be.

use contract::accounts::{SessionView, SessionsEnded};
use contract::{Page, PageQuery, SessionId};

use super::{SessionEnding, account, entry, session_rules, signed_in, store};
use crate::authz::{SecureAccount, ViewAccount};
use crate::{Error, OpContext, Platform, Result, SystemActor, audit};

/// The sessions of the account that count, last used first.
///
/// # Errors
/// `Validation` for a page or a size that no list has.
pub async fn list_sessions(platform: &Platform, ctx: &OpContext, query: &PageQuery) -> Result<Page<SessionView>> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(ViewAccount, &account(user.id))?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let idle_since = session_rules(platform, ctx).await.idle_since;
    // Services are the staff's to read; by which one came in is one's own.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let when = (ctx.now(), idle_since);
    let (mut list, total) = store::sessions::list(&mut tx, granted.id(), when, (page, page_size)).await?;
    tx.commit().await?;
    for session in &mut list {
        session.current = session.id == user.session;
        session.agent = session.agent.take().and_then(|agent| in_short(&agent));
    }
    Ok(Page { list, total, page, page_size })
}

/// Ends one session, with every token and socket of it.
///
/// # Errors
/// `NotFound` for one that is not one's own or has ended.
pub async fn end_session(platform: &Platform, ctx: &OpContext, id: SessionId) -> Result<()> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own("accounts:end-session");
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let ended = store::sessions::end_one(&mut tx, &granted, id, ctx.now()).await?.ok_or_else(Error::not_found)?;
    let target = entry("accounts:end-session", user.id);
    let before = Some(serde_json::json!({ "kind": ended.kind, "name": ended.name }));
    let entry = audit::Entry { target_kind: "session", target_id: Some(id.to_string()), before, ..target };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    // Nobody listening is fine: there is no socket to close.
    let _ = platform.endings().send(SessionEnding::Session(id));
    Ok(())
}

/// Ends every session of the account but the caller's, API tokens too.
pub async fn end_other_sessions(platform: &Platform, ctx: &OpContext) -> Result<SessionsEnded> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own("accounts:end-other-sessions");
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let ended = store::sessions::end_others(&mut tx, &granted, user.session, ctx.now()).await?;
    let after = Some(serde_json::json!({ "ended": ended }));
    let entry = audit::Entry { after, ..entry("accounts:end-other-sessions", user.id) };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    let _ = platform.endings().send(SessionEnding::Others { user: user.id, but: user.session });
    Ok(SessionsEnded { ended })
}

/// Longest word that is shown of a program we do not know.
const MAX_PROGRAM_CHARS: usize = 40;

/// Program and system of a user agent, as people know them: `Firefox · Linux`. Only a hint: clients write what they like.
pub(super) fn in_short(agent: &str) -> Option<String> {
    // Order matters: most browsers also name the ones they are compatible with.
    const PROGRAMS: [(&str, &str); 6] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("iPhone", "iOS"),
        ("iPad", "iOS"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let find = |words: &[(&str, &str)]| {
        words.iter().find(|(part, _)| agent.contains(part)).map(|(_, word)| (*word).to_owned())
    };
    let first = || {
        let word: String = agent.split(['/', ' ']).next()?.chars().filter(|c| !c.is_control()).collect();
        let word: String = word.chars().take(MAX_PROGRAM_CHARS).collect();
        (!word.is_empty()).then_some(word)
    };
    let parts: Vec<String> = [find(&PROGRAMS).or_else(first), find(&SYSTEMS)].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

#[cfg(test)]
mod tests {
    use super::in_short;

    #[test]
    fn agents_in_short() {
        let cases = [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", Some("Firefox · Linux")),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 \
                 Safari/537.36 Edg/150.0",
                Some("Edge · Windows"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19.0 Safari/604.1",
                Some("Safari · iOS"),
            ),
            ("curl/8.5.0", Some("curl")),
            ("", None),
        ];
        for (agent, short) in cases {
            assert_eq!(in_short(agent).as_deref(), short, "{agent}");
        }
        assert_eq!(in_short(&"x".repeat(500)).map(|short| short.len()), Some(40));
    }
}
