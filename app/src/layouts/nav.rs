//! Navigation by area. An entry is shown exactly when its permission is held and its page exists.

use contract::Permission;
use leptos::prelude::*;
use platform::OpContext;

use crate::paths;
use crate::words::Words;

/// Where a page belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    Dashboard,
    Wall,
    Customers,
    Allocations,
    Machines,
    JoinTokens,
    Audit,
    Settings,
    Home,
    Members,
    OwnAudit,
    Account,
    /// No entry leads here.
    Elsewhere,
}

struct Entry {
    area: Area,
    href: &'static str,
    key: &'static str,
    permission: Permission,
}

const STAFF: [Entry; 8] = [
    Entry { area: Area::Dashboard, href: paths::ADMIN, key: "nav-dashboard", permission: Permission::MetricsView },
    Entry { area: Area::Wall, href: paths::WALL, key: "nav-wall", permission: Permission::MetricsView },
    Entry { area: Area::Machines, href: paths::MACHINES, key: "nav-machines", permission: Permission::MachinesView },
    Entry {
        area: Area::Allocations,
        href: paths::ALLOCATIONS,
        key: "nav-allocations",
        permission: Permission::AllocationsManage,
    },
    Entry {
        area: Area::Customers,
        href: paths::CUSTOMERS,
        key: "nav-customers",
        permission: Permission::CustomersManage,
    },
    Entry {
        area: Area::JoinTokens,
        href: paths::JOIN_TOKENS,
        key: "nav-join-tokens",
        permission: Permission::MachinesEnroll,
    },
    Entry { area: Area::Audit, href: paths::AUDIT, key: "nav-audit", permission: Permission::AuditView },
    Entry { area: Area::Settings, href: paths::SETTINGS, key: "nav-settings", permission: Permission::SettingsView },
];

const CUSTOMER: [Entry; 3] = [
    Entry { area: Area::Home, href: paths::HOME, key: "nav-home", permission: Permission::CustomersView },
    Entry {
        area: Area::Members,
        href: paths::MEMBERS,
        key: "nav-members",
        permission: Permission::CustomersListMembers,
    },
    Entry { area: Area::OwnAudit, href: paths::OWN_AUDIT, key: "nav-own-audit", permission: Permission::AuditViewOwn },
];

const OWN: [Entry; 1] =
    [Entry { area: Area::Account, href: paths::ACCOUNT, key: "nav-account", permission: Permission::AccountsViewOwn }];

/// Every place the reader may go to: word and address.
pub fn destinations(words: Words) -> Vec<(String, String)> {
    let ctx = use_context::<OpContext>();
    let acts_for_a_customer = ctx.as_ref().and_then(OpContext::user).is_some_and(|u| u.active_customer.is_some());
    let own = if acts_for_a_customer { &CUSTOMER[..] } else { &[] };
    STAFF
        .iter()
        .chain(own)
        .chain(&OWN)
        .filter(|entry| ctx.as_ref().is_some_and(|ctx| ctx.holds(entry.permission)))
        .map(|entry| (words.t(entry.key), entry.href.to_owned()))
        .collect()
}

/// The entries with their headings.
pub(super) fn entries(words: Words, here: Area) -> impl IntoView {
    let ctx = use_context::<OpContext>();
    let acts_for_a_customer = ctx.as_ref().and_then(OpContext::user).is_some_and(|u| u.active_customer.is_some());
    let group = |key: &str, entries: &'static [Entry], shown: bool| {
        let links: Vec<_> = entries
            .iter()
            .filter(|entry| shown && ctx.as_ref().is_some_and(|ctx| ctx.holds(entry.permission)))
            .map(|entry| {
                let current = (entry.area == here).then_some("page");
                view! { <li><a href=entry.href aria-current=current>{words.t(entry.key)}</a></li> }
            })
            .collect();
        (!links.is_empty()).then(|| {
            view! {
                <h2>{words.t(key)}</h2>
                <ul>{links}</ul>
            }
        })
    };
    (
        group("nav-operations", &STAFF, true),
        group("nav-customer", &CUSTOMER, acts_for_a_customer),
        group("nav-own", &OWN, true),
    )
}
