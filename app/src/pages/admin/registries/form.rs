//! The form of a registry as a browser posts it: every field is text, an empty one means "not stated".

use serde::{Deserialize, Serialize};

/// Fields of the form, named `form[…]` in the page.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RegistryForm {
    /// Of one that exists.
    pub id: String,
    pub address: String,
    pub plain: String,
    pub username: String,
    pub password: String,
    pub ca: String,
    pub holds: String,
    pub revision: String,
}

/// The password stays out of logs.
impl std::fmt::Debug for RegistryForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryForm").field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(feature = "ssr")]
mod read {
    use contract::registries::{RegistryView, RegistryWrite};

    use super::RegistryForm;
    use crate::door::Refused;

    impl RegistryForm {
        /// The form of one that exists; its password stays where it is.
        pub fn of(view: &RegistryView) -> Self {
            Self {
                id: view.id.to_string(),
                address: view.address.clone(),
                plain: if view.plain { "true".to_owned() } else { String::new() },
                username: view.username.clone().unwrap_or_default(),
                password: String::new(),
                ca: view.ca_certificate.clone().unwrap_or_default(),
                holds: if view.holds_archives { "true".to_owned() } else { String::new() },
                revision: view.revision.to_string(),
            }
        }

        /// What came back with a refused form.
        pub fn from_typed(refused: &Refused) -> Self {
            let t = |name: &str| refused.typed.get(name).cloned().unwrap_or_default();
            Self {
                id: t("id"),
                address: t("address"),
                plain: t("plain"),
                username: t("username"),
                password: String::new(),
                ca: t("ca"),
                holds: t("holds"),
                revision: t("revision"),
            }
        }

        /// What was typed, to be shown again; never the password.
        pub fn typed(&self) -> Vec<(&'static str, String)> {
            vec![
                ("id", self.id.clone()),
                ("address", self.address.clone()),
                ("plain", self.plain.clone()),
                ("username", self.username.clone()),
                ("ca", self.ca.clone()),
                ("holds", self.holds.clone()),
                ("revision", self.revision.clone()),
            ]
        }

        /// What it asks for.
        pub fn read(self) -> RegistryWrite {
            let some = |text: String| Some(text).filter(|text| !text.trim().is_empty());
            RegistryWrite {
                address: self.address,
                plain: !self.plain.is_empty(),
                username: some(self.username),
                password: Some(self.password).filter(|text| !text.is_empty()),
                ca_certificate: some(self.ca),
                holds_archives: !self.holds.is_empty(),
                revision: self.revision.parse().ok(),
            }
        }
    }
}
