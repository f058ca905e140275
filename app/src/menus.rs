//! The menu: one table for the navigation, the search and `GET /api/auth/menus`, so that an entry, its buttons and the
//! server's checks agree. An entry is there exactly when its permission is held and its page exists.

use contract::Permission;
use contract::menus::{MenuButton, MenuMeta, MenuRecord};
use platform::OpContext;

use crate::role_words::permission_title;
use crate::words::Words;
use crate::{layouts::Area, paths};

/// An entry.
pub struct Entry {
    pub area: Area,
    pub href: &'static str,
    /// Key of its word.
    pub key: &'static str,
    /// What shows it.
    pub permission: Permission,
    name: &'static str,
    component: &'static str,
    icon: &'static str,
    /// What may be done there.
    buttons: &'static [Permission],
}

/// Entries under a heading.
pub struct Group {
    /// Key of the heading.
    pub key: &'static str,
    name: &'static str,
    href: &'static str,
    /// Only for those who act for a customer.
    of_customer: bool,
    pub entries: &'static [Entry],
}

macro_rules! entry {
    ($area:ident, $href:ident, $key:literal, $permission:ident, $name:literal, $component:literal, $icon:literal,
     [$($button:ident),*]) => {
        Entry {
            area: Area::$area,
            href: paths::$href,
            key: $key,
            permission: Permission::$permission,
            name: $name,
            component: $component,
            icon: $icon,
            buttons: &[$(Permission::$button),*],
        }
    };
}

/// The whole menu.
pub const GROUPS: &[Group] = &[
    Group {
        key: "nav-operations",
        name: "operations",
        href: paths::ADMIN,
        of_customer: false,
        entries: &[
            entry!(Dashboard, ADMIN, "nav-dashboard", MetricsView, "dashboard", "admin/dashboard/page", "gauge", []),
            entry!(Wall, WALL, "nav-wall", MetricsView, "wall", "admin/metrics/page", "grid", []),
            entry!(
                Machines,
                MACHINES,
                "nav-machines",
                MachinesView,
                "machines",
                "admin/machines/list",
                "server",
                [MachinesCreate, MachinesUpdate, MachinesOperate, MachinesConnect, MachinesDelete, AllocationsCreate]
            ),
            entry!(
                Allocations,
                ALLOCATIONS,
                "nav-allocations",
                AllocationsManage,
                "allocations",
                "admin/allocations/list",
                "calendar",
                [AllocationsCreate, AllocationsUpdate]
            ),
            entry!(Specs, SPECS, "nav-specs", SpecsView, "specs", "admin/specs/list", "tag", [SpecsManage]),
            entry!(
                Images,
                IMAGES,
                "nav-images",
                ImagesView,
                "images",
                "admin/images/list",
                "layers",
                [ImagesManage, ImagesReview]
            ),
            entry!(
                Instances,
                INSTANCES,
                "nav-instances",
                InstancesView,
                "instances",
                "admin/instances/list",
                "box",
                [InstancesOperate]
            ),
            entry!(
                Billing,
                BILLING,
                "nav-billing",
                BillingView,
                "billing",
                "admin/billing/page",
                "receipt",
                [BillingManage]
            ),
            entry!(
                JoinTokens,
                JOIN_TOKENS,
                "nav-join-tokens",
                MachinesEnroll,
                "join-tokens",
                "admin/machines/join_tokens",
                "key",
                [MachinesEnroll]
            ),
        ],
    },
    Group {
        key: "nav-people",
        name: "people",
        href: paths::CUSTOMERS,
        of_customer: false,
        entries: &[
            entry!(
                Customers,
                CUSTOMERS,
                "nav-customers",
                CustomersManage,
                "customers",
                "admin/customers/list",
                "building",
                [
                    CustomersCreate,
                    CustomersUpdate,
                    CustomersDelete,
                    CustomersAddMember,
                    CustomersInvite,
                    CustomersManageMembers
                ]
            ),
            entry!(
                Users,
                USERS,
                "nav-users",
                UsersView,
                "users",
                "admin/users/list",
                "users",
                [UsersCreate, UsersUpdate, UsersDelete, RolesAssign]
            ),
            entry!(Roles, ROLES, "nav-roles", RolesView, "roles", "admin/roles/list", "shield", [RolesManage]),
            entry!(Audit, AUDIT, "nav-audit", AuditView, "audit", "admin/audit/list", "list", []),
            entry!(Jobs, JOBS, "nav-jobs", JobsView, "jobs", "admin/jobs/list", "hourglass", [JobsManage]),
            entry!(
                Announcements,
                ANNOUNCEMENTS,
                "nav-announcements",
                AnnouncementsManage,
                "announcements",
                "admin/announcements/list",
                "megaphone",
                [AnnouncementsManage]
            ),
            entry!(
                Settings,
                SETTINGS,
                "nav-settings",
                SettingsView,
                "settings",
                "admin/settings/page",
                "sliders",
                [SettingsUpdate, SettingsIdentity]
            ),
        ],
    },
    Group {
        key: "nav-customer",
        name: "customer",
        href: paths::HOME,
        of_customer: true,
        entries: &[
            entry!(
                Home,
                HOME,
                "nav-home",
                CustomersView,
                "home",
                "customer/customers/home",
                "home",
                [AllocationsRequestRenewal]
            ),
            entry!(
                Members,
                MEMBERS,
                "nav-members",
                CustomersListMembers,
                "members",
                "customer/customers/members",
                "users",
                [CustomersInvite, CustomersManageMembers]
            ),
            entry!(
                OwnInstances,
                OWN_INSTANCES,
                "nav-own-instances",
                InstancesUse,
                "own-instances",
                "customer/instances/list",
                "box",
                [InstancesCreate]
            ),
            entry!(
                OwnBilling,
                OWN_BILLING,
                "nav-billing",
                BillingViewOwn,
                "own-billing",
                "customer/billing/page",
                "receipt",
                [BillingManageOwn]
            ),
            entry!(Market, MARKET, "nav-market", ImagesUse, "market", "customer/images/market", "store", []),
            entry!(
                OwnImages,
                OWN_IMAGES,
                "nav-own-images",
                ImagesUse,
                "own-images",
                "customer/images/mine",
                "layers",
                [ImagesUpload]
            ),
            entry!(
                OwnJobs,
                OWN_JOBS,
                "nav-own-jobs",
                JobsViewOwn,
                "own-jobs",
                "customer/jobs/page",
                "hourglass",
                [FilesUpload]
            ),
            entry!(OwnAudit, OWN_AUDIT, "nav-own-audit", AuditViewOwn, "own-audit", "customer/audit/page", "list", []),
        ],
    },
    Group {
        key: "nav-own",
        name: "own",
        href: paths::ACCOUNT,
        of_customer: false,
        entries: &[entry!(
            Account,
            ACCOUNT,
            "nav-account",
            AccountsViewOwn,
            "account",
            "customer/accounts/page",
            "user",
            [AccountsUpdateOwn, AccountsSecureOwn]
        )],
    },
];

/// What can be given alone and then opens no page, with the key of what it is for: whoever makes a role reads so before.
pub const WITHOUT_PAGE: [(Permission, &str); 2] =
    [(Permission::FilesView, "permission-note-files-view"), (Permission::FilesUpload, "permission-note-files-upload")];

/// The entries of a group that this person sees.
pub fn visible<'a>(group: &'a Group, ctx: &'a OpContext) -> impl Iterator<Item = &'a Entry> {
    group.entries.iter().filter(move |entry| shows(group, entry, ctx))
}

/// Whether this person sees an entry, and opens its page.
pub(crate) fn shows(group: &Group, entry: &Entry, ctx: &OpContext) -> bool {
    let acts = ctx.user().is_some_and(|user| user.active_customer.is_some());
    (acts || !group.of_customer) && ctx.holds(entry.permission)
}

/// The nearest entry above a page, or that of the page itself.
pub(crate) fn entry_over(path: &str) -> Option<(&'static Group, &'static Entry)> {
    let below =
        |entry: &Entry| path.strip_prefix(entry.href).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let all = GROUPS.iter().flat_map(|group| group.entries.iter().map(move |entry| (group, entry)));
    all.filter(|(_, entry)| below(entry)).max_by_key(|(_, entry)| entry.href.len())
}

/// The first page of this person.
pub fn first_page(ctx: &OpContext) -> &'static str {
    GROUPS.iter().flat_map(|group| visible(group, ctx)).next().map_or(paths::ACCOUNT, |entry| entry.href)
}

/// The menu of this person as programs draw it; groups without entries are left out.
pub fn records(ctx: &OpContext) -> Vec<MenuRecord> {
    let words = Words(ctx.language());
    let record = |entry: &Entry| MenuRecord {
        path: entry.href.to_owned(),
        name: entry.name.to_owned(),
        component: entry.component.to_owned(),
        meta: MenuMeta {
            title: words.t(entry.key),
            icon: Some(entry.icon.to_owned()),
            auth_list: entry.buttons.iter().filter(|held| ctx.holds(**held)).map(|held| button(words, *held)).collect(),
        },
        children: Vec::new(),
    };
    GROUPS
        .iter()
        .map(|group| MenuRecord {
            // A heading leads to the first page below it that this person may open.
            path: visible(group, ctx).next().map_or(group.href, |entry| entry.href).to_owned(),
            name: format!("group-{}", group.name),
            component: "layout".to_owned(),
            meta: MenuMeta { title: words.t(group.key), icon: None, auth_list: Vec::new() },
            children: visible(group, ctx).map(record).collect(),
        })
        .filter(|group| !group.children.is_empty())
        .collect()
}

fn button(words: Words, permission: Permission) -> MenuButton {
    MenuButton { title: permission_title(words.0, permission), auth_mark: permission.name().to_owned() }
}
