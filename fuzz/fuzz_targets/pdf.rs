//! Whatever stands in a PDF file, the reading ends without a panic of ours, and every document has an id.

#![no_main]

use libfuzzer_sys::fuzz_target;
use semsearch_corpus::Format;
use semsearch_fuzz::{let_library_panic, read_as};

fuzz_target!(init: let_library_panic(&["/hayro-", "/skrifa-", "/read-fonts-"]), |data: &[u8]| {
    read_as(Format::Pdf, data);
});
