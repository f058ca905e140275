//! The form of a spec as a browser posts it: every field is text, an empty one means "not stated".

use serde::{Deserialize, Serialize};

/// Fields of the form, named `form[…]` in the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SpecForm {
    pub name: String,
    pub gpu_model: String,
    pub gpu_count: String,
    pub gpu_memory_gb: String,
    pub gpu_use: String,
    pub cpu_cores: String,
    pub memory_gb: String,
    pub system_disk_gb: String,
    pub data_disk_gb: String,
    pub remark: String,
    pub revision: String,
}

#[cfg(feature = "ssr")]
mod read {
    use contract::ErrorCode;
    use contract::specs::{GpuUse, SpecView, SpecWrite};
    use platform::error::FieldError;
    use platform::{Error, Result};

    use super::SpecForm;
    use crate::door::Refused;

    impl SpecForm {
        /// What a new one begins with.
        pub fn beginning() -> Self {
            let number = |n: u32| n.to_string();
            Self {
                gpu_count: number(1),
                gpu_use: GpuUse::Whole.code().to_owned(),
                cpu_cores: number(8),
                memory_gb: number(32),
                system_disk_gb: number(100),
                data_disk_gb: number(0),
                ..Self::default()
            }
        }

        /// The form of one that exists.
        pub fn of(view: &SpecView) -> Self {
            Self {
                name: view.name.clone(),
                gpu_model: view.gpu_model.clone().unwrap_or_default(),
                gpu_count: view.gpu_count.to_string(),
                gpu_memory_gb: view.gpu_memory_gb.map(|gb| gb.to_string()).unwrap_or_default(),
                gpu_use: view.gpu_use.code().to_owned(),
                cpu_cores: view.cpu_cores.to_string(),
                memory_gb: view.memory_gb.to_string(),
                system_disk_gb: view.system_disk_gb.to_string(),
                data_disk_gb: view.data_disk_gb.to_string(),
                remark: view.remark.clone().unwrap_or_default(),
                revision: view.revision.to_string(),
            }
        }

        /// What came back with a refused form.
        pub fn from_typed(refused: &Refused) -> Self {
            let t = |name: &str| refused.typed.get(name).cloned().unwrap_or_default();
            Self {
                name: t("name"),
                gpu_model: t("gpu_model"),
                gpu_count: t("gpu_count"),
                gpu_memory_gb: t("gpu_memory_gb"),
                gpu_use: t("gpu_use"),
                cpu_cores: t("cpu_cores"),
                memory_gb: t("memory_gb"),
                system_disk_gb: t("system_disk_gb"),
                data_disk_gb: t("data_disk_gb"),
                remark: t("remark"),
                revision: t("revision"),
            }
        }

        /// What was typed, to be shown again.
        pub fn typed(&self) -> Vec<(&'static str, String)> {
            vec![
                ("name", self.name.clone()),
                ("gpu_model", self.gpu_model.clone()),
                ("gpu_count", self.gpu_count.clone()),
                ("gpu_memory_gb", self.gpu_memory_gb.clone()),
                ("gpu_use", self.gpu_use.clone()),
                ("cpu_cores", self.cpu_cores.clone()),
                ("memory_gb", self.memory_gb.clone()),
                ("system_disk_gb", self.system_disk_gb.clone()),
                ("data_disk_gb", self.data_disk_gb.clone()),
                ("remark", self.remark.clone()),
                ("revision", self.revision.clone()),
            ]
        }

        /// What it asks for; empty numbers are 0, which is refused where there has to be something.
        ///
        /// # Errors
        /// Validation with every field that is no number.
        pub fn read(&self) -> Result<SpecWrite> {
            let mut wrong = Error::new(ErrorCode::Validation);
            let mut number = |path: &'static str, text: &str| match (text.trim(), text.trim().parse()) {
                ("", _) => None,
                (_, Ok(number)) => Some(number),
                (_, Err(_)) => {
                    wrong.fields.push(FieldError { path, key: "field-not-a-number", args: Vec::new() });
                    None
                }
            };
            let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
            let write = SpecWrite {
                name: self.name.clone(),
                gpu_model: some(&self.gpu_model),
                gpu_count: number("gpuCount", &self.gpu_count).unwrap_or_default(),
                gpu_memory_gb: number("gpuMemoryGb", &self.gpu_memory_gb),
                gpu_use: GpuUse::parse(&self.gpu_use),
                cpu_cores: number("cpuCores", &self.cpu_cores).unwrap_or_default(),
                memory_gb: number("memoryGb", &self.memory_gb).unwrap_or_default(),
                system_disk_gb: number("systemDiskGb", &self.system_disk_gb).unwrap_or_default(),
                data_disk_gb: number("dataDiskGb", &self.data_disk_gb).unwrap_or_default(),
                remark: some(&self.remark),
                revision: self.revision.parse().ok(),
            };
            if wrong.fields.is_empty() { Ok(write) } else { Err(wrong) }
        }
    }
}
