//! A filter that can be read is written and read as the same, and metadata and their terms agree on it; an error of one
//! that cannot be read points into it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use semsearch_filter::{Filter, caret, terms};
use serde_json::{Map, Value};

// The expression, which may have several lines, then a line of metadata.
fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (expression, metadata) = text.rsplit_once('\n').unwrap_or((text, ""));
    match expression.parse::<Filter>() {
        Ok(filter) => {
            let written = filter.to_string();
            assert_eq!(written.parse().as_ref(), Ok(&filter), "{written}");
            let metadata: Map<String, Value> = serde_json::from_str(metadata).unwrap_or_default();
            assert_eq!(filter.plan().holds(&terms(&metadata)), filter.matches(&metadata), "{written}");
        }
        Err(error) => {
            let before = expression.get(..error.byte).expect("errors are at the start of a character");
            assert_eq!(before.chars().count() + 1, error.character);
            caret(expression, error.byte);
        }
    }
});
