//! Ways of being told beside mail: people's own webhooks, and the platform's robots in chat groups.
//!
//! Invariants: addresses and secrets are sealed and never read back, of an address only its host is shown; an API token
//! neither makes nor changes a webhook, because that would go on telling after the token is gone; nobody sees another's;
//! a channel whose messages are given up again and again is switched off; a robot says what stands on the staff's pages of customers
//! and machines, so nobody has one told who may not read these.

mod deliver;
pub(crate) mod fuzzing;
mod messages;
mod store;

use chrono::TimeDelta;
use contract::notifications::{
    ChannelCreate, ChannelKind, ChannelUpdate, ChannelView, DeliveryQuery, DeliveryState, DeliveryView, MAX_CHANNELS,
    MAX_WEBHOOKS, NotificationKind, WebhookCreate, WebhookCreated,
};
use contract::{ChannelId, ErrorCode, May, Page, Permission, UserId};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use url::Url;
use uuid::Uuid;

pub(super) use deliver::{enqueue_for_person, enqueue_for_platform, forget_old};
pub(crate) use deliver::{has_failed, send};

use super::{own, readable};
use crate::authz::{Granted, Installation, SecureAccount, UpdateSettings};
use crate::fields::Wrong;
use crate::outbound::{self, Failure, Step};
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, may, settings};

/// Longest secret of a robot, characters.
const MAX_SECRET: usize = 256;
/// Test messages of one owner in a minute: each goes to an address that somebody typed.
const TESTS_A_MINUTE: u64 = 10;

/// Whose channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The caller's own webhooks.
    Own,
    /// The platform's, for staff.
    Platform,
}

/// The right to change them.
enum Right {
    Own(Granted<SecureAccount>),
    Platform { _granted: Granted<UpdateSettings> },
}

impl Right {
    fn of(ctx: &OpContext, whose: Whose) -> Result<Self> {
        match whose {
            Whose::Own => ctx.authorize(SecureAccount, &own(ctx)?).map(Right::Own),
            Whose::Platform => {
                ctx.authorize(UpdateSettings, &Installation).map(|granted| Right::Platform { _granted: granted })
            }
        }
    }

    fn user(&self) -> Option<UserId> {
        match self {
            Right::Own(granted) => Some(granted.id()),
            Right::Platform { .. } => None,
        }
    }
}

/// What a robot's messages tell of: by name, and all of them.
const HEARD: [Permission; 2] = [Permission::CustomersView, Permission::MachinesView];

/// Whether the caller may have a channel told what happens: with the right to change settings, the messages would go wherever
/// they say.
fn must_hear(ctx: &OpContext, whose: Whose) -> Result<()> {
    match whose {
        Whose::Own => Ok(()),
        Whose::Platform => ctx.must_cover(HEARD).map_err(|error| error.with_key("error-channel-hears")),
    }
}

/// Whether the caller can add a channel, or change where it goes and what it is told.
///
/// # Errors
/// None of its own.
pub fn may_hear(ctx: &OpContext, whose: Whose) -> Result<May> {
    may(ctx, Right::of(ctx, whose).is_ok(), must_hear(ctx, whose))
}

/// Whose they are for who may look at them.
fn looked_at(ctx: &OpContext, whose: Whose) -> Result<Option<UserId>> {
    match whose {
        Whose::Own => readable(ctx).map(|granted| Some(granted.id())),
        Whose::Platform => ctx.authorize_list::<Installation>(Permission::SettingsView).map(|_| None),
    }
}

/// All of them.
pub async fn list_channels(platform: &Platform, ctx: &OpContext, whose: Whose) -> Result<Vec<ChannelView>> {
    let user = looked_at(ctx, whose)?;
    let mut tx = platform.db().begin(ctx).await?;
    let list = store::list(&mut tx, user).await?;
    tx.commit().await?;
    Ok(list)
}

/// Adds a webhook to one's own.
///
/// # Errors
/// `Validation` for what is no address or secret, or not encrypted outside of private networks; `QuotaExceeded` when one
/// has five.
pub async fn add_webhook(platform: &Platform, ctx: &OpContext, body: WebhookCreate) -> Result<WebhookCreated> {
    let ctx = &ctx.trying_new("notifications:add-channel", "channel");
    let right = Right::of(ctx, Whose::Own)?;
    let secret = body.secret.filter(|secret| !secret.is_empty()).unwrap_or_else(messages::new_secret);
    let wish = Wish {
        kind: ChannelKind::Webhook,
        name: body.name,
        url: body.url,
        secret: Some(secret.clone()),
        kinds: Vec::new(),
    };
    let webhook = add(platform, ctx, &right, wish).await?;
    Ok(WebhookCreated { webhook, secret })
}

/// Adds a robot to the platform's.
///
/// # Errors
/// `Validation` for what is no address, secret or kind; `QuotaExceeded` when there are twenty; `Forbidden` for who may not see
/// customers and machines.
pub async fn add_channel(platform: &Platform, ctx: &OpContext, body: ChannelCreate) -> Result<ChannelView> {
    let ctx = &ctx.trying_new("notifications:add-channel", "channel");
    let right = Right::of(ctx, Whose::Platform)?;
    must_hear(ctx, Whose::Platform)?;
    if body.kind == ChannelKind::Webhook {
        return Err(Error::field("kind", "field-unknown-value"));
    }
    let secret = body.secret.map(|secret| secret.trim().to_owned()).filter(|secret| !secret.is_empty());
    let kinds = body.kinds.unwrap_or_else(|| NotificationKind::OF_PLATFORM.into());
    add(platform, ctx, &right, Wish { kind: body.kind, name: body.name, url: body.url, secret, kinds }).await
}

struct Wish {
    kind: ChannelKind,
    name: String,
    url: String,
    secret: Option<String>,
    kinds: Vec<NotificationKind>,
}

async fn add(platform: &Platform, ctx: &OpContext, right: &Right, wish: Wish) -> Result<ChannelView> {
    let mut wrong = Wrong::new();
    let name = wrong.name("name", &wish.name);
    let url = check_url(platform, &mut wrong, &wish.url).await;
    check_secret(&mut wrong, wish.kind, wish.secret.as_deref());
    check_kinds(&mut wrong, wish.kind, &wish.kinds);
    wrong.into_result()?;
    let url = url.ok_or_else(|| Error::internal("an address without fault"))?;
    let token = Uuid::new_v4();
    let sealed_url = seal(platform, token, "sealed_url", url.as_str());
    let sealed_secret = wish.secret.as_deref().map(|secret| seal(platform, token, "sealed_secret", secret));
    let kept = store::Kept {
        token,
        kind: wish.kind,
        name: &name,
        host: url.host_str().unwrap_or_default(),
        sealed_url: &sealed_url,
        sealed_secret: sealed_secret.as_deref(),
        kinds: &wish.kinds,
        enabled: true,
    };
    let mut tx = platform.db().begin(ctx).await?;
    store::lock(&mut tx, right).await?;
    let most = if right.user().is_some() { MAX_WEBHOOKS } else { MAX_CHANNELS };
    if store::list(&mut tx, right.user()).await?.len() >= most {
        return Err(Error::new(ErrorCode::QuotaExceeded).with_key("error-too-many-channels").with_arg("max", most));
    }
    let id = store::insert(&mut tx, right, &kept, ctx.now()).await?;
    let added = found(&mut tx, right, id).await?.view;
    audit::record_in_tx(&mut tx, ctx, entry("notifications:add-channel", None, Some(&added))).await?;
    tx.commit().await?;
    Ok(added)
}

/// Changes one; what is absent stays. It begins anew to count what it could not deliver.
///
/// # Errors
/// `NotFound` for another's; `Validation` as when it is added, and `Forbidden` where its address or what it is told changes, or it
/// is switched on.
pub async fn update_channel(
    platform: &Platform,
    ctx: &OpContext,
    whose: Whose,
    id: ChannelId,
    body: ChannelUpdate,
) -> Result<ChannelView> {
    let ctx = &ctx.trying_on("notifications:update-channel", "channel", id);
    let right = Right::of(ctx, whose)?;
    let mut wrong = Wrong::new();
    let typed = body.url.filter(|url| !url.trim().is_empty());
    if typed.is_some() {
        must_hear(ctx, whose)?;
    }
    // Before the transaction: a name may have to be looked up.
    let url = match typed.as_deref() {
        Some(url) => check_url(platform, &mut wrong, url).await,
        None => None,
    };
    let mut tx = platform.db().begin(ctx).await?;
    let row = found(&mut tx, &right, id).await?;
    let before = &row.view;
    // Who only names it otherwise, or switches it off, has nothing told; a form sends the rest as it is.
    let told = body.kinds.as_ref().is_some_and(|kinds| *kinds != before.kinds);
    if told || body.enabled == Some(true) && !before.enabled {
        must_hear(ctx, whose)?;
    }
    let name = body.name.map_or_else(|| before.name.clone(), |name| wrong.name("name", &name));
    let secret = body.secret.as_deref().map(str::trim);
    if let Some(secret) = secret {
        check_secret(&mut wrong, before.kind, Some(secret).filter(|secret| !secret.is_empty()));
    }
    let kinds = body.kinds.unwrap_or_else(|| before.kinds.clone());
    check_kinds(&mut wrong, before.kind, &kinds);
    wrong.into_result()?;
    let sealed_url = url.as_ref().map(|url| seal(platform, row.token, "sealed_url", url.as_str()));
    let sealed_secret = match secret {
        None => row.sealed_secret.clone(),
        Some("") => None,
        Some(secret) => Some(seal(platform, row.token, "sealed_secret", secret)),
    };
    let kept = store::Kept {
        token: row.token,
        kind: before.kind,
        name: &name,
        host: url.as_ref().and_then(Url::host_str).unwrap_or(&before.host),
        sealed_url: sealed_url.as_ref().unwrap_or(&row.sealed_url),
        sealed_secret: sealed_secret.as_deref(),
        kinds: &kinds,
        enabled: body.enabled.unwrap_or(before.enabled),
    };
    store::update(&mut tx, &right, id, &kept).await?;
    let after = found(&mut tx, &right, id).await?.view;
    let changed = [("url", url.is_some()), ("secret", secret.is_some())];
    let mut entry = entry("notifications:update-channel", Some(before), Some(&after));
    // Of what is sealed only that it was changed.
    let facts = entry.after.as_mut().and_then(serde_json::Value::as_object_mut);
    if let Some(facts) = facts {
        facts.extend(changed.into_iter().filter(|(_, yes)| *yes).map(|(name, _)| (name.to_owned(), json!("changed"))));
    }
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    Ok(after)
}

/// Removes one, with what it still had to deliver.
///
/// # Errors
/// `NotFound` for another's.
pub async fn remove_channel(platform: &Platform, ctx: &OpContext, whose: Whose, id: ChannelId) -> Result<()> {
    let ctx = &ctx.trying_on("notifications:remove-channel", "channel", id);
    let right = Right::of(ctx, whose)?;
    let mut tx = platform.db().begin(ctx).await?;
    let gone = found(&mut tx, &right, id).await?.view;
    store::delete(&mut tx, &right, id).await?;
    audit::record_in_tx(&mut tx, ctx, entry("notifications:remove-channel", Some(&gone), None)).await?;
    tx.commit().await?;
    Ok(())
}

/// Removes all webhooks of somebody, in the transaction of who decided that; how many there were.
pub(crate) async fn delete_all_in_tx(tx: &mut crate::db::Tx, user: UserId) -> Result<u64> {
    store::delete_all(tx, user).await
}

/// Sends a test message now, to find out how far it comes; also over a channel that is switched off.
///
/// # Errors
/// `NotFound` for another's; `RateLimited` after ten of them in a minute.
pub async fn test_channel(
    platform: &Platform,
    ctx: &OpContext,
    whose: Whose,
    id: ChannelId,
) -> Result<std::result::Result<(), Failure>> {
    let ctx = &ctx.trying_on("notifications:test-channel", "channel", id);
    let right = Right::of(ctx, whose)?;
    let token = Uuid::new_v4();
    let mut tx = platform.db().begin(ctx).await?;
    store::lock(&mut tx, &right).await?;
    let row = found(&mut tx, &right, id).await?;
    if store::tests_since(&mut tx, &right, ctx.now() - TimeDelta::minutes(1)).await? >= TESTS_A_MINUTE {
        return Err(Error::new(ErrorCode::RateLimited).with_arg("seconds", 60));
    }
    let new = store::NewDelivery {
        token,
        channel: id,
        user: right.user(),
        kind: deliver::TEST,
        args: json!({}),
        link: None,
        at: ctx.now(),
    };
    let delivery = store::insert_delivery(&mut tx, &new).await?;
    audit::record_in_tx(&mut tx, ctx, entry("notifications:test-channel", None, Some(&row.view))).await?;
    tx.commit().await?;
    let ended = deliver::try_out(platform, ctx, &row, token).await;
    let error = ended.as_ref().err().map(ToString::to_string);
    let state = if ended.is_ok() { DeliveryState::Sent } else { DeliveryState::Failed };
    let mut tx = platform.db().begin(ctx).await?;
    store::settle(&mut tx, delivery, state, error.as_deref(), platform.clock().now()).await?;
    tx.commit().await?;
    Ok(ended)
}

/// What went out or is to go out, newest first.
pub async fn deliveries(
    platform: &Platform,
    ctx: &OpContext,
    whose: Whose,
    query: &DeliveryQuery,
) -> Result<Page<DeliveryView>> {
    let user = looked_at(ctx, whose)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    // The queue is the system's to read; when one's own message is tried again is one's own.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Worker)).await?;
    let (list, total) = store::deliveries(&mut tx, user, query.state, page, page_size).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

async fn found(tx: &mut crate::db::Tx, right: &Right, id: ChannelId) -> Result<store::Row> {
    store::find(tx, right, id).await?.ok_or_else(Error::not_found)
}

/// What a test would say of an address for ever is said before it is stored.
async fn check_url(platform: &Platform, wrong: &mut Wrong, text: &str) -> Option<Url> {
    let url = outbound::read_url(text.trim());
    let named = settings::private_ranges(platform).await;
    let fault = match &url {
        None if text.trim().is_empty() => Some("field-required"),
        None => Some("field-url"),
        Some(url) => match outbound::never_reached(url, &named) {
            Some(Step::Closed) => Some("field-url-closed"),
            Some(_) => Some("field-url-private"),
            None => match outbound::is_kept_private(url).await {
                true => None,
                false => Some("field-url-plain"),
            },
        },
    };
    match fault {
        Some(key) => {
            wrong.add("url", key);
            None
        }
        None => url,
    }
}

fn check_secret(wrong: &mut Wrong, kind: ChannelKind, secret: Option<&str>) {
    let fault = match (kind, secret) {
        (ChannelKind::Webhook, Some(secret)) if messages::secret_bytes(secret).is_none() => {
            Some("field-webhook-secret")
        }
        (ChannelKind::Webhook, None) => Some("field-required"),
        // Its robots know no signature: a secret that does nothing would promise something.
        (ChannelKind::Wecom, Some(_)) => Some("field-robot-no-secret"),
        (_, Some(secret)) if secret.chars().any(char::is_control) => Some("field-control-characters"),
        (_, Some(secret)) if secret.chars().count() > MAX_SECRET => {
            return wrong.add_with("secret", "field-too-long", vec![("max", MAX_SECRET.to_string())]);
        }
        _ => None,
    };
    if let Some(key) = fault {
        wrong.add("secret", key);
    }
}

fn check_kinds(wrong: &mut Wrong, kind: ChannelKind, kinds: &[NotificationKind]) {
    let carried = |wanted: &NotificationKind| NotificationKind::OF_PLATFORM.contains(wanted);
    if !kinds.is_empty() && (kind == ChannelKind::Webhook || !kinds.iter().all(carried)) {
        wrong.add("kinds", "field-unknown-value");
    }
}

fn context(token: Uuid, column: &str) -> String {
    format!("notification_channels.{column}:{token}")
}

fn seal(platform: &Platform, token: Uuid, column: &str, text: &str) -> Vec<u8> {
    platform.keyring().seal(&context(token, column), text.as_bytes())
}

/// Address and secret of a channel.
fn open(platform: &Platform, row: &store::Row) -> Result<(Url, Option<SecretString>)> {
    let open = |column: &str, sealed: &[u8]| {
        let text = platform.keyring().open(&context(row.token, column), sealed)?;
        String::from_utf8(text).map(SecretString::from).map_err(Error::internal)
    };
    let url = open("sealed_url", &row.sealed_url)?;
    let url =
        outbound::read_url(url.expose_secret()).ok_or_else(|| Error::internal("the address of a channel is none"))?;
    Ok((url, row.sealed_secret.as_deref().map(|sealed| open("sealed_secret", sealed)).transpose()?))
}

fn entry(action: &'static str, before: Option<&ChannelView>, after: Option<&ChannelView>) -> audit::Entry {
    let fact = |view: &ChannelView| {
        json!({
            "kind": view.kind, "name": view.name, "host": view.host, "signed": view.has_secret,
            "enabled": view.enabled, "kinds": view.kinds,
        })
    };
    audit::Entry {
        action,
        target_kind: "channel",
        target_id: before.or(after).map(|view| view.id.to_string()),
        customer: None,
        before: before.map(fact),
        after: after.map(fact),
    }
}
