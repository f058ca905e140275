//! See [`crate::fuzzing`].

use chrono::{DateTime, Utc};
use contract::IdentityProviderId;
use contract::accounts::{LdapSettings, OidcSettings};
use ldap3::ResultEntry;
use openidconnect::core::{CoreJsonWebKey, CoreTokenType};
use openidconnect::{JsonWebKeySet, Nonce, StandardTokenResponse, TokenResponse as _};
use url::Url;

use super::directory::{self, Person};
use super::oidc::{Description, Descriptions, Fields, Service};
use super::{Provider, Settings, certificates, network, providers, roles};

/// Somebody as a directory or a sign-in service says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Somebody {
    pub subject: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub display_name: Option<String>,
    pub groups: Vec<String>,
    pub disabled: bool,
}

/// A sign-in service whose description and keys are at hand.
pub struct SignInService {
    provider: Provider,
    settings: OidcSettings,
    known: Descriptions,
    description: Description,
}

impl SignInService {
    /// From its description and its keys, as it sends them; `None` for what is none.
    pub fn read(settings: OidcSettings, description: &[u8], keys: &[u8]) -> Option<Self> {
        let keys: JsonWebKeySet<CoreJsonWebKey> = serde_json::from_slice(keys).ok()?;
        let description: Description = serde_json::from_slice(description).ok()?;
        let provider = Provider {
            id: IdentityProviderId(1),
            name: "service".to_owned(),
            settings: Settings::Oidc(settings.clone()),
            secret: None,
            creates_accounts: true,
            only_mapped: false,
            mappings: Vec::new(),
            version: 1,
        };
        Some(Self { provider, settings, known: Descriptions::default(), description: description.set_jwks(keys) })
    }

    /// What asks it; costs a look at the machine's certificates.
    pub fn ready(&self) -> Option<ReadyService<'_>> {
        let redirect = "https://gpu.example.org/api/auth/oidc/callback".to_owned();
        let service = Service::new(&self.provider, &self.settings, &self.known, redirect).ok()?;
        Some(ReadyService { service, description: &self.description })
    }
}

/// A sign-in service that can be asked.
pub struct ReadyService<'a> {
    service: Service<'a>,
    description: &'a Description,
}

impl ReadyService<'_> {
    /// Who comes back, by the answer to a code; the word of the refusal where it does not hold.
    ///
    /// # Errors
    /// `answer` and `no-token` for what is no answer with a token, else the product's own words.
    pub fn prove(&self, answer: &[u8], nonce: &str, now: DateTime<Utc>) -> Result<Somebody, &'static str> {
        let answer: StandardTokenResponse<Fields, CoreTokenType> =
            serde_json::from_slice(answer).map_err(|_| "answer")?;
        let token = answer.id_token().ok_or("no-token")?;
        let client = self.service.client(self.description).map_err(|refusal| refusal.word())?;
        let verified = self.service.verify(&client, token, &Nonce::new(nonce.to_owned()), now);
        let claims = verified.map_err(|refusal| refusal.word())?;
        let proved = self.service.proved(&claims).map_err(|refusal| refusal.word())?;
        Ok(Somebody {
            subject: proved.subject,
            name: proved.name,
            email: proved.email,
            display_name: proved.display_name,
            groups: proved.groups,
            disabled: false,
        })
    }
}

/// Whether a sign-in service may be there.
pub fn is_service_address(url: &Url) -> bool {
    network::is_service_address(url)
}

/// Certificates of a PEM text.
pub fn certificates(pem: &str) -> Option<usize> {
    certificates::certificates(pem).map(|found| found.len())
}

/// The person of an entry that a directory found.
pub fn directory_entry(settings: &LdapSettings, found: ResultEntry) -> Option<(String, Somebody)> {
    let entry = directory::entry(found)?;
    let Person { dn, id, login, email, display_name, member_of, disabled, must_choose: _ } =
        directory::person(settings, entry);
    let groups = member_of;
    Some((dn, Somebody { subject: id.unwrap_or_default(), name: login, email, display_name, groups, disabled }))
}

/// A filter with its places filled.
pub fn directory_filter(filter: &str, places: &[(&str, &str)]) -> String {
    directory::filled(filter, places)
}

/// Whether an admin may set this filter.
pub fn is_directory_filter(text: &str, one_of: &[&str]) -> bool {
    providers::is_filter(text, one_of)
}

/// Whether an admin may set this attribute.
pub fn is_directory_attribute(text: &str) -> bool {
    providers::is_attribute(text)
}

/// The name of a group in its distinguished name.
pub fn directory_group(group: &str) -> Option<&str> {
    roles::short_name(group)
}
