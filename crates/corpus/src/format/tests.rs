//! What the table of formats says.

use super::*;

#[test]
fn content_tells_arrays_squad_and_lines_apart() {
    assert_eq!(Format::by_content(b" \n[{}]"), Format::Json);
    assert_eq!(Format::by_content(br#"{"version":"1.1","data":[{"title":"T","paragraphs":[]}]}"#), Format::Squad);
    assert_eq!(Format::by_content(br#"{"text":"data"}"#), Format::Jsonl);
    assert_eq!(Format::by_content(b"PAR1\x15\x04"), Format::Parquet);
    assert_eq!(Format::by_content(b""), Format::Jsonl);
}

#[test]
fn an_extension_tells_the_format_in_capitals_too() {
    let of = |path: &str| Format::of(path.as_ref());
    assert_eq!(["a.jsonl", "a.ndjson"].map(of), [Some(Format::Jsonl); 2]);
    assert_eq!(["a.txt", "b.text", "C.TXT"].map(of), [Some(Format::Text); 3]);
    assert_eq!(["a.md", "a.markdown", "a.mkd", "README.MD"].map(of), [Some(Format::Markdown); 4]);
    assert_eq!(["a.csv", "A.CSV.gz"].map(of), [Some(Format::Csv); 2]);
    assert_eq!(["a.tsv", "a.tab", "a.tab.ZST"].map(of), [Some(Format::Tsv); 3]);
    assert_eq!(["a.parquet", "a.PQ"].map(of), [Some(Format::Parquet); 2]);
    assert_eq!(["a", ".md", "a.md.bak", "a.gz", ".gz"].map(of), [None; 5]);
    assert_eq!(["a.rs", "A.PY"].map(of), [Some(Format::Code); 2]);
}

#[test]
fn a_name_stands_for_its_format_and_an_unknown_one_is_an_error_that_lists_the_known_ones() {
    for format in Format::named() {
        assert_eq!(format.name().unwrap().parse::<Format>().unwrap(), format);
    }
    let message = "xml".parse::<Format>().unwrap_err().to_string();
    let known = "auto, jsonl, json, squad, csv, tsv, parquet, text, markdown, code, html, pdf, docx";
    assert_eq!(message, format!("unknown format \"xml\": known are {known}"));
}

#[test]
fn names_and_extensions_are_unique_except_for_json() {
    let names: Vec<_> = TABLE.iter().flat_map(|entry| entry.names).collect();
    assert!(names.iter().enumerate().all(|(at, name)| !names[..at].contains(name)));
    let extensions: Vec<_> = TABLE.iter().flat_map(|entry| entry.extensions).collect();
    let twice = extensions.iter().enumerate().filter(|(at, extension)| extensions[..*at].contains(extension));
    assert_eq!(twice.map(|(_, extension)| **extension).collect::<Vec<_>>(), ["json"]);
    assert_eq!(Format::of("a.json".as_ref()), Some(Format::Auto));
}

#[test]
fn files_that_are_one_text_each_are_prose() {
    let prose: Vec<_> = Format::named().filter(|format| format.is_prose()).collect();
    assert_eq!(prose, [Format::Text, Format::Markdown, Format::Code, Format::Html, Format::Pdf, Format::Docx]);
}
