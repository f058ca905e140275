//! Parts of a GPU's memory.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::machines::word_enum;

word_enum! {
    /// What is known of a part of a GPU's memory. None of it is a wall for who means harm.
    MemorySplitState {
        /// The container has the library that refuses what is beyond, and what the driver counts agrees.
        Enforced = "enforced",
        /// Nothing refuses it, or nobody measures it.
        Advisory = "advisory",
        /// The driver counts more than the share, or a program without the library.
        Broken = "broken",
    }
}

/// How an instance's part of a GPU's memory is kept to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemorySplitView {
    pub state: MemorySplitState,
    /// A word: `held`, `ready`, `not-measured`, `image`, `no-library`, `over`, `bare`.
    pub reason: String,
    /// The same in the reader's language.
    pub message: String,
    /// Of all its cards together.
    pub limit_bytes: u64,
    /// What the driver counts of its own programs, contexts included; absent while it is not measured.
    pub used_bytes: Option<u64>,
    pub measured_at: Option<DateTime<Utc>>,
}
