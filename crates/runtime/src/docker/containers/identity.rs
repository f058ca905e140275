//! By what an engine calls itself.

use serde::Deserialize;

use super::Containers;
use super::lifecycle::good;
use super::state::word;
use super::wire::{Ask, QUICK, json as read};
use crate::docker::Fault;

#[derive(Deserialize)]
struct RawInfo {
    #[serde(default, rename = "ID")]
    id: Option<String>,
}

/// Of what it says of itself; nothing where it does not say.
pub(super) fn id(bytes: &[u8]) -> Result<Option<String>, Fault> {
    let info: RawInfo = read(bytes)?;
    Ok(info.id.map(|id| word(&id)).filter(|id| !id.is_empty()))
}

impl Containers {
    /// The engine's own id, which outlives its restarts. Engines before 23 keep it beside their configuration and later ones
    /// with their data: two that share a configuration call themselves the same, and one whose data went may do so, too.
    ///
    /// # Errors
    /// As everything here.
    pub async fn identity(&self) -> Result<Option<String>, Fault> {
        let answer = self.wire.ask(Ask::get("/info"), QUICK).await?;
        id(&good(&answer)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_where_there_is_one() {
        assert_eq!(id(br#"{ "ID": "YLD2:\u001bA6H4", "Containers": 3 }"#).unwrap().as_deref(), Some("YLD2:A6H4"));
        for none in [r#"{}"#, r#"{ "ID": null }"#, r#"{ "ID": "" }"#] {
            assert_eq!(id(none.as_bytes()).unwrap(), None, "{none}");
        }
        assert!(id(b"[]x").is_err());
    }
}
