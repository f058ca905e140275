//! Whether anything needs an image that a machine's engine has; without database, without engine.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::ImageId;
use contract::images::CleanupReason;
use runtime::docker::containers::HeldImage;

/// How an image stands in the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::images) enum Standing {
    /// Somebody may make instances of it, or will once it was looked at.
    Offered,
    /// The platform's, and customers cannot choose it.
    Delisted,
    Rejected,
    Deleted,
}

/// An image of the library, as it concerns one machine.
#[derive(Clone, Debug)]
pub(in crate::images) struct Known {
    pub id: ImageId,
    pub name: String,
    /// Its address, or the platform's own name of it.
    pub reference: String,
    /// The id that its archive has on engines.
    pub digest: Option<String>,
    /// What its archive calls itself, as engines did of an earlier version of the platform: told of this image alone.
    pub tags: Vec<String>,
    pub standing: Standing,
    /// When somebody wanted it there last.
    pub wanted_at: Option<DateTime<Utc>>,
    /// It is on its way there.
    pub going: bool,
    /// An instance there is made of it.
    pub used: bool,
    /// When the last instance of it there was deleted.
    pub used_until: Option<DateTime<Utc>>,
}

impl Known {
    fn needed_at(&self) -> Option<DateTime<Utc>> {
        self.wanted_at.max(self.used_until)
    }

    /// Why it may go; nothing where it may not.
    fn reason(&self, since: DateTime<Utc>) -> Option<CleanupReason> {
        let long_ago = |at: Option<DateTime<Utc>>| at.is_none_or(|at| at <= since);
        if self.going || self.used {
            return None;
        }
        match self.standing {
            Standing::Deleted => Some(CleanupReason::Deleted),
            Standing::Rejected => Some(CleanupReason::Rejected),
            // Staff may have brought it there before they list it.
            Standing::Delisted => long_ago(self.wanted_at).then_some(CleanupReason::Delisted),
            Standing::Offered => long_ago(self.needed_at()).then_some(CleanupReason::Unused),
        }
    }
}

/// The library by the names that engines use, and archives also by their ids.
pub(super) struct Library {
    images: Vec<Known>,
    by_name: HashMap<String, Vec<usize>>,
    by_id: HashMap<String, Vec<usize>>,
    /// A customer has the whole machine: what is on it is theirs, also under names that we know.
    lent: bool,
}

impl Library {
    pub(super) fn new(images: Vec<Known>, lent: bool) -> Self {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        let mut by_id: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, image) in images.iter().enumerate() {
            by_name.entry(familiar(&image.reference)).or_default().push(place);
            if let Some(digest) = &image.digest {
                by_id.entry(digest.clone()).or_default().push(place);
            }
        }
        Self { images, by_name, by_id, lent }
    }

    /// Whether a name of an image that an engine has is the library's.
    fn knows(&self, image: &HeldImage, name: &str) -> bool {
        let name = familiar(name);
        let of_id = self.by_id.get(&image.id).into_iter().flatten();
        self.by_name.contains_key(&name)
            || of_id.flat_map(|place| &self.images[*place].tags).any(|tag| familiar(tag) == name)
    }

    fn of(&self, image: &HeldImage) -> Vec<&Known> {
        let names = image.tags.iter().chain(&image.digests);
        let by_name = names.filter_map(|name| self.by_name.get(&familiar(name)));
        let mut places: Vec<usize> = by_name.chain(self.by_id.get(&image.id)).flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().map(|place| &self.images[place]).collect()
    }
}

/// An image that nothing needs.
pub(super) struct Found<'a> {
    pub reason: CleanupReason,
    /// As what the library knows it.
    pub known: Vec<&'a Known>,
    pub needed_at: Option<DateTime<Utc>>,
}

/// Nothing where it is to stay: something needs it, or has needed it since then, or it bears a name that is not the library's
/// and so is somebody else's, as all of a machine is that is lent.
pub(super) fn judge<'a>(
    image: &HeldImage,
    in_containers: bool,
    library: &'a Library,
    since: DateTime<Utc>,
) -> Option<Found<'a>> {
    if library.lent || in_containers || image.tags.iter().any(|tag| !library.knows(image, tag)) {
        return None;
    }
    let known = library.of(image);
    if known.is_empty() {
        // Without a tag it is what engines themselves call dangling, and tidy up.
        return Some(Found { reason: CleanupReason::Dangling, known, needed_at: None });
    }
    let reasons: Option<Vec<CleanupReason>> = known.iter().map(|known| known.reason(since)).collect();
    let reason = reasons?.into_iter().min_by_key(|reason| *reason as u8)?;
    let needed_at = known.iter().filter_map(|known| known.needed_at()).max();
    Some(Found { reason, known, needed_at })
}

/// An address as engines write it in their lists: without the name of Docker's own registry, with a tag or a digest and not
/// with both.
pub(in crate::images) fn familiar(address: &str) -> String {
    let (rest, digest) = match address.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (address, None),
    };
    let usual = ["docker.io/", "index.docker.io/"];
    let rest = usual.iter().find_map(|host| rest.strip_prefix(host)).unwrap_or(rest);
    let rest = rest.strip_prefix("library/").filter(|rest| !rest.contains('/')).unwrap_or(rest);
    let (path, tag) = match rest.rsplit_once(':') {
        // What follows a colon before the last slash is a port.
        Some((path, tag)) if !tag.contains('/') => (path, tag),
        _ => (rest, "latest"),
    };
    match digest {
        Some(digest) => format!("{path}@{digest}"),
        None => format!("{path}:{tag}"),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(days: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + days)
    }

    fn known(reference: &str, standing: Standing) -> Known {
        Known {
            id: ImageId(1),
            name: reference.to_owned(),
            reference: reference.to_owned(),
            digest: None,
            tags: Vec::new(),
            standing,
            wanted_at: None,
            going: false,
            used: false,
            used_until: None,
        }
    }

    fn held(tags: &[&str], digests: &[&str]) -> HeldImage {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        HeldImage { id: "sha256:a".to_owned(), tags: texts(tags), digests: texts(digests), size: 9, own: Some(5) }
    }

    /// Why the image `a:1` may go, of what the library says; somebody asked for thirty days.
    fn reason(library: Vec<Known>) -> Option<CleanupReason> {
        judge(&held(&["a:1"], &[]), false, &Library::new(library, false), at(-30)).map(|found| found.reason)
    }

    #[test]
    fn what_nothing_needs_may_go() {
        use CleanupReason as R;
        use Standing as S;
        for (standing, expected) in
            [(S::Offered, R::Unused), (S::Delisted, R::Delisted), (S::Rejected, R::Rejected), (S::Deleted, R::Deleted)]
        {
            assert_eq!(reason(vec![known("library/a:1", standing)]), Some(expected));
            assert_eq!(reason(vec![Known { used: true, ..known("a:1", standing) }]), None, "an instance has it");
            assert_eq!(reason(vec![Known { going: true, ..known("a:1", standing) }]), None, "it is on its way");
            let wanted = |days| Known { wanted_at: Some(at(days)), ..known("a:1", standing) };
            assert_eq!(reason(vec![wanted(-30)]), Some(expected));
            let stays = matches!(standing, S::Offered | S::Delisted);
            assert_eq!(reason(vec![wanted(-29)]).is_none(), stays, "{standing:?}");
        }
        let until = |days, standing| Known { used_until: Some(at(days)), ..known("a:1", standing) };
        assert_eq!(reason(vec![until(-1, S::Offered)]), None);
        assert_eq!(reason(vec![until(-1, S::Delisted)]), Some(R::Delisted));
        assert_eq!(reason(vec![until(-31, S::Offered)]), Some(R::Unused));
    }

    #[test]
    fn one_image_with_several_names_goes_when_all_of_them_may() {
        let both = |one, other| vec![known("a:1", one), known("docker.io/library/a:1", other)];
        assert_eq!(reason(both(Standing::Deleted, Standing::Offered)), Some(CleanupReason::Unused), "the weakest");
        let mut needed = both(Standing::Deleted, Standing::Offered);
        needed[1].used = true;
        assert_eq!(reason(needed), None);
        assert_eq!(reason(Vec::new()), None, "it is somebody else's");
        let lent = Library::new(both(Standing::Deleted, Standing::Deleted), true);
        assert!(judge(&held(&["a:1"], &[]), false, &lent, at(0)).is_none(), "its customer's");
        assert!(judge(&held(&[], &[]), false, &lent, at(0)).is_none());
        let library = Library::new(both(Standing::Deleted, Standing::Deleted), false);
        assert!(judge(&held(&["a:1", "theirs:2"], &[]), false, &library, at(0)).is_none());
        assert!(judge(&held(&["a:1"], &[]), true, &library, at(0)).is_none(), "a container is made of it");
    }

    #[test]
    fn an_archive_is_known_by_its_id_and_its_tags_are_nobody_elses() {
        let archive = |id: &str, standing| Known {
            digest: Some(id.to_owned()),
            tags: vec!["docker.io/library/a:1".to_owned()],
            ..known("own.invalid/image-1:0a", standing)
        };
        let gone = || archive("sha256:a", Standing::Deleted);
        assert_eq!(reason(vec![gone()]), Some(CleanupReason::Deleted), "an earlier version called it so");
        assert_eq!(reason(vec![archive("sha256:b", Standing::Deleted)]), None, "what is called so is somebody else's");
        assert_eq!(reason(vec![Known { used: true, ..gone() }]), None);
        let library = Library::new(vec![gone()], false);
        let judged = |tags: &[&str]| judge(&held(tags, &[]), false, &library, at(0)).map(|found| found.reason);
        assert_eq!(judged(&["own.invalid/image-1:0a"]), Some(CleanupReason::Deleted));
        assert_eq!(judged(&["own.invalid/image-1:0a", "theirs:2"]), None);
        assert_eq!(judged(&[]), Some(CleanupReason::Deleted), "also without any name");
        let used = Library::new(vec![Known { used: true, ..gone() }], false);
        assert!(judge(&held(&[], &[]), false, &used, at(0)).is_none(), "an instance is made of it by its id");
    }

    #[test]
    fn what_has_no_tag_is_dangling_unless_it_was_pulled_by_its_digest() {
        let digest = format!("a@sha256:{}", "0a".repeat(32));
        let library = Library::new(vec![Known { used: true, ..known(&digest, Standing::Offered) }], false);
        let judged = |image: &HeldImage| judge(image, false, &library, at(0)).map(|found| found.reason);
        assert_eq!(judged(&held(&[], &[digest.as_str()])), None);
        assert_eq!(judged(&held(&[], &["b@sha256:00"])), Some(CleanupReason::Dangling));
        assert_eq!(judged(&held(&[], &[])), Some(CleanupReason::Dangling));
    }

    #[test]
    fn addresses_are_compared_as_engines_write_them() {
        for (address, expected) in [
            ("pytorch", "pytorch:latest"),
            ("library/ubuntu:24.04", "ubuntu:24.04"),
            ("docker.io/library/ubuntu", "ubuntu:latest"),
            ("library/a/b:1", "library/a/b:1"),
            ("registry.example.org:5000/team/a", "registry.example.org:5000/team/a:latest"),
            ("registry.example.org:5000/library/a:2", "registry.example.org:5000/library/a:2"),
            ("a:1@sha256:00", "a@sha256:00"),
        ] {
            assert_eq!(familiar(address), expected);
        }
    }
}
