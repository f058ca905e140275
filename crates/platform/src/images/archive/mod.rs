//! What an archive says of the image in it: one that `docker save` wrote, or an OCI layout, as a tar file.
//!
//! Nothing is unpacked and no name becomes a path: names are looked up among the archive's own entries. What is read is
//! bounded, whatever an archive claims.

mod entries;
mod forms;
mod renamed;
mod tar;

use std::io::{Read, Seek};

use contract::images::Architecture;
use entries::Archive;
pub use renamed::{Renamed, renamed};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use tar::TarError;

/// Most layers, which is what engines take.
const MAX_LAYERS: usize = 500;

/// What is known of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveFacts {
    pub architecture: Architecture,
    /// Of its configuration: `sha256:…`.
    pub digest: String,
    /// As images of NVIDIA say it.
    pub cuda_version: Option<String>,
    pub layers: usize,
    /// What it would have engines call it. None does: see [`renamed()`].
    pub tags: Vec<String>,
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
    /// Names that mean another entry when it is unpacked.
    Names,
    /// Two forms that say different images.
    Differs,
    /// More tags than fit, or what can be none.
    Tags,
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
            ArchiveError::Names => "field-archive-names",
            ArchiveError::Differs => "field-archive-differs",
            ArchiveError::Tags => "field-archive-tags",
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

/// Where something lies in an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub offset: u64,
    pub size: u64,
}

impl Part {
    fn of(entry: &tar::Entry) -> Self {
        Self { offset: entry.offset, size: entry.size }
    }
}

/// What an image is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Its configuration, as it is.
    pub config: Vec<u8>,
    /// From the lowest to the highest.
    pub layers: Vec<Part>,
}

/// Finds what an image is made of.
///
/// # Errors
/// As [`read`]'s.
pub fn parts(from: &mut (impl Read + Seek)) -> Result<Parts, ArchiveError> {
    let forms::Image { config, layers, .. } = image(from)?;
    Ok(Parts { config, layers })
}

/// The one of an archive, of a number of layers that an image can have.
fn image(from: &mut (impl Read + Seek)) -> Result<forms::Image, ArchiveError> {
    let image = forms::image(&mut Archive::open(from)?)?;
    match image.layers.is_empty() || image.layers.len() > MAX_LAYERS {
        true => Err(ArchiveError::Broken),
        false => Ok(image),
    }
}

/// Reads what it says.
///
/// # Errors
/// For what is no image of ours, with the reason.
pub fn read(from: &mut (impl Read + Seek)) -> Result<ArchiveFacts, ArchiveError> {
    let forms::Image { config, layers, tags } = image(from)?;
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(&config)));
    let config: Configuration = parse(&config)?;
    let architecture = Architecture::parse(&config.architecture).filter(|_| config.os == "linux");
    let env = config.config.and_then(|container| container.env).unwrap_or_default();
    let cuda = env.iter().find_map(|pair| pair.strip_prefix("CUDA_VERSION="));
    Ok(ArchiveFacts {
        architecture: architecture.ok_or(ArchiveError::Platform)?,
        digest,
        cuda_version: cuda.filter(|version| is_version(version)).map(str::to_owned),
        layers: layers.len(),
        tags,
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

#[cfg(test)]
mod tests;
