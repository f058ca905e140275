//! Places that one adds something to: somebody's files, images, instances, budgets.

use contract::{CustomerId, Permission, UserId};

use super::{Everything, Resource};

/// Where somebody's files are: their customer's place, or the platform's.
#[derive(Clone, Copy, Debug)]
pub struct FileShelf {
    pub customer: Option<CustomerId>,
    pub owner: Option<UserId>,
}

impl Resource for FileShelf {
    type Id = Everything;
    const KIND: &'static str = "file_shelf";
    const VIEW: Permission = Permission::FilesView;
    fn id(&self) -> Everything {
        Everything
    }
    fn customer(&self) -> Option<CustomerId> {
        self.customer
    }
    fn owner(&self) -> Option<UserId> {
        self.owner
    }
}

/// Where somebody's images are: their customer's place.
#[derive(Clone, Copy, Debug)]
pub struct ImageShelf {
    pub customer: Option<CustomerId>,
    pub owner: Option<UserId>,
}

impl Resource for ImageShelf {
    type Id = Everything;
    const KIND: &'static str = "image_shelf";
    const VIEW: Permission = Permission::ImagesUse;
    fn id(&self) -> Everything {
        Everything
    }
    fn customer(&self) -> Option<CustomerId> {
        self.customer
    }
    fn owner(&self) -> Option<UserId> {
        self.owner
    }
}

/// Where somebody's instances are: their customer's place.
#[derive(Clone, Copy, Debug)]
pub struct InstanceShelf {
    pub customer: Option<CustomerId>,
    pub owner: Option<UserId>,
}

impl Resource for InstanceShelf {
    type Id = Everything;
    const KIND: &'static str = "instance_shelf";
    const VIEW: Permission = Permission::InstancesUse;
    fn id(&self) -> Everything {
        Everything
    }
    fn customer(&self) -> Option<CustomerId> {
        self.customer
    }
    fn owner(&self) -> Option<UserId> {
        self.owner
    }
}

/// The budgets of a customer, as staff set them.
#[derive(Clone, Copy, Debug)]
pub struct BudgetShelf {
    pub customer: Option<CustomerId>,
}

impl Resource for BudgetShelf {
    type Id = Everything;
    const KIND: &'static str = "budget_shelf";
    const VIEW: Permission = Permission::BillingView;
    fn id(&self) -> Everything {
        Everything
    }
    fn customer(&self) -> Option<CustomerId> {
        self.customer
    }
}

/// The budgets of a customer, as its owners set them.
#[derive(Clone, Copy, Debug)]
pub struct OwnBudgetShelf {
    pub customer: Option<CustomerId>,
}

impl Resource for OwnBudgetShelf {
    type Id = Everything;
    const KIND: &'static str = "budget_shelf";
    const VIEW: Permission = Permission::BillingManageOwn;
    fn id(&self) -> Everything {
        Everything
    }
    fn customer(&self) -> Option<CustomerId> {
        self.customer
    }
}
