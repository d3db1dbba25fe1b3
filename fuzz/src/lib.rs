//! What several targets need.

use std::fmt::Display;
use std::panic::{self, Location};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{env, fs, process, thread};

use semsearch_corpus::{FieldNames, Format, Input, READER, records};

/// A directory of this process. script/fuzz creates it in memory, and removes it.
pub fn scratch() -> &'static Path {
    static SCRATCH: LazyLock<PathBuf> = LazyLock::new(|| {
        let dir = env::temp_dir().join(format!("semsearch-fuzz-{}", process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir
    });
    &SCRATCH
}

/// Reads a file with this content to its end, and makes a document of every record.
pub fn read_as(format: Format, content: &[u8]) {
    let path = scratch().join("input");
    fs::write(&path, content).unwrap();
    for found in records(&[Input::File(path)], format).unwrap() {
        match found.and_then(|record| FieldNames::default().document(record)) {
            Ok(document) => assert!(!document.id.is_empty()),
            Err(error) => show(&error),
        }
    }
}

/// Writes the message of an error, because a message quotes the input.
pub fn show(error: &impl Display) {
    let _ = error.to_string();
}

/// Ignores panics of the parquet crate, which become errors of the file that is read. All other panics end the process.
pub fn let_parquet_panic() {
    let_library_panic(&["/parquet-"]);
}

/// Ignores panics in the source files of libraries whose path has one of these words: they become errors of the file
/// that is read. All other panics end the process.
pub fn let_library_panic(libraries: &'static [&str]) {
    let strict = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let file = panic.location().map_or("", Location::file);
        if thread::current().name() != Some(READER) || !libraries.iter().any(|library| file.contains(library)) {
            strict(panic);
        }
    }));
}
