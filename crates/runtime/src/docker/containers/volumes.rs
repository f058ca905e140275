//! Volumes that survive their containers.

use std::collections::HashMap;

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::binds::HostBind;
use super::labels::{INSTALLATION, INSTANCE, filter};
use super::lifecycle::{done, good};
use super::refusal::Doing;
use super::spec::{SpecFault, is_name, is_word};
use super::wire::{Ask, QUICK, json as read};
use super::{ContainerSpec, Containers, Env, LogDriver, LogLimit, Restart, VolumeMount, archive};
use crate::docker::{Fault, FaultKind};

/// Where a volume is in the container by which it is filled.
const FILLED: &str = "/filled";

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
    #[serde(default)]
    mountpoint: String,
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

    /// Whether a volume of ours is there by this name.
    ///
    /// # Errors
    /// [`FaultKind::NameTaken`] where it is somebody else's.
    pub async fn has_volume(&self, name: &str) -> Result<bool, Fault> {
        match self.own_volume(name).await {
            Err(fault) if fault.kind == FaultKind::NotFound => Ok(false),
            own => own.map(|_| true),
        }
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

    /// Writes files into a volume of ours: root's, and nobody's to write. They go in by a container of this image that never
    /// runs and is gone afterwards, because an engine puts files nowhere else.
    ///
    /// # Errors
    /// As [`Containers::create`], of that container.
    pub async fn fill_volume(&self, volume: &str, image: &str, files: &[(&str, &str)]) -> Result<(), Fault> {
        let mount = VolumeMount { volume: volume.to_owned(), target: FILLED.to_owned(), read_only: false, empty: true };
        let filler = ContainerSpec {
            name: format!("{volume}-filler"),
            // Of no instance: whoever looks for one's container does not find this.
            instance: volume.to_owned(),
            revision: 1,
            image: image.to_owned(),
            entrypoint: None,
            command: Some(vec!["true".to_owned()]),
            env: Env::default(),
            hostname: None,
            cpu_millis: 100,
            memory: 64 << 20,
            shm: 1 << 20,
            pids: 16,
            gpus: Vec::new(),
            volumes: vec![mount],
            binds: Vec::new(),
            ports: Vec::new(),
            network: None,
            restart: Restart::No,
            ulimits: Vec::new(),
            log: LogLimit { driver: LogDriver::Local, size: 1 << 20, files: 2 },
            disk: None,
            init: false,
        };
        let made = self.create(&filler).await?;
        let ask = Ask::new(Method::PUT, format!("/containers/{}/archive", made.id)).with("path", FILLED);
        let answer = self.wire.ask(ask.archive(archive::files_of_root(files)), QUICK).await;
        self.remove(&made.id, true).await?;
        done(Doing::Other, &answer?, &[200])
    }

    /// Takes away what [`Containers::fill_volume`] left behind if it was ended half-way.
    ///
    /// # Errors
    /// As everything here.
    pub async fn remove_filler(&self, volume: &str) -> Result<(), Fault> {
        self.remove(&format!("{volume}-filler"), true).await
    }

    /// A file of a volume of ours, at this place in a container and never to be written there. No engine before 26 mounts
    /// a file of a volume, so it is named by where the engine says that the volume lies on its host.
    ///
    /// # Errors
    /// [`FaultKind::NotFound`] and [`FaultKind::NameTaken`] for what is no volume of ours.
    pub async fn volume_file(&self, volume: &str, file: &str, target: &str) -> Result<HostBind, Fault> {
        let found = self.raw_volume(volume).await?;
        let folder = found.mountpoint.clone();
        let own = found.volume(&self.installation).ok_or_else(|| Fault::new(FaultKind::NameTaken, volume))?;
        Ok(HostBind::of_volume(&folder, &own.name, file, target)?)
    }

    /// [`FaultKind::NotFound`] or [`FaultKind::NameTaken`].
    pub(super) async fn own_volume(&self, name: &str) -> Result<Volume, Fault> {
        let found = self.raw_volume(name).await?;
        found.volume(&self.installation).ok_or_else(|| Fault::new(FaultKind::NameTaken, name))
    }

    async fn raw_volume(&self, name: &str) -> Result<RawVolume, Fault> {
        let none = || Fault::new(FaultKind::NotFound, format!("no volume {}", super::state::word(name)));
        if !is_name(name) {
            return Err(none());
        }
        let answer = self.wire.ask(Ask::get(format!("/volumes/{name}")), QUICK).await?;
        if answer.status == 404 {
            return Err(none());
        }
        read(&good(&answer)?)
    }
}
