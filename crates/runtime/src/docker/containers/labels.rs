//! By what the platform knows its own again on an engine that others use, too.

use std::collections::HashMap;

use super::spec::is_word;

/// Which installation of the platform it belongs to.
pub(super) const INSTALLATION: &str = "remotegpu.installation";
/// Whose container or volume it is.
pub(super) const INSTANCE: &str = "remotegpu.instance";
/// Whose network it is.
pub(super) const OWNER: &str = "remotegpu.owner";
/// Which state of the instance's wishes it was made of.
pub(super) const REVISION: &str = "remotegpu.revision";
/// A hash of all it was made of.
pub(super) const SPEC: &str = "remotegpu.spec";
/// Each of them.
pub(super) const ALL: [&str; 4] = [INSTALLATION, INSTANCE, REVISION, SPEC];

/// What the labels of a container of ours say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// See [`super::ContainerSpec::instance`].
    pub instance: String,
    /// See [`super::ContainerSpec::revision`].
    pub revision: u64,
    /// The same for containers that were made of the same.
    pub fingerprint: String,
}

impl Origin {
    /// Where the labels are this installation's, and whole.
    pub(super) fn read(labels: &HashMap<String, String>, installation: &str) -> Option<Self> {
        let value = |key: &str| labels.get(key).filter(|value| is_word(value));
        if value(INSTALLATION)? != installation {
            return None;
        }
        Some(Self {
            instance: value(INSTANCE)?.clone(),
            revision: value(REVISION)?.parse().ok()?,
            fingerprint: value(SPEC)?.clone(),
        })
    }
}

/// What an engine is asked for, to get this installation's alone.
pub(super) fn filter(installation: &str) -> String {
    format!("{INSTALLATION}={installation}")
}
