//! The customer form as a browser posts it: every field is text, an empty one means "not stated".

use serde::{Deserialize, Serialize};

/// Fields of the form, named `form[…]` in the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CustomerForm {
    pub name: String,
    pub contact_name: String,
    pub contact_email: String,
    pub contact_phone: String,
    pub remark: String,
    /// The first owner, of a new customer only; without a user name there is none.
    pub owner_username: String,
    pub owner_display_name: String,
    pub owner_email: String,
    pub revision: String,
}

#[cfg(feature = "ssr")]
mod read {
    use contract::customers::{CustomerCreate, CustomerRow, CustomerUpdate, MemberCreate};

    use super::CustomerForm;
    use crate::door::Refused;

    fn text(value: &str) -> Option<String> {
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    impl CustomerForm {
        /// The form of a customer that exists.
        pub fn of(customer: &CustomerRow) -> Self {
            let t = |value: &Option<String>| value.clone().unwrap_or_default();
            Self {
                name: customer.name.clone(),
                contact_name: t(&customer.contact_name),
                contact_email: t(&customer.contact_email),
                contact_phone: t(&customer.contact_phone),
                remark: t(&customer.remark),
                revision: customer.revision.to_string(),
                ..Self::default()
            }
        }

        /// What came back with a refused form.
        pub fn from_typed(refused: &Refused) -> Self {
            let t = |name: &str| refused.typed.get(name).cloned().unwrap_or_default();
            Self {
                name: t("name"),
                contact_name: t("contact_name"),
                contact_email: t("contact_email"),
                contact_phone: t("contact_phone"),
                remark: t("remark"),
                owner_username: t("owner_username"),
                owner_display_name: t("owner_display_name"),
                owner_email: t("owner_email"),
                revision: t("revision"),
            }
        }

        /// What was typed, to be shown again.
        pub fn typed(&self) -> Vec<(&'static str, String)> {
            vec![
                ("name", self.name.clone()),
                ("contact_name", self.contact_name.clone()),
                ("contact_email", self.contact_email.clone()),
                ("contact_phone", self.contact_phone.clone()),
                ("remark", self.remark.clone()),
                ("owner_username", self.owner_username.clone()),
                ("owner_display_name", self.owner_display_name.clone()),
                ("owner_email", self.owner_email.clone()),
                ("revision", self.revision.clone()),
            ]
        }

        /// As a new customer.
        pub fn create(&self) -> CustomerCreate {
            let CustomerUpdate { name, contact_name, contact_email, contact_phone, remark, .. } = self.update();
            let (username, display_name, email) =
                (text(&self.owner_username), text(&self.owner_display_name), text(&self.owner_email));
            // Whoever typed the other fields meant an owner: the user name is what is missing then.
            let meant = username.is_some() || display_name.is_some() || email.is_some();
            let owner = meant.then(|| MemberCreate {
                username: username.unwrap_or_default(),
                display_name,
                email,
                ..MemberCreate::default()
            });
            CustomerCreate { name, contact_name, contact_email, contact_phone, remark, owner }
        }

        /// As a change.
        pub fn update(&self) -> CustomerUpdate {
            CustomerUpdate {
                name: self.name.clone(),
                contact_name: text(&self.contact_name),
                contact_email: text(&self.contact_email),
                contact_phone: text(&self.contact_phone),
                remark: text(&self.remark),
                revision: self.revision.parse().ok(),
            }
        }
    }
}
