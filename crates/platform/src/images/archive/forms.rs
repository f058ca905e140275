//! The two forms of an archive: what `docker save` wrote, and an OCI layout. Engines differ in which they take when both are
//! there, and read names in any case: both have to say the same, and names be what they are.

use std::collections::HashMap;
use std::io::{Read, Seek};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::entries::Archive;
use super::{ArchiveError, Part};

/// Longest chain from an index to a manifest.
const MAX_DEPTH: usize = 3;
/// Most tags, and the longest.
const MAX_TAGS: usize = 50;
const MAX_TAG: usize = 512;
/// What names an image in an index.
const NAMES: [&str; 2] = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];

/// What we read of manifests and indexes.
const KEYS: [&str; 9] =
    ["config", "layers", "manifests", "digest", "size", "annotations", "platform", "architecture", "os"];

/// The one image of an archive.
pub(super) struct Image {
    pub config: Vec<u8>,
    pub layers: Vec<Part>,
    pub tags: Vec<String>,
}

/// An entry of `manifest.json`, as `docker save` writes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Vec<String>,
}

/// A manifest or an index of an OCI layout.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: Option<HashMap<String, String>>,
    platform: Option<Platform>,
}

#[derive(Clone, Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

impl Descriptor {
    fn annotation(&self, name: &str) -> Option<&String> {
        self.annotations.as_ref().and_then(|all| all.get(name))
    }

    /// What builders add about how they built, which is no image and runs nowhere.
    fn is_about(&self) -> bool {
        let nowhere = |on: &Platform| on.architecture == "unknown" && on.os == "unknown";
        self.annotation("vnd.docker.reference.type").is_some() && self.platform.as_ref().is_some_and(nowhere)
    }
}

/// The image, whichever form an engine takes.
pub(super) fn image<R: Read + Seek>(archive: &mut Archive<'_, R>) -> Result<Image, ArchiveError> {
    let saved = saved(archive)?;
    let layout = if archive.has("index.json") || archive.has("oci-layout") { Some(layout(archive)?) } else { None };
    let mut image = match (saved, layout) {
        (Some(saved), Some(layout)) if saved.config != layout.config => return Err(ArchiveError::Differs),
        (Some(saved), Some(layout)) => Image { tags: [saved.tags, layout.tags].concat(), ..saved },
        (Some(saved), None) => saved,
        (None, Some(layout)) if is_layout_alone(archive) => layout,
        // Engines that know no layouts look for other things then, such as the images of old archives.
        (None, Some(_)) => return Err(ArchiveError::Differs),
        (None, None) => return Err(ArchiveError::NoImage),
    };
    image.tags.sort_unstable();
    image.tags.dedup();
    let plain = |tag: &String| (1..=MAX_TAG).contains(&tag.len()) && !tag.chars().any(char::is_control);
    match image.tags.len() <= MAX_TAGS && image.tags.iter().all(plain) {
        true => Ok(image),
        false => Err(ArchiveError::Tags),
    }
}

fn is_layout_alone<R: Read + Seek>(archive: &Archive<'_, R>) -> bool {
    archive.names().all(|name| name.starts_with("blobs/sha256/") || name == "index.json" || name == "oci-layout")
}

fn saved<R: Read + Seek>(archive: &mut Archive<'_, R>) -> Result<Option<Image>, ArchiveError> {
    let Some(bytes) = archive.bytes("manifest.json")? else { return Ok(None) };
    let mut saved = exactly::<Vec<Saved>>(&bytes, &["Config", "RepoTags", "Layers"])?.into_iter();
    let one = saved.next().ok_or(ArchiveError::NoImage)?;
    if saved.next().is_some() {
        return Err(ArchiveError::Several);
    }
    let part = |layer: &String| archive.get(layer).map(Part::of).ok_or(ArchiveError::Broken);
    let layers = one.layers.iter().map(part).collect::<Result<_, _>>()?;
    let config = archive.bytes(&one.config)?.ok_or(ArchiveError::Broken)?;
    Ok(Some(Image { config, layers, tags: one.repo_tags.unwrap_or_default() }))
}

fn layout<R: Read + Seek>(archive: &mut Archive<'_, R>) -> Result<Image, ArchiveError> {
    let bytes = archive.bytes("index.json")?.ok_or(ArchiveError::NoImage)?;
    let index = manifest(&bytes)?;
    if index.config.is_some() {
        return Err(ArchiveError::Broken);
    }
    let named = |of: &Descriptor| NAMES.map(|name| of.annotation(name).cloned());
    let tags = index.manifests.iter().flat_map(named).flatten().collect();
    // One image may be named several times here, and what is named here becomes an image whatever it says that it is.
    let mut one = only(index.manifests)?;
    for _ in 0..MAX_DEPTH {
        let manifest = manifest(&described(archive, &one)?)?;
        let Some(config) = manifest.config else {
            // Of an index for many processors there is often one here: the others cannot be loaded from it.
            let here = manifest.manifests.into_iter().filter(|of| !of.is_about());
            let here = here.filter(|of| blob(of).is_ok_and(|name| archive.has(&name)));
            one = only(here.collect())?;
            continue;
        };
        let mut layers = Vec::new();
        for layer in &manifest.layers {
            let entry = archive.get(&blob(layer)?).ok_or(ArchiveError::Broken)?;
            if entry.size != layer.size {
                return Err(ArchiveError::Broken);
            }
            layers.push(Part::of(entry));
        }
        return Ok(Image { config: described(archive, &config)?, layers, tags });
    }
    Err(ArchiveError::Broken)
}

fn only(of: Vec<Descriptor>) -> Result<Descriptor, ArchiveError> {
    let mut of = of.into_iter();
    let one = of.next().ok_or(ArchiveError::NoImage)?;
    if of.any(|other| other.digest != one.digest) { Err(ArchiveError::Several) } else { Ok(one) }
}

/// A manifest or an index, and not both.
fn manifest(bytes: &[u8]) -> Result<Manifest, ArchiveError> {
    let manifest: Manifest = exactly(bytes, &KEYS)?;
    let index = !manifest.manifests.is_empty();
    if index && (manifest.config.is_some() || !manifest.layers.is_empty()) {
        return Err(ArchiveError::Broken);
    }
    Ok(manifest)
}

/// The content that a descriptor names, if it is that.
fn described<R: Read + Seek>(archive: &mut Archive<'_, R>, of: &Descriptor) -> Result<Vec<u8>, ArchiveError> {
    let bytes = archive.bytes(&blob(of)?)?.ok_or(ArchiveError::Broken)?;
    let is = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
    if is == of.digest { Ok(bytes) } else { Err(ArchiveError::Broken) }
}

/// Where an OCI layout has it.
fn blob(of: &Descriptor) -> Result<String, ArchiveError> {
    let hash = of.digest.strip_prefix("sha256:").ok_or(ArchiveError::Broken)?;
    let plain = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if plain { Ok(format!("blobs/sha256/{hash}")) } else { Err(ArchiveError::Broken) }
}

/// With these names as they are: to programs in Go `config` is `Config` too, and the last of them counts.
fn exactly<T: DeserializeOwned>(bytes: &[u8], names: &[&str]) -> Result<T, ArchiveError> {
    let value: Value = super::parse(bytes)?;
    if other_case(&value, names) { Err(ArchiveError::Broken) } else { super::parse(bytes) }
}

fn other_case(value: &Value, names: &[&str]) -> bool {
    let fold = |text: &str| text.to_lowercase().to_uppercase();
    match value {
        Value::Array(all) => all.iter().any(|value| other_case(value, names)),
        Value::Object(all) => all.iter().any(|(key, value)| {
            let twin = names.iter().any(|name| key != name && key.len() < 20 && fold(key) == fold(name));
            twin || other_case(value, names)
        }),
        _ => false,
    }
}
