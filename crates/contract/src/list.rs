//! Lists: one shape for every page of anything.

use serde::{Deserialize, Serialize};

/// Page sizes a list offers.
pub const PAGE_SIZES: [u32; 4] = [10, 20, 50, 100];
/// Most rows of one page.
pub const MAX_PAGE_SIZE: u32 = 100;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The rows, in the order asked for.
    pub list: Vec<T>,
    /// Rows that match the filters, over all pages.
    pub total: u64,
    /// 1-based.
    pub page: u32,
    /// Rows asked for per page.
    pub page_size: u32,
}

impl<T> Page<T> {
    /// How many pages there are; at least 1.
    pub fn pages(&self) -> u64 {
        self.total.div_ceil(u64::from(self.page_size.max(1))).max(1)
    }
}

/// Direction of a sorted column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SortDirection {
    #[default]
    Asc,
    Desc,
}
