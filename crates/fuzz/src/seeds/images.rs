//! Archives as `docker save` and builders of OCI layouts write them, addresses, ranges.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Seed, add};

pub(super) fn add_all(seeds: &mut Vec<Seed>) {
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": { "Env": ["PATH=/bin", "CUDA_VERSION=12.4.1"] },
    })
    .to_string();
    let saved = json!([{ "Config": "c.json", "RepoTags": ["a:1"], "Layers": ["l/layer.tar"] }]).to_string();
    let files = [("l/layer.tar", "layer"), ("c.json", config.as_str()), ("manifest.json", saved.as_str())];
    add(seeds, "image_archive", 0, "saved", tar(&files));
    let manifest = json!({ "config": descriptor(&config), "layers": [descriptor("layer")] }).to_string();
    let index = json!({ "manifests": [descriptor(&manifest)] }).to_string();
    let names = [&config, "layer", &manifest].map(|content| format!("./blobs/sha256/{}", hash(content)));
    let files = [("index.json", index.as_str()), (&names[0], &config), (&names[1], "layer"), (&names[2], &manifest)];
    add(seeds, "image_archive", 0, "layout", tar(&files));
    let name = &names[0][2..];
    let saved = json!([{ "Config": name, "RepoTags": ["a:1"], "Layers": [&names[1][2..]] }]).to_string();
    let both = [&files[..], &[("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#), ("manifest.json", saved.as_str())]]
        .concat();
    add(seeds, "image_archive", 0, "both", tar(&both));
    add(seeds, "image_archive", 1, "address", "registry.example.org:5000/team/a_b.c--d:V1");
    add(seeds, "image_archive", 1, "digest", format!("nvcr.io/nvidia/cuda@sha256:{}", hash("any")));
    add(seeds, "image_archive", 1, "challenge", "Bearer realm=\"https://a.example/t\",service=\"registry\"");
    add(seeds, "image_archive", 2, "range", "bytes=10-19");
    add(seeds, "image_archive", 2, "end", "bytes=-10");
}

fn hash(content: &str) -> String {
    hex::encode(Sha256::digest(content))
}

fn descriptor(content: &str) -> serde_json::Value {
    json!({ "digest": format!("sha256:{}", hash(content)), "size": content.len() })
}

fn tar(files: &[(&str, &str)]) -> Vec<u8> {
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
        tar.extend(content.as_bytes());
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}
