//! The policy: role × permission → reach. One table; `tests/it/authz.rs` holds its committed snapshot.

use contract::Permission;

use crate::SystemActor;

/// What a principal is, for the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Anonymous,
    /// Anybody signed in.
    SignedIn,
    PlatformAdmin,
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
            Role::CustomerOwner,
            Role::CustomerMember,
            Role::Node,
        ];
        roles.extend(SystemActor::ALL.map(Role::System));
        roles
    }

    /// Its name on the wire and in the snapshot.
    pub fn name(self) -> &'static str {
        match self {
            Role::Anonymous => "anonymous",
            Role::SignedIn => "signed_in",
            Role::PlatformAdmin => "platform_admin",
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
        // Nor do they stand inside of a customer: they have the whole log.
        (Role::PlatformAdmin, P::AuditViewOwn) => Reach::Nothing,
        (Role::PlatformAdmin, _) => Reach::All,

        (
            Role::CustomerOwner,
            P::CustomersView
            | P::CustomersListMembers
            | P::CustomersInvite
            | P::AllocationsView
            | P::AllocationsMonitor
            | P::AllocationsRequestRenewal
            | P::AuditViewOwn,
        ) => Reach::Customer,
        (Role::CustomerMember, P::CustomersView | P::AllocationsView | P::AllocationsMonitor) => Reach::Customer,
        // The fleet is the staff's: customers reach a machine through its allocation.
        (Role::CustomerOwner | Role::CustomerMember, _) => Reach::Nothing,

        (Role::Node, P::MetricsReport | P::MachinesView) => Reach::Own,
        (Role::Node, _) => Reach::Nothing,

        (Role::System(SystemActor::Authenticator), P::AccountsViewOwn | P::AccountsUpdateOwn) => Reach::All,
        (Role::System(SystemActor::Metrics), P::MachinesView | P::MetricsView | P::MetricsReport) => Reach::All,
        (Role::System(SystemActor::Sealer), P::AuditSeal | P::AuditView) => Reach::All,
        (
            Role::System(SystemActor::Worker),
            P::JobsRun | P::JobsView | P::MachinesView | P::MachinesOperate | P::MetricsView | P::AllocationsUpdate,
        ) => Reach::All,
        (
            Role::System(SystemActor::Operator),
            P::MachinesEnroll | P::MachinesView | P::AccountsViewOwn | P::AccountsUpdateOwn | P::AccountsSecureOwn,
        ) => Reach::All,
        (Role::System(_), _) => Reach::Nothing,
    }
}

/// The whole table as text, one line per permission: what the snapshot compares.
pub fn table() -> String {
    let roles = Role::all();
    let mut text = format!("{:<24}", "permission");
    for role in &roles {
        text += &format!(" {:<15}", role.name());
    }
    for permission in Permission::ALL {
        text += &format!("\n{:<24}", permission.name());
        for role in &roles {
            text += &format!(" {:<15}", reach(*role, *permission).name());
        }
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n"
}
