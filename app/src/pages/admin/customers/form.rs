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
    pub revision: String,
}

#[cfg(feature = "ssr")]
mod read {
    use contract::customers::{CustomerCreate, CustomerRow, CustomerUpdate};

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
                ("revision", self.revision.clone()),
            ]
        }

        /// As a new customer.
        pub fn create(&self) -> CustomerCreate {
            let CustomerUpdate { name, contact_name, contact_email, contact_phone, remark, .. } = self.update();
            CustomerCreate { name, contact_name, contact_email, contact_phone, remark, owner: None }
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
