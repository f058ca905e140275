//! Files of the host in a container: only what stands in folders that whoever runs the platform named, and never to be written.

use std::path::{Component, Path, PathBuf};

use super::spec::{SpecFault, is_target, is_word};

/// Where nothing is given out of, nor out of what they are in: who reads there knows the host's secrets, who talks there is root.
const CLOSED: [&str; 12] = [
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/proc",
    "/root",
    "/run",
    "/sys",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/remotegpu",
    "/var/run",
];

/// Folders of hosts whose files containers may read. A link in them leads where it leads on the host, so they belong to root.
#[derive(Clone, Debug, Default)]
pub struct HostFolders(Vec<PathBuf>);

/// A file or folder of the host in a container, never to be written. [`HostFolders::bind`] makes one, and
/// [`super::Containers::volume_file`] of what is in a volume of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostBind {
    source: String,
    target: String,
    /// It lies where the engine keeps its own things.
    is_engines: bool,
}

impl HostFolders {
    /// These, and what is in them.
    ///
    /// # Errors
    /// One is not absolute and plain, or is, holds or lies in a folder of the host that is never given out of.
    pub fn new(folders: impl IntoIterator<Item = PathBuf>) -> Result<Self, SpecFault> {
        let folders: Vec<PathBuf> = folders.into_iter().collect();
        for folder in &folders {
            SpecFault::unless(is_plain(folder), "binds", "a folder of the host has an absolute path without dots")?;
            let open = |closed: &&str| !folder.starts_with(closed) && !Path::new(closed).starts_with(folder);
            SpecFault::unless(CLOSED.iter().all(open), "binds", "nothing is given out of this folder of the host")?;
        }
        Ok(Self(folders))
    }

    /// A file or folder in one of them, at this place in a container.
    ///
    /// # Errors
    /// It is in none of them, is a socket by its name, or the place is none.
    pub fn bind(&self, source: &str, target: &str) -> Result<HostBind, SpecFault> {
        let path = Path::new(source);
        let inside = is_plain(path) && self.0.iter().any(|folder| path.starts_with(folder));
        SpecFault::unless(inside, "binds", "it is in no folder of the host that was named for this")?;
        let socket = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("sock"));
        SpecFault::unless(!socket, "binds", "a socket of the host is never given")?;
        SpecFault::unless(is_target(target), "binds", "it is where nothing may be")?;
        Ok(HostBind { source: source.to_owned(), target: target.to_owned(), is_engines: false })
    }
}

impl HostBind {
    /// A file of a volume that is ours, whose folder on the host is where its engine says.
    pub(super) fn of_volume(folder: &str, volume: &str, file: &str, target: &str) -> Result<Self, SpecFault> {
        let path = Path::new(folder);
        let own = is_plain(path) && path.ends_with(Path::new(volume).join("_data"));
        SpecFault::unless(own, "binds", "that is no folder of a volume of this name")?;
        SpecFault::unless(is_word(file), "binds", "it is no file of a volume")?;
        SpecFault::unless(is_target(target), "binds", "it is where nothing may be")?;
        Ok(Self { source: format!("{folder}/{file}"), target: target.to_owned(), is_engines: true })
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn target(&self) -> &str {
        &self.target
    }

    pub(super) fn is_engines(&self) -> bool {
        self.is_engines
    }
}

/// Absolute, below the root, in the one way it can be written.
fn is_plain(path: &Path) -> bool {
    let mut parts = path.components();
    let rooted = parts.next() == Some(Component::RootDir);
    let rest: Vec<Component<'_>> = parts.collect();
    let text = path.to_str().unwrap_or_default();
    let said = || format!("/{}", rest.iter().map(|it| it.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"));
    let plain = !rest.is_empty() && rest.iter().all(|it| matches!(it, Component::Normal(_)));
    rooted && plain && text == said() && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_would_give_the_host_away_are_none() {
        for closed in [
            "/",
            "",
            "etc",
            "/etc",
            "/etc/ssl",
            "/var",
            "/var/lib",
            "/var/lib/docker/volumes",
            "/proc",
            "/sys/fs",
            "/dev",
            "/dev/shm",
            "/run",
            "/var/run",
            "/root/.ssh",
            "/opt/../etc",
            "/opt//x",
            "/opt/",
            "/opt/./x",
            "/home/a",
            "/opt/\n",
        ] {
            assert!(HostFolders::new([PathBuf::from(closed)]).is_err(), "{closed:?}");
        }
        assert!(HostFolders::new(["/opt/remotegpu".into(), "/usr/local/vgpu".into()]).is_ok());
    }

    #[test]
    fn a_volumes_file_lies_in_the_volume() {
        let bind = |folder: &str, file: &str| HostBind::of_volume(folder, "v-1", file, "/etc/ld.so.preload");
        let good = bind("/var/lib/docker/volumes/v-1/_data", "ld.so.preload").unwrap();
        assert_eq!(good.source(), "/var/lib/docker/volumes/v-1/_data/ld.so.preload");
        for folder in
            ["", "/", "/etc", "/var/lib/docker/volumes/v-2/_data", "/volumes/v-1", "/x/../v-1/_data", "v-1/_data"]
        {
            assert!(bind(folder, "a").is_err(), "{folder:?}");
        }
        for file in ["", "..", "a/b", "/a"] {
            assert!(bind("/var/lib/docker/volumes/v-1/_data", file).is_err(), "{file:?}");
        }
        assert!(HostBind::of_volume("/volumes/v-1/_data", "v-1", "a", "/proc/x").is_err());
    }

    #[test]
    fn what_is_in_none_of_them_is_not_given() {
        let folders = HostFolders::new(["/opt/vgpu".into()]).unwrap();
        let bind = folders.bind("/opt/vgpu/libvgpu.so", "/usr/local/vgpu/libvgpu.so").unwrap();
        assert_eq!((bind.source(), bind.target()), ("/opt/vgpu/libvgpu.so", "/usr/local/vgpu/libvgpu.so"));
        assert!(folders.bind("/opt/vgpu", "/vgpu").is_ok(), "the folder itself");
        for outside in [
            "/",
            "/opt",
            "/opt/vgpu2",
            "/opt/vgpu/..",
            "/opt/vgpu/../x",
            "/opt/vgpu/",
            "opt/vgpu",
            "/opt/vgpu/docker.sock",
            "/opt/vgpu/a.SOCK",
            "/var/run/docker.sock",
            "/opt/vgpu/a\0b",
        ] {
            assert!(folders.bind(outside, "/x").is_err(), "{outside:?}");
        }
        for target in ["", "x", "/", "/proc", "/proc/x", "/sys", "/dev/nvidia0", "/a/../proc", "//proc", "/a/"] {
            assert!(folders.bind("/opt/vgpu", target).is_err(), "{target:?}");
        }
        assert!(HostFolders::default().bind("/opt/vgpu", "/x").is_err(), "nobody named one");
    }
}
