//! Another spec for an instance.

use serde::{Deserialize, Serialize};

use super::{InstanceSpec, Miss};
use crate::SpecId;

/// A spec that an instance has, or could have instead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InstanceSize {
    pub spec: InstanceSpec,
    /// It has this one: nothing would change.
    pub current: bool,
    /// It could have it now, on the machine where it is.
    pub fits: bool,
    /// Everything that is in the way: on that machine, and of limits.
    pub misses: Vec<Miss>,
}

/// Body of `POST /api/customer/instances/{id}/resize`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstanceResize {
    pub spec: SpecId,
    /// What one saw; absent overwrites whatever is there.
    #[serde(default)]
    pub revision: Option<i64>,
}
