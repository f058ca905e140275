//! What requests and sockets say once somebody is known: query strings, JSON bodies, live topics, ways back, names of requests.

use contract::PageQuery;
use contract::access::{AccessQuery, RecordingQuery, StaffEnding};
use contract::accounts::{
    ApiTokenCreate, CaptchaQuery, LoginRequest, OidcStart, ProfileUpdate, ProviderBody, ProviderTestRequest,
    SignUpRequest, SshKeyCreate,
};
use contract::allocations::{
    AllocationBulk, AllocationCreate, AllocationQuery, AllocationRenew, RenewalApproval, RenewalQuery, TimelineQuery,
};
use contract::announcements::{AnnouncementEdit, AnnouncementQuery};
use contract::audit::{AuditQuery, OwnAuditQuery};
use contract::billing::{BillingQuery, LedgerQuery};
use contract::budgets::BudgetQuery;
use contract::customers::{CustomerCreate, CustomerQuery, CustomerSort, CustomerUpdate, MemberQuery};
use contract::engines::EngineWrite;
use contract::files::FileQuery;
use contract::images::{ImageQuery, MarketQuery};
use contract::imports::ImportRowQuery;
use contract::instances::{
    InstanceLogQuery, InstanceQuery, PlacementQuery, StaffInstanceAct, StaffLogQuery, TerminalQuery, TerminalSaid,
    WatchQuery,
};
use contract::jobs::{JobQuery, OwnJobQuery};
use contract::live::ClientMessage;
use contract::machines::{
    ConnectionUpdate, MachineBulk, MachineCreate, MachineQuery, MachineUpdate, MaintenanceCreate,
};
use contract::mail::MailQuery;
use contract::metrics::HistoryQuery;
use contract::notifications::{
    ChannelCreate, ChannelUpdate, DeliveryQuery, NotificationPreferences, NotificationQuery, WebhookCreate,
};
use contract::reports::{StatisticsQuery, TrendQuery, UsageQuery};
use contract::roles::{RoleQuery, RoleWrite};
use contract::settings::SettingUpdate;
use contract::specs::{SpecPriceCreate, SpecQuery, SpecWrite};
use contract::users::{UserCreate, UserQuery, UserUpdate};
use serde::Serialize;
use serde::de::DeserializeOwned;
use server::fuzzing;

use crate::{chosen, text};

/// Whether it reads; a panic where it does not read the same again.
type Check = fn(&[u8]) -> bool;

/// Parameters of lists.
pub(crate) const QUERIES: &[Check] = &[
    query::<AllocationQuery>,
    query::<AnnouncementQuery>,
    query::<AuditQuery>,
    query::<CaptchaQuery>,
    query::<CustomerQuery>,
    query::<DeliveryQuery>,
    query::<FileQuery>,
    query::<HistoryQuery>,
    query::<ImageQuery>,
    query::<ImportRowQuery>,
    query::<JobQuery>,
    query::<MachineQuery>,
    query::<MailQuery>,
    query::<MarketQuery>,
    query::<NotificationQuery>,
    query::<OidcStart>,
    query::<OwnAuditQuery>,
    query::<RenewalQuery>,
    query::<SpecQuery>,
    query::<StatisticsQuery>,
    query::<TimelineQuery>,
    query::<TrendQuery>,
    query::<UsageQuery>,
    query::<UserQuery>,
    // Later ones: seeds name them by their place.
    query::<AccessQuery>,
    query::<BillingQuery>,
    query::<BudgetQuery>,
    query::<InstanceLogQuery>,
    query::<InstanceQuery>,
    query::<LedgerQuery>,
    query::<MemberQuery>,
    query::<OwnJobQuery>,
    query::<PageQuery>,
    query::<PlacementQuery>,
    query::<RecordingQuery>,
    query::<RoleQuery>,
    query::<StaffLogQuery>,
    query::<TerminalQuery>,
    query::<WatchQuery>,
    query::<StaffInstanceAct>,
    query::<StaffEnding>,
];

/// Bodies, of every shape there is: with lists, times, ids, words, secrets, things within things.
pub(crate) const BODIES: &[Check] = &[
    body::<AllocationBulk>,
    body::<AllocationCreate>,
    body::<AllocationRenew>,
    body::<AnnouncementEdit>,
    body::<ApiTokenCreate>,
    body::<ChannelCreate>,
    body::<ChannelUpdate>,
    body::<ConnectionUpdate>,
    body::<CustomerCreate>,
    body::<CustomerUpdate>,
    body::<EngineWrite>,
    body::<LoginRequest>,
    body::<MachineBulk>,
    body::<MachineCreate>,
    body::<MachineUpdate>,
    body::<MaintenanceCreate>,
    body::<NotificationPreferences>,
    body::<ProfileUpdate>,
    body::<ProviderBody>,
    body::<ProviderTestRequest>,
    body::<RenewalApproval>,
    body::<RoleWrite>,
    body::<SettingUpdate>,
    body::<SignUpRequest>,
    body::<SpecPriceCreate>,
    body::<SpecWrite>,
    body::<SshKeyCreate>,
    body::<UserCreate>,
    body::<UserUpdate>,
    body::<WebhookCreate>,
];

/// See the module.
pub fn requests(data: &[u8]) {
    match chosen(data, 7) {
        (0, rest) => {
            one_of(QUERIES, rest);
        }
        (1, rest) => {
            one_of(BODIES, rest);
        }
        (2, message) => live(&text(message)),
        (3, topic) => {
            let topic = text(topic);
            assert!(platform::fuzzing::live_topic(&topic).is_none_or(|written| written == topic), "{topic}");
        }
        (4, query) => {
            let query = text(query);
            let returned = fuzzing::returned(&query);
            let twice = fuzzing::returned(&format!("{query}&state=a&state=b"));
            assert!(twice.state.is_none() && returned.code.is_none_or(|code| code.len() <= query.len() * 3));
        }
        (5, key) => {
            let key = text(key);
            let plain = (1..=128).contains(&key.len()) && key.chars().all(|c| c.is_ascii_graphic());
            assert_eq!(platform::fuzzing::is_idempotency_key(&key), plain);
        }
        (_, order) => {
            let order = text(order);
            let sort = contract::sort_of(Some(&order), CustomerSort::parse);
            assert!(sort.is_ok() || sort.is_err_and(|part| order.contains(&part)));
        }
    }
}

fn one_of(checks: &[Check], rest: &[u8]) -> bool {
    let (which, rest) = chosen(rest, checks.len() as u8);
    checks[usize::from(which)](rest)
}

/// Whatever a query says beside what is known is refused, and named.
fn query<T: DeserializeOwned>(query: &[u8]) -> bool {
    let query = text(query);
    let reads = fuzzing::query::<T>(&query).is_ok();
    if reads {
        let more = if query.is_empty() { "zzz=1".to_owned() } else { format!("{query}&zzz=1") };
        let refused = fuzzing::query::<T>(&more).err();
        assert!(refused.is_some_and(|(_, why)| why.starts_with("unknown field `zzz`")), "{more}");
    }
    reads
}

/// A body that reads, reads the same as it is written.
fn body<T: DeserializeOwned + Serialize>(body: &[u8]) -> bool {
    let Ok(read) = fuzzing::json::<T>(body) else { return false };
    let written = serde_json::to_vec(&read).expect("a body is JSON");
    let again = fuzzing::json::<T>(&written);
    let again = again.map(|read| serde_json::to_vec(&read).expect("a body is JSON"));
    assert_eq!(again.ok(), Some(written));
    true
}

/// Whether a query or a body reads.
#[cfg(test)]
pub(crate) fn reads(data: &[u8]) -> bool {
    match chosen(data, 7) {
        (0, rest) => one_of(QUERIES, rest),
        (1, rest) => one_of(BODIES, rest),
        _ => false,
    }
}

/// A message of a page, as the socket reads it.
fn live(message: &str) {
    same::<ClientMessage>(message);
    same::<TerminalSaid>(message);
}

fn same<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(message: &str) {
    let Ok(read) = serde_json::from_str::<T>(message) else { return };
    let written = serde_json::to_string(&read).expect("a message is JSON");
    assert_eq!(serde_json::from_str::<T>(&written).ok(), Some(read));
}
