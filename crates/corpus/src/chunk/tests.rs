//! What chunks are, for any text and any way to count.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;
use crate::CodeLanguage;

/// Ways to count: characters; words; words and signs, with a very long word as one token (BERT's rule); more tokens
/// than bytes.
const COUNTS: [fn(&str) -> usize; 4] = [
    |text| text.chars().count(),
    |text| text.split_whitespace().count(),
    words_and_signs,
    |text| text.chars().map(|character| if character.is_ascii() { 1 } else { 7 }).sum(),
];

fn words_and_signs(text: &str) -> usize {
    let signs = text.chars().filter(|c| !c.is_alphanumeric() && !c.is_whitespace()).count();
    let words = text.split(|c: char| !c.is_alphanumeric());
    let tokens = words.map(|word| match word.len() {
        0 => 0,
        1..=20 => word.len().div_ceil(4),
        _ => 1,
    });
    tokens.sum::<usize>() + signs
}

/// Every way in which a text is written.
fn markups() -> impl Strategy<Value = Markup> {
    let languages = CodeLanguage::all().map(|language| Markup::Code(Some(language)));
    let markups: Vec<_> = languages.chain([Markup::Plain, Markup::Markdown, Markup::Code(None)]).collect();
    prop::sample::select(markups)
}

/// Texts of words, white space, punctuation, Markdown, and characters of several bytes or several code points.
fn texts() -> impl Strategy<Value = String> {
    const PARTS: &[&str] = &[
        "word",
        "Ein Satz. ",
        "No! Yes? ",
        " ",
        "\t",
        "\n",
        "\n\n",
        "\r\n",
        "\r\n\r\n",
        "\r",
        "\u{a0}",
        "\u{3000}",
        "e\u{301}",
        "\u{310}",
        "ü",
        "語",
        "。",
        "日本語の文。",
        "🙂",
        "👩‍👩‍👧",
        "🇩🇪",
        "\u{200d}",
        "\u{feff}",
        "\0",
        "# H",
        "## ",
        "```\n",
        "~~~",
        "- ",
        "1. ",
        "> ",
        "|a|b|\n|-|-|\n",
        "---\n",
        "===\n",
        "[x](y)",
        "![",
        "**",
        "`",
        "<b>",
        "<!--",
        "$$",
        "[^1]: ",
        ": ",
        "\\",
        "&amp;",
        "    ",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "fn a() {\n",
        "}\n",
        "class A:\n",
        "    def b(self):\n",
        "// c\n",
        "/* ",
        "*/",
        "# d\n",
        "\"\"\"",
        "r#\"",
        "${",
        "if (x) {",
        "return f(1, 2);\n",
    ];
    let part = prop_oneof![9 => prop::sample::select(PARTS).prop_map(String::from), 1 => any::<String>()];
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

fn chunking(markdown: bool, tokens: usize, overlap: usize) -> Chunking {
    let markup = if markdown { Markup::Markdown } else { Markup::Plain };
    Chunking { tokens, overlap, markup }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn chunks_are_the_whole_text_in_order_and_none_is_too_long(
        text in texts(),
        markup in markups(),
        tokens in 1_usize..40,
        overlap in 0_usize..40,
        way in 0..COUNTS.len(),
    ) {
        let overlap = overlap % tokens;
        let count = COUNTS[way];
        let found = chunks(&text, Chunking { tokens, overlap, markup }, &count).unwrap();
        prop_assert_eq!(found.first().map(|first| first.bytes.start), Some(0));
        prop_assert_eq!(found.last().map(|last| last.bytes.end), Some(text.len()));
        for (before, after) in found.iter().zip(&found[1..]) {
            prop_assert!(before.bytes.start < after.bytes.start && after.bytes.start <= before.bytes.end);
            prop_assert!(before.bytes.end < after.bytes.end);
        }
        for (number, chunk) in found.iter().enumerate() {
            let piece = text.get(chunk.bytes.clone()).expect("characters are whole");
            prop_assert!(count(piece) <= tokens || chunk.end - chunk.start == 1, "{:?}", piece);
            prop_assert_eq!(chunk.index, number);
            // The naive computation of the same number.
            prop_assert_eq!(chunk.start, text[..chunk.bytes.start].chars().count());
            prop_assert_eq!(chunk.end, text[..chunk.bytes.end].chars().count());
        }
        if count(&text) <= tokens {
            prop_assert_eq!(found.len(), 1);
        }
    }

    #[test]
    fn without_overlap_chunks_do_not_overlap(text in texts(), markup in markups(), tokens in 1_usize..40) {
        let found = chunks(&text, Chunking { tokens, overlap: 0, markup }, &|text| text.chars().count()).unwrap();
        let joined: String = found.iter().map(|chunk| &text[chunk.bytes.clone()]).collect();
        prop_assert_eq!(joined, text);
    }
}

fn cut(text: &str, chunking: Chunking) -> Vec<&str> {
    let found = chunks(text, chunking, &words_and_signs).unwrap();
    found.into_iter().map(|chunk| &text[chunk.bytes]).collect()
}

#[test]
fn a_text_that_fits_is_one_chunk_and_so_is_an_empty_or_a_blank_one() {
    assert_eq!(cut("Bees dance. Ants march.", chunking(false, 8, 2)), ["Bees dance. Ants march."]);
    assert_eq!(cut("", chunking(true, 8, 0)), [""]);
    assert_eq!(cut(" \r\n\n", chunking(true, 1, 0)), [" \r\n\n"]);
}

#[test]
fn plain_text_is_cut_between_sentences_and_repeats_the_last_one() {
    let text = "Bees dance. Ants march. Cats sleep. Dogs bark. Owls hunt. ";
    assert_eq!(
        cut(text, chunking(false, 8, 0)),
        ["Bees dance. Ants march. ", "Cats sleep. Dogs bark. ", "Owls hunt. "]
    );
    let overlapping = cut(text, chunking(false, 8, 4));
    assert_eq!(overlapping[..2], ["Bees dance. Ants march. ", "Ants march. Cats sleep. "]);
}

#[test]
fn markdown_is_cut_before_headings() {
    let text = "# Guide\n\nRead this first.\n\n## Install\n\nRun the one command.\n\n## Use\n\nAsk it things.\n";
    let found = cut(text, chunking(true, 12, 0));
    assert_eq!(
        found,
        ["# Guide\n\nRead this first.\n\n", "## Install\n\nRun the one command.\n\n", "## Use\n\nAsk it things.\n"]
    );
}

#[test]
fn an_overlap_that_is_not_less_than_a_chunk_is_an_error() {
    for (tokens, overlap) in [(0, 0), (8, 8), (8, 9)] {
        let error = chunks("short", chunking(false, tokens, overlap), &words_and_signs).unwrap_err();
        assert!(matches!(error, CorpusError::Chunking { .. }), "{error}");
    }
}

/// A text of about `bytes`: paragraphs of sentences, a heading before every twentieth; and a list, code and blank
/// lines.
fn long_text(bytes: usize) -> String {
    let paragraph = "The honey bee returns to the hive and dances. Others follow her, and learn where flowers are. \
                     So a colony finds food far away; nobody tells it to.\n\n";
    let mut text = String::new();
    for number in 0_usize.. {
        if number.is_multiple_of(20) {
            text.push_str(&format!("## Part {number}\n\n- one thing\n- another thing\n\n```\n# code\n```\n\n"));
        }
        text.push_str(paragraph);
        if text.len() >= bytes {
            break;
        }
    }
    text
}

/// The bytes counted for each byte of the text, and the counts for each chunk.
fn work(text: &str, markdown: bool) -> (usize, usize) {
    let (calls, bytes) = (Cell::new(0), Cell::new(0));
    let count = |text: &str| {
        calls.set(calls.get() + 1);
        bytes.set(bytes.get() + text.len());
        words_and_signs(text)
    };
    let found = chunks(text, chunking(markdown, 254, 32), &count).unwrap();
    (bytes.get() / text.len(), calls.get() / found.len())
}

#[test]
fn a_long_text_is_counted_about_once() {
    let text = long_text(1 << 19);
    let hard =
        [text.clone(), text.replace("\n\n", " "), text.replace(' ', ""), "語".repeat(1 << 16), "a b".repeat(1 << 16)];
    for (text, markdown) in hard.iter().flat_map(|text| [(text, false), (text, true)]) {
        let (bytes, calls) = work(text, markdown);
        assert!(bytes < 3 && calls < 10, "{bytes} bytes a byte, {calls} counts a chunk, Markdown {markdown}");
    }
}
