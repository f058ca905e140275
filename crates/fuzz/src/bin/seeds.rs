//! Writes the seeds into `corpus/`: run after a change of what they are made of.

use std::path::Path;

fn main() -> std::io::Result<()> {
    for seed in fuzz::seeds::all() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(seed.target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(seed.name), seed.data)?;
    }
    Ok(())
}
