//! People: signing in and out, who one is, one's own preferences, and what one proves oneself with.
//!
//! Invariants: a password or token is stored only as a hash; an unknown name and a wrong password answer alike and take
//! equal time; a session counts only while its row is open, its user active and `token_version` unchanged, so disabling,
//! a new password or a new role ends it at once; look-ups before anybody is signed in run as
//! [`SystemActor::Authenticator`].

mod api_tokens;
mod asking;
mod attempts;
mod avatars;
mod bootstrap;
mod captcha;
mod challenge;
mod contacts;
mod email_change;
pub(crate) mod fuzzing;
pub mod identity;
mod invitations;
mod joining;
mod kept_forms;
mod leaving;
mod leftovers;
mod links;
mod list_columns;
mod password;
mod password_reset;
mod second_factor;
pub mod session_records;
mod sessions;
mod shown_once;
mod sign_in;
mod sign_up;
mod ssh_keys;
mod ssh_sessions;
mod store;
mod switching;
mod tokens;
pub mod users;

use chrono::{DateTime, TimeDelta, Utc};
pub use contract::accounts::Preferences;
use contract::accounts::{MemberRole, MembershipView, Profile, ProfileUpdate};
use contract::{CustomerId, ErrorCode, Permission, SessionId, UserId};

pub use api_tokens::{create_api_token, grantable_scopes, list_api_tokens, revoke_api_token, revoke_api_tokens};
pub(crate) use attempts::AttemptsSeen;
pub use attempts::may_be_challenged;
pub(crate) use avatars::avatar_tag_in_tx;
pub use avatars::{avatar, may_set_avatar, remove_avatar, set_avatar};
pub use bootstrap::{
    FirstAdmin, NewPassword, add_member, any_admin, create_customer, ensure_first_admin, reset_password,
    reset_second_factor,
};
pub(crate) use bootstrap::{NewPerson, add_membership_in_tx, add_person_in_tx};
pub use captcha::{Captchas, new_captcha};
pub use challenge::{answer_challenge, is_challenged, open_challenge};
pub(crate) use contacts::{Contact, contacts, holders, names, names_of_members};
pub use email_change::{Moving, confirm_email_change, moving, request_email_change};
pub(crate) use invitations::withdraw_lost_in_tx as withdraw_lost_invitations_in_tx;
pub use invitations::{
    Invited, accept_invitation, invitations, invitations_page, invite, invited, revoke_invitation,
    withdraw_lost as withdraw_lost_invitations,
};
pub(crate) use joining::{ACCOUNT_PAGE, add_known_in_tx};
pub use joining::{WayIn, join};
pub use kept_forms::{MAX_KEPT_FORM, keep_form, kept_form};
pub use leaving::{leave, may_leave};
pub(crate) use list_columns::columns_in_tx;
pub use list_columns::{choose_columns, columns_of};
pub use password::{PasswordRule, change_password, hash_password, password_rule};
pub(crate) use password_reset::send_password_reset;
pub use password_reset::{captchas_of_reset, confirm_password_reset, request_password_reset, resetting};
pub use second_factor::{
    confirm_totp, disable_totp, enroll_totp, pending_totp, renew_recovery_codes, security, totp_required,
};
pub use sessions::{end_other_sessions, end_session, list_sessions};
pub use shown_once::{ShownOnce, keep_for_page, take_for_page};
pub use sign_in::{CodeNeeded, SignInStep, SignedIn, begin_sign_in, captchas_of_sign_in, sign_in};
pub(crate) use sign_up::send_sign_up;
pub use sign_up::{captchas_of_sign_up, request_sign_up, sign_up, sign_up_is_open, signing_up};
pub(crate) use ssh_keys::public_keys_in_tx;
pub use ssh_keys::{add_ssh_key, list_ssh_keys, remove_ssh_key, remove_ssh_keys};
pub use ssh_sessions::{
    SshProof, begin_ssh_session, leave_ssh_session, renew_ssh_session, sign_in_by_ssh_key, ssh_context, ssh_key_counts,
};
pub(crate) use ssh_sessions::{end_ssh_session_in_tx, tell_ended};
pub(crate) use switching::choices_in_tx;
pub use switching::switch_customer;
pub use tokens::{ACCESS_TOKEN_SECONDS, REFRESH_TOKEN_DAYS, issue_access_token, principal_of_bearer, refresh};

use crate::authz::{AccountRef, UpdateAccount, ViewAccount};
use crate::fields::Wrong;
use crate::rechecks::Wanted;
use crate::{Error, OpContext, Platform, Principal, Result, SystemActor, UserPrincipal, audit, roles, settings};

/// How long the link works that a job of this kind sends; nothing where it sends none.
pub(crate) fn link_life(kind: &str) -> Option<TimeDelta> {
    match kind {
        "password-reset" => Some(links::Purpose::PasswordReset.life()),
        "sign-up" => Some(links::Purpose::SignUp.life()),
        _ => None,
    }
}

/// Told inside this process the moment sessions end, so that open sockets close at once; other processes find out by
/// asking [`SessionWatch::still_valid`] every second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnding {
    /// One session.
    Session(SessionId),
    /// Every session of a user.
    User(UserId),
    /// Every session of a user but one.
    Others { user: UserId, but: SessionId },
}

impl SessionEnding {
    /// True when it concerns this principal.
    pub fn concerns(self, user: &UserPrincipal) -> bool {
        match self {
            SessionEnding::Session(session) => session == user.session,
            SessionEnding::User(id) => id == user.id,
            SessionEnding::Others { user: id, but } => id == user.id && but != user.session,
        }
    }
}

/// Session endings of this process from now on.
pub fn session_endings(platform: &Platform) -> tokio::sync::broadcast::Receiver<SessionEnding> {
    platform.endings().subscribe()
}

/// The principal behind a session secret (its SHA-256); `Anonymous` when nobody is signed in with it any more.
pub async fn principal_of_session(platform: &Platform, ctx: &OpContext, secret_hash: &[u8; 32]) -> Result<Principal> {
    let found = find_session(platform, ctx, store::SessionKey::Secret(secret_hash)).await?;
    Ok(found.map_or(Principal::Anonymous, |user| Principal::User(Box::new(user))))
}

/// Who a browser's session is of now, for what it opened at another origin; none when it is over. That it is asked for is no use
/// of it.
pub(crate) async fn person_of_session(
    platform: &Platform,
    ctx: &OpContext,
    session: SessionId,
) -> Result<Option<UserPrincipal>> {
    let system = ctx.as_system(SystemActor::Authenticator);
    let rules = session_rules(platform, ctx).await;
    let mut tx = platform.db().begin(&system).await?;
    let found = match store::secret_of(&mut tx, session).await? {
        Some(hash) => store::find_session(&mut tx, store::SessionKey::Watched(&hash), ctx.now(), &rules).await?,
        None => None,
    };
    tx.commit().await?;
    Ok(found)
}

/// What a session gives, as far as open connections depend on it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    token_version: i64,
    platform_admin: bool,
    operator: bool,
    permissions: Vec<Permission>,
    must_enroll: bool,
    active: Option<(CustomerId, MemberRole)>,
}

impl Standing {
    fn of(user: &UserPrincipal) -> Self {
        Self {
            token_version: user.token_version,
            platform_admin: user.platform_admin,
            operator: user.operator,
            permissions: user.permissions.clone(),
            must_enroll: user.must_enroll,
            active: user.active_customer.zip(user.active_role()),
        }
    }
}

/// An open connection's interest in its session; see [`watch_session`].
pub struct SessionWatch {
    platform: Platform,
    standing: Standing,
    wanted: Wanted<SessionId, Standing>,
}

/// Follows the session of `user` for as long as the watch is kept; all watches of a server share one query.
pub fn watch_session(platform: &Platform, user: &UserPrincipal) -> SessionWatch {
    let wanted = platform.sessions().want(user.session);
    SessionWatch { platform: platform.clone(), standing: Standing::of(user), wanted }
}

impl SessionWatch {
    /// True while the session, the person and their roles are as they were when the watch began; at most two seconds old.
    pub async fn still_valid(&self) -> Result<bool> {
        let now = self
            .wanted
            .ask(async |sessions| {
                let ctx = self.platform.system(SystemActor::Authenticator);
                let rules = session_rules(&self.platform, &ctx).await;
                let mut tx = self.platform.db().begin(&ctx).await?;
                let found = store::standings(&mut tx, &sessions, ctx.now(), &rules).await?;
                tx.commit().await?;
                Ok(found)
            })
            .await?;
        Ok(now.as_ref() == Some(&self.standing))
    }
}

async fn find_session(
    platform: &Platform,
    ctx: &OpContext,
    key: store::SessionKey<'_>,
) -> Result<Option<UserPrincipal>> {
    let system = ctx.as_system(SystemActor::Authenticator);
    let rules = session_rules(platform, ctx).await;
    let mut tx = platform.db().begin(&system).await?;
    let found = store::find_session(&mut tx, key, ctx.now(), &rules).await?;
    tx.commit().await?;
    Ok(found)
}

/// What the settings say about sessions.
struct SessionRules {
    /// Browsers that asked for nothing since then are signed out.
    idle_since: DateTime<Utc>,
    /// Whoever works for the platform and has no second factor sets one up before anything else; also who comes from a
    /// provider, because none is said to ask for one itself.
    totp_for_admins: bool,
    /// From where is asked now.
    from: Option<std::net::IpAddr>,
}

/// Asked for before a transaction begins: it may need one.
async fn session_rules(platform: &Platform, ctx: &OpContext) -> SessionRules {
    let rules = settings::sign_in(platform).await;
    SessionRules {
        idle_since: ctx.now() - rules.session_idle,
        totp_for_admins: rules.totp_for_admins,
        from: ctx.address(),
    }
}

/// Ends the session of this request, and with it every socket opened by it.
pub async fn sign_out(platform: &Platform, ctx: &OpContext) -> Result<()> {
    let user = signed_in(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    let ctx = &ctx.trying_own("accounts:sign-out");
    let granted = ctx.authorize(UpdateAccount, &account(user.id))?;
    store::end_session(&mut tx, &granted, user.session, ctx.now()).await?;
    audit::record_in_tx(&mut tx, ctx, entry("accounts:sign-out", user.id)).await?;
    tx.commit().await?;
    // Nobody listening is fine: there is no socket to close.
    let _ = platform.endings().send(SessionEnding::Session(user.session));
    Ok(())
}

/// Who one is and what one may do.
pub async fn profile(platform: &Platform, ctx: &OpContext) -> Result<Profile> {
    let user = signed_in(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(ViewAccount, &account(user.id))?;
    let row = store::account(&mut tx, granted.id()).await?.ok_or_else(Error::not_found)?;
    let memberships = store::memberships(&mut tx, granted.id(), true).await?;
    let disabled_memberships = store::memberships(&mut tx, granted.id(), false).await?;
    let custom = roles::other_names_in_tx(&mut tx, granted.id()).await?;
    let avatar = store::avatars::tag(&mut tx, granted.id()).await?;
    tx.commit().await?;
    let roles = ctx.all_role_names(custom);
    Ok(Profile {
        id: user.id,
        display_name: row.display_name,
        name: user.name.clone(),
        email: row.email,
        role: roles.first().cloned().unwrap_or_default(),
        roles,
        buttons: Permission::ALL.iter().copied().filter(|p| ctx.holds(*p)).collect(),
        tenant_id: user.active_customer,
        memberships,
        disabled_memberships,
        language: row.language,
        theme: row.theme,
        time_zone: row.time_zone,
        last_login_at: row.last_login_at,
        avatar: avatar.map(|tag| format!("{}?v={tag}", contract::accounts::AVATAR_PATH)),
    })
}

/// Replaces what one may say about oneself.
///
/// # Errors
/// `Validation` naming every wrong field.
pub async fn update_profile(platform: &Platform, ctx: &OpContext, body: ProfileUpdate) -> Result<Profile> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own("accounts:update-profile");
    let granted = ctx.authorize(UpdateAccount, &account(user.id))?;
    let mut wrong = Wrong::new();
    let name = wrong.display_name("displayName", body.display_name);
    let zone = body.time_zone.filter(|zone| !zone.is_empty());
    if zone.as_deref().is_some_and(|zone| !is_time_zone_name(zone)) {
        wrong.add("timeZone", "field-time-zone-unknown");
    }
    wrong.into_result()?;
    let mut tx = platform.db().begin(ctx).await?;
    let was = store::account(&mut tx, granted.id()).await?.ok_or_else(Error::not_found)?;
    store::set_profile(&mut tx, &granted, name.as_deref(), body.language, zone.as_deref()).await?;
    let facts = |name: Option<&str>, language, zone: Option<&str>| {
        Some(serde_json::json!({ "displayName": name, "language": language, "timeZone": zone }))
    };
    let was_called = Some(was.display_name.as_str()).filter(|called| !called.is_empty());
    let entry = audit::Entry {
        before: facts(was_called, was.language, was.time_zone.as_deref()),
        after: facts(name.as_deref(), body.language, zone.as_deref()),
        ..entry("accounts:update-profile", user.id)
    };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    profile(platform, ctx).await
}

/// Changes how the product looks to this person; what is not said stays.
///
/// # Errors
/// `Validation` for a time zone there is not.
pub async fn update_preferences(platform: &Platform, ctx: &OpContext, change: Preferences) -> Result<()> {
    let user = signed_in(ctx)?;
    if let Some(zone) = change.time_zone.as_deref().filter(|z| !z.is_empty())
        && !is_time_zone_name(zone)
    {
        return Err(Error::field("timeZone", "field-time-zone-unknown"));
    }
    let mut tx = platform.db().begin(ctx).await?;
    let ctx = &ctx.trying_own("accounts:update-preferences");
    let granted = ctx.authorize(UpdateAccount, &account(user.id))?;
    if change == Preferences::default() {
        return Ok(());
    }
    let was = store::account(&mut tx, granted.id()).await?.ok_or_else(Error::not_found)?;
    store::set_preferences(&mut tx, &granted, &change).await?;
    let (mut before, mut after) = (serde_json::Map::new(), serde_json::Map::new());
    let mut said = |name: &str, was: serde_json::Value, is: serde_json::Value| {
        if !is.is_null() {
            before.insert(name.to_owned(), was);
            after.insert(name.to_owned(), is);
        }
    };
    said("language", serde_json::json!(was.language), serde_json::json!(change.language));
    said("theme", serde_json::json!(was.theme), serde_json::json!(change.theme));
    said("timeZone", serde_json::json!(was.time_zone), serde_json::json!(change.time_zone));
    let (before, after) = (Some(before.into()), Some(after.into()));
    let entry = audit::Entry { before, after, ..entry("accounts:update-preferences", user.id) };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    Ok(())
}

/// The customers one belongs to, for the switcher.
pub async fn memberships(platform: &Platform, ctx: &OpContext) -> Result<Vec<MembershipView>> {
    let user = signed_in(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(ViewAccount, &account(user.id))?;
    let list = store::memberships(&mut tx, granted.id(), true).await?;
    tx.commit().await?;
    Ok(list)
}

fn is_time_zone_name(zone: &str) -> bool {
    zone.parse::<chrono_tz::Tz>().is_ok()
}

fn signed_in(ctx: &OpContext) -> Result<&UserPrincipal> {
    ctx.user().ok_or_else(|| Error::new(ErrorCode::Unauthenticated))
}

fn account(id: UserId) -> AccountRef {
    AccountRef { id, customer: None, owner: Some(id), machine: None }
}

fn entry(action: &'static str, user: UserId) -> audit::Entry {
    audit::Entry {
        action,
        target_kind: "user",
        target_id: Some(user.to_string()),
        customer: None,
        before: None,
        after: None,
    }
}
