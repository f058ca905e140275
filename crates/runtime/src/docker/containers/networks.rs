//! Networks of their own: what runs in one neither reaches nor hears what runs in another.

use std::collections::HashMap;

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::Containers;
use super::labels::{INSTALLATION, OWNER, filter};
use super::lifecycle::{done, good};
use super::refusal::Doing;
use super::spec::{SpecFault, is_name, is_word};
use super::wire::{Ask, QUICK, json as read};
use crate::docker::{Fault, FaultKind};

/// A network of this installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    pub name: String,
    /// Whose it is, in the platform's words.
    pub owner: String,
    /// The engine's own name of it: others may have the same name.
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawNetwork {
    name: String,
    id: String,
    #[serde(default)]
    driver: String,
    #[serde(default)]
    labels: Option<HashMap<String, String>>,
}

impl RawNetwork {
    /// Another driver can put a container onto the host's own network: such a one is not ours, whatever its labels say.
    fn network(self, installation: &str) -> Option<Network> {
        let labels = self.labels?;
        let ours = self.driver == "bridge" && labels.get(INSTALLATION).is_some_and(|it| it == installation);
        let owner = labels.get(OWNER).filter(|it| is_word(it))?.clone();
        let plain = is_name(&self.name) && is_name(&self.id);
        (ours && plain).then_some(Network { name: self.name, owner, id: self.id })
    }
}

/// Those of an answer that are ours.
pub(super) fn list(bytes: &[u8], installation: &str) -> Result<Vec<Network>, Fault> {
    let all: Vec<RawNetwork> = read(bytes)?;
    Ok(all.into_iter().filter_map(|it| it.network(installation)).collect())
}

impl Containers {
    /// Makes a network; one that is there by this name and is this owner's is the one. What is in it reaches each other, and
    /// the world through the host; nothing reaches it but ports that a container publishes.
    ///
    /// # Errors
    /// Also [`FaultKind::NameTaken`].
    pub async fn create_network(&self, name: &str, owner: &str) -> Result<(), Fault> {
        SpecFault::unless(is_name(name), "network", "it is no name of a network")?;
        SpecFault::unless(is_word(owner), "network", "its owner is no word for a label")?;
        if self.has_network(name, owner).await? {
            return Ok(());
        }
        let body = json!({
            "Name": name, "Driver": "bridge", "CheckDuplicate": true, "Internal": false, "Attachable": false,
            "Labels": { INSTALLATION: self.installation, OWNER: owner },
        });
        let answer = self.wire.ask(Ask::post("/networks/create").json(&body), QUICK).await?;
        // Somebody else may have made it meanwhile.
        if answer.status == 409 && self.has_network(name, owner).await? {
            return Ok(());
        }
        match answer.status {
            409 => Err(Fault::new(FaultKind::NameTaken, name)),
            _ => done(Doing::Other, &answer, &[201]),
        }
    }

    /// Takes a network away. One that is not there, or is none of ours, is gone.
    ///
    /// # Errors
    /// [`FaultKind::Busy`] while a container is in it.
    pub async fn remove_network(&self, name: &str) -> Result<(), Fault> {
        for own in self.list_networks().await?.into_iter().filter(|it| it.name == name) {
            let answer = self.wire.ask(Ask::new(Method::DELETE, format!("/networks/{}", own.id)), QUICK).await?;
            if answer.status == 403 && answer.words().contains("active endpoints") {
                return Err(Fault::new(FaultKind::Busy, answer.words()));
            }
            done(Doing::Other, &answer, &[204, 404])?;
        }
        Ok(())
    }

    /// All of ours.
    ///
    /// # Errors
    /// As everything here.
    pub async fn list_networks(&self) -> Result<Vec<Network>, Fault> {
        let filters = json!({ "label": [filter(&self.installation)] });
        let answer = self.wire.ask(Ask::get("/networks").with("filters", filters), QUICK).await?;
        list(&good(&answer)?, &self.installation)
    }

    async fn has_network(&self, name: &str, owner: &str) -> Result<bool, Fault> {
        let own = self.list_networks().await?.into_iter().find(|it| it.name == name);
        match own {
            None => Ok(false),
            Some(own) if own.owner == owner => Ok(true),
            Some(_) => Err(Fault::new(FaultKind::NameTaken, name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_driver_made_is_none_of_ours() {
        let answer = |driver: &str, installation: &str| {
            let labels = json!({ "remotegpu.installation": installation, "remotegpu.owner": "customer-7" });
            let all = json!([{ "Name": "net-c7", "Id": "0a1b", "Driver": driver, "Labels": labels }]);
            list(all.to_string().as_bytes(), "lab").expect("it reads").len()
        };
        assert_eq!((answer("bridge", "lab"), answer("host", "lab"), answer("macvlan", "lab")), (1, 0, 0));
        assert_eq!(answer("bridge", "other"), 0);
        assert!(list(br#"[{"Name":"a/b","Id":"0","Driver":"bridge","Labels":null}]"#, "lab").unwrap().is_empty());
        assert!(list(b"{}", "lab").is_err());
    }
}
