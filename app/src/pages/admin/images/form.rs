//! The form of an image as a browser posts it: every field is text, an empty one means "not stated".

use serde::{Deserialize, Serialize};

/// Fields of the form, named `form[…]` in the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageForm {
    pub name: String,
    pub address: String,
    pub description: String,
    pub framework: String,
    pub cuda_version: String,
    pub architecture: String,
    /// Anything is yes.
    pub memory_split: String,
    pub remark: String,
    pub revision: String,
}

#[cfg(feature = "ssr")]
mod read {
    use contract::images::{Architecture, ImageView, ImageWrite};

    use super::ImageForm;
    use crate::door::Refused;

    impl ImageForm {
        /// What a new one begins with.
        pub fn beginning() -> Self {
            Self { architecture: Architecture::Amd64.code().to_owned(), ..Self::default() }
        }

        /// The form of one that exists.
        pub fn of(view: &ImageView) -> Self {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            Self {
                name: view.name.clone(),
                address: text(&view.address),
                description: text(&view.description),
                framework: text(&view.framework),
                cuda_version: text(&view.cuda_version),
                architecture: view.architecture.map(|known| known.code().to_owned()).unwrap_or_default(),
                memory_split: if view.memory_split { "true".to_owned() } else { String::new() },
                remark: text(&view.remark),
                revision: view.revision.to_string(),
            }
        }

        /// What came back with a refused form.
        pub fn from_typed(refused: &Refused) -> Self {
            let t = |name: &str| refused.typed.get(name).cloned().unwrap_or_default();
            Self {
                name: t("name"),
                address: t("address"),
                description: t("description"),
                framework: t("framework"),
                cuda_version: t("cuda_version"),
                architecture: t("architecture"),
                memory_split: t("memory_split"),
                remark: t("remark"),
                revision: t("revision"),
            }
        }

        /// What was typed, to be shown again.
        pub fn typed(&self) -> Vec<(&'static str, String)> {
            vec![
                ("name", self.name.clone()),
                ("address", self.address.clone()),
                ("description", self.description.clone()),
                ("framework", self.framework.clone()),
                ("cuda_version", self.cuda_version.clone()),
                ("architecture", self.architecture.clone()),
                ("memory_split", self.memory_split.clone()),
                ("remark", self.remark.clone()),
                ("revision", self.revision.clone()),
            ]
        }

        /// What it asks for.
        pub fn read(&self) -> ImageWrite {
            let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
            ImageWrite {
                name: self.name.clone(),
                address: some(&self.address),
                description: some(&self.description),
                framework: some(&self.framework),
                cuda_version: some(&self.cuda_version),
                architecture: Architecture::parse(&self.architecture),
                memory_split: !self.memory_split.is_empty(),
                remark: some(&self.remark),
                revision: self.revision.parse().ok(),
            }
        }
    }
}
