//! The form of a role as a browser posts it.

use serde::{Deserialize, Serialize};

/// Fields of the form, named `form[…]` in the page; a permission is a box that is ticked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoleForm {
    pub name: String,
    pub description: String,
    pub permissions: Vec<String>,
    pub revision: String,
}

#[cfg(feature = "ssr")]
mod read {
    use contract::Permission;
    use contract::roles::{RoleView, RoleWrite};

    use super::RoleForm;
    use crate::door::Refused;

    impl RoleForm {
        /// The form of a role that exists.
        pub fn of(role: &RoleView) -> Self {
            Self {
                name: role.name.clone(),
                description: role.description.clone(),
                permissions: role.permissions.iter().map(|permission| permission.name().to_owned()).collect(),
                revision: role.revision.to_string(),
            }
        }

        /// What came back with a refused form.
        pub fn from_typed(refused: &Refused) -> Self {
            let t = |name: &str| refused.typed.get(name).cloned().unwrap_or_default();
            Self {
                name: t("name"),
                description: t("description"),
                permissions: t("permissions").split_whitespace().map(str::to_owned).collect(),
                revision: t("revision"),
            }
        }

        /// What was typed, to be shown again.
        pub fn typed(&self) -> Vec<(&'static str, String)> {
            vec![
                ("name", self.name.clone()),
                ("description", self.description.clone()),
                ("permissions", self.permissions.join(" ")),
                ("revision", self.revision.clone()),
            ]
        }

        /// As a role.
        ///
        /// # Errors
        /// `Validation` for a permission that does not exist.
        pub fn read(&self) -> platform::Result<RoleWrite> {
            let permissions = self.permissions.iter().map(|name| {
                Permission::parse(name).ok_or_else(|| platform::Error::field("permissions", "field-unknown-value"))
            });
            Ok(RoleWrite {
                name: self.name.clone(),
                description: Some(self.description.clone()),
                permissions: permissions.collect::<platform::Result<_>>()?,
                revision: self.revision.parse().ok(),
            })
        }
    }
}
