//! Archives as programs write them, and what pretends to be one.

use std::io::Cursor;

use super::*;

/// A tar file of these.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let entries: Vec<_> = files.iter().map(|(name, content)| (b'0', *name, *content)).collect();
    tar_of(&entries)
}

/// A tar file of entries of any kind.
fn tar_of(entries: &[(u8, &str, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (kind, name, content) in entries {
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = *kind;
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

fn blob(content: &[u8]) -> String {
    format!("./blobs/sha256/{}", hex::encode(Sha256::digest(content)))
}

/// The blobs of an image and its manifest's descriptor.
fn blobs(config: &[u8], layer: &[u8]) -> (Vec<(String, Vec<u8>)>, String) {
    let manifest = format!(r#"{{"config":{},"layers":[{}]}}"#, descriptor(config), descriptor(layer)).into_bytes();
    let named = descriptor(&manifest);
    ([config.to_vec(), layer.to_vec(), manifest].map(|content| (blob(&content), content)).to_vec(), named)
}

/// A layout of this index, with these blobs and whatever else.
fn indexed(index: &str, blobs: &[(String, Vec<u8>)], others: &[(&str, &[u8])]) -> Vec<u8> {
    let mut files: Vec<(&str, &[u8])> = vec![("oci-layout", &br#"{"imageLayoutVersion":"1.0.0"}"#[..])];
    files.push(("index.json", index.as_bytes()));
    files.extend(blobs.iter().map(|(name, content)| (name.as_str(), content.as_slice())));
    files.extend(others);
    tar(&files)
}

fn layout(config: &[u8], layer: &[u8]) -> Vec<u8> {
    let (blobs, manifest) = blobs(config, layer);
    indexed(&format!(r#"{{"manifests":[{manifest}]}}"#), &blobs, &[])
}

/// A descriptor that says more.
fn with(descriptor: &str, more: &str) -> String {
    format!("{},{more}}}", descriptor.strip_suffix('}').unwrap())
}

#[test]
fn both_kinds_of_archives_are_read() {
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(CONFIG)));
    let expected = ArchiveFacts {
        architecture: Architecture::Amd64,
        digest,
        cuda_version: Some("12.4.1".to_owned()),
        layers: 1,
        tags: vec!["a:1".to_owned()],
    };
    assert_eq!(facts(saved(CONFIG)), Ok(expected.clone()));
    assert_eq!(facts(layout(CONFIG, b"layer")), Ok(ArchiveFacts { tags: Vec::new(), ..expected }));
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
    let names: Vec<String> = (0..20_001).map(|n| n.to_string()).collect();
    let many = tar(&names.iter().map(|name| (name.as_str(), &b""[..])).collect::<Vec<_>>());
    assert_eq!(facts(many), Err("field-archive-no-image"));
}

/// As `docker save` writes it today: both forms, the image named once for every tag.
#[test]
fn both_forms_have_to_say_the_same_image() {
    let other: &[u8] = br#"{"architecture":"arm64","os":"linux"}"#;
    let (blobs, manifest) = blobs(CONFIG, b"layer");
    let (config, layer) = (&blobs[0].0[2..], &blobs[1].0[2..]);
    let saved = |config: &str| format!(r#"[{{"Config":"{config}","RepoTags":["b:2"],"Layers":["{layer}"]}}]"#);
    let named = |name: &str| with(&manifest, &format!(r#""annotations":{{"io.containerd.image.name":"{name}"}}"#));
    let index = format!(r#"{{"manifests":[{},{}]}}"#, named("docker.io/library/b:2"), named("nvcr.io/nvidia/cuda:12"));
    let both =
        |config: &str| indexed(&index, &blobs, &[("manifest.json", saved(config).as_bytes()), ("c.json", other)]);
    let same = facts(both(config)).unwrap();
    assert_eq!(same.tags, ["b:2", "docker.io/library/b:2", "nvcr.io/nvidia/cuda:12"]);
    assert_eq!(same.architecture, Architecture::Amd64);
    assert_eq!(facts(both("c.json")), Err("field-archive-differs"));
    let old = indexed(&index, &blobs, &[("abc/json", other), ("abc/layer.tar", b"layer")]);
    assert_eq!(facts(old), Err("field-archive-differs"), "an engine without layouts loads the old image");
    let marker = tar(&[("oci-layout", b"{}"), ("manifest.json", saved("c.json").as_bytes()), (layer, b"layer")]);
    assert!(facts(marker).is_err(), "a layout without its index");
}

#[test]
fn an_index_holds_one_image_whatever_it_says_of_the_others() {
    let (mut all, manifest) = blobs(CONFIG, b"layer");
    let (more, other) = blobs(br#"{"architecture":"arm64","os":"linux"}"#, b"layer");
    all.extend(more.into_iter().filter(|(name, _)| *name != blob(b"layer")));
    let about = r#""annotations":{"vnd.docker.reference.type":"attestation-manifest"}"#;
    let unknown = r#""platform":{"architecture":"unknown","os":"unknown"}"#;
    let (shy, about) = (with(&other, about), with(&with(&other, about), unknown));
    let top = |first: &str, second: &str| facts(indexed(&format!(r#"{{"manifests":[{first},{second}]}}"#), &all, &[]));
    assert_eq!(top(&manifest, &about), Err("field-archive-several"), "an engine makes an image of it");
    let nested = |second: &str| {
        let inner = format!(r#"{{"manifests":[{manifest},{second}]}}"#).into_bytes();
        let mut all = all.clone();
        all.push((blob(&inner), inner.clone()));
        facts(indexed(&format!(r#"{{"manifests":[{}]}}"#, descriptor(&inner)), &all, &[]))
    };
    assert!(nested(&about).is_ok(), "as builders write it");
    assert_eq!(nested(&shy), Err("field-archive-several"), "it runs somewhere");
    assert!(nested(&descriptor(b"for another processor, and not here")).is_ok());
    let config = descriptor(CONFIG);
    let index = format!(r#"{{"config":{config},"layers":[{}],"manifests":[{other}]}}"#, descriptor(b"layer"));
    assert_eq!(
        facts(indexed(&index, &all, &[])),
        Err("field-archive-broken"),
        "a manifest to some, an index to others"
    );
}

#[test]
fn names_that_mean_something_else_when_unpacked_are_refused() {
    let manifest = br#"[{"Config":"c.json","RepoTags":null,"Layers":["l"]}]"#;
    let plain: [(u8, &str, &[u8]); 3] =
        [(b'0', "manifest.json", manifest), (b'0', "c.json", CONFIG), (b'0', "l", b"x")];
    let and = |more: &[(u8, &str, &[u8])]| facts(tar_of(&[&plain[..], more].concat()));
    assert_eq!(
        and(&[(b'5', "./", b""), (b'5', "d/", b""), (b'5', "d/", b""), (b'0', "d/x", b"")]).unwrap().tags,
        [""; 0]
    );
    let misleading: [&[(u8, &str, &[u8])]; 12] = [
        &[(b'0', "x/../manifest.json", b"[]")],
        &[(b'0', "/manifest.json", b"[]")],
        &[(b'0', ".//manifest.json", b"[]")],
        &[(b'0', "./manifest.json", b"[]")],
        &[(b'0', "x/./c.json", b"{}")],
        &[(b'2', "index.json", b"")],
        &[(b'1', "oci-layout", b"")],
        &[(b'2', "c.json", b"")],
        &[(b'2', "d", b""), (b'0', "d/manifest.json", b"[]")],
        &[(b'0', "d/c.json", b"{}"), (b'1', "d", b"")],
        &[(b'5', "manifest.json/", b"")],
        &[(b'3', "repositories", b"")],
    ];
    for more in misleading {
        assert_eq!(and(more), Err("field-archive-names"), "{more:?}");
    }
    // What one program reads as one name and another as another.
    let ambiguous: [&[(u8, &str, &[u8])]; 5] = [
        &[(b'S', "manifest.json", b"[]")],
        &[(b'7', "manifest.json", b"[]")],
        &[(b'x', "p", b"22 path=manifest.json\n"), (b'g', "g", b""), (b'0', "y", b"[]")],
        &[(b'x', "p", b"22 path=manifest.json\n"), (b'L', "q", b"y"), (b'0', "y", b"[]")],
        &[(b'x', "p", b"33 GNU.sparse.name=manifest.json\n"), (b'0', "y", b"[]")],
    ];
    for more in ambiguous {
        assert_eq!(and(more), Err("field-archive-not-tar"), "{more:?}");
    }
    let mut gnu = tar(&[("manifest.json", manifest), ("c.json", CONFIG), ("l", b"x")]);
    gnu[257..265].copy_from_slice(b"ustar  \0");
    gnu[345..348].copy_from_slice(b"000");
    seal(&mut gnu[..512]);
    assert_eq!(facts(gnu), Err("field-archive-not-tar"), "a time to some, a folder to others");
    let skipped = tar(&[("P*M\x18", b""), ("manifest.json", manifest), ("c.json", CONFIG), ("l", b"x")]);
    assert_eq!(facts(skipped), Err("field-archive-compressed"), "engines would skip it and read what follows");
}

#[test]
fn manifests_mean_the_same_in_any_case() {
    let manifest = |text: &str| facts(tar(&[("manifest.json", text.as_bytes()), ("c.json", CONFIG), ("l", b"x")]));
    for text in [
        r#"[{"Config":"c.json","Layers":["l"],"config":"other.json"}]"#,
        r#"[{"Config":"c.json","Layers":["l"],"repotags":["nvcr.io/nvidia/cuda:12"]}]"#,
        "[{\"Config\":\"c.json\",\"Layers\":[\"l\"],\"RepoTag\u{17f}\":[\"a\"]}]",
        r#"[{"Config":"c.json","Config":"c.json","Layers":["l"]}]"#,
    ] {
        assert_eq!(manifest(text), Err("field-archive-broken"), "{text}");
    }
    let tags = |tags: Vec<String>| {
        manifest(&serde_json::json!([{ "Config": "c.json", "Layers": ["l"], "RepoTags": tags }]).to_string())
    };
    assert_eq!(tags(vec!["b".to_owned(), "a".to_owned(), "b".to_owned()]).unwrap().tags, ["a", "b"]);
    for wrong in [(0..51).map(|n| n.to_string()).collect(), vec!["x".repeat(513)], vec!["a\nb".to_owned()]] {
        assert_eq!(tags(wrong), Err("field-archive-tags"));
    }
}

/// All of what an engine is sent.
fn sent(bytes: Vec<u8>) -> Vec<u8> {
    let mut renamed = renamed(Cursor::new(bytes), "own.invalid/image:1").unwrap();
    let (size, mut sent) = (renamed.size(), Vec::new());
    renamed.read_to_end(&mut sent).unwrap();
    assert_eq!(sent.len() as u64, size);
    sent
}

#[test]
fn an_engine_is_sent_the_same_image_under_another_name() {
    let (blobs, manifest) = blobs(CONFIG, b"layer");
    let named = with(&manifest, r#""annotations":{"io.containerd.image.name":"docker.io/library/busybox:1"}"#);
    let layout = indexed(&format!(r#"{{"manifests":[{named}]}}"#), &blobs, &[]);
    let before = r#"[{"Config":"c.json","RepoTags":["busybox:1","b:2"],"Layers":["l","e","l"]}]"#;
    let repositories = br#"{"busybox":{"1":"0a"}}"#;
    let entries: [(&str, &[u8]); 5] = [
        ("l", &[7; 700]),
        ("e", b""),
        ("c.json", CONFIG),
        ("manifest.json", before.as_bytes()),
        ("repositories", repositories),
    ];
    for (archive, layers) in
        [(layout, vec![b"layer".to_vec()]), (tar(&entries), vec![vec![7; 700], vec![], vec![7; 700]])]
    {
        let known = facts(archive.clone()).unwrap();
        assert!(known.tags.iter().any(|tag| tag.contains("busybox:1")), "{known:?}");
        let sent = sent(archive);
        assert_eq!(facts(sent.clone()), Ok(ArchiveFacts { tags: vec!["own.invalid/image:1".to_owned()], ..known }));
        assert!(!String::from_utf8_lossy(&sent).contains("busybox"), "no other name is left");
        let parts = parts(&mut Cursor::new(&sent)).unwrap();
        assert_eq!(parts.config, CONFIG);
        let content = |part: &Part| sent[part.offset as usize..(part.offset + part.size) as usize].to_vec();
        assert_eq!(parts.layers.iter().map(content).collect::<Vec<_>>(), layers);
    }
}
