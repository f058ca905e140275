//! Registries of images that are attached to the installation: where they are, and who it is to them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::RegistryId;
use crate::machines::word_enum;

/// Most registries.
pub const MAX_REGISTRIES: usize = 50;

word_enum! {
    /// Why a registry cannot be used.
    RegistryFault {
        /// The name has no address.
        Name = "name",
        /// An address that is never asked.
        Forbidden = "forbidden",
        /// Nobody listens there.
        Connect = "connect",
        /// No encryption, or not with a certificate one can trust.
        Tls = "tls",
        /// No answer in time.
        Timeout = "timeout",
        /// What answers there is no registry of API version 2.
        NotRegistry = "not-registry",
        /// It does not know the name, or the password is another.
        Credentials = "credentials",
        /// It knows who asks, and says no.
        Denied = "denied",
        /// Anything else.
        Other = "other",
    }
}

/// Body of `POST /api/admin/settings/registries`, and of `PUT` on one, which replaces it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegistryWrite {
    /// As the addresses of its images begin: `registry.example.org:5000`, or `docker.io`; unlike any other's.
    pub address: String,
    /// Over HTTP without TLS; in a private network alone.
    #[serde(default)]
    pub plain: bool,
    /// Nobody where absent.
    #[serde(default)]
    pub username: Option<String>,
    /// Never answered again. Absent keeps what is stored, where address and name stay the same.
    #[serde(default)]
    pub password: Option<String>,
    /// PEM; with it, nobody else's certificates count when the platform asks the registry itself.
    #[serde(default)]
    pub ca_certificate: Option<String>,
    /// Archives of images are put there, and engines pull them; at most one does, and it lets who is named push.
    #[serde(default)]
    pub holds_archives: bool,
    /// What one saw; absent overwrites whatever is there.
    #[serde(default)]
    pub revision: Option<i64>,
}

/// The password stays out of logs.
impl std::fmt::Debug for RegistryWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryWrite").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A registry. Its password does not leave the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RegistryView {
    pub id: RegistryId,
    pub address: String,
    pub plain: bool,
    pub username: Option<String>,
    /// A password is stored.
    pub has_password: bool,
    pub ca_certificate: Option<String>,
    /// Archives of images are put there.
    pub holds_archives: bool,
    pub last_test: Option<RegistryTest>,
    pub revision: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What the last test of a registry found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RegistryTest {
    pub at: DateTime<Utc>,
    /// It takes us for who we say that we are.
    pub done: bool,
    pub fault: Option<RegistryFault>,
    /// What that means, in the reader's language.
    pub message: String,
    /// What the other end or the network said.
    pub detail: Option<String>,
}
