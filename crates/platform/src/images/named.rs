//! What engines call images, and which of what they have is one of ours.
//!
//! Invariants: an archive's own tags reach no engine, since they would take the names of others' images, the platform's among
//! them; an engine calls it by a name of the platform's own, under which no registry has anything, and containers of it are made
//! by the id that its archive says, whatever anything is called. An image of a registry is called by its address, which nothing
//! but a pull gives.

use contract::{ImageId, MachineId};
use runtime::docker::containers::{Containers, HeldImage};
use runtime::docker::{self, Endpoint, Fault};

use super::checks::{self, Known};
use super::cleanup::familiar;
use super::store;
use crate::{OpContext, Platform, Result, outbound};

/// Where the names of the platform's own are: a host that there never is (RFC 2606), so that nobody else puts anything there.
const HOST: &str = "remotegpu.invalid";
/// What engines call what an instance is saved as, until it is in the store.
pub(crate) const SAVED: &str = "remotegpu/saved";

/// Whether an address is among the names that the platform itself gives.
pub(super) fn is_own(address: &str) -> bool {
    let name = familiar(address);
    let path = name.split_once('@').or_else(|| name.rsplit_once(':')).map_or(name.as_str(), |(path, _)| path);
    path == SAVED || path.split('/').next().is_some_and(|host| host.split(':').next() == Some(HOST))
}

/// The image of an archive on engines.
pub(super) struct Own {
    pub name: String,
    repository: String,
    digest: String,
}

impl Own {
    /// Of an archive whose configuration has this digest, which is its id on an engine.
    pub fn of(id: ImageId, digest: &str) -> Self {
        let repository = format!("{HOST}/image-{id}");
        let name = format!("{repository}:{}", digest.trim_start_matches("sha256:"));
        Self { name, repository, digest: digest.to_owned() }
    }

    /// Engines that keep images as registries do call one by the digest of its manifest. They say so by a name with that digest,
    /// which others give only to what was pulled. Nobody but who is root on the host can have given the platform's own name to
    /// something else there, which is why it is brought anew after a lease.
    fn is(&self, held: &HeldImage) -> bool {
        held.id == self.digest || held.digests.contains(&format!("{}@{}", self.repository, held.id))
    }

    /// The id that an engine has it under; nothing where it has not. What an earlier version of the platform brought there gets
    /// its name.
    pub async fn on(&self, engine: &Containers, endpoint: &Endpoint) -> std::result::Result<Option<String>, Fault> {
        if let Some(held) = engine.held(&self.digest).await?.filter(|held| held.id == self.digest) {
            if !held.tags.contains(&self.name) {
                docker::tag(endpoint, outbound::may_be_a_host, &self.digest, &self.name).await?;
            }
            return Ok(Some(held.id));
        }
        let held = engine.held(&self.name).await?;
        Ok(held.filter(|held| self.is(held)).map(|held| held.id))
    }
}

/// Whether an engine has what containers are to be made of. Where a customer had the whole machine since it was brought, any
/// image may bear an address; and an earlier version of the platform let archives take the names that they say: what is what a
/// customer uploaded then, instead of what was pulled, is not what is meant.
pub(crate) async fn is_there(
    platform: &Platform,
    ctx: &OpContext,
    engine: &Containers,
    (image, machine): (ImageId, MachineId),
    reference: &str,
) -> Result<std::result::Result<bool, Fault>> {
    let held = match engine.held(reference).await {
        Ok(Some(held)) => held,
        Ok(None) => return Ok(Ok(false)),
        Err(fault) => return Ok(Err(fault)),
    };
    // An id is made of what the image is.
    if held.id == reference {
        return Ok(Ok(true));
    }
    let mut tx = platform.db().begin(ctx).await?;
    let (known, _) = checks::known_in_tx(&mut tx, image, machine).await?;
    let is_meant = match known {
        Known::Doubted => false,
        Known::Brought if is_by_manifest(&held) => true,
        Known::Untouched if is_by_manifest(&held) => !store::any_may_have_taken_names(&mut tx).await?,
        Known::Brought | Known::Untouched => {
            was_pulled(&held, reference) || !store::may_have_taken_names(&mut tx, &held.id).await?
        }
    };
    tx.commit().await?;
    Ok(Ok(is_meant))
}

/// Whether its engine calls images by the digests of their manifests or indexes, as the image store of containerd does. Such a one
/// says a name with that digest for every tag, whether it was pulled or came in an archive; and its ids say nothing of what the
/// configurations' digests are.
fn is_by_manifest(held: &HeldImage) -> bool {
    held.digests.iter().any(|name| name.split_once('@').is_some_and(|(_, digest)| digest == held.id))
}

/// From where the address says, by what an engine says that calls images by the digests of their configurations.
fn was_pulled(held: &HeldImage, address: &str) -> bool {
    let path = |name: &str| {
        let name = familiar(name);
        name.split_once('@').or_else(|| name.rsplit_once(':')).map(|(path, _)| path.to_owned())
    };
    let wanted = path(address);
    held.digests.iter().any(|name| path(name) == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(id: &str, digests: &[&str]) -> HeldImage {
        let digests = digests.iter().map(|name| (*name).to_owned()).collect();
        HeldImage { id: id.to_owned(), tags: Vec::new(), digests, size: 1, own: None }
    }

    #[test]
    fn names_of_our_own_are_no_addresses() {
        for own in [
            "remotegpu.invalid/a",
            "remotegpu.invalid:5000/a:1",
            "remotegpu/saved:s-1",
            "docker.io/remotegpu/saved",
            &Own::of(ImageId(5), &format!("sha256:{}", "0a".repeat(32))).name,
        ] {
            assert!(is_own(own), "{own}");
        }
        for other in
            ["remotegpu/app:1", "busybox:1", "registry.example.org:5000/remotegpu/saved", "a/remotegpu.invalid"]
        {
            assert!(!is_own(other), "{other}");
        }
    }

    #[test]
    fn an_archive_is_told_by_its_id() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let own = Own::of(ImageId(5), &digest);
        assert_eq!(own.name, format!("remotegpu.invalid/image-5:{}", "0a".repeat(32)));
        assert!(own.is(&held(&digest, &[])));
        assert!(!own.is(&held("sha256:bb", &[])), "something else has its name");
        assert!(!own.is(&held("sha256:bb", &["busybox@sha256:bb"])));
        assert!(own.is(&held("sha256:bb", &["remotegpu.invalid/image-5@sha256:bb"])), "the id is of the manifest");
    }

    #[test]
    fn what_was_pulled_is_told_from_what_took_its_name() {
        let is = |digests: &[&str], address: &str| was_pulled(&held("sha256:bb", digests), address);
        assert!(is(&["busybox@sha256:0f"], "docker.io/library/busybox:1"));
        assert!(is(&["r.example.org:5000/a@sha256:0f"], "r.example.org:5000/a"));
        assert!(!is(&["other@sha256:0f"], "busybox:1"));
        assert!(!is(&[], "busybox:1"));
    }

    #[test]
    fn an_image_store_of_manifests_is_told_from_one_of_configurations() {
        assert!(is_by_manifest(&held("sha256:bb", &["busybox@sha256:bb"])));
        assert!(!is_by_manifest(&held("sha256:bb", &["busybox@sha256:0f"])));
        assert!(!is_by_manifest(&held("sha256:bb", &[])));
    }
}
