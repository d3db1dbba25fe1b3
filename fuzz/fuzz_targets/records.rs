//! Whatever stands in a file of any format, its reading ends without a panic, and every document has an id.

#![no_main]

use libfuzzer_sys::fuzz_target;
use semsearch::corpus::Format::{self, Auto, Csv, Json, Jsonl, Lines, Markdown, Parquet, Squad, Text, Tsv};
use semsearch_fuzz::{let_parquet_panic, read_as};

const FORMATS: [Format; 10] = [Auto, Jsonl, Json, Squad, Csv, Tsv, Text, Markdown, Lines, Parquet];

// The format's byte, in seeds a digit, the place in the list; then the file.
fuzz_target!(init: let_parquet_panic(), |data: &[u8]| {
    let Some((&format, content)) = data.split_first() else { return };
    read_as(FORMATS[usize::from(format.wrapping_sub(b'0')) % FORMATS.len()], content);
});
