//! Who asks, through which door, and when.
//!
//! An [`OpContext`] is made by a door (or by [`crate::Platform::system`]) and passed first to every operation. Time comes
//! from it, so tests set it; a principal is what authentication proved, never what a request claims.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use contract::accounts::{Language, MemberRole};
use contract::{CustomerId, MachineId, Permission, SessionId, UserId};
use serde::{Deserialize, Serialize};

use crate::audit::Entry;
use crate::{Error, Result};

/// The time of the operating system plus an offset that tests move.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Now, to the microsecond, which is what PostgreSQL stores.
    pub fn now(&self) -> DateTime<Utc> {
        let now = Utc::now() + TimeDelta::milliseconds(self.offset_ms.load(Ordering::Relaxed));
        DateTime::from_timestamp_micros(now.timestamp_micros()).expect("now is within chrono's range")
    }

    /// Moves this clock and every clone of it; for tests.
    pub fn advance(&self, by: TimeDelta) {
        self.offset_ms.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
    }
}

/// What counts as one client: an IPv4 address, or the /64 of an IPv6 address, of which every line has at least one whole.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        address => address,
    }
}

/// The door a request came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// A page or a server function.
    Page,
    Rest,
    WebSocket,
    Ssh,
    /// The agent's link.
    Agent,
    /// The command line of the server program.
    Cli,
    /// Background work.
    System,
}

impl Via {
    /// The word in audit rows.
    pub fn code(self) -> &'static str {
        match self {
            Via::Page => "page",
            Via::Rest => "rest",
            Via::WebSocket => "ws",
            Via::Ssh => "ssh",
            Via::Agent => "agent",
            Via::Cli => "cli",
            Via::System => "system",
        }
    }
}

/// Background work by name; each has only the powers the policy lists for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SystemActor {
    /// Looks people and sessions up, before anybody is signed in and where an owner brings people in, and writes what
    /// these leave behind.
    Authenticator,
    /// Writes samples and the newest state, reads other servers' newest state, rolls up.
    Metrics,
    /// Chains audit rows.
    Sealer,
    /// Runs the job queue, partitions and clean-up.
    Worker,
    /// First start and the command line.
    Operator,
}

impl SystemActor {
    /// Every actor.
    pub const ALL: [SystemActor; 5] = [
        SystemActor::Authenticator,
        SystemActor::Metrics,
        SystemActor::Sealer,
        SystemActor::Worker,
        SystemActor::Operator,
    ];

    /// The name in audit rows and in the policy.
    pub fn name(self) -> &'static str {
        match self {
            SystemActor::Authenticator => "authenticator",
            SystemActor::Metrics => "metrics",
            SystemActor::Sealer => "sealer",
            SystemActor::Worker => "worker",
            SystemActor::Operator => contract::audit::AT_COMMAND_LINE,
        }
    }
}

/// What a person proved themselves with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credential {
    /// The cookie of a browser session.
    #[default]
    Browser,
    /// An access token.
    AccessToken,
    /// An API token, which may do less than its owner: its scopes, or with `None` whatever the owner may do.
    ApiToken { scopes: Option<Arc<[Permission]>> },
}

/// A signed-in person, as checked against the database at most two seconds ago.
#[derive(Clone, Debug, PartialEq)]
pub struct UserPrincipal {
    pub id: UserId,
    pub name: String,
    pub display_name: String,
    /// The session that proved it.
    pub session: SessionId,
    pub credential: Credential,
    pub token_version: i64,
    pub platform_admin: bool,
    pub operator: bool,
    /// What custom roles of the platform give, each once.
    pub permissions: Vec<Permission>,
    /// Has to set up a second factor before anything else.
    pub must_enroll: bool,
    /// Active customers one belongs to, by name of the customer.
    pub memberships: Vec<(CustomerId, MemberRole)>,
    /// The customer one acts for now.
    pub active_customer: Option<CustomerId>,
    pub language: Option<Language>,
    pub theme: Option<contract::accounts::Theme>,
    pub time_zone: Option<String>,
}

impl UserPrincipal {
    /// The role in the active customer.
    pub fn active_role(&self) -> Option<MemberRole> {
        let active = self.active_customer?;
        self.memberships.iter().find(|(id, _)| *id == active).map(|(_, role)| *role)
    }

    /// What the person may at this moment, for work that is done for them later.
    pub(crate) fn keep(&self) -> Result<serde_json::Value> {
        let scopes = match &self.credential {
            Credential::ApiToken { scopes: Some(scopes) } => Some(scopes.to_vec()),
            _ => None,
        };
        let kept = Kept {
            id: self.id,
            name: self.name.clone(),
            session: self.session,
            platform_admin: self.platform_admin,
            operator: self.operator,
            permissions: self.permissions.clone(),
            memberships: self.memberships.clone(),
            active_customer: self.active_customer,
            scopes,
        };
        serde_json::to_value(kept).map_err(Error::internal)
    }

    /// The person as they were kept.
    pub(crate) fn kept(value: serde_json::Value) -> Result<Self> {
        let kept: Kept = serde_json::from_value(value).map_err(Error::internal)?;
        let scopes = kept.scopes.map(|scopes| Credential::ApiToken { scopes: Some(scopes.into()) });
        Ok(Self {
            id: kept.id,
            display_name: kept.name.clone(),
            name: kept.name,
            session: kept.session,
            credential: scopes.unwrap_or_default(),
            token_version: 0,
            platform_admin: kept.platform_admin,
            operator: kept.operator,
            permissions: kept.permissions,
            must_enroll: false,
            memberships: kept.memberships,
            active_customer: kept.active_customer,
            language: None,
            theme: None,
            time_zone: None,
        })
    }
}

/// What is kept of a person for [`UserPrincipal::keep`].
#[derive(Serialize, Deserialize)]
struct Kept {
    id: UserId,
    name: String,
    session: SessionId,
    platform_admin: bool,
    operator: bool,
    permissions: Vec<Permission>,
    memberships: Vec<(CustomerId, MemberRole)>,
    active_customer: Option<CustomerId>,
    /// Of an API token that is narrower than its owner.
    scopes: Option<Vec<Permission>>,
}

/// What authentication proved.
#[derive(Clone, Debug, PartialEq)]
pub enum Principal {
    Anonymous,
    User(Box<UserPrincipal>),
    /// An agent, by its key.
    Node {
        machine: MachineId,
        code: String,
    },
    System(SystemActor),
}

impl Principal {
    /// The person, if it is one.
    pub fn user(&self) -> Option<&UserPrincipal> {
        match self {
            Principal::User(user) => Some(user),
            _ => None,
        }
    }
}

/// Everything an operation may know about the request.
#[derive(Clone, Debug)]
pub struct OpContext {
    principal: Principal,
    now: DateTime<Utc>,
    via: Via,
    request_id: String,
    address: Option<IpAddr>,
    user_agent: Option<Arc<str>>,
    language: Language,
    attempt: Option<Arc<Entry>>,
}

impl OpContext {
    /// Made by a door after authentication.
    pub fn new(
        principal: Principal,
        now: DateTime<Utc>,
        via: Via,
        request_id: impl Into<String>,
        address: Option<IpAddr>,
        language: Language,
    ) -> Self {
        Self { principal, now, via, request_id: request_id.into(), address, user_agent: None, language, attempt: None }
    }

    /// The same, from a program that calls itself so; see [`agent_text`].
    pub fn with_user_agent(self, agent: Option<&str>) -> Self {
        let user_agent = agent.map(agent_text).filter(|agent| !agent.is_empty()).map(Arc::from);
        Self { user_agent, ..self }
    }

    /// The same request, after its door found out who it is from.
    pub fn authenticated(&self, principal: Principal, language: Language) -> Self {
        Self { principal, language, ..self.clone() }
    }

    /// The same, at another moment: a link lives for weeks, the clock of the request that began it must not.
    pub fn at(&self, now: DateTime<Utc>) -> Self {
        Self { now, ..self.clone() }
    }

    /// For background work.
    pub fn system(actor: SystemActor, now: DateTime<Utc>) -> Self {
        let request_id = format!("{}-{}", actor.name(), uuid::Uuid::now_v7().simple());
        Self::new(Principal::System(actor), now, Via::System, request_id, None, Language::default())
    }

    /// The same request done with a system actor's powers, for what authorization itself needs (sign-in look-ups).
    pub(crate) fn as_system(&self, actor: SystemActor) -> Self {
        self.as_principal(Principal::System(actor))
    }

    /// The same request, after it turned out whose it is.
    pub(crate) fn as_principal(&self, principal: Principal) -> Self {
        Self { principal, ..self.clone() }
    }

    /// The same request while it tries this: whatever refuses it is told in the log as this row, with what is missing. Its
    /// `after` may say what is wanted, without secrets.
    pub(crate) fn trying(&self, entry: Entry) -> Self {
        Self { attempt: Some(Arc::new(entry)), ..self.clone() }
    }

    /// [`Self::trying`] with something of which no more is known yet than its id; whose it is, its resource says.
    pub(crate) fn trying_on(&self, action: &'static str, target_kind: &'static str, id: impl ToString) -> Self {
        self.trying(Entry::attempt(action, target_kind, Some(id.to_string())))
    }

    /// [`Self::trying`] to make something, or something with many.
    pub(crate) fn trying_new(&self, action: &'static str, target_kind: &'static str) -> Self {
        self.trying(Entry::attempt(action, target_kind, None))
    }

    /// [`Self::trying`] something with one's own account.
    pub(crate) fn trying_own(&self, action: &'static str) -> Self {
        self.trying(Entry::attempt(action, "user", self.user().map(|user| user.id.to_string())))
    }

    /// What it tries, as the operation said it.
    pub(crate) fn attempt(&self) -> Option<&Entry> {
        self.attempt.as_deref()
    }

    /// Who asks.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The person who asks, if it is one.
    pub fn user(&self) -> Option<&UserPrincipal> {
        self.principal.user()
    }

    /// When the request began.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// The door.
    pub fn via(&self) -> Via {
        self.via
    }

    /// Id of the request, as in logs and answers.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The client's address behind trusted proxies.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// What the client calls itself, shortened.
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// Where dates in messages are: the person's time zone, else the installation's.
    pub(crate) fn time_zone(&self, platform: &crate::Platform) -> chrono_tz::Tz {
        let own = self.user().and_then(|user| user.time_zone.as_deref()?.parse().ok());
        own.unwrap_or_else(|| crate::settings::usual_time_zone(platform))
    }

    /// Language for messages.
    pub fn language(&self) -> Language {
        self.language
    }
}

/// Characters of a client's name for itself that are kept.
const AGENT_CHARS: usize = 300;

/// What a client calls itself, as it can be kept and shown: bounded, and without characters that no text has.
pub(crate) fn agent_text(agent: &str) -> String {
    agent.chars().filter(|c| !c.is_control()).take(AGENT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::{AGENT_CHARS, agent_text, network_of};

    #[test]
    fn a_client_is_called_what_can_be_kept() {
        assert_eq!(agent_text("curl/8.5\0\u{1b}[2J"), "curl/8.5[2J");
        assert_eq!(agent_text(&"é".repeat(AGENT_CHARS + 1)).chars().count(), AGENT_CHARS);
    }

    #[test]
    fn a_client_is_an_address_or_the_network_of_a_line() {
        for (address, network) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ] {
            assert_eq!(network_of(address.parse().unwrap()), network.parse::<std::net::IpAddr>().unwrap(), "{address}");
        }
    }
}
