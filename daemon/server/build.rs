//! Takes the built page (`web/dist`) into the binary; without it, a page that says what to do.

use std::path::{Path, PathBuf};
use std::{env, fs};

const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>icescope</title>\n\
    <p>The page was not built: run <code>cargo xtask build</code>, and start the daemon again.\n";

fn main() {
    let dist = Path::new("../../web/dist");
    // A path that does not exist yet makes cargo look again each time, so that the page is found once it is built.
    println!("cargo::rerun-if-changed={}", dist.join("index.html").display());
    if dist.join("index.html").is_file() {
        memory_serve::load_directory(dist);
        return;
    }
    let stand_in = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("page");
    let written =
        fs::create_dir_all(&stand_in).and_then(|()| fs::write(stand_in.join("index.html"), NOT_BUILT));
    if let Err(error) = written {
        println!("cargo::error=cannot write {}: {error}", stand_in.display());
        return;
    }
    memory_serve::load_directory_with_embed(stand_in, true);
}
