//! See [`crate::fuzzing`].

use chrono::{DateTime, Utc};
use contract::notifications::ChannelKind;
use url::Url;
use uuid::Uuid;

use super::messages::{self, Outgoing};
use crate::outbound::{Answer, Failure};

/// The key in a webhook's secret.
pub fn webhook_secret(secret: &str) -> Option<Vec<u8>> {
    messages::secret_bytes(secret)
}

/// A new secret.
pub fn new_webhook_secret() -> String {
    messages::new_secret()
}

/// Address, headers and body of a message.
pub fn channel_message(
    kind: ChannelKind,
    url: Url,
    secret: Option<&str>,
    text: &str,
    at: DateTime<Utc>,
) -> (Url, Vec<(&'static str, String)>, Vec<u8>) {
    let out = Outgoing {
        token: Uuid::nil(),
        kind: "test",
        text: text.to_owned(),
        link: None,
        values: serde_json::Value::Null,
        created_at: at,
        now: at,
    };
    let posted = messages::compose(kind, url, secret, &out);
    (posted.url, posted.headers, posted.body)
}

/// Whether the other end took it.
///
/// # Errors
/// Why not, in words that are kept.
pub fn channel_answer(kind: ChannelKind, status: u16, body: &[u8]) -> Result<(), Failure> {
    messages::judge(kind, &Answer { status, body: body.to_vec() })
}
