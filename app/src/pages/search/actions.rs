//! What can be done, by the words that people type: in both languages, whatever they read in, because half of the trade's words
//! are English everywhere. First what concerns the page that one is on.

use contract::accounts::Language;
use contract::machines::{MachineAction, MachineView};
use contract::{AllocationId, CustomerId, Permission};
use platform::{OpContext, Platform};

use super::Hit;
use crate::pages::admin::machines::lease::Leases;
use crate::paths;
use crate::ways;
use crate::words::Words;

/// Actions that begin somewhere new: word, what else people call it, address, permission.
const BEGIN: [(&str, &str, &str, Permission); 12] = [
    ("machines-add", "search-words-new", paths::MACHINE_NEW, Permission::MachinesCreate),
    ("import-title", "search-words-import", paths::MACHINES_IMPORT, Permission::MachinesCreate),
    ("import-users-title", "search-words-import", paths::USERS_IMPORT, Permission::UsersCreate),
    ("machines-join", "search-words-new", paths::JOIN_TOKENS, Permission::MachinesEnroll),
    ("customers-add", "search-words-new", paths::CUSTOMER_NEW, Permission::CustomersCreate),
    ("timeline-title", "search-words-allocate", paths::ALLOCATIONS_TIMELINE, Permission::AllocationsManage),
    ("users-add", "search-words-new", paths::USER_NEW, Permission::UsersCreate),
    ("roles-add", "search-words-new", paths::ROLE_NEW, Permission::RolesManage),
    ("specs-add", "search-words-new", paths::SPEC_NEW, Permission::SpecsManage),
    ("images-add", "search-words-new", paths::IMAGE_NEW, Permission::ImagesManage),
    ("announcements-add", "search-words-new", paths::ANNOUNCEMENT_NEW, Permission::AnnouncementsManage),
    ("instances-add", "search-words-new", paths::INSTANCE_NEW, Permission::InstancesCreate),
];

/// Lists that can be taken away: their name, address, permission.
const EXPORTS: [(&str, &str, Permission); 14] = [
    ("nav-machines", "/api/admin/machines/export", Permission::MachinesView),
    ("nav-allocations", "/api/admin/allocations/export", Permission::AllocationsManage),
    ("nav-customers", "/api/admin/customers/export", Permission::CustomersManage),
    ("nav-users", "/api/admin/users/export", Permission::UsersView),
    ("nav-roles", "/api/admin/roles/export", Permission::RolesView),
    ("nav-specs", "/api/admin/specs/export", Permission::SpecsView),
    ("nav-images", "/api/admin/images/export", Permission::ImagesView),
    ("nav-audit", "/api/admin/audits/export", Permission::AuditView),
    ("nav-announcements", "/api/admin/announcements/export", Permission::AnnouncementsManage),
    ("nav-jobs", "/api/admin/jobs/export", Permission::JobsView),
    ("nav-instances", "/api/admin/instances/export", Permission::InstancesView),
    ("nav-own-instances", "/api/customer/instances/export", Permission::InstancesUse),
    ("nav-own-images", "/api/customer/images/mine/export", Permission::ImagesUse),
    ("nav-market", "/api/customer/images/market/export", Permission::ImagesUse),
];

/// What is done with a machine, for who has to choose one first: word, what else people call it, permission.
const WITH_MACHINES: [(&str, &str, Permission); 6] = [
    ("machine-allocate", "search-words-allocate", Permission::AllocationsCreate),
    ("action-cordon", "search-words-cordon", Permission::MachinesOperate),
    ("action-drain", "search-words-drain", Permission::MachinesOperate),
    ("action-uncordon", "search-words-uncordon", Permission::MachinesOperate),
    ("maintenance-plan", "search-words-maintenance", Permission::MachinesOperate),
    ("action-retire", "search-words-retire", Permission::MachinesOperate),
];

/// The same with allocations.
const WITH_ALLOCATIONS: [(&str, &str, Permission); 2] = [
    ("lease-renew", "search-words-renew", Permission::AllocationsUpdate),
    ("allocation-reclaim", "search-words-reclaim", Permission::AllocationsUpdate),
];

/// What was typed, as it is compared.
pub(super) struct Typed(Vec<String>);

impl Typed {
    pub(super) fn new(text: &str) -> Self {
        Self(text.split_whitespace().map(str::to_lowercase).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of it is among these texts, in either language, or these words.
    pub(super) fn is_in(&self, keys: &[&str], more: &[&str]) -> bool {
        let said = keys.iter().flat_map(|key| {
            [Language::Zh, Language::En].map(|language| texts::known_message(language, key, &[]).unwrap_or_default())
        });
        let all = said.chain(more.iter().map(|text| (*text).to_owned())).collect::<Vec<_>>().join("\n").to_lowercase();
        self.0.iter().all(|part| all.contains(part.as_str()))
    }
}

fn action(title: String, detail: &str, href: String) -> Hit {
    Hit { kind: "search-action", title, detail: detail.to_owned(), href }
}

/// What begins somewhere, for who may.
pub(super) fn general(words: Words, ctx: &OpContext, typed: &Typed) -> Vec<Hit> {
    let begin = BEGIN.into_iter().filter(|(.., permission)| ctx.holds(*permission));
    let begin = begin.filter(|(key, more, ..)| typed.is_in(&[key, more], &[]));
    let mut hits: Vec<Hit> = begin.map(|(key, _, href, _)| action(words.t(key), "", href.to_owned())).collect();
    if typed.is_empty() {
        return hits;
    }
    let exports = EXPORTS.into_iter().filter(|(.., permission)| ctx.holds(*permission));
    let exports = exports.filter(|(key, ..)| typed.is_in(&[key, "list-export", "search-words-export"], &[]));
    hits.extend(exports.map(|(key, href, _)| {
        action(words.with("search-act-on", &act_on(words.t("list-export"), words.t(key))), "", href.to_owned())
    }));
    hits
}

fn act_on(what: String, name: String) -> [(&'static str, String); 2] {
    [("what", what), ("name", name)]
}

/// What is done with machines and allocations, where none is open: to the list, where one is chosen.
pub(super) fn with_a_choice(words: Words, ctx: &OpContext, typed: &Typed) -> Vec<Hit> {
    if typed.is_empty() {
        return Vec::new();
    }
    let choose = |all: &[(&str, &str, Permission)], sees: Permission, title: &str, list: &str| {
        let held = all.iter().filter(|(.., permission)| ctx.holds(sees) && ctx.holds(*permission));
        let meant = held.filter(|(key, more, _)| typed.is_in(&[key, more], &[]));
        let hits = meant.map(|(key, ..)| action(words.with(title, &[("what", words.t(key))]), "", list.to_owned()));
        hits.collect::<Vec<_>>()
    };
    let mut hits = choose(&WITH_MACHINES, Permission::MachinesView, "search-choose-machine", paths::MACHINES);
    let leases = paths::ALLOCATIONS;
    hits.extend(choose(&WITH_ALLOCATIONS, Permission::AllocationsManage, "search-choose-allocation", leases));
    hits
}

/// What can be done with what is open at this address; `None` where that is nothing of the kind.
pub(super) async fn on_open(
    platform: &Platform,
    ctx: &OpContext,
    words: Words,
    (path, typed): (&str, &Typed),
) -> Option<Vec<Hit>> {
    let path = paths::local(path)?.split(['?', '#']).next()?;
    let first = |prefix: &str| path.strip_prefix(prefix)?.strip_prefix('/')?.split('/').next();
    if let Some(code) = first(paths::MACHINES) {
        // `new` and the like are no machines, and are not found.
        let machine = platform::machines::get(platform, ctx, code).await.ok()?;
        let mut hits = of_machine(words, ctx, &machine, typed);
        hits.extend(of_its_lease(platform, ctx, words, (&machine, typed)).await);
        return Some(hits);
    }
    if let Some(id) = first(paths::ALLOCATIONS) {
        let id: AllocationId = id.parse().ok()?;
        let found = platform::allocations::get(platform, ctx, id).await.ok()?.allocation;
        let moves = ctx.holds(Permission::AllocationsUpdate) && found.state.can_be_moved();
        let actions = [
            ("allocation-move-end", "search-words-renew", moves, paths::allocation(id)),
            ("allocation-reclaim", "search-words-reclaim", moves, paths::allocation(id)),
            ("handover-page", "search-words-print", true, paths::handover(id)),
        ];
        return Some(of((words, ctx), &found.machine_name, &found.machine, typed, actions));
    }
    if let Some(id) = first(paths::CUSTOMERS) {
        let id: CustomerId = id.parse().ok()?;
        let found = platform::customers::get(platform, ctx, id).await.ok()?;
        let updates = ctx.holds(Permission::CustomersUpdate);
        let actions = [("machine-edit", "search-words-edit", updates, paths::customer_edit(id))];
        return Some(of((words, ctx), &found.name, "", typed, actions));
    }
    None
}

/// `Cordon: gpu-a`, for what is possible and meant, and opens.
fn of<const N: usize>(
    (words, ctx): (Words, &OpContext),
    name: &str,
    code: &str,
    typed: &Typed,
    actions: [(&str, &str, bool, String); N],
) -> Vec<Hit> {
    let possible = actions.into_iter().filter(|(.., possible, href)| *possible && ways::opens(ctx, href));
    let meant = possible.filter(|(key, more, ..)| typed.is_in(&[key, more], &[name, code]));
    let hit = |(key, _, _, href): (&str, &str, bool, String)| {
        action(words.with("search-act-on", &act_on(words.t(key), name.to_owned())), code, href)
    };
    meant.map(hit).collect()
}

fn of_machine(words: Words, ctx: &OpContext, machine: &MachineView, typed: &Typed) -> Vec<Hit> {
    let lends = ctx.holds(Permission::AllocationsCreate)
        && platform::allocations::may_be_lent(machine.pool, machine.service_state).is_ok();
    let service = || paths::machine_service(&machine.id);
    let can = |action: MachineAction| {
        let sensible = match action {
            MachineAction::MonitoringOn => !machine.monitored,
            MachineAction::MonitoringOff => machine.monitored,
            MachineAction::Delete => true,
            decides => machine.service_state.after(decides).is_some(),
        };
        sensible && ctx.holds(action.permission())
    };
    let operates = ctx.holds(Permission::MachinesOperate);
    let actions = [
        ("machine-allocate", "search-words-allocate", lends, paths::machine_allocate(&machine.id)),
        ("action-cordon", "search-words-cordon", can(MachineAction::Cordon), service()),
        ("action-drain", "search-words-drain", can(MachineAction::Drain), service()),
        ("action-uncordon", "search-words-uncordon", can(MachineAction::Uncordon), service()),
        ("maintenance-plan", "search-words-maintenance", operates, service()),
        ("action-retire", "search-words-retire", can(MachineAction::Retire), service()),
        ("action-monitoring-on", "search-words-monitoring", can(MachineAction::MonitoringOn), service()),
        ("action-monitoring-off", "search-words-monitoring", can(MachineAction::MonitoringOff), service()),
        ("action-delete", "search-words-delete", can(MachineAction::Delete), service()),
        ("machine-edit", "search-words-edit", ctx.holds(Permission::MachinesUpdate), paths::machine_edit(&machine.id)),
        ("passport", "search-words-print", true, paths::machine_passport(&machine.id)),
        ("engine-title", "engine-title", true, paths::machine_docker(&machine.id)),
        ("nav-instances", "nav-instances", true, paths::instances_on(&machine.id)),
    ];
    of((words, ctx), &machine.name, &machine.id, typed, actions)
}

/// Who has the machine keeps it or gives it back: to the allocation, where that is done.
async fn of_its_lease(
    platform: &Platform,
    ctx: &OpContext,
    words: Words,
    (machine, typed): (&MachineView, &Typed),
) -> Vec<Hit> {
    let Ok(Some(leases)) = Leases::load(platform, ctx, &machine.id).await else { return Vec::new() };
    let Some(lease) = leases.movable(ctx) else { return Vec::new() };
    let actions = [
        ("lease-renew", "search-words-renew", true, paths::allocation(lease.id)),
        ("allocation-reclaim", "search-words-reclaim", true, paths::allocation(lease.id)),
    ];
    of((words, ctx), &machine.name, &machine.id, typed, actions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_find_things_in_either_language() {
        for (text, key, more) in [
            ("暂停", "action-cordon", "search-words-cordon"),
            ("Cordon", "action-cordon", "search-words-cordon"),
            ("停止调度", "action-cordon", "search-words-cordon"),
            ("维护", "maintenance-plan", "search-words-maintenance"),
            ("maintenance", "maintenance-plan", "search-words-maintenance"),
            ("分配", "machine-allocate", "search-words-allocate"),
            ("lend", "machine-allocate", "search-words-allocate"),
            ("新建", "machines-add", "search-words-new"),
            ("new machine", "machines-add", "search-words-new"),
            ("上传 excel", "import-title", "search-words-import"),
        ] {
            assert!(Typed::new(text).is_in(&[key, more], &[]), "{text}");
        }
        assert!(!Typed::new("new customer").is_in(&["machines-add", "search-words-new"], &[]));
        assert!(Typed::new("暂停 gpu-a").is_in(&["action-cordon", "search-words-cordon"], &["GPU-A"]));
    }
}
