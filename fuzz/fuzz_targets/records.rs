//! Whatever is in a file of any format, reading it ends without a panic, and every document has an id.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use semsearch_corpus::Format;
use semsearch_fuzz::{let_parquet_panic, read_as};

/// The formats in the order of their table, then the one without a name.
static FORMATS: LazyLock<Vec<Format>> = LazyLock::new(|| Format::named().chain([Format::Lines]).collect());

// The first byte chooses the format (in seeds, it is the digit of the place in the list); the file follows.
fuzz_target!(init: let_parquet_panic(), |data: &[u8]| {
    let Some((&format, content)) = data.split_first() else { return };
    read_as(FORMATS[usize::from(format.wrapping_sub(b'0')) % FORMATS.len()], content);
});
