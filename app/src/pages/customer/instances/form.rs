//! The form of an instance as a browser posts it: every field is text, an empty one means "not stated".

use serde::{Deserialize, Serialize};

/// Fields of the form, named `form[…]` in the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InstanceForm {
    pub name: String,
    pub image: String,
    pub spec: String,
    pub machine: String,
    /// `NAME=value`, one a line.
    pub environment: String,
    /// Numbers with commas.
    pub ports: String,
    /// One word a line.
    pub command: String,
    pub remark: String,
}

/// With a refused form: it is the one that keeps an instance as an image, which stands beside another with the same fields.
#[cfg(feature = "ssr")]
pub const OF_SAVES: &str = "saves";
/// The same of the one that adds an application.
#[cfg(feature = "ssr")]
pub const OF_APPS: &str = "apps";

#[cfg(feature = "ssr")]
mod read {
    use std::collections::BTreeMap;

    use contract::instances::InstanceCreate;
    use contract::{ErrorCode, ImageId, SpecId};
    use platform::error::FieldError;
    use platform::{Error, Result};

    use super::InstanceForm;
    use crate::door::Refused;

    impl InstanceForm {
        /// What came back with a refused form.
        pub fn from_typed(refused: &Refused) -> Self {
            let t = |name: &str| refused.typed.get(name).cloned().unwrap_or_default();
            Self {
                name: t("name"),
                machine: t("machine"),
                ports: t("ports"),
                environment: t("environment"),
                command: t("command"),
                remark: t("remark"),
                ..Self::default()
            }
        }

        /// What was typed, to be shown again. The environment may hold secrets: it belongs in no address.
        pub fn typed(&self) -> Vec<(&'static str, String)> {
            vec![
                ("name", self.name.clone()),
                ("machine", self.machine.clone()),
                ("ports", self.ports.clone()),
                ("environment", self.environment.clone()),
                ("command", self.command.clone()),
                ("remark", self.remark.clone()),
            ]
        }

        /// What it asks for.
        ///
        /// # Errors
        /// Validation with every field that cannot be read.
        pub fn read(&self) -> Result<InstanceCreate> {
            let mut wrong = Error::new(ErrorCode::Validation);
            let mut fault = |path: &'static str, key: &'static str| {
                wrong.fields.push(FieldError { path, key, args: Vec::new() });
            };
            let image = self.image.parse::<i64>().ok().map(ImageId);
            let spec = self.spec.parse::<i64>().ok().map(SpecId);
            if image.is_none() {
                fault("image", "field-required");
            }
            if spec.is_none() {
                fault("spec", "field-required");
            }
            let lines = |text: &str| text.lines().map(str::to_owned).filter(|line| !line.trim().is_empty()).collect();
            let variables: Vec<String> = lines(&self.environment);
            let mut environment = BTreeMap::new();
            for line in variables {
                match line.split_once('=') {
                    Some((name, value)) => {
                        environment.insert(name.trim().to_owned(), value.trim_end_matches('\r').to_owned());
                    }
                    None => fault("environment", "field-environment-lines"),
                }
            }
            let words: Vec<String> = lines(&self.command);
            let numbers = self.ports.split([',', '\u{ff0c}', ' ']).map(str::trim).filter(|text| !text.is_empty());
            let ports: Option<Vec<u16>> = numbers.map(|text| text.parse().ok()).collect();
            if ports.is_none() {
                fault("ports", "field-ports-numbers");
            }
            let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
            match (image, spec, wrong.fields.is_empty()) {
                (Some(image), Some(spec), true) => Ok(InstanceCreate {
                    name: self.name.clone(),
                    image,
                    spec,
                    machine: some(&self.machine),
                    environment,
                    command: (!words.is_empty()).then_some(words),
                    ports: ports.unwrap_or_default(),
                    remark: some(&self.remark),
                }),
                _ => Err(wrong),
            }
        }
    }
}
