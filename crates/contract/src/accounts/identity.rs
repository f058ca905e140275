//! Identity providers: directories (LDAP, Active Directory) and sign-in services (OpenID Connect), what their groups mean
//! here, and the accounts that come from them. Secrets are written and never read back.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::MemberRole;
use crate::{CustomerId, IdentityId, IdentityProviderId};

/// Parameters of `GET /api/auth/oidc/start`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct OidcStart {
    /// Which sign-in service.
    pub provider: Option<IdentityProviderId>,
    /// A page of ours to go to afterwards.
    pub next: Option<String>,
}

/// What kind of provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// A directory: name and password are typed here and proved there.
    Ldap,
    /// A sign-in service: the browser goes there and comes back.
    Oidc,
}

impl ProviderKind {
    /// Every kind.
    pub const ALL: [ProviderKind; 2] = [ProviderKind::Ldap, ProviderKind::Oidc];

    /// `ldap` or `oidc`.
    pub fn code(self) -> &'static str {
        match self {
            ProviderKind::Ldap => "ldap",
            ProviderKind::Oidc => "oidc",
        }
    }

    /// Reads what [`ProviderKind::code`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == text)
    }
}

/// How the line to a directory is kept secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum LdapSecurity {
    /// Asked for on a plain line, and required; usual on port 389.
    #[default]
    StartTls,
    /// From the first byte; usual on port 636.
    Tls,
    /// Not at all: passwords travel readable.
    None,
}

impl LdapSecurity {
    /// Every way.
    pub const ALL: [LdapSecurity; 3] = [LdapSecurity::StartTls, LdapSecurity::Tls, LdapSecurity::None];

    /// `starttls`, `tls` or `none`.
    pub fn code(self) -> &'static str {
        match self {
            LdapSecurity::StartTls => "starttls",
            LdapSecurity::Tls => "tls",
            LdapSecurity::None => "none",
        }
    }

    /// Reads what [`LdapSecurity::code`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.code() == text)
    }
}

/// Where a directory is and how people are found in it. In the filters, `{login}` stands for what was typed as user name,
/// which may be an e-mail address, and for groups for the user name found by it; `{dn}` for the name of the person's entry.
/// All are escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct LdapSettings {
    /// Host name or IP address.
    pub host: String,
    pub port: u16,
    pub security: LdapSecurity,
    /// Certificates (PEM) that may vouch for the server beside those the machine trusts.
    pub ca_certificate: Option<String>,
    /// Who searches; nobody in particular where it is absent. The password is the provider's secret.
    pub bind_dn: Option<String>,
    /// Where people are, and below.
    pub user_base: String,
    /// Which entry is the person's; exactly one may match.
    pub user_filter: String,
    /// The user name here.
    pub login_attribute: String,
    /// What stays the same for ever; the account is bound to it. `objectGUID` in Active Directory.
    pub id_attribute: String,
    pub email_attribute: String,
    pub display_name_attribute: String,
    /// Where groups are, and below; absent looks at `memberOf` alone.
    pub group_base: Option<String>,
    /// Which groups the person is in.
    pub group_filter: String,
}

impl Default for LdapSettings {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 389,
            security: LdapSecurity::StartTls,
            ca_certificate: None,
            bind_dn: None,
            user_base: String::new(),
            user_filter: "(&(objectClass=person)(|(uid={login})(mail={login})))".to_owned(),
            login_attribute: "uid".to_owned(),
            id_attribute: "entryUUID".to_owned(),
            email_attribute: "mail".to_owned(),
            display_name_attribute: "cn".to_owned(),
            group_base: None,
            group_filter: "(member={dn})".to_owned(),
        }
    }
}

/// How a sign-in service is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct OidcSettings {
    /// Its address; `/.well-known/openid-configuration` lies below it. https, or http on this very machine.
    pub issuer: String,
    /// What the service calls this installation. The client secret is the provider's secret.
    pub client_id: String,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Certificates (PEM) that may vouch for the service beside those the machine trusts.
    pub ca_certificate: Option<String>,
    /// The claim that a user name is made of.
    pub name_claim: String,
    /// The claim that lists groups; dots lead into objects, as in `realm_access.roles`.
    pub groups_claim: String,
}

impl Default for OidcSettings {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            scopes: vec!["profile".to_owned(), "email".to_owned()],
            ca_certificate: None,
            name_claim: "preferred_username".to_owned(),
            groups_claim: "groups".to_owned(),
        }
    }
}

/// What a group of the provider makes of a person here.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum MappedRole {
    CustomerOwner,
    CustomerMember,
    /// A role of the platform by its code: `platform_admin`, `operator`, or one made here, `custom-7`.
    Platform(String),
}

/// Longest code of a role, bytes.
const MAX_ROLE_CODE: usize = 40;

impl MappedRole {
    /// `customer_owner`, `customer_member`, or the code of a role of the platform.
    pub fn code(&self) -> &str {
        match self {
            Self::CustomerOwner => "customer_owner",
            Self::CustomerMember => "customer_member",
            Self::Platform(code) => code,
        }
    }

    /// Reads what [`MappedRole::code`] writes. Whether there is such a role is not known here.
    pub fn parse(text: &str) -> Option<Self> {
        let is_code = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
        match text {
            "customer_owner" => Some(Self::CustomerOwner),
            "customer_member" => Some(Self::CustomerMember),
            "" => None,
            code => (code.len() <= MAX_ROLE_CODE && code.chars().all(is_code)).then(|| Self::Platform(code.to_owned())),
        }
    }

    /// The code of a role of the platform; absent for the roles of a customer.
    pub fn of_platform(&self) -> Option<&str> {
        match self {
            Self::Platform(code) => Some(code),
            Self::CustomerOwner | Self::CustomerMember => None,
        }
    }

    /// What one is in the customer; absent for what holds everywhere.
    pub fn membership(&self) -> Option<MemberRole> {
        match self {
            Self::CustomerOwner => Some(MemberRole::Owner),
            Self::CustomerMember => Some(MemberRole::Member),
            Self::Platform(_) => None,
        }
    }
}

impl From<MappedRole> for String {
    fn from(role: MappedRole) -> Self {
        role.code().to_owned()
    }
}

impl TryFrom<String> for MappedRole {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("no role: {text}"))
    }
}

/// One line of the mapping from groups to roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupMapping {
    /// A group's name, exactly so; in a directory also the whole name of its entry, and case does not count there.
    pub group: String,
    /// `customer_owner`, `customer_member`, or the code of a role of the platform: `platform_admin`, `operator`, `custom-7`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub role: MappedRole,
    /// Which customer, for the roles of one.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
}

/// A provider to be, and, but for `kind`, the whole of what an existing one shall be.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderBody {
    pub kind: ProviderKind,
    /// What people read on the sign-in page.
    pub name: String,
    #[serde(default)]
    pub enabled: bool,
    /// For a directory.
    #[serde(default)]
    pub ldap: Option<LdapSettings>,
    /// For a sign-in service.
    #[serde(default)]
    pub oidc: Option<OidcSettings>,
    /// The password of the one who searches, or the client secret. Absent leaves what is there, unless the provider is
    /// another one now; an empty text forgets it.
    #[serde(default)]
    pub secret: Option<String>,
    /// Whether people who come for the first time get an account.
    #[serde(default = "yes")]
    pub creates_accounts: bool,
    /// Whether only people are let in whom a group gives a role.
    #[serde(default)]
    pub only_mapped: bool,
    #[serde(default)]
    pub mappings: Vec<GroupMapping>,
    /// Where people change the password they have there.
    #[serde(default)]
    pub password_url: Option<String>,
    /// The version one saw; absent overwrites whatever is there.
    #[serde(default)]
    pub version: Option<i64>,
}

fn yes() -> bool {
    true
}

// The secret says nothing of itself.
impl std::fmt::Debug for ProviderBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderBody").field("kind", &self.kind).field("name", &self.name).finish_non_exhaustive()
    }
}

/// A provider as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProviderView {
    pub id: IdentityProviderId,
    pub kind: ProviderKind,
    pub name: String,
    pub enabled: bool,
    pub ldap: Option<LdapSettings>,
    pub oidc: Option<OidcSettings>,
    /// True when a secret is stored; what it is is said nowhere.
    pub secret_set: bool,
    pub creates_accounts: bool,
    pub only_mapped: bool,
    pub mappings: Vec<GroupMapping>,
    pub password_url: Option<String>,
    /// The address a sign-in service sends people back to; to be entered there.
    pub redirect_url: Option<String>,
    /// How many accounts are bound to it.
    pub accounts: u64,
    pub version: i64,
    /// What became of the last test.
    pub last_test: Option<ProviderTest>,
    pub updated_by: Option<String>,
    pub updated_at: DateTime<Utc>,
}

/// Body of the test of a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ProviderTestRequest {
    /// Somebody to look up in the directory: what would become of them is said, and nothing is done.
    pub login: Option<String>,
}

/// One thing that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProviderStep {
    /// The name of the server has an address.
    Name,
    /// Somebody listens there.
    Connect,
    /// The line is encrypted, by a certificate one can trust.
    Tls,
    /// The one who searches is let in.
    Bind,
    /// The place of people can be searched.
    Search,
    /// The person that was asked for is found.
    Person,
    /// The groups of that person.
    Groups,
    /// The service describes itself.
    Discovery,
    /// It calls itself what it is called here.
    Issuer,
    /// It offers what is used: code, PKCE, a signature that can be checked.
    Abilities,
    /// Its keys.
    Keys,
    /// It takes our client id and secret.
    Client,
    /// What cannot be tried from here: whether it sends browsers back to us.
    Redirect,
}

impl ProviderStep {
    /// Every step.
    pub const ALL: [ProviderStep; 13] = [
        ProviderStep::Name,
        ProviderStep::Connect,
        ProviderStep::Tls,
        ProviderStep::Bind,
        ProviderStep::Search,
        ProviderStep::Person,
        ProviderStep::Groups,
        ProviderStep::Discovery,
        ProviderStep::Issuer,
        ProviderStep::Abilities,
        ProviderStep::Keys,
        ProviderStep::Client,
        ProviderStep::Redirect,
    ];

    /// Word on the wire; with `identity-step-` the key of its name.
    pub fn code(self) -> &'static str {
        match self {
            ProviderStep::Name => "name",
            ProviderStep::Connect => "connect",
            ProviderStep::Tls => "tls",
            ProviderStep::Bind => "bind",
            ProviderStep::Search => "search",
            ProviderStep::Person => "person",
            ProviderStep::Groups => "groups",
            ProviderStep::Discovery => "discovery",
            ProviderStep::Issuer => "issuer",
            ProviderStep::Abilities => "abilities",
            ProviderStep::Keys => "keys",
            ProviderStep::Client => "client",
            ProviderStep::Redirect => "redirect",
        }
    }
}

/// How one step of a test ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProviderTestStep {
    pub step: ProviderStep,
    pub done: bool,
    /// It cannot be tried from here, so that it is neither right nor wrong.
    #[serde(default)]
    pub untried: bool,
    /// What it means and what to do, in the language of who asked.
    pub message: String,
    /// What the other side or the network said; for those who know.
    pub detail: Option<String>,
}

/// What a test found out, step by step; it ends at the first that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProviderTest {
    pub done: bool,
    pub at: DateTime<Utc>,
    pub steps: Vec<ProviderTestStep>,
}

/// A way to sign in, as everybody may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignInService {
    pub id: IdentityProviderId,
    pub kind: ProviderKind,
    pub name: String,
}

/// A sign-in service or directory that an account is bound to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IdentityView {
    pub id: IdentityId,
    pub provider: IdentityProviderId,
    pub provider_name: String,
    pub kind: ProviderKind,
    /// Whether people may sign in by it now.
    pub enabled: bool,
    /// Whether parting from it would leave no way into the account.
    pub only_way: bool,
    /// Who the provider said that it is, at the last sign-in; empty where nobody came since that is kept.
    pub label: String,
    pub created_at: DateTime<Utc>,
    pub last_login_at: Option<DateTime<Utc>>,
}

/// Where the password is kept that an account has not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PasswordPlace {
    pub provider_name: String,
    /// Where it is changed, if the provider says so.
    pub url: Option<String>,
}

/// Parameters of `DELETE /api/admin/settings/identity-providers/{id}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ProviderRemoval {
    /// True also removes one that accounts are bound to; who has no other way in gets in no more.
    pub part_accounts: bool,
}
