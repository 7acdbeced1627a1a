//! Writes each target's first inputs into `corpus/<target>/`, beside this file.

#[path = "targets.rs"]
#[allow(dead_code, reason = "some of it is for libFuzzer alone")]
mod targets;

use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in targets::ALL {
        let folder = corpus.join(target.name);
        fs::create_dir_all(&folder)?;
        for (at, seed) in (target.seeds)().iter().enumerate() {
            fs::write(folder.join(format!("seed-{at}")), seed)?;
        }
    }
    Ok(())
}
