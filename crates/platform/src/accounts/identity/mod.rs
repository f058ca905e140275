//! Who people are elsewhere: directories (LDAP, Active Directory) and sign-in services (OpenID Connect).
//!
//! Invariants: an account is bound to provider, issuer and the subject that never changes there, never to a name or an
//! address: what is called the same is somebody else until the same subject says so. An account with a password here is
//! proved here alone, and its password is sent to no directory. What goes to a sign-in service and comes back is bound to
//! one browser, counts once, and is kept on this side. Secrets are sealed with the installation's key and shown to nobody.
//! Whatever a provider does, admins with a password here get in.

mod binding;
mod certificates;
mod directories;
mod directory;
pub(crate) mod fuzzing;
mod network;
mod oidc;
mod providers;
mod provision;
mod roles;
mod services;
mod test;
mod way_state;

use contract::accounts::{GroupMapping, LdapSettings, OidcSettings, PasswordPlace, ProviderKind};
use contract::{IdentityProviderId, UserId};
use secrecy::SecretString;

pub use binding::{
    LinkProof, Parted, Proposal, address_notice, confirm_link, forget_link, has_address_notice, identities,
    part_from_directories, proposed_link, unlink,
};
pub(super) use binding::{leave_providers_in_tx, prove, take_back_in_tx, take_back_left_in_tx, tell, unlink_all_in_tx};
pub(super) use directories::{Answer, ask};
pub use oidc::Descriptions;
pub use providers::{MAPPING_FAULTS, create, delete, get, list, update};
pub(super) use provision::why_of;
pub use services::{Finished, Returned, Turned, begin, finish, services};
pub use test::test;

use super::store::identity as store;
use crate::db::Tx;
use crate::{Error, Platform, Result};

/// A provider with its secret, for the talk with it.
struct Provider {
    id: IdentityProviderId,
    name: String,
    settings: Settings,
    secret: Option<SecretString>,
    creates_accounts: bool,
    only_mapped: bool,
    mappings: Vec<GroupMapping>,
    version: i64,
}

/// How it is reached.
enum Settings {
    Ldap(LdapSettings),
    Oidc(OidcSettings),
}

/// Where the sealed secret belongs.
fn sealed_for(id: IdentityProviderId) -> String {
    format!("identity_providers.secret:{id}")
}

impl Provider {
    fn read(platform: &Platform, row: store::ProviderRow) -> Result<Self> {
        let secret = match row.secret {
            Some(sealed) => {
                let text = platform.keyring().open(&sealed_for(row.id), &sealed)?;
                Some(SecretString::from(String::from_utf8(text).map_err(Error::internal)?))
            }
            None => None,
        };
        let settings = match row.kind {
            ProviderKind::Ldap => Settings::Ldap(serde_json::from_value(row.config).map_err(Error::internal)?),
            ProviderKind::Oidc => Settings::Oidc(serde_json::from_value(row.config).map_err(Error::internal)?),
        };
        Ok(Self {
            id: row.id,
            name: row.name,
            settings,
            secret,
            creates_accounts: row.creates_accounts,
            only_mapped: row.only_mapped,
            mappings: serde_json::from_value(row.mappings).map_err(Error::internal)?,
            version: row.version,
        })
    }
}

/// Somebody as a provider proved them.
struct Proved {
    issuer: String,
    subject: String,
    /// What they are called there.
    name: Option<String>,
    /// An address the provider vouches for.
    email: Option<String>,
    display_name: Option<String>,
    groups: Vec<String>,
}

/// Where the password of somebody is who has none here; in the transaction of the system or of staff.
pub(super) async fn password_place(tx: &mut Tx, user: UserId) -> Result<Option<PasswordPlace>> {
    store::password_place(tx, user).await
}
