//! An archive of an image as `docker save` writes it, with next to nothing in it.

/// One layer, for Linux on this architecture; `tag` makes it another one.
pub fn image_archive(architecture: &str, tag: &str) -> Vec<u8> {
    let config = format!(
        r#"{{"architecture":"{architecture}","os":"linux","author":"{tag}","config":{{"Env":["CUDA_VERSION=12.4.1"]}}}}"#
    );
    let manifest = r#"[{"Config":"config.json","RepoTags":[],"Layers":["layer.tar"]}]"#;
    tar(&[("layer.tar", b"layer"), ("config.json", config.as_bytes()), ("manifest.json", manifest.as_bytes())])
}

/// A tar file of these.
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, content) in files {
        add(&mut tar, name, Kind::File { mode: "" }, content);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

/// What a program and links to it are, and programs beside it, as `docker import` reads it.
pub(crate) fn program_archive(path: &str, program: &[u8], links: &[&str], others: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = Vec::new();
    add(&mut tar, path, Kind::File { mode: "0000755" }, program);
    for (name, content) in others {
        add(&mut tar, name.trim_start_matches('/'), Kind::File { mode: "0000755" }, content);
    }
    for link in links {
        add(&mut tar, link, Kind::Link { to: path }, b"");
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

enum Kind<'a> {
    File {
        mode: &'a str,
    },
    /// A hard link: the same file under another name.
    Link {
        to: &'a str,
    },
}

fn add(tar: &mut Vec<u8>, name: &str, kind: Kind<'_>, content: &[u8]) {
    let mut header = [0u8; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(124, &format!("{:011o}", content.len()));
    match kind {
        Kind::File { mode } => {
            put(100, mode);
            put(156, "0");
        }
        Kind::Link { to } => {
            // An engine gives the file the mode of whatever entry comes last.
            put(100, "0000755");
            put(156, "1");
            put(157, to);
        }
    }
    put(257, "ustar\0");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend(header);
    tar.extend(content);
    tar.resize(tar.len().next_multiple_of(512), 0);
}
