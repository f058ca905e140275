//! Volumes that survive their containers.

use std::collections::HashMap;

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::Containers;
use super::labels::{INSTALLATION, INSTANCE, filter};
use super::lifecycle::{done, good};
use super::refusal::Doing;
use super::spec::{SpecFault, is_name, is_word};
use super::wire::{Ask, QUICK, json as read};
use crate::docker::{Fault, FaultKind};

/// A volume of this installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    pub name: String,
    /// Whose it is, in the platform's words.
    pub instance: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawVolume {
    name: String,
    #[serde(default)]
    driver: String,
    #[serde(default)]
    options: Option<HashMap<String, String>>,
    #[serde(default)]
    labels: Option<HashMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawVolumes {
    #[serde(default)]
    volumes: Option<Vec<RawVolume>>,
}

impl RawVolume {
    /// With options, a local volume can be any folder or device of the host: such a one is not ours, whatever its labels say.
    fn volume(self, installation: &str) -> Option<Volume> {
        let labels = self.labels?;
        let plain = self.driver == "local" && self.options.is_none_or(|options| options.is_empty());
        let ours = labels.get(INSTALLATION).is_some_and(|it| it == installation);
        let instance = labels.get(INSTANCE).filter(|it| is_word(it))?.clone();
        (plain && ours && is_name(&self.name)).then_some(Volume { name: self.name, instance })
    }
}

/// Those of an answer that are ours.
pub(super) fn list(bytes: &[u8], installation: &str) -> Result<Vec<Volume>, Fault> {
    let all: RawVolumes = read(bytes)?;
    Ok(all.volumes.unwrap_or_default().into_iter().filter_map(|it| it.volume(installation)).collect())
}

impl Containers {
    /// Makes a volume on the engine's own disk; one that is there by this name and is this instance's is the one.
    ///
    /// # Errors
    /// Also [`FaultKind::NameTaken`].
    pub async fn create_volume(&self, name: &str, instance: &str) -> Result<(), Fault> {
        SpecFault::unless(is_name(name), "volumes", "it is no name of a volume")?;
        SpecFault::unless(is_word(instance), "instance", "it is no word for a label")?;
        let body = json!({
            "Name": name, "Driver": "local", "Labels": { INSTALLATION: self.installation, INSTANCE: instance },
        });
        // An engine answers with the one that is there, whatever it was asked for.
        let answer = self.wire.ask(Ask::post("/volumes/create").json(&body), QUICK).await?;
        let made: RawVolume = read(&good(&answer)?)?;
        match made.volume(&self.installation) {
            Some(made) if made.instance == instance => Ok(()),
            _ => Err(Fault::new(FaultKind::NameTaken, name)),
        }
    }

    /// Takes a volume away with all that is in it. One that is not there, or is none of ours, is gone.
    ///
    /// # Errors
    /// [`FaultKind::Busy`] while a container has it.
    pub async fn remove_volume(&self, name: &str) -> Result<(), Fault> {
        match self.own_volume(name).await {
            Err(fault) if matches!(fault.kind, FaultKind::NotFound | FaultKind::NameTaken) => return Ok(()),
            own => own?,
        };
        let answer = self.wire.ask(Ask::new(Method::DELETE, format!("/volumes/{name}")), QUICK).await?;
        done(Doing::Other, &answer, &[204, 404])
    }

    /// All of ours.
    ///
    /// # Errors
    /// As everything here.
    pub async fn list_volumes(&self) -> Result<Vec<Volume>, Fault> {
        let filters = json!({ "label": [filter(&self.installation)] });
        let answer = self.wire.ask(Ask::get("/volumes").with("filters", filters), QUICK).await?;
        list(&good(&answer)?, &self.installation)
    }

    /// [`FaultKind::NotFound`] or [`FaultKind::NameTaken`].
    pub(super) async fn own_volume(&self, name: &str) -> Result<Volume, Fault> {
        let none = || Fault::new(FaultKind::NotFound, format!("no volume {}", super::state::word(name)));
        if !is_name(name) {
            return Err(none());
        }
        let answer = self.wire.ask(Ask::get(format!("/volumes/{name}")), QUICK).await?;
        if answer.status == 404 {
            return Err(none());
        }
        let found: RawVolume = read(&good(&answer)?)?;
        found.volume(&self.installation).ok_or_else(|| Fault::new(FaultKind::NameTaken, name))
    }
}
