//! Whatever stands in a file that is read as HTML, the reading ends without a panic, and every document has an id.

#![no_main]

use libfuzzer_sys::fuzz_target;
use semsearch_corpus::Format;
use semsearch_fuzz::read_as;

fuzz_target!(|data: &[u8]| read_as(Format::Html, data));
