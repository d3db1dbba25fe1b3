//! What several targets share.

use std::panic::{self, Location};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{env, fs, process, thread};

use semsearch::corpus::{self, Fields, Format, Input, READER};
use semsearch::error::Error;

/// A directory of this process's own. script/fuzz has it made in memory, and removes it.
pub fn scratch() -> &'static Path {
    static SCRATCH: LazyLock<PathBuf> = LazyLock::new(|| {
        let dir = env::temp_dir().join(format!("semsearch-fuzz-{}", process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir
    });
    &SCRATCH
}

/// Reads a file with this content to its end, and takes every record apart.
pub fn read_as(format: Format, content: &[u8]) {
    let path = scratch().join("input");
    fs::write(&path, content).unwrap();
    for found in corpus::records(&[Input::File(path)], format).unwrap() {
        match found.and_then(|record| Fields::default().document(record)) {
            Ok(document) => assert!(!document.id.is_empty()),
            Err(error) => show(&error),
        }
    }
}

/// A message quotes what it is about, so it is written too.
pub fn show(error: &Error) {
    let _ = error.to_string();
}

/// Has panics of Parquet's library pass, which the reader of a file tells as an error. All others end the process.
pub fn let_parquet_panic() {
    let strict = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let file = panic.location().map_or("", Location::file);
        if thread::current().name() != Some(READER) || !file.contains("/parquet-") {
            strict(panic);
        }
    }));
}
