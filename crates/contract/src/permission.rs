//! Permission names, `noun:verb`. A menu entry or button is shown exactly when its permission is held, and the server
//! checks the same permission; who holds what is decided in one place, `platform::authz::policy`.

use serde::{Deserialize, Serialize};

// The wire's name is a token for the sake of the API's description: see `word_enum`.
macro_rules! permissions {
    ($($(#[doc = $doc:literal])* $name:ident = $wire:tt;)+) => {
        /// Everything that can be permitted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum Permission {
            $($(#[doc = $doc])* #[serde(rename = $wire)] $name,)+
        }

        impl Permission {
            /// Every permission, in the order of the policy table.
            pub const ALL: &'static [Permission] = &[$(Permission::$name,)+];

            /// The name on the wire and in the policy snapshot.
            pub fn name(self) -> &'static str {
                match self { $(Permission::$name => $wire,)+ }
            }

            /// Reads what [`Permission::name`] writes.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|permission| permission.name() == name)
            }

            /// The noun it is about, by which permissions are shown together.
            pub fn group(self) -> &'static str {
                self.name().split(':').next().unwrap_or_default()
            }
        }
    };
}

permissions! {
    /// Read one's own profile and memberships.
    AccountsViewOwn = "accounts:view-own";
    /// Change one's own language, theme, active customer.
    AccountsUpdateOwn = "accounts:update-own";
    /// Change one's own password, second factor, tokens and sessions; never with an API token.
    AccountsSecureOwn = "accounts:secure-own";
    /// See the customer.
    CustomersView = "customers:view";
    /// See who belongs to the customer.
    CustomersListMembers = "customers:list-members";
    /// See every customer, with contacts and remarks.
    CustomersManage = "customers:manage";
    /// Add a customer.
    CustomersCreate = "customers:create";
    /// Change a customer's data, disable and enable it.
    CustomersUpdate = "customers:update";
    /// Delete a customer and bring it back.
    CustomersDelete = "customers:delete";
    /// Make accounts for new people of a customer.
    CustomersAddMember = "customers:add-member";
    /// Invite people into the customer by mail.
    CustomersInvite = "customers:invite";
    /// Change roles in a customer, remove people from it, hand its ownership over; held everywhere, bring in people who
    /// have an account without asking them.
    CustomersManageMembers = "customers:manage-members";
    /// See everybody's account, with roles and memberships.
    UsersView = "users:view";
    /// Add an account.
    UsersCreate = "users:create";
    /// Change an account, disable and enable it, give it a new password.
    UsersUpdate = "users:update";
    /// Delete an account and bring it back.
    UsersDelete = "users:delete";
    /// See roles, what they permit and who holds them.
    RolesView = "roles:view";
    /// Make, change and delete custom roles.
    RolesManage = "roles:manage";
    /// Give roles to people and take them away.
    RolesAssign = "roles:assign";
    /// See one's own allocations, as a customer does.
    AllocationsView = "allocations:view";
    /// See every allocation, with remarks, requests and check-lists.
    AllocationsManage = "allocations:manage";
    /// Lend a machine to a customer.
    AllocationsCreate = "allocations:create";
    /// Renew, shorten, end and reclaim an allocation, decide on requests.
    AllocationsUpdate = "allocations:update";
    /// See the figures of a machine one has.
    AllocationsMonitor = "allocations:monitor";
    /// Ask for more time.
    AllocationsRequestRenewal = "allocations:request-renewal";
    /// See machines, their hardware and where they stand.
    MachinesView = "machines:view";
    /// Add a machine.
    MachinesCreate = "machines:create";
    /// Change a machine's data.
    MachinesUpdate = "machines:update";
    /// Take a machine out of service and back, plan maintenance.
    MachinesOperate = "machines:operate";
    /// Say how a machine's host and its Docker Engine are reached.
    MachinesConnect = "machines:connect";
    /// Delete a machine.
    MachinesDelete = "machines:delete";
    /// See, make and revoke join tokens.
    MachinesEnroll = "machines:enroll";
    /// See live figures, history and processes.
    MetricsView = "metrics:view";
    /// Deliver figures (agents only).
    MetricsReport = "metrics:report";
    /// Read the audit log.
    AuditView = "audit:view";
    /// Read the part of the log that is about one's own customer.
    AuditViewOwn = "audit:view-own";
    /// Seal audit rows (system only).
    AuditSeal = "audit:seal";
    /// See background jobs.
    JobsView = "jobs:view";
    /// Stop background jobs, and let failed ones run again.
    JobsManage = "jobs:manage";
    /// See what is done in the background for one's customer, or for oneself.
    JobsViewOwn = "jobs:view-own";
    /// Run background jobs (system only).
    JobsRun = "jobs:run";
    /// See specs and their prices.
    SpecsView = "specs:view";
    /// Add, change, price, list and delete specs.
    SpecsManage = "specs:manage";
    /// See the files of one's customer, and what is on its way in.
    FilesView = "files:view";
    /// Upload files and take one's own away.
    FilesUpload = "files:upload";
    /// See the market of images and those of one's customer.
    ImagesUse = "images:use";
    /// Upload images and change or take away one's own.
    ImagesUpload = "images:upload";
    /// See every image.
    ImagesView = "images:view";
    /// Add, change, list, delist and delete images.
    ImagesManage = "images:manage";
    /// Approve and reject uploaded images.
    ImagesReview = "images:review";
    /// See the instances of one's customer, or one's own.
    InstancesUse = "instances:use";
    /// Make instances, start, stop and delete one's own.
    InstancesCreate = "instances:create";
    /// See every instance.
    InstancesView = "instances:view";
    /// Start, stop and delete everybody's instances.
    InstancesOperate = "instances:operate";
    /// See what everybody used and what it costs.
    BillingView = "billing:view";
    /// See what one's customer, or oneself, used and what it costs.
    BillingViewOwn = "billing:view-own";
    /// Set budgets of customers, and lift them for a month.
    BillingManage = "billing:manage";
    /// Set one's customer's budgets.
    BillingManageOwn = "billing:manage-own";
    /// Say something to everybody or to some.
    AnnouncementsManage = "announcements:manage";
    /// See the installation's settings; of secrets only whether they are set.
    SettingsView = "settings:view";
    /// Change them.
    SettingsUpdate = "settings:update";
    /// See, change and test what people sign in through: directories and sign-in services.
    SettingsIdentity = "settings:identity";
}

impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
