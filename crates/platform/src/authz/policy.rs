//! The policy: role × permission → reach. One table; `tests/it/authz.rs` holds its committed snapshot.

use contract::Permission;
use contract::accounts::MemberRole;

use crate::SystemActor;

/// What a principal is, for the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Anonymous,
    /// Anybody signed in.
    SignedIn,
    PlatformAdmin,
    /// Reads everything and acts on machines.
    Operator,
    /// Of courses: their own.
    Teacher,
    /// Of courses: their place in one.
    Student,
    /// What a custom role can give at most; it gives those of its permissions.
    Custom,
    /// In the active customer.
    CustomerOwner,
    /// In the active customer.
    CustomerMember,
    /// An agent.
    Node,
    System(SystemActor),
}

impl Role {
    /// Every role.
    pub fn all() -> Vec<Role> {
        let mut roles = vec![
            Role::Anonymous,
            Role::SignedIn,
            Role::PlatformAdmin,
            Role::Operator,
            Role::Teacher,
            Role::Student,
            Role::Custom,
            Role::CustomerOwner,
            Role::CustomerMember,
            Role::Node,
        ];
        roles.extend(SystemActor::ALL.map(Role::System));
        roles
    }

    /// What somebody is in the customer they act for.
    pub(super) fn of_member(role: MemberRole) -> Self {
        match role {
            MemberRole::Owner => Role::CustomerOwner,
            MemberRole::Member => Role::CustomerMember,
        }
    }

    /// Its name on the wire and in the snapshot.
    pub fn name(self) -> &'static str {
        match self {
            Role::Anonymous => "anonymous",
            Role::SignedIn => "signed_in",
            Role::PlatformAdmin => "platform_admin",
            Role::Operator => "operator",
            Role::Teacher => "teacher",
            Role::Student => "student",
            Role::Custom => "custom_role",
            Role::CustomerOwner => "customer_owner",
            Role::CustomerMember => "customer_member",
            Role::Node => "node",
            Role::System(actor) => actor.name(),
        }
    }
}

/// How far a permission goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Nothing,
    /// What belongs to oneself (a node: its machine).
    Own,
    /// What belongs to the active customer.
    Customer,
    All,
}

impl Reach {
    /// Word in the snapshot.
    pub fn name(self) -> &'static str {
        match self {
            Reach::Nothing => "-",
            Reach::Own => "own",
            Reach::Customer => "customer",
            Reach::All => "all",
        }
    }
}

/// The policy.
pub fn reach(role: Role, permission: Permission) -> Reach {
    use Permission as P;
    match (role, permission) {
        (Role::Anonymous, _) => Reach::Nothing,

        (Role::SignedIn, P::AccountsViewOwn | P::AccountsUpdateOwn | P::AccountsSecureOwn) => Reach::Own,
        (Role::SignedIn, _) => Reach::Nothing,

        // Staff do not report for machines or seal the log: those are the machines' and the system's.
        (Role::PlatformAdmin, P::MetricsReport | P::AuditSeal | P::JobsRun) => Reach::Nothing,
        // Nobody else's password or second factor: what staff may do to other people has operations of its own.
        (Role::PlatformAdmin, P::AccountsSecureOwn) => Reach::Nothing,
        // Nor do they stand inside of a customer: they have the whole log, and the whole library.
        (
            Role::PlatformAdmin,
            P::AuditViewOwn
            | P::JobsViewOwn
            | P::ImagesUse
            | P::ImagesUpload
            | P::InstancesUse
            | P::InstancesCreate
            | P::BillingViewOwn
            | P::BillingManageOwn,
        ) => Reach::Nothing,
        (Role::PlatformAdmin, _) => Reach::All,

        (Role::Operator, _) => operator(permission),
        // What they may is of courses, and comes with these; what a school rents they have as its people.
        (Role::Teacher | Role::Student, _) => Reach::Nothing,
        (Role::Custom, _) => custom(permission),

        (
            Role::CustomerOwner,
            P::CustomersView
            | P::CustomersListMembers
            | P::CustomersInvite
            | P::CustomersManageMembers
            | P::AllocationsView
            | P::AllocationsMonitor
            | P::AllocationsRequestRenewal
            | P::AuditViewOwn
            | P::JobsViewOwn
            | P::FilesView
            | P::FilesUpload
            | P::ImagesUse
            | P::ImagesUpload
            | P::InstancesUse
            | P::InstancesCreate
            | P::BillingViewOwn
            | P::BillingManageOwn,
        ) => Reach::Customer,
        (
            Role::CustomerMember,
            P::CustomersView | P::AllocationsView | P::AllocationsMonitor | P::FilesView | P::ImagesUse,
        ) => Reach::Customer,
        // They bring things in, and take away what they brought; their instances, and what these cost, are their own.
        (
            Role::CustomerMember,
            P::JobsViewOwn
            | P::FilesUpload
            | P::ImagesUpload
            | P::InstancesUse
            | P::InstancesCreate
            | P::BillingViewOwn,
        ) => Reach::Own,
        // The fleet is the staff's: customers reach a machine through its allocation.
        (Role::CustomerOwner | Role::CustomerMember, _) => Reach::Nothing,

        (Role::Node, P::MetricsReport | P::MachinesView) => Reach::Own,
        (Role::Node, _) => Reach::Nothing,

        (Role::System(SystemActor::Authenticator), P::AccountsViewOwn | P::AccountsUpdateOwn) => Reach::All,
        (Role::System(SystemActor::Metrics), P::MachinesView | P::MetricsView | P::MetricsReport) => Reach::All,
        (Role::System(SystemActor::Sealer), P::AuditSeal | P::AuditView) => Reach::All,
        (
            Role::System(SystemActor::Worker),
            P::JobsRun
            | P::JobsView
            | P::MachinesView
            | P::MachinesOperate
            | P::MetricsView
            | P::AllocationsUpdate
            | P::InstancesView
            | P::InstancesOperate,
        ) => Reach::All,
        (
            Role::System(SystemActor::Operator),
            P::MachinesEnroll | P::MachinesView | P::AccountsViewOwn | P::AccountsUpdateOwn | P::AccountsSecureOwn,
        ) => Reach::All,
        (Role::System(_), _) => Reach::Nothing,
    }
}

/// Built-in roles of the platform that hold a permission everywhere, as assignments name them.
pub(crate) fn builtin_holders(permission: Permission) -> Vec<String> {
    let held = |role: &Role| reach(*role, permission) == Reach::All;
    [Role::PlatformAdmin, Role::Operator].into_iter().filter(held).map(|role| role.name().to_owned()).collect()
}

/// Everything that is read, and the machines; of people no more than reading, nothing of roles, nor of what customers pay.
fn operator(permission: Permission) -> Reach {
    use Permission as P;
    match permission {
        P::CustomersView
        | P::CustomersListMembers
        | P::CustomersManage
        | P::UsersView
        | P::AllocationsView
        | P::AllocationsManage
        | P::AllocationsMonitor
        | P::MachinesView
        | P::MachinesOperate
        | P::MetricsView
        | P::SpecsView
        | P::ImagesView
        | P::InstancesView
        | P::InstancesOperate
        | P::AuditView
        | P::JobsView => Reach::All,
        _ => Reach::Nothing,
    }
}

/// What belongs to oneself, to customers' people, to machines and to the system is no staff's to be given.
fn custom(permission: Permission) -> Reach {
    use Permission as P;
    match permission {
        P::AccountsViewOwn
        | P::AccountsUpdateOwn
        | P::AccountsSecureOwn
        | P::CustomersListMembers
        | P::AllocationsRequestRenewal
        | P::MetricsReport
        | P::AuditViewOwn
        | P::JobsViewOwn
        | P::ImagesUse
        | P::ImagesUpload
        | P::InstancesUse
        | P::InstancesCreate
        | P::BillingViewOwn
        | P::BillingManageOwn
        | P::AuditSeal
        | P::JobsRun => Reach::Nothing,
        // Whoever says what the groups of a provider mean here makes admins by it.
        P::SettingsIdentity => Reach::Nothing,
        _ => Reach::All,
    }
}

/// True when a custom role can hold it.
pub fn is_grantable(permission: Permission) -> bool {
    reach(Role::Custom, permission) == Reach::All
}

/// True when custom roles with these permissions give this one. Who may change something also sees it, all of it and each:
/// without that, a permission alone would show nothing, and what is seen in a list would be told not to exist.
pub fn gives(held: &[Permission], permission: Permission) -> bool {
    held.contains(&permission) || through(permission).iter().any(|through| held.contains(through))
}

/// What a custom role sees by.
fn through(permission: Permission) -> &'static [Permission] {
    use Permission as P;
    match permission {
        // To see customers from outside is to see each as those do who run them.
        P::CustomersView | P::CustomersManage => &[
            P::CustomersView,
            P::CustomersManage,
            P::CustomersCreate,
            P::CustomersUpdate,
            P::CustomersDelete,
            P::CustomersAddMember,
            P::CustomersInvite,
            P::CustomersManageMembers,
        ],
        P::UsersView => &[P::UsersCreate, P::UsersUpdate, P::UsersDelete, P::RolesAssign],
        P::RolesView => &[P::RolesManage, P::RolesAssign],
        P::AllocationsView | P::AllocationsManage => &[
            P::AllocationsView,
            P::AllocationsManage,
            P::AllocationsCreate,
            P::AllocationsUpdate,
            P::AllocationsMonitor,
        ],
        P::AllocationsMonitor => &[P::AllocationsManage],
        P::MachinesView => {
            &[P::MachinesCreate, P::MachinesUpdate, P::MachinesOperate, P::MachinesConnect, P::MachinesDelete]
        }
        P::SpecsView => &[P::SpecsManage],
        P::FilesView => &[P::FilesUpload],
        P::ImagesView => &[P::ImagesManage, P::ImagesReview],
        P::InstancesView => &[P::InstancesOperate],
        P::JobsView => &[P::JobsManage],
        P::BillingView => &[P::BillingManage],
        P::SettingsView => &[P::SettingsUpdate],
        _ => &[],
    }
}

/// What a built-in role of the platform gives everywhere, for those who hand it on.
pub fn everywhere(role: Role) -> impl Iterator<Item = Permission> {
    Permission::ALL.iter().copied().filter(move |permission| reach(role, *permission) == Reach::All)
}

/// The whole table as text, one line per permission: what the snapshot compares.
pub fn table() -> String {
    let roles = Role::all();
    let mut text = format!("{:<27}", "permission");
    for role in &roles {
        // A person's role and a background actor may have the same name.
        let mark = if matches!(role, Role::System(_)) { "sys:" } else { "" };
        let head = format!("{mark}{}", role.name());
        text += &format!(" {head:<17}");
    }
    for permission in Permission::ALL {
        text += &format!("\n{:<27}", permission.name());
        for role in &roles {
            text += &format!(" {:<17}", reach(*role, *permission).name());
        }
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n"
}
