//! The forms of an account as a browser posts them: every field is text, an empty one means "not stated".

use serde::{Deserialize, Serialize};

/// Fields of the account's form, named `form[…]` in the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserForm {
    pub username: String,
    pub display_name: String,
    pub email: String,
    pub password: String,
    /// The password once more, where `twice` says that it was asked for twice: a program sends neither.
    pub again: String,
    pub twice: String,
    /// A role to begin with.
    pub role: String,
    pub revision: String,
}

/// Limits of a person or a customer, named `form[…]` in the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QuotaForm {
    pub cpu: String,
    pub memory_gb: String,
    pub disk_gb: String,
    pub gpu: String,
    pub instances: String,
    pub vms: String,
    pub storage_gb: String,
}

#[cfg(feature = "ssr")]
mod read {
    use contract::RoleId;
    use contract::quotas::{Quota, QuotaResource};
    use contract::users::{UserCreate, UserUpdate, UserView};
    use platform::{Error, Result};

    use super::{QuotaForm, UserForm};
    use crate::door::Refused;

    fn text(value: &str) -> Option<String> {
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    impl UserForm {
        /// The form of an account that exists.
        pub fn of(view: &UserView) -> Self {
            let user = &view.user;
            Self {
                username: user.name.clone(),
                // Where none was given the user name is shown, which is not what was given.
                display_name: if user.display_name == user.name { String::new() } else { user.display_name.clone() },
                email: user.email.clone().unwrap_or_default(),
                revision: view.revision.to_string(),
                ..Self::default()
            }
        }

        /// What came back with a refused form; a password never does.
        pub fn from_typed(refused: &Refused) -> Self {
            let t = |name: &str| refused.typed.get(name).cloned().unwrap_or_default();
            Self {
                username: t("username"),
                display_name: t("display_name"),
                email: t("email"),
                role: t("role"),
                revision: t("revision"),
                ..Self::default()
            }
        }

        /// What was typed, to be shown again.
        pub fn typed(&self) -> Vec<(&'static str, String)> {
            vec![
                ("username", self.username.clone()),
                ("display_name", self.display_name.clone()),
                ("email", self.email.clone()),
                ("role", self.role.clone()),
                ("revision", self.revision.clone()),
            ]
        }

        /// Whether the password was typed alike both times.
        pub fn is_alike(&self) -> bool {
            self.twice.is_empty() || self.password == self.again
        }

        /// As a new account.
        pub fn create(&self) -> UserCreate {
            UserCreate {
                username: self.username.clone(),
                display_name: text(&self.display_name),
                email: text(&self.email),
                password: Some(self.password.clone()).filter(|password| !password.is_empty()),
                roles: self.role.parse().map(RoleId).into_iter().collect(),
            }
        }

        /// As a change.
        pub fn update(&self) -> UserUpdate {
            UserUpdate {
                username: self.username.clone(),
                display_name: text(&self.display_name),
                email: text(&self.email),
                revision: self.revision.parse().ok(),
            }
        }
    }

    impl QuotaForm {
        /// What was typed into the field of a resource.
        pub fn get(&self, resource: QuotaResource) -> &str {
            match resource {
                QuotaResource::Cpu => &self.cpu,
                QuotaResource::Memory => &self.memory_gb,
                QuotaResource::Disk => &self.disk_gb,
                QuotaResource::Gpu => &self.gpu,
                QuotaResource::Instances => &self.instances,
                QuotaResource::Vms => &self.vms,
                QuotaResource::Storage => &self.storage_gb,
            }
        }

        /// Name of the field of a resource.
        pub fn field(resource: QuotaResource) -> &'static str {
            match resource {
                QuotaResource::Cpu => "cpu",
                QuotaResource::Memory => "memory_gb",
                QuotaResource::Disk => "disk_gb",
                QuotaResource::Gpu => "gpu",
                QuotaResource::Instances => "instances",
                QuotaResource::Vms => "vms",
                QuotaResource::Storage => "storage_gb",
            }
        }

        /// As limits; an empty field is no limit.
        pub fn read(&self) -> Result<Quota> {
            let mut quota = Quota::default();
            for resource in QuotaResource::ALL {
                let Some(typed) = text(self.get(*resource)) else { continue };
                let limit = typed.parse().map_err(|_| Error::field(resource.code(), "field-not-a-number"))?;
                quota.set(*resource, Some(limit));
            }
            Ok(quota)
        }

        /// What was typed, to be shown again.
        pub fn typed(&self) -> Vec<(&'static str, String)> {
            QuotaResource::ALL.iter().map(|resource| (Self::field(*resource), self.get(*resource).to_owned())).collect()
        }
    }
}
