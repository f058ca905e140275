//! Archives as programs write them, and what pretends to be one.

use std::io::Cursor;

use super::*;

/// A tar file of these.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, content) in files {
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        seal(&mut header);
        tar.extend(header);
        tar.extend(*content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

fn seal(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header[..512].iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

const CONFIG: &[u8] = br#"{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin","CUDA_VERSION=12.4.1"]}}"#;

fn saved(config: &[u8]) -> Vec<u8> {
    let manifest = br#"[{"Config":"c.json","RepoTags":["a:1"],"Layers":["l/layer.tar"]}]"#;
    tar(&[("l/layer.tar", b"layer"), ("c.json", config), ("manifest.json", manifest)])
}

fn facts(bytes: Vec<u8>) -> Result<ArchiveFacts, &'static str> {
    read(&mut Cursor::new(bytes)).map_err(|error| error.key())
}

fn descriptor(content: &[u8]) -> String {
    format!(r#"{{"digest":"sha256:{}","size":{}}}"#, hex::encode(Sha256::digest(content)), content.len())
}

fn layout(config: &[u8], layer: &[u8]) -> Vec<u8> {
    let manifest = format!(r#"{{"config":{},"layers":[{}]}}"#, descriptor(config), descriptor(layer));
    let index = format!(r#"{{"manifests":[{}]}}"#, descriptor(manifest.as_bytes()));
    let name = |content: &[u8]| format!("./blobs/sha256/{}", hex::encode(Sha256::digest(content)));
    tar(&[
        ("index.json", index.as_bytes()),
        (&name(config), config),
        (&name(layer), layer),
        (&name(manifest.as_bytes()), manifest.as_bytes()),
    ])
}

#[test]
fn both_kinds_of_archives_are_read() {
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(CONFIG)));
    let expected =
        ArchiveFacts { architecture: Architecture::Amd64, digest, cuda_version: Some("12.4.1".to_owned()), layers: 1 };
    assert_eq!(facts(saved(CONFIG)), Ok(expected.clone()));
    assert_eq!(facts(layout(CONFIG, b"layer")), Ok(expected));
    let bare = facts(saved(br#"{"architecture":"arm64","os":"linux"}"#)).unwrap();
    assert_eq!((bare.architecture, bare.cuda_version), (Architecture::Arm64, None));
}

#[test]
fn what_is_no_image_is_refused_with_the_reason() {
    let manifest = |text: &str| facts(tar(&[("manifest.json", text.as_bytes()), ("c.json", CONFIG), ("l", b"x")]));
    for (bytes, key) in [
        (Vec::new(), "field-archive-not-tar"),
        (vec![0; 4096], "field-archive-not-tar"),
        (b"no tar file at all".repeat(100), "field-archive-not-tar"),
        ([&[0x1f, 0x8b][..], &[0; 600]].concat(), "field-archive-compressed"),
        (tar(&[("etc/passwd", b"root")]), "field-archive-no-image"),
        (saved(br#"{"architecture":"s390x","os":"linux"}"#), "field-archive-platform"),
        (saved(br#"{"architecture":"amd64","os":"windows"}"#), "field-archive-platform"),
        (saved(b"{}"), "field-archive-broken"),
        (saved(CONFIG)[..600].to_vec(), "field-archive-not-tar"),
    ] {
        assert_eq!(facts(bytes), Err(key));
    }
    for (text, key) in [
        ("[]", "field-archive-no-image"),
        ("{}", "field-archive-broken"),
        (r#"[{"Config":"c.json","Layers":["l"]},{"Config":"c.json","Layers":["l"]}]"#, "field-archive-several"),
        (r#"[{"Config":"c.json","Layers":["../../etc/passwd"]}]"#, "field-archive-broken"),
        (r#"[{"Config":"/etc/passwd","Layers":["l"]}]"#, "field-archive-broken"),
        (r#"[{"Config":"c.json","Layers":[]}]"#, "field-archive-broken"),
    ] {
        assert_eq!(manifest(text), Err(key), "{text}");
    }
    let mut swapped = layout(CONFIG, b"layer");
    let at = swapped.windows(5).position(|bytes| bytes == b"amd64").unwrap();
    swapped[at..at + 5].copy_from_slice(b"arm64");
    assert_eq!(facts(swapped), Err("field-archive-broken"), "not what its digest says");
}

#[test]
fn sizes_that_lie_end_the_reading() {
    let mut huge = saved(CONFIG);
    huge[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    seal(&mut huge[..512]);
    assert_eq!(facts(huge), Err("field-archive-not-tar"));
    let many = tar(&vec![("a", &b""[..]); 20_001]);
    assert_eq!(facts(many), Err("field-archive-no-image"));
}
