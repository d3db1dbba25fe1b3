//! Where code is cut.

use proptest::prelude::*;

use super::*;
use crate::code::PARSED;
use crate::{Chunking, Markup, Outline, chunks};

/// The chunks of a text, in characters.
fn cut(text: &str, language: Option<CodeLanguage>, tokens: usize) -> Vec<&str> {
    let chunking = Chunking { tokens, overlap: tokens / 4, markup: Markup::Code(language) };
    let found = chunks(text, chunking, &|text| text.chars().count()).unwrap();
    found.into_iter().map(|chunk| &text[chunk.bytes]).collect()
}

#[test]
fn code_without_known_syntax_is_cut_at_blank_lines_between_blocks() {
    let text = "# one\nf() {\n  a\n\n  b\n}\n\n# two\ng() {\n  c\n}\nx=1\n";
    assert_eq!(cut(text, None, 40), ["# one\nf() {\n  a\n\n  b\n}\n\n", "# two\ng() {\n  c\n}\nx=1\n"]);
    assert_eq!(cut(text, None, 20), ["# one\nf() {\n  a\n\n", "  b\n}\n\n", "# two\ng() {\n  c\n}\n", "x=1\n"]);
}

#[test]
fn a_line_is_cut_only_if_it_alone_is_too_long() {
    let text = format!("a = 1\n\tb\n{}\nc = 2\n", "word ".repeat(9));
    let found = cut(&text, None, 20);
    assert_eq!(found, ["a = 1\n\tb\n", "word word word word ", "word word word word ", "word \n", "c = 2\n"]);
}

/// An item of a language, with a comment above it, inside so many others.
#[cfg(feature = "code")]
fn item(language: CodeLanguage, number: usize, lines: usize, inside: usize) -> String {
    let indent = "    ".repeat(inside);
    let body: String = (0..lines).map(|line| format!("{indent}    x = call({line})\n")).collect();
    match language {
        CodeLanguage::Python => format!("{indent}# About {number}.\n{indent}@final\n{indent}def f{number}(x):\n{body}"),
        CodeLanguage::Go => format!("// About {number}.\nfunc f{number}() {{\n{body}}}\n"),
        CodeLanguage::Rust => {
            let body = body.replace(")\n", ");\n");
            format!("{indent}/// About {number}.\n{indent}#[test]\n{indent}fn f{number}() {{\n{body}{indent}}}\n")
        }
        CodeLanguage::Java => {
            let body = body.replace(")\n", ");\n");
            format!(
                "{indent}/** About {number}. */\n{indent}@Override\n{indent}void f{number}() {{\n{body}{indent}}}\n"
            )
        }
        CodeLanguage::C | CodeLanguage::Cpp => {
            let body = body.replace(")\n", ");\n");
            format!("{indent}/* About {number}. */\n{indent}int f{number}()\n{indent}{{\n{body}{indent}}}\n")
        }
        _ => format!("{indent}// About {number}.\n{indent}function f{number}() {{\n{body}{indent}}}\n"),
    }
}

/// What members stand in, if the language has that.
#[cfg(feature = "code")]
fn around(language: CodeLanguage) -> Option<(&'static str, &'static str)> {
    match language {
        CodeLanguage::Python => Some(("# Many.\nclass Many:\n", "\n")),
        CodeLanguage::Rust => Some(("/// Many.\nimpl Many {\n", "}\n\n")),
        CodeLanguage::Java => Some(("// Many.\nclass Many {\n", "}\n\n")),
        CodeLanguage::Cpp => Some(("// Many.\nclass Many\n{\n", "};\n\n")),
        _ => None,
    }
}

proptest! {
    /// Functions of random lengths, some of them members, with and without a blank line between them.
    #[test]
    #[cfg(feature = "code")]
    fn a_function_that_fits_is_in_one_chunk_with_its_comment(
        language in prop::sample::select(CodeLanguage::all().collect::<Vec<_>>()),
        lengths in prop::collection::vec((1_usize..12, any::<bool>()), 2..20),
        members in 0_usize..10,
        tokens in 60_usize..400,
    ) {
        let (mut text, mut items) = (String::from("\n"), Vec::new());
        let around = around(language).filter(|_| members > 0);
        text.push_str(around.map_or("", |(start, _)| start));
        for (number, &(lines, blank)) in lengths.iter().enumerate() {
            if let Some((_, end)) = around.filter(|_| number == members) {
                text.push_str(end);
            }
            let inside = usize::from(around.is_some() && number < members);
            let item = item(language, number, lines, inside);
            // The blank lines around it have to fit too, and so has the end of what it is the last member of.
            let last = number + 1 == members || number + 1 == lengths.len();
            let end = 2 + if last { 4 } else { 0 };
            items.push((text.len(), item.chars().count() + end, item.len()));
            text.push_str(&item);
            text.push_str(if blank { "\n" } else { "" });
        }
        text.push_str(around.filter(|_| members >= lengths.len()).map_or("", |(_, end)| end));
        let chunking = Chunking { tokens, overlap: 0, markup: Markup::Code(Some(language)) };
        let found = chunks(&text, chunking, &|text| text.chars().count()).unwrap();
        for (start, count, bytes) in items {
            let whole = found.iter().any(|chunk| chunk.bytes.start <= start && start + bytes <= chunk.bytes.end);
            prop_assert!(whole || count > tokens, "{:?} of {:?}", &text[start..start + bytes], text);
        }
    }
}

#[test]
fn an_item_that_fits_is_whole_however_short_the_rest_is() {
    let text =
        format!("use a;\n\nfn a() {{\n{}}}\n\nfn b() {{\n{}}}\n", "    b();\n".repeat(3), "    c();\n".repeat(9));
    let found = cut(&text, Some(CodeLanguage::Rust), 70);
    assert_eq!(found.concat(), text);
    if cfg!(feature = "code") {
        assert_eq!(found[0], "use a;\n\nfn a() {\n    b();\n    b();\n    b();\n}\n\n");
        assert_eq!(found.len(), 3);
    }
}

#[test]
#[cfg(feature = "code")]
fn an_item_that_does_not_fit_is_cut_between_statements_and_not_after_its_header() {
    let text = format!("/// Does it.\nfn a() {{\n{}}}\n\nfn b() {{}}\n", "    if b {\n        c();\n    }\n".repeat(6));
    let found = cut(&text, Some(CodeLanguage::Rust), 80);
    let two = "    if b {\n        c();\n    }\n".repeat(2);
    assert_eq!(found[..2], [format!("/// Does it.\nfn a() {{\n{}", &two[..30]), two]);
}

#[test]
fn code_that_is_none_is_cut_all_the_same() {
    let nested: String = (0..400).map(|depth| format!("{}if x:\n", " ".repeat(depth))).collect();
    let hostile = [
        "{",
        "{\n",
        "(",
        "}\n",
        "r#\"",
        "\"\"\"",
        "`${",
        "/*",
        "a<",
        "mod a{\n",
        "class A{\n",
        "//\n",
        "#[a]\n",
        "\0\n",
        "ü\r",
    ];
    let texts = hostile.iter().map(|part| part.repeat((12 << 10) / part.len())).chain([nested]);
    for (text, language) in texts.flat_map(|text| CodeLanguage::all().map(move |language| (text.clone(), language))) {
        let markup = Markup::Code(Some(language));
        let chunking = Chunking { tokens: 100, overlap: 0, markup };
        let found = chunks(&text, chunking, &|text| text.len().div_ceil(4)).unwrap();
        let joined: String = found.iter().map(|chunk| &text[chunk.bytes.clone()]).collect();
        assert!(joined == text, "{language:?} {:?}", &text[..9]);
        let outline = Outline::of_markup(&text, markup);
        // At most eight items, each with its title.
        assert!(found.iter().all(|chunk| outline.path_of(&text, chunk.bytes.clone()).len() <= 8 * 103));
    }
}

#[test]
fn code_of_many_megabytes_is_cut_by_lines() {
    let text = "fn a() {\n    b();\n}\n\n".repeat(PARSED / 11);
    let chunking = Chunking { tokens: 100, overlap: 0, markup: Markup::Code(Some(CodeLanguage::Rust)) };
    let found = chunks(&text, chunking, &|text| text.len()).unwrap();
    assert!(found.iter().all(|chunk| text[chunk.bytes.clone()].starts_with("fn a()")));
    assert_eq!(found.iter().map(|chunk| chunk.bytes.len()).sum::<usize>(), text.len());
    assert!(Outline::of_code(&text, CodeLanguage::Rust).headings().is_empty());
}

proptest! {
    /// Borders are lines, unless a line is too long.
    #[test]
    fn chunks_of_code_begin_with_lines(
        text in "( {0,4}(a|fn b\\(\\) \\{|\\}|// c|class D:|def e\\(\\):|return f;)\n|\n){0,60}",
        language in prop::option::of(prop::sample::select(CodeLanguage::all().collect::<Vec<_>>())),
        tokens in 20_usize..90,
    ) {
        for chunk in cut(&text, language, tokens) {
            prop_assert!(chunk.ends_with('\n') || text.is_empty());
        }
    }
}
