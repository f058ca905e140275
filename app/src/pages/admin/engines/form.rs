//! The form of an engine's connection as a browser posts it: every field is text, an empty one means "not stated".

use serde::{Deserialize, Serialize};

/// Fields of the form, named `form[…]` in the page.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EngineForm {
    pub kind: String,
    pub socket: String,
    pub host: String,
    pub port: String,
    pub ca: String,
    pub certificate: String,
    pub key: String,
    pub revision: String,
    /// `true` where another engine may answer there.
    pub other: String,
}

/// The key stays out of logs.
impl std::fmt::Debug for EngineForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineForm").field("kind", &self.kind).field("host", &self.host).finish_non_exhaustive()
    }
}

#[cfg(feature = "ssr")]
mod read {
    use contract::engines::{EngineKind, EngineView, EngineWrite};
    use platform::{Error, Result};

    use super::EngineForm;
    use crate::door::Refused;

    impl EngineForm {
        /// The form of one that exists; certificates and key stay where they are.
        pub fn of(view: &EngineView) -> Self {
            Self {
                kind: view.kind.code().to_owned(),
                socket: view.socket.clone().unwrap_or_default(),
                host: view.host.clone().unwrap_or_default(),
                port: view.port.map(|port| port.to_string()).unwrap_or_default(),
                revision: view.revision.to_string(),
                ..Self::default()
            }
        }

        /// What came back with a refused form.
        pub fn from_typed(refused: &Refused) -> Self {
            let t = |name: &str| refused.typed.get(name).cloned().unwrap_or_default();
            Self {
                kind: t("kind"),
                socket: t("socket"),
                host: t("host"),
                port: t("port"),
                revision: t("revision"),
                ..Self::default()
            }
        }

        /// What was typed, to be shown again; no certificates, and never the key.
        pub fn typed(&self) -> Vec<(&'static str, String)> {
            vec![
                ("kind", self.kind.clone()),
                ("socket", self.socket.clone()),
                ("host", self.host.clone()),
                ("port", self.port.clone()),
                ("revision", self.revision.clone()),
            ]
        }

        /// What it asks for. Without JavaScript every field is there always: those of the other way do not count.
        ///
        /// # Errors
        /// Validation with the field that does not read.
        pub fn read(self) -> Result<EngineWrite> {
            let some = |text: String| Some(text).filter(|text| !text.trim().is_empty());
            let kind = EngineKind::parse(&self.kind).ok_or_else(|| Error::field("kind", "field-unknown-value"))?;
            let write = EngineWrite {
                revision: self.revision.parse().ok(),
                other_engine: self.other == "true",
                ..EngineWrite::new(kind)
            };
            if kind == EngineKind::Local {
                return Ok(EngineWrite { socket: some(self.socket), ..write });
            }
            if kind == EngineKind::Agent {
                return Ok(write);
            }
            let port = match self.port.trim() {
                "" => None,
                text => Some(text.parse().map_err(|_| Error::field("port", "field-not-a-number"))?),
            };
            Ok(EngineWrite {
                host: some(self.host),
                port,
                ca_certificate: some(self.ca),
                client_certificate: some(self.certificate),
                client_key: some(self.key),
                ..write
            })
        }
    }
}
