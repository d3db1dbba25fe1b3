//! Chunks of any text, however it is counted, are the whole of it, in order, none empty, none too long, cut between
//! characters.

#![no_main]

use libfuzzer_sys::fuzz_target;
use semsearch_corpus::{Chunking, Markup, chunks};

/// Ways to count: characters; words; a long word as less than a short one; more tokens than bytes.
const COUNTS: [fn(&str) -> usize; 4] = [
    |text| text.chars().count(),
    |text| text.split_whitespace().count(),
    |text| text.split_whitespace().map(|word| if word.len() > 20 { 1 } else { word.len().div_ceil(4) }).sum(),
    |text| text.chars().map(|character| if character.is_ascii() { 1 } else { 7 }).sum(),
];

/// Bytes of a text that is repeated: more than one section has.
const LONG: usize = 72 << 10;

// Three bytes say how, the rest is the text. Of the third, two bits are the way to count, one the markup; where the others
// are ones, and words are counted, the text is repeated, unless that makes many chunks: to find one takes as long as its
// section is.
fuzz_target!(|data: &[u8]| {
    let Some((&[tokens, overlap, how], text)) = data.split_first_chunk() else { return };
    let (tokens, overlap) = (usize::from(tokens), usize::from(overlap) % (usize::from(tokens) + 1));
    let count = COUNTS[usize::from(how % 4)];
    let markup = if how & 4 == 0 { Markup::Plain } else { Markup::Markdown };
    let text = String::from_utf8_lossy(text);
    let text =
        text.repeat(if how | 4 != 0xfd || tokens - overlap < 100 { 1 } else { LONG.div_ceil(text.len().max(1)) });

    let Ok(found) = chunks(&text, Chunking { tokens, overlap, markup }, &count) else {
        return assert_eq!(overlap, tokens);
    };
    let mut last = 0..0;
    for (number, chunk) in found.iter().enumerate() {
        let piece = text.get(chunk.bytes.clone()).expect("characters are whole");
        let starts = text[last.start..chunk.bytes.start].chars().count();
        assert!(!piece.is_empty() || text.is_empty());
        assert!(count(piece) <= tokens || piece.chars().count() == 1, "{piece:?}");
        assert!((number == 0 || chunk.bytes.start > last.start) && chunk.bytes.start <= last.end);
        assert!(chunk.bytes.end > last.end || text.is_empty());
        assert_eq!((chunk.index, chunk.end - chunk.start), (number, piece.chars().count()));
        assert_eq!(chunk.start, starts + number.checked_sub(1).map_or(0, |before| found[before].start));
        last = chunk.bytes.clone();
    }
    assert_eq!(last.end, text.len());
});
