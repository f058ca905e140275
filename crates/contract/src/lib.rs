//! Wire types shared by the browser, the server and the tests: DTOs, typed ids, errors, permission names.
//!
//! Invariants: serde only, no I/O, builds for wasm32; optional fields mean "not known" or "not measured", never 0;
//! JSON is camelCase; times are RFC 3339 UTC; sizes are bytes and rates are per second unless the name says otherwise.
//! Changes are additive: pages loaded before an upgrade still talk to the server after it.

pub mod access;
pub mod accounts;
pub mod allocations;
pub mod announcements;
pub mod apps;
pub mod audit;
pub mod billing;
pub mod budgets;
pub mod customers;
pub mod engines;
mod error;
pub mod files;
mod ids;
pub mod images;
pub mod imports;
pub mod instances;
pub mod jobs;
mod list;
pub mod live;
pub mod machines;
pub mod mail;
mod may;
pub mod menus;
pub mod metrics;
pub mod notifications;
mod permission;
pub mod quotas;
pub mod registries;
pub mod reports;
pub mod roles;
pub mod settings;
pub mod specs;
pub mod times;
pub mod users;

pub use error::{ApiError, Envelope, ErrorCode};
pub use ids::*;
pub use list::{
    BulkOutcome, ListColumns, MAX_PAGE_SIZE, PAGE_SIZES, Page, PageQuery, SortDirection, list_columns, sort_of,
    usual_columns,
};
pub use may::May;
pub use permission::Permission;
