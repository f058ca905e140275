//! The machine form as a browser posts it: every field is text, an empty one means "not stated".

use serde::{Deserialize, Serialize};

/// Fields of the form, named `form[…]` in the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MachineForm {
    pub id: String,
    pub name: String,
    pub region: String,
    pub public_address: String,
    pub private_address: String,
    pub pool: String,
    pub listed: String,
    pub monitored: String,
    pub remark: String,
    pub gpu_model: String,
    pub gpu_count: String,
    pub gpu_memory_gb: String,
    pub cpu_model: String,
    pub cpu_cores: String,
    pub memory_gb: String,
    pub system_disk_gb: String,
    pub data_disk_gb: String,
    pub revision: String,
}

#[cfg(feature = "ssr")]
mod read {
    use contract::ErrorCode;
    use contract::machines::{DeclaredHardware, MachineCreate, MachineUpdate, MachineView, Pool};
    use platform::{Error, Result};

    use super::MachineForm;

    fn text(value: &str) -> Option<String> {
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    struct Faults(Error);

    impl Faults {
        fn note(&mut self, path: &'static str, key: &'static str) {
            let error = std::mem::replace(&mut self.0, Error::new(ErrorCode::Validation));
            self.0 = error.with_field(path, key);
        }

        fn number(&mut self, path: &'static str, value: &str) -> Option<u32> {
            let value = text(value)?;
            value.parse().map_err(|_| self.note(path, "field-not-a-number")).ok()
        }
    }

    impl MachineForm {
        /// The form of a machine that exists.
        pub fn of(machine: &MachineView) -> Self {
            let t = |value: &Option<String>| value.clone().unwrap_or_default();
            let n = |value: Option<u32>| value.map(|n| n.to_string()).unwrap_or_default();
            let yes = |value: bool| if value { "true".to_owned() } else { String::new() };
            let declared = &machine.declared;
            Self {
                id: machine.id.clone(),
                name: machine.name.clone(),
                region: t(&machine.region),
                public_address: t(&machine.public_address),
                private_address: t(&machine.private_address),
                pool: machine.pool.code().to_owned(),
                listed: yes(machine.listed),
                monitored: yes(machine.monitored),
                remark: t(&machine.remark),
                gpu_model: t(&declared.gpu_model),
                gpu_count: n(declared.gpu_count),
                gpu_memory_gb: n(declared.gpu_memory_gb),
                cpu_model: t(&declared.cpu_model),
                cpu_cores: n(declared.cpu_cores),
                memory_gb: n(declared.memory_gb),
                system_disk_gb: n(declared.system_disk_gb),
                data_disk_gb: n(declared.data_disk_gb),
                revision: machine.revision.to_string(),
            }
        }

        fn declared(&self, faults: &mut Faults) -> DeclaredHardware {
            DeclaredHardware {
                gpu_model: text(&self.gpu_model),
                gpu_count: faults.number("declared.gpuCount", &self.gpu_count),
                gpu_memory_gb: faults.number("declared.gpuMemoryGb", &self.gpu_memory_gb),
                cpu_model: text(&self.cpu_model),
                cpu_cores: faults.number("declared.cpuCores", &self.cpu_cores),
                memory_gb: faults.number("declared.memoryGb", &self.memory_gb),
                system_disk_gb: faults.number("declared.systemDiskGb", &self.system_disk_gb),
                data_disk_gb: faults.number("declared.dataDiskGb", &self.data_disk_gb),
            }
        }

        /// As a new machine.
        ///
        /// # Errors
        /// Validation, for what is not a number.
        pub fn create(&self) -> Result<MachineCreate> {
            let mut faults = Faults(Error::new(ErrorCode::Validation));
            let body = MachineCreate {
                id: text(&self.id),
                name: self.name.trim().to_owned(),
                region: text(&self.region),
                public_address: text(&self.public_address),
                private_address: text(&self.private_address),
                pool: Pool::parse(&self.pool),
                listed: self.listed == "true",
                monitored: Some(self.monitored == "true"),
                remark: text(&self.remark),
                declared: self.declared(&mut faults),
            };
            if faults.0.fields.is_empty() { Ok(body) } else { Err(faults.0) }
        }

        /// As a change.
        ///
        /// # Errors
        /// Validation, for what is not a number.
        pub fn update(&self) -> Result<MachineUpdate> {
            let MachineCreate {
                id: _,
                name,
                region,
                public_address,
                private_address,
                pool,
                listed,
                monitored,
                remark,
                declared,
            } = self.create()?;
            let revision = self.revision.parse().ok();
            Ok(MachineUpdate {
                name,
                region,
                public_address,
                private_address,
                pool,
                listed,
                monitored,
                remark,
                declared,
                revision,
            })
        }

        /// What was typed, to come back with a refusal.
        pub fn typed(&self) -> Vec<(&'static str, String)> {
            vec![("form", serde_json::to_string(self).unwrap_or_default())]
        }

        /// Reads [`MachineForm::typed`].
        pub fn from_typed(refused: &crate::door::Refused) -> Option<Self> {
            serde_json::from_str(refused.typed.get("form")?).ok()
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn empty_means_not_stated_and_words_are_no_numbers() {
            let form = MachineForm { name: " gpu-1 ".into(), gpu_count: "8".into(), ..MachineForm::default() };
            let body = form.create().expect("is fine");
            assert_eq!((body.name.as_str(), body.region, body.declared.gpu_count), ("gpu-1", None, Some(8)));
            let form = MachineForm { gpu_count: "eight".into(), memory_gb: "-1".into(), ..MachineForm::default() };
            let paths: Vec<_> = form.create().expect_err("is refused").fields.iter().map(|f| f.path).collect();
            assert_eq!(paths, ["declared.gpuCount", "declared.memoryGb"]);
        }
    }
}
