//! With the feature `bundle`, the pages' files and the agents' programs become part of the program: everything in the
//! folder that `REMOTEGPU_BUNDLE` names. `cargo xtask build` lays it out.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-env-changed=REMOTEGPU_BUNDLE");
    if std::env::var_os("CARGO_FEATURE_BUNDLE").is_none() {
        return;
    }
    let folder = std::env::var_os("REMOTEGPU_BUNDLE").map(PathBuf::from);
    let folder = folder.expect("REMOTEGPU_BUNDLE names the folder to put into the program; cargo xtask build sets it");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    collect(&folder, &mut files);
    files.sort();
    let mut table = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&folder).expect("it was found there").to_string_lossy().into_owned();
        let _ = writeln!(table, "    ({name:?}, include_bytes!({:?}) as &[u8]),", file.to_string_lossy());
    }
    table.push_str("]\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo says where"));
    std::fs::write(out.join("bundle.rs"), table).expect("can be written");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("can be listed").path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
