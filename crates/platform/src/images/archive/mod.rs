//! What an archive says of the image in it: one that `docker save` wrote, or an OCI layout, as a tar file.
//!
//! Nothing is unpacked and no name becomes a path: names are looked up among the archive's own entries. What is read is
//! bounded, whatever an archive claims.

mod tar;

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};

use contract::images::Architecture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use tar::{Entry, TarError};

/// Largest manifest or configuration.
const MAX_JSON: u64 = 4 << 20;
/// Most layers, which is what engines take.
const MAX_LAYERS: usize = 500;
/// Longest chain from an index to a manifest.
const MAX_DEPTH: u32 = 3;

/// What is known of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveFacts {
    pub architecture: Architecture,
    /// Of its configuration: `sha256:…`.
    pub digest: String,
    /// As images of NVIDIA say it.
    pub cuda_version: Option<String>,
    pub layers: usize,
}

/// Why an archive is no image for us; each has a message `field-archive-…`.
#[derive(Debug)]
pub enum ArchiveError {
    /// No tar file, or cut off.
    NotTar,
    /// Compressed as a whole.
    Compressed,
    /// A tar file without an image.
    NoImage,
    /// Several images.
    Several,
    /// What the manifest names is not there, or not what it says.
    Broken,
    /// An image of another system or processor.
    Platform,
    Read(std::io::Error),
}

impl ArchiveError {
    /// Its message.
    pub fn key(&self) -> &'static str {
        match self {
            ArchiveError::NotTar => "field-archive-not-tar",
            ArchiveError::Compressed => "field-archive-compressed",
            ArchiveError::NoImage => "field-archive-no-image",
            ArchiveError::Several => "field-archive-several",
            ArchiveError::Broken | ArchiveError::Read(_) => "field-archive-broken",
            ArchiveError::Platform => "field-archive-platform",
        }
    }
}

impl From<TarError> for ArchiveError {
    fn from(error: TarError) -> Self {
        match error {
            TarError::Malformed => ArchiveError::NotTar,
            TarError::TooMany => ArchiveError::NoImage,
            TarError::Read(error) => ArchiveError::Read(error),
        }
    }
}

/// An entry of `manifest.json`, as `docker save` writes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: HashMap<String, String>,
}

/// The configuration of an image, as far as we need it.
#[derive(Deserialize)]
struct Configuration {
    architecture: String,
    os: String,
    #[serde(default)]
    config: Option<Container>,
}

#[derive(Deserialize)]
struct Container {
    #[serde(default, rename = "Env")]
    env: Option<Vec<String>>,
}

/// Reads what it says.
///
/// # Errors
/// For what is no image of ours, with the reason.
pub fn read(from: &mut (impl Read + Seek)) -> Result<ArchiveFacts, ArchiveError> {
    let mut archive = Archive::open(from)?;
    let (config, layers) = match archive.json::<Vec<Saved>>("manifest.json")? {
        Some(saved) => {
            let mut saved = saved.into_iter();
            let one = saved.next().ok_or(ArchiveError::NoImage)?;
            if saved.next().is_some() {
                return Err(ArchiveError::Several);
            }
            if one.layers.iter().any(|layer| !archive.entries.contains_key(layer)) {
                return Err(ArchiveError::Broken);
            }
            (archive.bytes(&one.config)?.ok_or(ArchiveError::Broken)?, one.layers.len())
        }
        None => archive.of_layout()?,
    };
    if layers == 0 || layers > MAX_LAYERS {
        return Err(ArchiveError::Broken);
    }
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(&config)));
    let config: Configuration = parse(&config)?;
    let architecture = Architecture::parse(&config.architecture).filter(|_| config.os == "linux");
    let env = config.config.and_then(|container| container.env).unwrap_or_default();
    let cuda = env.iter().find_map(|pair| pair.strip_prefix("CUDA_VERSION="));
    Ok(ArchiveFacts {
        architecture: architecture.ok_or(ArchiveError::Platform)?,
        digest,
        cuda_version: cuda.filter(|version| is_version(version)).map(str::to_owned),
        layers,
    })
}

/// Digits and dots, short.
pub(crate) fn is_version(text: &str) -> bool {
    let parts = || text.split('.');
    text.len() <= 20
        && parts().count() <= 4
        && parts().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ArchiveError> {
    serde_json::from_slice(bytes).map_err(|_| ArchiveError::Broken)
}

struct Archive<'a, R> {
    from: &'a mut R,
    entries: HashMap<String, Entry>,
}

impl<'a, R: Read + Seek> Archive<'a, R> {
    fn open(from: &'a mut R) -> Result<Self, ArchiveError> {
        let mut first = [0; 6];
        from.seek(SeekFrom::Start(0)).map_err(ArchiveError::Read)?;
        from.read_exact(&mut first).map_err(|_| ArchiveError::NotTar)?;
        // gzip, xz, zstd, bzip2.
        let packed: [&[u8]; 4] = [&[0x1f, 0x8b], &[0xfd, b'7', b'z', b'X', b'Z'], &[0x28, 0xb5, 0x2f, 0xfd], b"BZh"];
        if packed.iter().any(|magic| first.starts_with(magic)) {
            return Err(ArchiveError::Compressed);
        }
        let mut entries = HashMap::new();
        tar::entries(from, |entry| {
            let name = entry.name.strip_prefix("./").unwrap_or(&entry.name).to_owned();
            entries.insert(name, entry);
            Ok(())
        })?;
        Ok(Self { from, entries })
    }

    fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
        let Some(entry) = self.entries.get(name) else { return Ok(None) };
        if entry.size > MAX_JSON {
            return Err(ArchiveError::Broken);
        }
        let (offset, size) = (entry.offset, entry.size);
        self.from.seek(SeekFrom::Start(offset)).map_err(ArchiveError::Read)?;
        let mut bytes = Vec::new();
        Read::take(&mut *self.from, size).read_to_end(&mut bytes).map_err(ArchiveError::Read)?;
        Ok(Some(bytes))
    }

    fn json<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, ArchiveError> {
        self.bytes(name)?.map(|bytes| parse(&bytes)).transpose()
    }

    /// The content that a descriptor names, if it is that.
    fn described(&mut self, descriptor: &Descriptor) -> Result<Vec<u8>, ArchiveError> {
        let bytes = self.bytes(&blob(descriptor)?)?.ok_or(ArchiveError::Broken)?;
        let is = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
        if is == descriptor.digest { Ok(bytes) } else { Err(ArchiveError::Broken) }
    }

    /// Configuration and number of layers of the one image of an OCI layout.
    fn of_layout(&mut self) -> Result<(Vec<u8>, usize), ArchiveError> {
        let mut manifest: Manifest = self.json("index.json")?.ok_or(ArchiveError::NoImage)?;
        for _ in 0..MAX_DEPTH {
            if let Some(config) = &manifest.config {
                for layer in &manifest.layers {
                    let entry = self.entries.get(&blob(layer)?).ok_or(ArchiveError::Broken)?;
                    if entry.size != layer.size {
                        return Err(ArchiveError::Broken);
                    }
                }
                return Ok((self.described(config)?, manifest.layers.len()));
            }
            // What builders add about how they built is no image.
            let about = |of: &&Descriptor| of.annotations.contains_key("vnd.docker.reference.type");
            let mut images = manifest.manifests.iter().filter(|of| !about(of));
            let one = images.next().ok_or(ArchiveError::NoImage)?;
            if images.next().is_some() {
                return Err(ArchiveError::Several);
            }
            manifest = parse(&self.described(one)?)?;
        }
        Err(ArchiveError::Broken)
    }
}

/// Where an OCI layout has it.
fn blob(descriptor: &Descriptor) -> Result<String, ArchiveError> {
    let hash = descriptor.digest.strip_prefix("sha256:").ok_or(ArchiveError::Broken)?;
    let plain = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if plain { Ok(format!("blobs/sha256/{hash}")) } else { Err(ArchiveError::Broken) }
}

#[cfg(test)]
mod tests;
