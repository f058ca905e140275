//! How much of an engine's disk containers and volumes take. The engine reads through all of them for it, which may take a
//! while: this is asked seldom.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::Containers;
use super::labels::{Origin, filter};
use super::lifecycle::good;
use super::spec::is_name;
use super::wire::{Ask, json as read};
use crate::docker::Fault;

/// Bytes on an engine's disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// What was written in containers of ours beside their volumes, by whose container it is.
    pub written: HashMap<String, u64>,
    /// What is in volumes of ours, by name.
    pub volumes: HashMap<String, u64>,
    /// Why one of the two is not known.
    pub fault: Option<Fault>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawWritten {
    #[serde(default)]
    labels: Option<HashMap<String, String>>,
    /// An engine leaves out what is nothing.
    #[serde(default)]
    size_rw: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawUse {
    #[serde(default)]
    volumes: Option<Vec<RawVolumeUse>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawVolumeUse {
    name: String,
    #[serde(default)]
    usage_data: Option<RawUsage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawUsage {
    /// Less than nothing where it is not known.
    #[serde(default)]
    size: i64,
}

/// Of a list of containers with their sizes those that are ours.
pub(super) fn written(bytes: &[u8], installation: &str) -> Result<HashMap<String, u64>, Fault> {
    let all: Vec<RawWritten> = read(bytes)?;
    let of = |it: RawWritten| {
        let origin = Origin::read(&it.labels?, installation)?;
        Some((origin.instance, u64::try_from(it.size_rw).ok()?))
    };
    Ok(all.into_iter().filter_map(of).collect())
}

/// Of what an engine says of its disk the volumes, whosever they are.
pub(super) fn volumes(bytes: &[u8]) -> Result<HashMap<String, u64>, Fault> {
    let all: RawUse = read(bytes)?;
    let of = |it: RawVolumeUse| Some((it.name, u64::try_from(it.usage_data?.size).ok()?));
    Ok(all.volumes.unwrap_or_default().into_iter().filter_map(of).filter(|(name, _)| is_name(name)).collect())
}

impl Containers {
    /// Measures all of ours; for each of two questions the engine has this long, and what it answers to one counts where it
    /// does not to the other.
    ///
    /// # Errors
    /// As everything here, where neither was answered; an engine does not measure twice at a time.
    pub async fn sizes(&self, limit: Duration) -> Result<Sizes, Fault> {
        match (self.written(limit).await, self.volume_sizes(limit).await) {
            (Err(fault), Err(_)) => Err(fault),
            (written, volumes) => {
                let fault = written.as_ref().err().or(volumes.as_ref().err()).cloned();
                Ok(Sizes { written: written.unwrap_or_default(), volumes: volumes.unwrap_or_default(), fault })
            }
        }
    }

    async fn written(&self, limit: Duration) -> Result<HashMap<String, u64>, Fault> {
        let filters = json!({ "label": [filter(&self.installation)] });
        let ask = Ask::get("/containers/json").with("all", true).with("size", true).with("filters", filters);
        written(&good(&self.wire.ask(ask, limit).await?)?, &self.installation)
    }

    async fn volume_sizes(&self, limit: Duration) -> Result<HashMap<String, u64>, Fault> {
        let own = self.list_volumes().await?;
        if own.is_empty() {
            return Ok(HashMap::new());
        }
        // Before API 1.42 an engine does not know the word, and measures images and containers, too.
        let ask = Ask::get("/system/df").with("type", "volume");
        let mut all = volumes(&good(&self.wire.ask(ask, limit).await?)?)?;
        Ok(own.into_iter().filter_map(|it| all.remove(&it.name).map(|size| (it.name, size))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_engine_says_of_its_disk_is_read_as_far_as_it_says_it() {
        let labels = |installation: &str| {
            json!({ "remotegpu.installation": installation, "remotegpu.instance": "7", "remotegpu.revision": "1",
                    "remotegpu.spec": "abc" })
        };
        let list = json!([
            { "Id": "a", "Labels": labels("lab"), "SizeRw": 4096, "SizeRootFs": 9999 },
            { "Id": "b", "Labels": labels("other"), "SizeRw": 1 },
            { "Id": "c", "Labels": null, "SizeRw": 1 },
        ]);
        let found = written(list.to_string().as_bytes(), "lab").expect("it reads");
        assert_eq!(found, HashMap::from([("7".to_owned(), 4096)]));
        let nothing = json!([{ "Id": "a", "Labels": labels("lab") }]);
        assert_eq!(written(nothing.to_string().as_bytes(), "lab").expect("it reads")["7"], 0);
        let disk = json!({ "LayersSize": 1, "Volumes": [
            { "Name": "one", "UsageData": { "Size": 5, "RefCount": 1 } },
            { "Name": "two", "UsageData": { "Size": -1, "RefCount": 0 } },
            { "Name": "three" },
            { "Name": "a/b", "UsageData": { "Size": 5 } },
        ] });
        let found = volumes(disk.to_string().as_bytes()).expect("it reads");
        assert_eq!(found, HashMap::from([("one".to_owned(), 5)]));
        assert!(
            volumes(b"{}").expect("it reads").is_empty() && volumes(b"7").is_err() && written(b"{}", "lab").is_err()
        );
    }
}
