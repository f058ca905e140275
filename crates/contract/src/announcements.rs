//! What the platform has to say: news and maintenance, to everybody or to some, for a while.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AnnouncementId, CustomerId};

/// Longest title, characters.
pub const MAX_TITLE: usize = 100;
/// Longest text, characters.
pub const MAX_BODY: usize = 2000;
/// Most customers that can be chosen for one.
pub const MAX_CHOSEN: usize = 500;

/// What it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum AnnouncementKind {
    #[default]
    Announcement,
    /// Something will be out.
    Maintenance,
}

impl AnnouncementKind {
    /// Every kind.
    pub const ALL: [AnnouncementKind; 2] = [AnnouncementKind::Announcement, AnnouncementKind::Maintenance];

    /// Word on the wire and in the database.
    pub fn code(self) -> &'static str {
        match self {
            AnnouncementKind::Announcement => "announcement",
            AnnouncementKind::Maintenance => "maintenance",
        }
    }

    /// Reads what [`AnnouncementKind::code`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == text)
    }
}

/// Whom it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Whoever is signed in, in both portals.
    #[default]
    Everybody,
    /// Staff, in theirs.
    Staff,
    /// Everybody who acts for a customer, in theirs.
    Customers,
    /// The people of the customers that were chosen.
    Chosen,
}

impl Audience {
    /// Every audience.
    pub const ALL: [Audience; 4] = [Audience::Everybody, Audience::Staff, Audience::Customers, Audience::Chosen];

    /// Word on the wire and in the database.
    pub fn code(self) -> &'static str {
        match self {
            Audience::Everybody => "everybody",
            Audience::Staff => "staff",
            Audience::Customers => "customers",
            Audience::Chosen => "chosen",
        }
    }

    /// Reads what [`Audience::code`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|audience| audience.code() == text)
    }
}

/// Body of `POST /api/admin/announcements` and of `PUT` on one, which replaces it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnnouncementEdit {
    #[serde(default)]
    pub kind: AnnouncementKind,
    /// At most 100 characters.
    pub title: String,
    /// Plain text, at most 2000 characters.
    #[serde(default)]
    pub body: String,
    #[serde(default)]
    pub audience: Audience,
    /// For `chosen`, at most 500.
    #[serde(default)]
    pub customer_ids: Vec<CustomerId>,
    /// Absent: at once.
    #[serde(default, deserialize_with = "crate::times::maybe")]
    pub starts_at: Option<DateTime<Utc>>,
    /// Absent: until it is taken away, or until the work that it tells of ends.
    #[serde(default, deserialize_with = "crate::times::maybe")]
    pub ends_at: Option<DateTime<Utc>>,
    /// Of a maintenance: when the work begins, whenever it is shown …
    #[serde(default, deserialize_with = "crate::times::maybe")]
    pub work_starts_at: Option<DateTime<Utc>>,
    /// … and when it ends; both or neither.
    #[serde(default, deserialize_with = "crate::times::maybe")]
    pub work_ends_at: Option<DateTime<Utc>>,
    /// What one saw; absent overwrites whatever is there.
    #[serde(default)]
    pub revision: Option<i64>,
}

/// A customer that was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChosenCustomer {
    pub id: CustomerId,
    pub name: String,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum AnnouncementState {
    Planned,
    Showing,
    Over,
}

impl AnnouncementState {
    /// Every state.
    pub const ALL: [AnnouncementState; 3] =
        [AnnouncementState::Planned, AnnouncementState::Showing, AnnouncementState::Over];

    /// Word on the wire and of its text.
    pub fn code(self) -> &'static str {
        match self {
            AnnouncementState::Planned => "planned",
            AnnouncementState::Showing => "showing",
            AnnouncementState::Over => "over",
        }
    }

    /// Reads what [`AnnouncementState::code`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == text)
    }
}

/// An announcement as staff see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AnnouncementView {
    pub id: AnnouncementId,
    pub kind: AnnouncementKind,
    pub title: String,
    pub body: String,
    pub audience: Audience,
    pub customers: Vec<ChosenCustomer>,
    /// From when on it is shown …
    pub starts_at: DateTime<Utc>,
    /// … and until when.
    pub ends_at: Option<DateTime<Utc>>,
    /// When the work of a maintenance begins …
    pub work_starts_at: Option<DateTime<Utc>>,
    /// … and ends.
    pub work_ends_at: Option<DateTime<Utc>>,
    pub state: AnnouncementState,
    /// User name of who wrote it.
    pub created_by: String,
    pub revision: i64,
}

/// An announcement as whom it is for sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BannerView {
    pub id: AnnouncementId,
    pub kind: AnnouncementKind,
    pub title: String,
    pub body: String,
    pub audience: Audience,
    /// From when on it is shown …
    pub starts_at: DateTime<Utc>,
    /// … and until when.
    pub ends_at: Option<DateTime<Utc>>,
    /// When the work of a maintenance begins …
    pub work_starts_at: Option<DateTime<Utc>>,
    /// … and ends.
    pub work_ends_at: Option<DateTime<Utc>>,
}

/// Parameters of the list of announcements.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AnnouncementQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// Title, text, or who wrote it.
    pub q: Option<String>,
    pub kind: Option<AnnouncementKind>,
    pub audience: Option<Audience>,
    pub state: Option<AnnouncementState>,
}
