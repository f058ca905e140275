//! Mail that goes out, and the test of the way it goes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::MailId;

/// Where one asks for a new password.
pub const FORGOT_PATH: &str = "/forgot";
/// Pages that links in mail lead to; their token is the query's `token`.
pub const RESET_PATH: &str = "/reset";
/// Confirms a new address.
pub const EMAIL_PATH: &str = "/email";
/// Where an invited person makes an account.
pub const INVITATION_PATH: &str = "/invitation";
/// Where somebody whose address is proved makes an account.
pub const SIGN_UP_PATH: &str = "/register/account";

/// Where a mail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    /// Waits, or is tried again.
    Queued,
    /// The server is being given its text.
    HandingOver,
    Sent,
    /// Refused for good, or tried for the last time.
    Failed,
    /// It ended between the text and the answer, so it may be out; it is not sent again.
    Unknown,
}

impl MailState {
    /// Every state.
    pub const ALL: [MailState; 5] =
        [MailState::Queued, MailState::HandingOver, MailState::Sent, MailState::Failed, MailState::Unknown];

    /// Word on the wire and in the database.
    pub fn code(self) -> &'static str {
        match self {
            MailState::Queued => "queued",
            MailState::HandingOver => "handing_over",
            MailState::Sent => "sent",
            MailState::Failed => "failed",
            MailState::Unknown => "unknown",
        }
    }

    /// Reads what [`MailState::code`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == text)
    }
}

/// A mail as staff see it; its text is nobody's but the recipient's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MailView {
    pub id: MailId,
    /// `password-reset`, `invitation`, …
    pub kind: String,
    pub address: String,
    pub state: MailState,
    pub attempts: i32,
    /// What the last try ended with.
    pub last_error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub sent_at: Option<DateTime<Utc>>,
    /// When it is tried next, while it waits.
    pub next_try_at: Option<DateTime<Utc>>,
}

/// Parameters of the list of mail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MailQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    pub state: Option<MailState>,
}

/// Body of `POST /api/admin/settings/mail/test`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MailTestRequest {
    /// Who gets the test mail.
    pub to: String,
}

/// How far a test mail came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MailTestView {
    /// True when the server took the mail.
    pub accepted: bool,
    /// The step it ended at: `name`, `connect`, `greeting`, `tls`, `auth`, `sender`, `recipient`, `data`, or `done`.
    pub step: String,
    /// The server's number, e.g. 535.
    pub code: Option<u16>,
    /// What it means and what to do, in the caller's language.
    pub message: String,
    /// What the server or the network said, as it came.
    pub detail: Option<String>,
}

/// Key of what it means that a test mail came so far, and with this number of the server's: what is refused for now (4xx) says
/// nothing of what is refused.
pub fn test_text_key(step: &str, code: Option<u16>) -> String {
    match code {
        Some(400..500) => "mail-test-later".to_owned(),
        _ => format!("mail-test-{step}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_for_now_is_not_called_refused_for_good() {
        assert_eq!(test_text_key("data", Some(451)), "mail-test-later");
        assert_eq!(test_text_key("data", Some(554)), "mail-test-data");
        assert_eq!(test_text_key("connect", None), "mail-test-connect");
    }
}
