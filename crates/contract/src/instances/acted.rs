//! What staff say when they do something with a customer's instance.

use serde::{Deserialize, Serialize};

/// Body of `POST /api/admin/instances/{id}/start`, `…/stop` and `…/restart`; parameters of `DELETE /api/admin/instances/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams, utoipa::ToSchema), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct StaffInstanceAct {
    /// Why, at least 5 characters that are no blanks: whose instance it is is told, and its customer reads it in its history and
    /// in their own log.
    pub reason: String,
}
