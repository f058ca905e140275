//! Authorization: permission is an argument.
//!
//! [`OpContext::authorize`] turns a principal, an action and a loaded resource into a [`Granted`], which only this module
//! can make and which the stores' write functions take instead of an id. [`OpContext::authorize_list`] gives the [`Scope`]
//! a list is filtered by in SQL. Nothing outside this folder compares a role.

mod denied;
mod policy;
mod shelves;
mod staff;

use std::any::TypeId;
use std::marker::PhantomData;

use contract::{
    AllocationId, BudgetId, CustomerId, FileId, GpuId, ImageId, InstanceId, JobId, LedgerIntervalId, MachineId,
    Permission, RoleId, SpecId, UploadId, UserId,
};

pub(crate) use policy::builtin_holders;
pub use policy::{Reach, Role, is_grantable, reach, table};
pub use shelves::{BudgetShelf, FileShelf, ImageShelf, InstanceShelf, Noticeboard, OwnBudgetShelf};
pub(crate) use staff::{
    KEPT_ROLE, given_in, member_may, must_be_kept, permitted_by, powers_of, ways_to, works_for_platform,
};

use crate::{OpContext, Principal, Result};

/// Something that can be permitted on a loaded resource.
pub trait Action: Copy {
    /// What it is done to.
    type Resource: Resource;
    /// The permission it takes.
    const PERMISSION: Permission;
}

/// Something that has a place in the tenancy.
pub trait Resource {
    /// Its id.
    type Id: Copy + std::fmt::Debug + std::fmt::Display + 'static;
    /// Word in audit rows.
    const KIND: &'static str;
    /// Permission that makes it visible; without it, it does not exist for the caller.
    const VIEW: Permission;
    /// Its id.
    fn id(&self) -> Self::Id;
    /// The customer it belongs to.
    fn customer(&self) -> Option<CustomerId> {
        None
    }
    /// The person it belongs to.
    fn owner(&self) -> Option<UserId> {
        None
    }
    /// The machine it is part of.
    fn machine(&self) -> Option<MachineId> {
        None
    }
}

/// Proof that the policy said yes to action `A` on the resource with this id.
#[derive(Debug)]
pub struct Granted<A: Action> {
    id: <A::Resource as Resource>::Id,
    action: PhantomData<A>,
}

impl<A: Action> Granted<A> {
    /// The id the permission is for.
    pub fn id(&self) -> <A::Resource as Resource>::Id {
        self.id
    }
}

/// Which rows a list may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    All,
    /// What belongs to this customer.
    Customer(CustomerId),
    /// What belongs to this person.
    Own(UserId),
}

macro_rules! resources {
    ($($(#[$meta:meta])* $name:ident($id:ty) = $kind:literal, $view:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name {
            /// Its id.
            pub id: $id,
            /// The customer it belongs to.
            pub customer: Option<CustomerId>,
            /// The person it belongs to.
            pub owner: Option<UserId>,
            /// The machine it is part of.
            pub machine: Option<MachineId>,
        }
        impl $name {
            /// A resource that belongs to the platform itself.
            pub fn of_platform(id: $id) -> Self {
                Self { id, customer: None, owner: None, machine: None }
            }
        }
        impl Resource for $name {
            type Id = $id;
            const KIND: &'static str = $kind;
            const VIEW: Permission = Permission::$view;
            fn id(&self) -> $id { self.id }
            fn customer(&self) -> Option<CustomerId> { self.customer }
            fn owner(&self) -> Option<UserId> { self.owner }
            fn machine(&self) -> Option<MachineId> { self.machine }
        }
    )+};
}

resources! {
    /// A person's own account.
    AccountRef(UserId) = "user", AccountsViewOwn;
    /// Anybody's account, as staff run it.
    UserRef(UserId) = "user", UsersView;
    /// A role.
    RoleRef(RoleId) = "role", RolesView;
    /// A customer.
    CustomerRef(CustomerId) = "customer", CustomersView;
    /// A machine.
    MachineRef(MachineId) = "machine", MachinesView;
    /// A GPU.
    GpuRef(GpuId) = "gpu", MetricsView;
    /// A job.
    JobRef(JobId) = "job", JobsView;
    /// A job, as whose it is sees it.
    OwnJobRef(JobId) = "job", JobsViewOwn;
    /// A spec.
    SpecRef(SpecId) = "spec", SpecsView;
    /// A file.
    FileRef(FileId) = "file", FilesView;
    /// A file on its way in.
    UploadRef(UploadId) = "upload", FilesView;
    /// An image, as staff run it.
    ImageRef(ImageId) = "image", ImagesView;
    /// An image, as its customer has it.
    OwnImageRef(ImageId) = "image", ImagesUse;
    /// An instance, as staff run it.
    InstanceRef(InstanceId) = "instance", InstancesView;
    /// An instance, as whose it is has it.
    OwnInstanceRef(InstanceId) = "instance", InstancesUse;
    /// What somebody, its owner here, was recorded doing in an instance of their customer.
    RecordingRef(uuid::Uuid) = "recording", InstancesUse;
    /// That somebody, its owner here, is on a whole machine of their customer.
    MachineVisitRef(uuid::Uuid) = "machine_visit", InstancesUse;
    /// A row of the ledger, as staff see it.
    LedgerRef(LedgerIntervalId) = "ledger_interval", BillingView;
    /// A row of the ledger, as whose it is sees it.
    OwnLedgerRef(LedgerIntervalId) = "ledger_interval", BillingViewOwn;
    /// A budget, as staff see it.
    BudgetRef(BudgetId) = "budget", BillingView;
    /// A budget, as its customer's owners have it.
    OwnBudgetRef(BudgetId) = "budget", BillingManageOwn;
    /// An allocation.
    AllocationRef(AllocationId) = "allocation", AllocationsView;
}

/// The fleet as a whole: what one adds machines to.
#[derive(Clone, Copy, Debug)]
pub struct Fleet;

impl Resource for Fleet {
    type Id = Everything;
    const KIND: &'static str = "fleet";
    const VIEW: Permission = Permission::MachinesView;
    fn id(&self) -> Everything {
        Everything
    }
}

/// Who may be a customer at all: what one adds customers to.
#[derive(Clone, Copy, Debug)]
pub struct Clientele;

impl Resource for Clientele {
    type Id = Everything;
    const KIND: &'static str = "clientele";
    const VIEW: Permission = Permission::CustomersManage;
    fn id(&self) -> Everything {
        Everything
    }
}

/// Everybody: what one adds accounts to.
#[derive(Clone, Copy, Debug)]
pub struct Population;

impl Resource for Population {
    type Id = Everything;
    const KIND: &'static str = "population";
    const VIEW: Permission = Permission::UsersView;
    fn id(&self) -> Everything {
        Everything
    }
}

/// The roles there are: what one adds roles to.
#[derive(Clone, Copy, Debug)]
pub struct RoleBook;

impl Resource for RoleBook {
    type Id = Everything;
    const KIND: &'static str = "role_book";
    const VIEW: Permission = Permission::RolesView;
    fn id(&self) -> Everything {
        Everything
    }
}

/// The specs there are: what one adds specs to.
#[derive(Clone, Copy, Debug)]
pub struct SpecCatalog;

impl Resource for SpecCatalog {
    type Id = Everything;
    const KIND: &'static str = "spec_catalog";
    const VIEW: Permission = Permission::SpecsView;
    fn id(&self) -> Everything {
        Everything
    }
}

/// The images there are: what staff add images to.
#[derive(Clone, Copy, Debug)]
pub struct ImageLibrary;

impl Resource for ImageLibrary {
    type Id = Everything;
    const KIND: &'static str = "image_library";
    const VIEW: Permission = Permission::ImagesView;
    fn id(&self) -> Everything {
        Everything
    }
}

/// The audit log as a whole.
#[derive(Clone, Copy, Debug)]
pub struct AuditLog;

impl Resource for AuditLog {
    type Id = Everything;
    const KIND: &'static str = "audit";
    const VIEW: Permission = Permission::AuditView;
    fn id(&self) -> Everything {
        Everything
    }
}

/// The installation itself: what its settings are about.
#[derive(Clone, Copy, Debug)]
pub struct Installation;

impl Resource for Installation {
    type Id = Everything;
    const KIND: &'static str = "settings";
    const VIEW: Permission = Permission::SettingsView;
    fn id(&self) -> Everything {
        Everything
    }
}

/// Id of a resource of which there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Everything;

impl std::fmt::Display for Everything {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("*")
    }
}

macro_rules! actions {
    ($($(#[$meta:meta])* $name:ident: $permission:ident on $resource:ty;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;
        impl Action for $name {
            type Resource = $resource;
            const PERMISSION: Permission = Permission::$permission;
        }
    )+};
}

actions! {
    /// Read one's own profile.
    ViewAccount: AccountsViewOwn on AccountRef;
    /// Change one's own preferences, switch customer, sign out.
    UpdateAccount: AccountsUpdateOwn on AccountRef;
    /// Change one's own password, second factor, tokens and sessions.
    SecureAccount: AccountsSecureOwn on AccountRef;
    /// See a customer.
    ViewCustomer: CustomersView on CustomerRef;
    /// See a customer's people.
    ListMembers: CustomersListMembers on CustomerRef;
    /// See a customer as staff do.
    ManageCustomer: CustomersManage on CustomerRef;
    /// Add a customer.
    CreateCustomer: CustomersCreate on Clientele;
    /// Change, disable, enable a customer.
    UpdateCustomer: CustomersUpdate on CustomerRef;
    /// Delete a customer and bring it back.
    DeleteCustomer: CustomersDelete on CustomerRef;
    /// Add a new person to a customer.
    AddMember: CustomersAddMember on CustomerRef;
    /// Invite a person into a customer.
    InviteMember: CustomersInvite on CustomerRef;
    /// Say something, change it, take it away.
    ManageAnnouncements: AnnouncementsManage on Noticeboard;
    /// Change the installation's settings.
    UpdateSettings: SettingsUpdate on Installation;
    /// Attach registries of images.
    ManageRegistries: SettingsUpdate on Installation;
    /// Change roles in a customer, remove people, hand the ownership over; bring in who has an account.
    ManageMembers: CustomersManageMembers on CustomerRef;
    /// See anybody's account.
    ViewUser: UsersView on UserRef;
    /// Add an account.
    CreateUser: UsersCreate on Population;
    /// Change, disable, enable an account, give it a password.
    UpdateUser: UsersUpdate on UserRef;
    /// Delete an account and bring it back.
    DeleteUser: UsersDelete on UserRef;
    /// See a role.
    ViewRole: RolesView on RoleRef;
    /// Make a custom role.
    CreateRole: RolesManage on RoleBook;
    /// Change or delete a custom role.
    ManageRole: RolesManage on RoleRef;
    /// Give somebody a role, or take it away.
    AssignRole: RolesAssign on UserRef;
    /// Change what people sign in through.
    ManageIdentity: SettingsIdentity on Installation;
    /// Set a budget of a customer.
    CreateBudget: BillingManage on BudgetShelf;
    /// Change it, take it away, lift it for a month.
    ManageBudget: BillingManage on BudgetRef;
    /// Set a budget of one's own customer.
    CreateOwnBudget: BillingManageOwn on OwnBudgetShelf;
    /// Change it, take it away.
    ManageOwnBudget: BillingManageOwn on OwnBudgetRef;
    /// See an allocation as its customer does.
    ViewAllocation: AllocationsView on AllocationRef;
    /// See an allocation as staff do.
    ManageAllocation: AllocationsManage on AllocationRef;
    /// Lend a machine.
    CreateAllocation: AllocationsCreate on MachineRef;
    /// Renew, shorten, end, reclaim.
    UpdateAllocation: AllocationsUpdate on AllocationRef;
    /// See the figures of the machine.
    MonitorAllocation: AllocationsMonitor on AllocationRef;
    /// Ask for more time.
    RequestRenewal: AllocationsRequestRenewal on AllocationRef;
    /// See a machine.
    ViewMachine: MachinesView on MachineRef;
    /// Add a machine.
    CreateMachine: MachinesCreate on Fleet;
    /// Change a machine.
    UpdateMachine: MachinesUpdate on MachineRef;
    /// Take a machine out of service and back, plan its maintenance.
    OperateMachine: MachinesOperate on MachineRef;
    /// Say how a machine's host and its engine are reached.
    ConnectMachine: MachinesConnect on MachineRef;
    /// Delete a machine.
    DeleteMachine: MachinesDelete on MachineRef;
    /// Make, list and revoke join tokens.
    EnrollMachines: MachinesEnroll on Fleet;
    /// See a spec and its prices.
    ViewSpec: SpecsView on SpecRef;
    /// Add a spec.
    CreateSpec: SpecsManage on SpecCatalog;
    /// Change, price, list, delete a spec.
    ManageSpec: SpecsManage on SpecRef;
    /// See a file and read it.
    ViewFile: FilesView on FileRef;
    /// Bring a file in.
    CreateFile: FilesUpload on FileShelf;
    /// Take a file away.
    DeleteFile: FilesUpload on FileRef;
    /// See what is there of an upload.
    ViewUpload: FilesView on UploadRef;
    /// Send chunks, complete an upload, give it up.
    ManageUpload: FilesUpload on UploadRef;
    /// See an image as staff do.
    ViewImage: ImagesView on ImageRef;
    /// Add an image to the library.
    CreateImage: ImagesManage on ImageLibrary;
    /// Change, list, delist, delete an image.
    ManageImage: ImagesManage on ImageRef;
    /// Approve or reject an image.
    ReviewImage: ImagesReview on ImageRef;
    /// See an image as its customer does.
    ViewOwnImage: ImagesUse on OwnImageRef;
    /// Make an image of an upload.
    UploadImage: ImagesUpload on ImageShelf;
    /// Change or delete one's own image.
    ManageOwnImage: ImagesUpload on OwnImageRef;
    /// See an instance as staff do.
    ViewInstance: InstancesView on InstanceRef;
    /// Start, stop, delete anybody's instance.
    OperateInstance: InstancesOperate on InstanceRef;
    /// See an instance as whose it is does.
    ViewOwnInstance: InstancesUse on OwnInstanceRef;
    /// Make an instance.
    CreateInstance: InstancesCreate on InstanceShelf;
    /// Start, stop, rename, delete one's own instance.
    ManageOwnInstance: InstancesCreate on OwnInstanceRef;
    /// Open a shell in one's own instance: who has one there may change all that is in it, so that seeing it is not enough.
    EnterOwnInstance: InstancesCreate on OwnInstanceRef;
    /// Look at what oneself, or somebody of one's customer, was recorded doing: as much as coming in there.
    PlayRecording: InstancesCreate on RecordingRef;
    /// End one's own being on a machine, or that of somebody of one's customer: as much as coming in.
    EndMachineVisit: InstancesCreate on MachineVisitRef;
    /// See a machine's figures.
    ViewMetrics: MetricsView on MachineRef;
    /// Deliver a machine's inventory and figures.
    ReportMetrics: MetricsReport on MachineRef;
    /// Chain audit rows.
    SealAudit: AuditSeal on AuditLog;
    /// See a job.
    ViewJob: JobsView on JobRef;
    /// Stop a job, or let a failed one run again.
    ManageJob: JobsManage on JobRef;
    /// Give up what a job of one's own is at, or let a failed one run again: as much as beginning it.
    ManageOwnJob: InstancesCreate on OwnJobRef;
}

/// Whether it is no single thing that one could ask for by its id: what is added to, or there once.
fn is_place<R: Resource>() -> bool {
    TypeId::of::<R::Id>() == TypeId::of::<Everything>()
}

/// What a program reads whose token's owner may what it may not.
const OUT_OF_SCOPE: &str = "error-scope-missing";

impl OpContext {
    /// Roles of the principal; several for a person who is staff and a member.
    fn roles(&self) -> Vec<(Role, Option<CustomerId>)> {
        match self.principal() {
            Principal::Anonymous => vec![(Role::Anonymous, None)],
            Principal::Node { .. } => vec![(Role::Node, None)],
            Principal::System(actor) => vec![(Role::System(*actor), None)],
            Principal::User(user) => {
                let mut roles = vec![(Role::SignedIn, None)];
                if user.platform_admin {
                    roles.push((Role::PlatformAdmin, None));
                }
                if user.operator {
                    roles.push((Role::Operator, None));
                }
                if let (Some(customer), Some(role)) = (user.active_customer, user.active_role()) {
                    roles.push((Role::of_member(role), Some(customer)));
                }
                roles
            }
        }
    }

    /// True for who has to set up a second factor first: until then nothing but their own account is open to them,
    /// whatever they came with.
    pub fn must_enroll(&self) -> bool {
        self.user().is_some_and(|user| user.must_enroll)
    }

    fn reaches(&self, permission: Permission, resource: &impl Resource) -> bool {
        let mut roles = self.roles_for(permission).into_iter();
        roles.any(|(role, customer)| self.role_reaches((role, customer), permission, resource))
    }

    fn role_reaches(
        &self,
        (role, customer): (Role, Option<CustomerId>),
        permission: Permission,
        resource: &impl Resource,
    ) -> bool {
        match reach(role, permission) {
            Reach::Nothing => false,
            Reach::All => true,
            Reach::Customer => customer.is_some() && resource.customer() == customer,
            Reach::Own => match self.principal() {
                Principal::User(user) => resource.owner() == Some(user.id),
                Principal::Node { machine, .. } => resource.machine() == Some(*machine),
                _ => false,
            },
        }
    }

    /// Yes or no for `action` on a loaded resource.
    ///
    /// # Errors
    /// `Unauthenticated` for the anonymous, `EnrollmentRequired` for who must set up a second factor first, `NotFound` when
    /// it may not even be seen, `Forbidden` otherwise.
    pub fn authorize<A: Action>(&self, _action: A, resource: &A::Resource) -> Result<Granted<A>> {
        if self.reaches(A::PERMISSION, resource) {
            return Ok(Granted { id: resource.id(), action: PhantomData });
        }
        let visible = self.reaches(<A::Resource as Resource>::VIEW, resource);
        let target = (<A::Resource as Resource>::KIND, Some(resource.id().to_string()));
        let customer = resource.customer().filter(|customer| self.tries_for(*customer));
        let denial = self.denial(A::PERMISSION, target, customer);
        let reached = |role, customer| self.role_reaches((role, customer), A::PERMISSION, resource);
        // Of one thing that it may not see, a token that is told of its scopes would be told that the thing is there.
        let tells = visible || denied::is_own_account(A::PERMISSION) || is_place::<A::Resource>();
        Err(match tells && self.is_out_of_scope(A::PERMISSION, reached) {
            true => self.denied(A::PERMISSION, true, denial).with_key(OUT_OF_SCOPE),
            false => self.denied(A::PERMISSION, visible, denial),
        })
    }

    /// The rows a list of `R` with this permission may show.
    ///
    /// # Errors
    /// `Unauthenticated` for the anonymous, `EnrollmentRequired` for who must set up a second factor first, `NotFound` when
    /// the list does not exist for the caller.
    pub fn authorize_list<R: Resource>(&self, permission: Permission) -> Result<Scope> {
        let mut best = None;
        for (role, customer) in self.roles_for(permission) {
            match (reach(role, permission), customer, self.user()) {
                (Reach::All, _, _) => return Ok(Scope::All),
                (Reach::Customer, Some(customer), _) => best = Some(Scope::Customer(customer)),
                (Reach::Own, _, Some(user)) if best.is_none() => best = Some(Scope::Own(user.id)),
                _ => {}
            }
        }
        best.ok_or_else(|| {
            let denial = self.denial(permission, (R::KIND, None), self.asks_for());
            let listed = |role, customer: Option<CustomerId>| match reach(role, permission) {
                Reach::Nothing => false,
                Reach::Customer => customer.is_some(),
                Reach::All | Reach::Own => true,
            };
            match self.is_out_of_scope(permission, listed) {
                true => self.denied(permission, true, denial).with_key(OUT_OF_SCOPE),
                false => self.denied(permission, false, denial),
            }
        })
    }

    /// The same of what is done with many rows of a list.
    ///
    /// # Errors
    /// As [`Self::authorize_list`]'s, but `Forbidden` for who may see the list, as of one row.
    pub(crate) fn authorize_many<R: Resource>(&self, permission: Permission) -> Result<Scope> {
        match self.authorize_list::<R>(permission) {
            Err(_) if self.holds(R::VIEW) => {
                Err(self.denied(permission, true, self.denial(permission, (R::KIND, None), self.asks_for())))
            }
            decided => decided,
        }
    }

    /// True when some resource could be reached: for menus and buttons.
    pub fn holds(&self, permission: Permission) -> bool {
        self.roles_for(permission).into_iter().any(|(role, _)| reach(role, permission) != Reach::Nothing)
    }

    /// For pages that only show a form: refused as what the form is for, so that the log has it like any other try.
    ///
    /// # Errors
    /// `Unauthenticated` for the anonymous, `EnrollmentRequired` for who must set up a second factor first, `NotFound` without
    /// the permission.
    pub fn may_open(&self, permission: Permission) -> Result<()> {
        if self.user().is_some() && self.holds(permission) {
            return Ok(());
        }
        let target = (denied::kind_of_many(permission), None);
        Err(self.denied(permission, false, self.denial(permission, target, self.asks_for())))
    }

    /// True for people whose powers reach beyond one customer: those for whom the admin side exists at all.
    pub fn is_staff(&self) -> bool {
        self.user().is_some() && Permission::ALL.iter().any(|permission| self.holds_everywhere(*permission))
    }

    /// Names of the roles held, strongest first.
    pub fn role_names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> =
            self.roles().into_iter().filter(|(role, _)| *role != Role::SignedIn).map(|(role, _)| role.name()).collect();
        if names.is_empty() && self.user().is_some() {
            names.push(Role::SignedIn.name());
        }
        names
    }
}
