//! What may be said of an image.

use contract::images::{ImageSource, ImageWrite};

use super::archive::is_version;
use super::named::is_own;
use crate::Result;
use crate::fields::Wrong;

/// What is said of an image, without fault.
#[derive(Debug)]
pub(super) struct Checked {
    pub name: String,
    pub address: Option<String>,
    pub description: Option<String>,
    pub framework: Option<String>,
    pub cuda_version: Option<String>,
    pub architecture: Option<&'static str>,
    pub memory_split: bool,
    pub remark: Option<String>,
}

/// Of an image from there.
pub(super) fn check(body: ImageWrite, source: ImageSource) -> Result<Checked> {
    let mut wrong = Wrong::new();
    let name = wrong.name("name", &body.name);
    let address = body.address.map(|address| address.trim().to_owned()).filter(|address| !address.is_empty());
    match (source, &address) {
        (ImageSource::Registry, None) => wrong.add("address", "field-required"),
        (ImageSource::Registry, Some(address)) if !is_address(address) => wrong.add("address", "field-image-address"),
        (ImageSource::Registry, Some(address)) if is_own(address) => wrong.add("address", "field-image-address-own"),
        (ImageSource::Registry, Some(_)) | (_, None) => {}
        (_, Some(_)) => wrong.add("address", "field-image-no-address"),
    }
    let description = wrong.text("description", body.description, 2000);
    let framework = wrong.text("framework", body.framework, 100);
    let cuda_version = wrong.text("cudaVersion", body.cuda_version, 20);
    if cuda_version.as_deref().is_some_and(|version| !is_version(version)) {
        wrong.add("cudaVersion", "field-cuda-version");
    }
    let remark = wrong.text("remark", body.remark, 1000);
    wrong.into_result()?;
    Ok(Checked {
        name,
        address,
        description,
        framework,
        cuda_version,
        architecture: body.architecture.map(contract::images::Architecture::code),
        memory_split: body.memory_split,
        remark,
    })
}

/// `[host[:port]/]path[:tag][@sha256:…]`, as registries and engines have it.
pub(super) fn is_address(text: &str) -> bool {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    let digest_fine = digest.is_none_or(|digest| {
        let hash = digest.strip_prefix("sha256:").unwrap_or_default();
        hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    });
    let (path, tag) = match rest.rsplit_once(':') {
        // What follows a colon before the last slash is a port.
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (rest, None),
    };
    let tag_fine = tag.is_none_or(|tag| {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        (1..=128).contains(&tag.len())
            && word(tag.as_bytes()[0])
            && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
    });
    let mut parts: Vec<&str> = path.split('/').collect();
    if parts.len() > 1 && (parts[0].contains(['.', ':']) || parts[0] == "localhost") {
        let (host, port) = parts[0].split_once(':').unwrap_or((parts[0], "80"));
        let label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !host.split('.').all(label) || port.parse::<u16>().is_err() || port.starts_with('+') {
            return false;
        }
        parts.remove(0);
    }
    text.len() <= 512 && digest_fine && tag_fine && parts.iter().all(|part| is_component(part))
}

/// Lower-case letters and digits, parted by one dot, one or two low lines, or hyphens.
fn is_component(part: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    let ends = bytes.first().zip(bytes.last()).is_some_and(|(first, last)| plain(*first) && plain(*last));
    ends && bytes.iter().all(|b| plain(*b) || b"._-".contains(b))
        && !["..", "___", "._", "_.", ".-", "-."].iter().any(|bad| part.contains(bad))
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn addresses_of_images() {
        let digest = format!("repo/a@sha256:{}", "0a".repeat(32));
        for good in [
            "pytorch",
            "library/ubuntu:24.04",
            "nvcr.io/nvidia/pytorch:24.05-py3",
            "registry.example.org:5000/team/a_b.c--d:V1",
            "localhost/x",
            "team/x:v1..2",
            &digest,
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "UPPER",
            "a b",
            "a:",
            "a@sha256:00",
            "http://x.org/a",
            "a//b",
            "../a",
            "a/../b",
            "x.org:99999/a",
            "a:.x",
            "-a",
            "a-",
            "a:b:c",
            "x.org:+1/a",
            "a/b?c",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
