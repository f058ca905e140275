//! The menu as programs draw it: one record per entry, with the buttons that may be pressed there.

use serde::{Deserialize, Serialize};

/// An entry of the menu, or a group of entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MenuRecord {
    /// Address of the page; of a group, the address its entries begin with.
    pub path: String,
    /// Unique name, e.g. `machines`.
    pub name: String,
    /// What shows it, e.g. `admin/machines/list`.
    pub component: String,
    pub meta: MenuMeta,
    #[cfg_attr(feature = "openapi", schema(no_recursion))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<MenuRecord>,
}

/// How an entry looks and what may be done there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MenuMeta {
    /// In the caller's language.
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Buttons of the page whose permission is held.
    pub auth_list: Vec<MenuButton>,
}

/// A button, named by the permission that shows it and that the server checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MenuButton {
    /// In the caller's language.
    pub title: String,
    /// The permission, e.g. `machines:create`.
    pub auth_mark: String,
}
