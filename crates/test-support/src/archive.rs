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
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend(header);
        tar.extend(*content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}
