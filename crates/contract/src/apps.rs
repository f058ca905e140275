//! Applications of instances: ports that people open in the browser, each at an origin of its own.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AppLinkId, InstanceId};

/// Below it, at a link's origin, the server answers itself; everything else is the application's.
pub const OWN_PATH: &str = "/~remotegpu/";

/// Body of `POST /api/customer/instances/{id}/links`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppLinkCreate {
    /// 1 to 100 characters.
    pub name: String,
    /// Port inside of the instance, where it speaks HTTP; listening on its localhost is enough.
    pub port: u16,
    /// Everybody in the customer may open it; else those alone who may open a shell in the instance.
    #[serde(default)]
    pub shared: bool,
}

/// A port of an instance that is opened in the browser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AppLinkView {
    pub id: AppLinkId,
    pub instance: InstanceId,
    pub name: String,
    pub port: u16,
    /// Everybody in the customer may open it.
    pub shared: bool,
    /// Where it is opened. Who has no session in this browser is sent to sign in first.
    pub url: String,
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    /// The caller may remove it.
    pub may_remove: bool,
}

/// An application that everybody in a customer may open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SharedAppView {
    pub id: AppLinkId,
    pub name: String,
    pub instance_name: String,
    /// Its instance runs; else it cannot be opened now.
    pub running: bool,
    /// Where it is opened.
    pub url: String,
    pub created_by: String,
}
