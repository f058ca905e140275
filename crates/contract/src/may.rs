//! Whether the caller may do something now, said before they try.

use serde::{Deserialize, Serialize};

/// Whether the caller may do something now, by the rule by which it would be refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct May {
    pub allowed: bool,
    /// Why not, in the caller's language. Absent where the permission is missing: then there is nothing to be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

impl May {
    /// Whether it is worth showing at all: it is possible, or what is in the way can be named.
    pub fn is_shown(&self) -> bool {
        self.allowed || self.why_not.is_some()
    }
}
