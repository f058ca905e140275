//! An instance is kept as an image.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::machines::word_enum;
use crate::{ImageId, InstanceSaveId};

word_enum! {
    /// Where the saving of an instance stands.
    SaveState {
        Waiting = "waiting",
        /// Its engine keeps it, and it is taken into the store.
        Saving = "saving",
        /// It is an image.
        Done = "done",
        Failed = "failed",
        /// Somebody gave it up, or the instance is being deleted.
        Cancelled = "cancelled",
    }
}

/// Body of `POST /api/customer/instances/{id}/save-image`. Framework and memory split are those of the image it is made of,
/// architecture and CUDA what is in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstanceSave {
    /// Of the image, 1 to 100 characters, unlike any other's of the customer.
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub remark: Option<String>,
}

/// An instance on its way to become an image, or what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InstanceSaveView {
    pub id: InstanceSaveId,
    /// Of the image.
    pub name: String,
    pub state: SaveState,
    /// Bytes that were taken into the store.
    pub done: u64,
    /// About how many there are, by the engine; 0 while it has not said so.
    pub total: u64,
    /// Why it failed, a word.
    pub fault: Option<String>,
    /// The same in the reader's language, with what to do.
    pub message: Option<String>,
    /// What the engine said.
    pub detail: Option<String>,
    /// What it became.
    pub image: Option<ImageId>,
    /// Name of who wanted it.
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

impl InstanceSaveView {
    /// It goes on by itself.
    #[must_use]
    pub fn is_going(&self) -> bool {
        matches!(self.state, SaveState::Waiting | SaveState::Saving)
    }
}
