//! Ways of being told beside mail: a person's webhooks, and the platform's robots in chat groups.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::NotificationKind;
use crate::{ChannelId, DeliveryId};

/// Most webhooks of a person.
pub const MAX_WEBHOOKS: usize = 5;
/// Most channels of the platform.
pub const MAX_CHANNELS: usize = 20;

/// What is at the other end of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    /// A program that takes Standard Webhooks.
    Webhook,
    /// A robot in a WeCom group.
    Wecom,
    /// A robot in a DingTalk group.
    Dingtalk,
    /// A robot in a Feishu group.
    Feishu,
}

impl ChannelKind {
    /// Every kind.
    pub const ALL: [ChannelKind; 4] =
        [ChannelKind::Webhook, ChannelKind::Wecom, ChannelKind::Dingtalk, ChannelKind::Feishu];
    /// The robots, which are the platform's.
    pub const ROBOTS: [ChannelKind; 3] = [ChannelKind::Wecom, ChannelKind::Dingtalk, ChannelKind::Feishu];

    /// Word on the wire and in the database.
    pub fn code(self) -> &'static str {
        match self {
            ChannelKind::Webhook => "webhook",
            ChannelKind::Wecom => "wecom",
            ChannelKind::Dingtalk => "dingtalk",
            ChannelKind::Feishu => "feishu",
        }
    }

    /// Reads what [`ChannelKind::code`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == text)
    }
}

/// Body of `POST /api/customer/settings/notifications/webhooks`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookCreate {
    pub name: String,
    /// `https://…`; may hold a secret, and only its host is ever shown again.
    pub url: String,
    /// `whsec_` and 24 to 64 bytes in base64; absent, one is made.
    #[serde(default)]
    pub secret: Option<String>,
}

/// A new webhook, and what its messages are signed with: told this once.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WebhookCreated {
    pub webhook: ChannelView,
    pub secret: String,
}

/// Body of `POST /api/admin/notification-channels`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChannelCreate {
    /// `wecom`, `dingtalk` or `feishu`: webhooks are people's own, and are made under `/api/customer/settings/notifications/webhooks`.
    #[cfg_attr(feature = "openapi", schema(schema_with = described::robot))]
    pub kind: ChannelKind,
    pub name: String,
    /// The robot's address as its group shows it; only its host is ever shown again.
    pub url: String,
    /// Of a DingTalk or Feishu robot that wants signed messages.
    #[serde(default)]
    pub secret: Option<String>,
    /// What it carries; absent, everything a platform's channel can carry.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(schema_with = described::carried, required = false))]
    pub kinds: Option<Vec<NotificationKind>>,
}

/// Body of `PUT` on a channel or webhook; what is absent stays as it is.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ChannelUpdate {
    pub name: Option<String>,
    pub url: Option<String>,
    /// An empty one takes a robot's away.
    pub secret: Option<String>,
    pub enabled: Option<bool>,
    /// Of the platform's channels only.
    #[cfg_attr(feature = "openapi", schema(schema_with = described::carried, required = false))]
    pub kinds: Option<Vec<NotificationKind>>,
}

/// What is taken of words that have more of their kind, for the description of the API.
#[cfg(feature = "openapi")]
mod described {
    use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};

    use super::{ChannelKind, NotificationKind};

    fn one_of(words: impl IntoIterator<Item = &'static str>) -> ObjectBuilder {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
    }

    pub(super) fn robot() -> Object {
        one_of(ChannelKind::ROBOTS.map(ChannelKind::code))
            .description(Some("A robot in a group of WeCom, DingTalk or Feishu. Webhooks are people's own."))
            .build()
    }

    pub(super) fn carried() -> Array {
        ArrayBuilder::new()
            .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
            .items(one_of(NotificationKind::OF_PLATFORM.map(NotificationKind::code)))
            .description(Some("Only the platform's channels carry kinds, and of these only what is about customers."))
            .build()
    }
}

// Addresses and secrets are nobody's but the channel's.
macro_rules! silent {
    ($($name:ident),+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}

silent!(WebhookCreate, WebhookCreated, ChannelCreate, ChannelUpdate);

/// A channel as its owner, or staff, see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChannelView {
    pub id: ChannelId,
    pub kind: ChannelKind,
    pub name: String,
    /// Of its address, which is not shown.
    pub host: String,
    /// True when messages are signed.
    pub has_secret: bool,
    pub enabled: bool,
    /// What it carries; empty for a webhook, which goes by its person's choices.
    pub kinds: Vec<NotificationKind>,
    /// Deliveries that were given up in a row.
    pub failures: i32,
    pub created_at: DateTime<Utc>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// Waits, or is tried again.
    Queued,
    /// Taken at the other end.
    Sent,
    /// Tried for the last time.
    Failed,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [DeliveryState; 3] = [DeliveryState::Queued, DeliveryState::Sent, DeliveryState::Failed];

    /// Word on the wire and in the database.
    pub fn code(self) -> &'static str {
        match self {
            DeliveryState::Queued => "queued",
            DeliveryState::Sent => "sent",
            DeliveryState::Failed => "failed",
        }
    }

    /// Reads what [`DeliveryState::code`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == text)
    }
}

/// A message on its way over a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    pub id: DeliveryId,
    pub channel_id: ChannelId,
    /// Its name.
    pub channel: String,
    /// What it is about: a kind of notification, or `test`.
    pub kind: String,
    pub state: DeliveryState,
    pub attempts: i32,
    /// What the last try ended with: the step, and what was said there.
    pub last_error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub sent_at: Option<DateTime<Utc>>,
    /// When it is tried next, while it waits.
    #[serde(default)]
    pub next_try_at: Option<DateTime<Utc>>,
}

/// Parameters of the lists of deliveries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct DeliveryQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    pub state: Option<DeliveryState>,
}

/// How far a test message came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChannelTestView {
    /// True when it was taken at the other end.
    pub accepted: bool,
    /// The step it ended at: `name`, `forbidden`, `closed`, `plain`, `connect`, `tls`, `timeout`, `redirect`, `status`,
    /// `refused`, or `done`.
    pub step: String,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// What it means and what to do, in the caller's language.
    pub message: String,
    /// What the other end or the network said.
    pub detail: Option<String>,
}
