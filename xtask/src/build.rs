//! Builds everything that ships: agent and simulator, pages (wasm, style, elements), server. The site's files carry the
//! hash of what is in them, so that browsers keep them for ever.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::env::{cargo, command, root, run, target};
use crate::wasm::{self, wasm_cargo};

/// What was built.
pub struct Built {
    /// With the pages and this machine's agent inside.
    pub server: PathBuf,
    pub agent: PathBuf,
    /// NVML simulator, for demos and tests.
    pub nvml_sim: PathBuf,
}

/// Floor of the wasm: below it the islands are not in.
const WASM_FLOOR: u64 = 60_000;
/// Ceiling of the whole bundle, brotli: what it is now, so that it only shrinks. The goal is 150 kB (docs/benchmarks.md).
const BUNDLE_CEILING: u64 = 204_500;
/// What another compiler than rustup's may make more of the same sources: Debian's was seen to make 350 bytes.
const OTHER_COMPILER: u64 = 2_000;

/// Release builds of everything. `frontend` is never built together with `server`: their features would mix.
pub fn build() -> Result<Built> {
    run(&mut cargo(&["build", "--release", "-p", "node-agent", "-p", "nvml-sim"]))?;
    let release = target().join("release");
    let agent = release.join("remotegpu-agent");
    let server = server("bundle", &site()?, &[("remotegpu-agent", &agent)])?;
    Ok(Built { server, agent, nvml_sim: release.join("libnvml_sim.so") })
}

/// The server with the pages and these agents inside, laid out in a folder of this name.
pub fn server(bundle: &str, site: &Path, agents: &[(&str, &Path)]) -> Result<PathBuf> {
    let bundle = lay_out(bundle, site, agents)?;
    let mut build = cargo(&["build", "--release", "-p", "server", "--features", "bundle"]);
    run(build.env("REMOTEGPU_BUNDLE", bundle))?;
    Ok(target().join("release/remotegpu"))
}

/// The folder that becomes part of the server. It is left alone when it is what it should be: its age decides whether the
/// server is linked again.
fn lay_out(name: &str, site: &Path, agents: &[(&str, &Path)]) -> Result<PathBuf> {
    let folder = target().join(name);
    let mut wanted = Vec::new();
    for file in files(site)? {
        let inside = file.strip_prefix(site).unwrap_or(&file).to_owned();
        if inside != Path::new("stamp") {
            wanted.push((Path::new("site").join(inside), std::fs::read(&file)?));
        }
    }
    for (name, path) in agents {
        let bytes = std::fs::read(path).with_context(|| format!("{}", path.display()))?;
        wanted.push((Path::new("agents").join(name), bytes));
    }
    let have = if folder.is_dir() { files(&folder)?.len() } else { 0 };
    let same = have == wanted.len()
        && wanted.iter().all(|(name, bytes)| std::fs::read(folder.join(name)).is_ok_and(|have| have == *bytes));
    if same {
        return Ok(folder);
    }
    let _ = std::fs::remove_dir_all(&folder);
    for (name, bytes) in wanted {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        std::fs::write(path, bytes)?;
    }
    Ok(folder)
}

/// The pages' files; made in a new folder and moved into place whole.
pub fn site() -> Result<PathBuf> {
    run(&mut wasm_cargo(&["build", "-p", "frontend", "--target", wasm::TARGET, "--profile", "wasm-release"])?)?;
    let site = target().join("site");
    let wasm = wasm::artifacts()?.join("wasm-release/frontend.wasm");
    let stamp = inputs(&wasm)?;
    if std::fs::read_to_string(site.join("stamp")).is_ok_and(|have| have == stamp) {
        return Ok(site);
    }
    let work = target().join("site.new");
    let _ = std::fs::remove_dir_all(&work);
    let pkg = work.join("pkg");
    std::fs::create_dir_all(&pkg)?;
    let (js, wasm) = bind(&wasm)?;
    let (css, [elements, shell, upload, logs, terminal, player, loads]) = (style()?, elements()?);
    let app = digest(&[&js, &wasm]);
    let names = [
        (format!("remotegpu-{app}.js"), &js),
        (format!("remotegpu-{app}.wasm"), &wasm),
        (format!("main-{}.css", digest(&[&css])), &css),
        (format!("rg-chart-{}.js", digest(&[&elements])), &elements),
        (format!("rg-shell-{}.js", digest(&[&shell])), &shell),
        (format!("rg-upload-{}.js", digest(&[&upload])), &upload),
        (format!("rg-logs-{}.js", digest(&[&logs])), &logs),
        (format!("rg-terminal-{}.js", digest(&[&terminal])), &terminal),
        (format!("rg-player-{}.js", digest(&[&player])), &player),
        (format!("rg-loads-{}.js", digest(&[&loads])), &loads),
    ];
    for (name, bytes) in &names {
        std::fs::write(pkg.join(name), bytes)?;
    }
    run(command(&["node", "frontend/js/compress.mjs"]).args(names.iter().map(|(name, _)| pkg.join(name))))?;
    let mut bundle = 0;
    for (name, _) in &names {
        let size = std::fs::metadata(pkg.join(format!("{name}.br")))?.len();
        // What no page loads beside the islands is no part of what a page can load at most.
        let apart = ["rg-upload-", "rg-logs-", "rg-terminal-", "rg-player-", "rg-loads-"];
        if !apart.iter().any(|apart| name.starts_with(apart)) {
            bundle += size;
        }
    }
    println!("site: wasm {} bytes, whole bundle {bundle} bytes with brotli", wasm.len());
    if (wasm.len() as u64) < WASM_FLOOR {
        bail!("the wasm has {} bytes, under {WASM_FLOOR}: the islands are not in it", wasm.len());
    }
    let ceiling = BUNDLE_CEILING + if wasm::rustup_has_it()? { 0 } else { OTHER_COMPILER };
    if bundle > ceiling {
        bail!("the bundle has {bundle} bytes with brotli, over {ceiling}");
    }
    let manifest = serde_json::json!({
        "app": format!("/pkg/remotegpu-{app}"),
        "css": format!("/pkg/{}", names[2].0),
        "elements": format!("/pkg/{}", names[3].0),
        "shell": format!("/pkg/{}", names[4].0),
        "upload": format!("/pkg/{}", names[5].0),
        "logs": format!("/pkg/{}", names[6].0),
        "terminal": format!("/pkg/{}", names[7].0),
        "player": format!("/pkg/{}", names[8].0),
        "loads": format!("/pkg/{}", names[9].0),
    });
    std::fs::write(work.join("manifest.json"), serde_json::to_string_pretty(&manifest)?)?;
    std::fs::write(work.join("stamp"), stamp)?;
    let _ = std::fs::remove_dir_all(&site);
    std::fs::rename(&work, &site)?;
    Ok(site)
}

/// Everything the site is made of, as one hash.
fn inputs(wasm: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(std::fs::read(wasm).with_context(|| format!("{}", wasm.display()))?);
    hash.update(include_bytes!("build.rs"));
    for folder in ["style", "frontend/js/src"] {
        for file in files(&root().join(folder))? {
            hash.update(std::fs::read(file)?);
        }
    }
    for file in ["frontend/js/build.mjs", "frontend/js/compress.mjs", "frontend/js/package-lock.json"] {
        hash.update(std::fs::read(root().join(file))?);
    }
    Ok(hex::encode(hash.finalize()))
}

/// Every file below a folder, in order.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("{}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["node_modules", "target", ".git", "test-results"].contains(&name.as_str()) {
                found.extend(files(&path)?);
            }
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// wasm-bindgen as a library, then wasm-opt.
fn bind(wasm: &Path) -> Result<(Vec<u8>, Vec<u8>)> {
    let out = target().join("bindgen");
    let _ = std::fs::remove_dir_all(&out);
    let mut bindgen = wasm_bindgen_cli_support::Bindgen::new();
    bindgen.input_path(wasm).out_name("remotegpu").typescript(false).remove_name_section(true);
    bindgen.web(true)?.generate(&out)?;
    if out.join("snippets").exists() {
        bail!("wasm-bindgen made snippets, which the site does not serve: {}", out.join("snippets").display());
    }
    let bound = out.join("remotegpu_bg.wasm");
    // As binaryen's own guide has it for size: what is flat is found to be the same more often. And again until nothing changes.
    let small = optimize(&bound, &out.join("small.wasm"), &["--flatten", "--rereloop"])?;
    let small = optimize(&small, &out.join("smaller.wasm"), &["--converge"])?;
    let glue = out.join("remotegpu.min.js");
    let mut minify =
        command(&["frontend/js/node_modules/.bin/esbuild", "--minify", "--format=esm", "--log-level=warning"]);
    run(minify.arg(out.join("remotegpu.js")).arg(format!("--outfile={}", glue.display())))?;
    Ok((std::fs::read(glue)?, std::fs::read(small)?))
}

/// wasm-opt for size, with these words before.
fn optimize(from: &Path, to: &Path, words: &[&str]) -> Result<PathBuf> {
    let mut opt = command(&["frontend/js/node_modules/.bin/wasm-opt"]);
    opt.args(words).args([
        // Nothing lies in the first kilobyte: the linker puts the end of the stack there (`--stack-first`).
        "--low-memory-unused",
        "-Oz",
        "--enable-bulk-memory",
        "--enable-nontrapping-float-to-int",
        "--enable-sign-ext",
        "--enable-mutable-globals",
        "--enable-reference-types",
        "--enable-multivalue",
    ]);
    run(opt.arg(from).arg("-o").arg(to))?;
    Ok(to.to_owned())
}

/// The style sheets in the order main.css names them.
fn style() -> Result<Vec<u8>> {
    let folder = root().join("style");
    let main = std::fs::read_to_string(folder.join("main.css"))?;
    let mut all = String::new();
    for line in main.lines().map(str::trim) {
        let Some(rest) = line.strip_prefix("@import \"") else { continue };
        let name = rest.split('"').next().unwrap_or_default();
        all += &std::fs::read_to_string(folder.join(name)).with_context(|| format!("style/main.css imports {name}"))?;
        all.push('\n');
    }
    Ok(bare(&all).into_bytes())
}

/// A style sheet without what only its readers want: comments, and the room before its lines.
fn bare(sheet: &str) -> String {
    let (mut kept, mut rest) = (String::with_capacity(sheet.len()), sheet);
    while let Some((before, comment)) = rest.split_once("/*") {
        kept += before;
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    kept += rest;
    kept.lines().map(str::trim).filter(|line| !line.is_empty()).fold(String::new(), |all, line| all + line + "\n")
}

/// The charts, the small helpers of every page, the upload, the log, the terminal, and what plays recordings.
fn elements() -> Result<[Vec<u8>; 7]> {
    let out = target().join("elements");
    let text = out.to_string_lossy().into_owned();
    run(&mut command(&["node", "frontend/js/build.mjs", &text]))?;
    let read = |name: &str| std::fs::read(out.join(name)).with_context(|| name.to_owned());
    Ok([
        read("rg-chart.js")?,
        read("rg-shell.js")?,
        read("rg-upload.js")?,
        read("rg-logs.js")?,
        read("rg-terminal.js")?,
        read("rg-player.js")?,
        read("rg-loads.js")?,
    ])
}

fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..6])
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn a_sheet_loses_what_only_its_readers_want() {
        let sheet = "/* Two\n   lines. */\n@layer a {\n  .b { color: red; /* why */ margin: 0; }\n\n  .c::after { content: \"/\"; }\n}\n";
        let kept = "@layer a {\n.b { color: red;  margin: 0; }\n.c::after { content: \"/\"; }\n}\n";
        assert_eq!(bare(sheet), kept);
        assert_eq!(bare(".a { color: red; } /* never ended"), ".a { color: red; }\n");
    }
}
