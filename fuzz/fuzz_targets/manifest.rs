//! Whatever stands in an index's manifest, be its checksum right, opening the index ends without a panic.

#![no_main]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use semsearch_store_local::LocalStore;
use semsearch_fuzz::{scratch, show};

/// A copy of an index, of which only the manifest changes.
static INDEX: LazyLock<&Path> = LazyLock::new(|| {
    let index = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/index-3");
    for room in ["catalog", "vectors"] {
        fs::create_dir_all(scratch().join(room)).unwrap();
        for file in fs::read_dir(index.join(room)).unwrap() {
            let path = file.unwrap().path();
            fs::copy(&path, scratch().join(room).join(path.file_name().unwrap())).unwrap();
        }
    }
    scratch()
});

// A manifest; or the digit of a format's version and a commit, since no chance finds a checksum.
fuzz_target!(|data: &[u8]| {
    let manifest = match data {
        [version @ b'1'..=b'9', commit @ ..] => sealed(version - b'0', commit.trim_ascii()),
        whole => whole.to_vec(),
    };
    fs::write(INDEX.join("manifest.json"), manifest).unwrap();
    match LocalStore::new(*INDEX).open() {
        Ok(index) => _ = index.manifest().vectors(),
        Err(error) => show(&error),
    }
});

/// A manifest with the checksum that this version and commit have.
fn sealed(version: u8, commit: &[u8]) -> Vec<u8> {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&u32::from(version).to_le_bytes());
    crc.update(commit);
    let start = format!("{{\"format_version\":{version},\"crc32\":{},\"commit\":", crc.finalize());
    [start.as_bytes(), commit, b"}\n"].concat()
}
