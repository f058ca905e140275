//! Places that one adds something to: somebody's files, images, instances, budgets; and where the platform says something.

use contract::{CustomerId, Permission, UserId};

use super::{Everything, Resource};

macro_rules! shelves {
    ($($(#[$meta:meta])* $name:ident($($whose:ident: $id:ty),+) = $kind:literal, $view:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name {
            $(pub $whose: Option<$id>,)+
        }
        impl Resource for $name {
            type Id = Everything;
            const KIND: &'static str = $kind;
            const VIEW: Permission = Permission::$view;
            fn id(&self) -> Everything { Everything }
            $(fn $whose(&self) -> Option<$id> { self.$whose })+
        }
    )+};
}

shelves! {
    /// Where somebody's files are: their customer's place, or the platform's.
    FileShelf(customer: CustomerId, owner: UserId) = "file_shelf", FilesView;
    /// Where somebody's images are: their customer's place.
    ImageShelf(customer: CustomerId, owner: UserId) = "image_shelf", ImagesUse;
    /// Where somebody's instances are: their customer's place.
    InstanceShelf(customer: CustomerId, owner: UserId) = "instance_shelf", InstancesUse;
    /// The budgets of a customer, as staff set them.
    BudgetShelf(customer: CustomerId) = "budget_shelf", BillingView;
    /// The budgets of a customer, as its owners set them.
    OwnBudgetShelf(customer: CustomerId) = "budget_shelf", BillingManageOwn;
}

/// Where the platform says something.
#[derive(Clone, Copy, Debug)]
pub struct Noticeboard;

impl Resource for Noticeboard {
    type Id = Everything;
    const KIND: &'static str = "announcement";
    const VIEW: Permission = Permission::AnnouncementsManage;
    fn id(&self) -> Everything {
        Everything
    }
}
