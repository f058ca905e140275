//! The images that an engine has, whoever brought them, and how one of them goes.

use std::collections::HashSet;
use std::time::Duration;

use http::Method;
use serde::Deserialize;

use super::Containers;
use super::lifecycle::{done, good};
use super::refusal::Doing;
use super::spec::{SpecFault, is_word};
use super::wire::{Ask, QUICK, json as read};
use crate::docker::Fault;

/// For a list with sizes: an engine adds layers up for it.
const LIST: Duration = Duration::from_secs(60);
/// For taking one away: its layers' files go with it.
const REMOVE: Duration = Duration::from_secs(120);
/// What an engine calls what has no name any more.
const NAMELESS: &str = "<none>";

/// An image on an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldImage {
    /// The engine's own id of it, `sha256:…`.
    pub id: String,
    /// Its tags, as the engine writes them; without any, nothing can be made of it by a name with a tag.
    pub tags: Vec<String>,
    /// The names with digests under which it was pulled.
    pub digests: Vec<String>,
    /// Bytes of all its layers.
    pub size: u64,
    /// Bytes of those layers that no other image has; nothing where the engine does not say it.
    pub own: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawHeld {
    id: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    size: i64,
    /// Less than nothing where it was not asked for.
    #[serde(default)]
    shared_size: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawUser {
    #[serde(default, rename = "ImageID")]
    image_id: String,
}

impl HeldImage {
    /// Nothing where its id is none.
    fn of(it: RawHeld) -> Option<Self> {
        let size = u64::try_from(it.size).unwrap_or_default();
        let shared = it.shared_size.and_then(|shared| u64::try_from(shared).ok());
        let names = |names: Option<Vec<String>>| {
            let plain = |name: &String| is_name(name) && !name.contains(NAMELESS);
            names.unwrap_or_default().into_iter().filter(plain).collect::<Vec<_>>()
        };
        is_word(it.id.trim_start_matches("sha256:")).then(|| Self {
            id: it.id,
            tags: names(it.repo_tags),
            digests: names(it.repo_digests),
            size,
            own: shared.map(|shared| size.saturating_sub(shared)),
        })
    }
}

/// Of a list of images.
pub(super) fn images(bytes: &[u8]) -> Result<Vec<HeldImage>, Fault> {
    let all: Vec<RawHeld> = read(bytes)?;
    Ok(all.into_iter().filter_map(HeldImage::of).collect())
}

/// Which images a list of containers is made of.
pub(super) fn users(bytes: &[u8]) -> Result<HashSet<String>, Fault> {
    let all: Vec<RawUser> = read(bytes)?;
    Ok(all.into_iter().map(|it| it.image_id).collect())
}

/// Whether it can stand in a path as it is.
fn is_name(name: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || "._-:/@".contains(c);
    !name.is_empty()
        && name.len() <= 600
        && name.chars().all(known)
        && name.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

impl Containers {
    /// Every image that the engine has, whosever it is.
    ///
    /// # Errors
    /// As everything here.
    pub async fn images(&self) -> Result<Vec<HeldImage>, Fault> {
        // Before API 1.42 an engine does not know the word, and says nothing of what is shared.
        let ask = Ask::get("/images/json").with("shared-size", true);
        images(&good(&self.wire.ask(ask, LIST).await?)?)
    }

    /// What it has under a name or an id; nothing where it has no such image. What is asked for by its id is found whatever
    /// anything is called.
    ///
    /// # Errors
    /// [`crate::docker::FaultKind::Spec`] for what is no image's name.
    pub async fn held(&self, image: &str) -> Result<Option<HeldImage>, Fault> {
        SpecFault::unless(is_name(image), "image", "it is none")?;
        let answer = self.wire.ask(Ask::get(format!("/images/{image}/json")), QUICK).await?;
        match answer.status {
            404 => Ok(None),
            _ => Ok(HeldImage::of(read(&good(&answer)?)?)),
        }
    }

    /// Ids of the images that containers are made of, whosever these are and whether or not they run.
    ///
    /// # Errors
    /// As everything here.
    pub async fn images_in_use(&self) -> Result<HashSet<String>, Fault> {
        let ask = Ask::get("/containers/json").with("all", true);
        users(&good(&self.wire.ask(ask, QUICK).await?)?)
    }

    /// Takes an image away with all its names. The engine itself keeps one that a container is made of. What is not there is
    /// gone.
    ///
    /// # Errors
    /// [`crate::docker::FaultKind::Busy`] while a container is made of it, or another image of it.
    pub async fn remove_held(&self, image: &HeldImage) -> Result<(), Fault> {
        let id = image.id.trim_start_matches("sha256:");
        // By its id alone an engine takes nothing away that has names in several places.
        for name in image.tags.iter().map(String::as_str).chain(is_word(id).then_some(id)) {
            let answer = self.wire.ask(Ask::new(Method::DELETE, format!("/images/{name}")), REMOVE).await?;
            done(Doing::Other, &answer, &[200, 404])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_engine_says_of_its_images_is_read_as_far_as_it_says_it() {
        let list = json!([
            { "Id": "sha256:aa", "RepoTags": ["a:1", "b/c:2"], "RepoDigests": ["a@sha256:0f"], "Size": 100, "SharedSize": 30 },
            { "Id": "sha256:bb", "RepoTags": ["<none>:<none>"], "RepoDigests": ["<none>@<none>"], "Size": 7, "SharedSize": -1 },
            { "Id": "sha256:cc", "RepoTags": null, "Size": -1 },
            { "Id": "../x", "RepoTags": ["a:1"] },
            { "Id": "sha256:dd", "RepoTags": ["a/../b:1", "a b"] },
        ]);
        let found = images(list.to_string().as_bytes()).expect("it reads");
        assert_eq!(found.len(), 4, "{found:?}");
        assert_eq!((found[0].tags.len(), found[0].digests.len(), found[0].own), (2, 1, Some(70)));
        assert_eq!((found[1].tags.len(), found[1].digests.len(), found[1].own), (0, 0, None));
        assert_eq!((found[2].size, found[2].own), (0, None));
        assert!(found[3].tags.is_empty(), "what cannot stand in a path is no name");
        let one = read(json!({ "Id": "sha256:aa", "RepoTags": ["a:1"], "RepoDigests": [] }).to_string().as_bytes());
        let one = HeldImage::of(one.expect("it reads")).expect("it has an id");
        assert_eq!((one.id.as_str(), one.tags, one.own), ("sha256:aa", vec!["a:1".to_owned()], None));
        let users = users(json!([{ "ImageID": "sha256:aa" }, {}]).to_string().as_bytes()).expect("it reads");
        assert!(users.contains("sha256:aa"));
        assert!(images(b"{}").is_err());
    }
}
