//! Chunks of any code, in any language, are the whole of it, in order and without repetition. None is empty, and none is
//! too long. The path of every chunk names items that contain its first character that is no white space.

#![no_main]

use libfuzzer_sys::fuzz_target;
use semsearch_corpus::{Chunking, CodeLanguage, Markup, Outline, chunks};

/// The most items that a path names.
const DEEPEST: usize = 8;

/// The most bytes of a title, and of what stands before the next one. A character has up to four bytes.
const LONGEST: usize = 4 * 100 + 3;

// Two bytes say how, the rest is the text: the tokens of a chunk, which are bytes; and the language, or none.
fuzz_target!(|data: &[u8]| {
    let Some((&[tokens, language], text)) = data.split_first_chunk() else { return };
    let tokens = usize::from(tokens) + 4;
    let languages: Vec<_> = CodeLanguage::all().collect();
    let markup = Markup::Code(languages.get(usize::from(language) % (languages.len() + 1)).copied());
    let text = String::from_utf8_lossy(text);

    let found = chunks(&text, Chunking { tokens, overlap: 3, markup }, &|text| text.len()).expect("3 is less than 4");
    let outline = Outline::of_markup(&text, markup);
    assert!(outline.headings().is_sorted_by_key(|item| item.at));
    assert!(outline.headings().iter().all(|item| text.is_char_boundary(item.at) && !item.title.is_empty()));
    let mut end = 0;
    for chunk in &found {
        let piece = text.get(chunk.bytes.clone()).expect("characters are whole");
        assert_eq!(chunk.bytes.start, end);
        assert!(!piece.is_empty() || text.is_empty());
        assert!(piece.len() <= tokens, "{piece:?}");
        end = chunk.bytes.end;

        let path = outline.path_of(&text, chunk.bytes.clone());
        assert!(path.len() <= DEEPEST * LONGEST, "{path:?}");
        let blanks = if piece.trim().is_empty() { 0 } else { piece.len() - piece.trim_start().len() };
        assert_eq!(path, outline.path(chunk.bytes.start + blanks));
    }
    assert_eq!(end, text.len());
});
