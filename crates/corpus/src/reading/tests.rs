//! What is read from different inputs.

use std::iter;
use std::path::PathBuf;

use super::*;
use crate::compression::tests::{gzip, zstd};
use crate::{BadRecord, Markup, Record};

#[test]
fn an_input_that_cannot_be_opened_fails_before_any_is_read() {
    let inputs = [Input::Stdin, Input::File("no/such.jsonl".into())];
    let message = records(&inputs, Format::Auto).err().unwrap().to_string();
    assert_eq!(message, "no/such.jsonl: cannot read");
}

#[test]
fn a_found_file_of_no_known_extension_is_text_a_named_one_what_its_content_says() {
    let [found, named] = [Input::Found("a.rst".into()), Input::File("a.rst".into())];
    assert_eq!((told(&found, Format::Auto), told(&named, Format::Auto)), (Some(Format::Text), None));
    assert_eq!(told(&Input::Found("a.json".into()), Format::Auto), None);
    assert_eq!(told(&Input::Stdin, Format::Auto), Some(Format::Jsonl));
    assert_eq!(told(&found, Format::Json), Some(Format::Json));
}

#[test]
fn a_blank_text_and_a_file_without_records_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = [("a.md", "# A\n"), ("b.md", "\n"), ("c.jsonl", "\n"), ("d.txt", "d")].map(|(name, content)| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        Input::File(path)
    });
    let all: Vec<_> = records(&inputs, Format::Auto).unwrap().collect();
    let markups: Vec<_> = all.iter().map(|found| found.as_ref().ok().and_then(|record| record.markup)).collect();
    assert_eq!(markups, [Some(Markup::Markdown), None, None, Some(Markup::Plain)]);
    assert!(matches!(all[1], Err(CorpusError::Record { problem: BadRecord::Blank, .. })));
    assert!(matches!(all[2], Err(CorpusError::NoRecords { .. })));
}

/// The records of a file, without the file's path, which some records contain.
fn parts(path: PathBuf) -> Vec<(Option<u64>, Option<Markup>, String)> {
    let record = |mut record: Record| {
        record.fields.retain(|name, _| name != "_id" && name != "path");
        (record.place.line, record.markup, serde_json::to_string(&record.fields).unwrap())
    };
    records(&[Input::File(path)], Format::Auto).unwrap().map(|found| record(found.unwrap())).collect()
}

#[test]
fn a_compressed_file_of_any_format_has_the_same_records() {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("a.jsonl", "{\"text\":\"a\"}\n\n{\"text\":\"b\"}\n"),
        ("a.json", "[{\"text\":\"a\"},\n{\"text\":\"b\"}]"),
        ("squad.json", r#"{"data":[{"title":"T","paragraphs":[{"context":"a"},{"context":"b"}]}]}"#),
        ("a.csv", "\u{feff}text,n\r\na,1\r\n\"b\r\n\",2\r\n"),
        ("a.tab", "text\tn\na\t1\nb\t2\n"),
        ("a.txt", "a\nb\n"),
        ("a.md", "# A\nb\n"),
    ] {
        let twin = |name: String, bytes: Vec<u8>| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            parts(path)
        };
        let plain = twin(name.into(), content.into());
        assert!(!plain.is_empty(), "{name}");
        for compress in [gzip, zstd] {
            let bytes = compress(content.as_bytes());
            assert_eq!(twin(format!("{name}.gz"), bytes.clone()), plain, "{name}, an ending that may be wrong");
            assert_eq!(twin(name.into(), bytes), plain, "{name}, no ending that says so");
        }
    }
}

/// The text of the first record of a file with this name, whose content is `content` in some encoding.
fn text_of(name: &str, content: &[u8], encoding: Option<&str>) -> Result<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, content).unwrap();
    let encoding = encoding.map(|label| encoding_rs::Encoding::for_label(label.as_bytes()).unwrap());
    let options = ReadOptions { encoding, ..ReadOptions::default() };
    let first = records(&[Input::File(path)], options).unwrap().next().unwrap();
    let text =
        |record: Record| record.fields.get("text").or(record.fields.get("context")).unwrap().as_str().map(String::from);
    first.map(|record| text(record).unwrap()).map_err(|error| error.to_string())
}

/// A file of each format of text, whose first record has this text.
fn files_of_text(text: &str) -> [(&'static str, String); 8] {
    [
        ("a.jsonl", format!("{{\"text\":\"{text}\"}}\n")),
        ("a.json", format!("[{{\"text\":\"{text}\"}}]")),
        ("b.json", format!("{{\"text\":\n\"{text}\"}}")),
        ("squad.json", format!("{{\"data\":[{{\"paragraphs\":[{{\"context\":\"{text}\"}}]}}]}}")),
        ("a.csv", format!("text,n\n{text},1\n")),
        ("a.txt", text.to_owned()),
        ("a.md", text.to_owned()),
        ("a.html", format!("<p>{text}")),
    ]
}

#[test]
fn a_named_encoding_means_the_same_in_every_format() {
    let text = "Größe 1";
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    for (name, content) in files_of_text(text) {
        let latin: Vec<u8> = content.chars().map(|character| character as u8).collect();
        let marked = format!("\u{feff}{content}");
        for (bytes, encoding) in [
            (latin, Some("latin1")),
            (content.clone().into_bytes(), Some("latin1")),
            (content.clone().into_bytes(), None),
            (marked.clone().into_bytes(), Some("latin1")),
            (marked.clone().into_bytes(), Some("utf-16le")),
            (utf_16(&marked), Some("latin1")),
            (utf_16(&marked), None),
        ] {
            assert_eq!(text_of(name, &bytes, encoding).as_deref(), Ok(text), "{name} {encoding:?} {bytes:?}");
        }
        // Without a mark, the content does not say that it is JSON.
        if !name.ends_with(".json") {
            assert_eq!(text_of(name, &utf_16(&content), Some("utf-16le")).as_deref(), Ok(text), "{name}");
        }
    }
    for (name, content) in files_of_text("plain") {
        let utf_16 = utf_16(&content);
        assert!(std::str::from_utf8(&utf_16).is_ok());
        if !name.ends_with(".json") {
            assert_eq!(text_of(name, &utf_16, Some("utf-16le")).as_deref(), Ok("plain"), "{name}");
        }
    }
}

#[test]
fn text_in_utf_32_is_refused_and_says_so() {
    for (name, content) in files_of_text("a") {
        for unit in [u32::to_le_bytes, u32::to_be_bytes] {
            let bytes: Vec<u8> = format!("\u{feff}{content}").chars().flat_map(|found| unit(found.into())).collect();
            let reason = text_of(name, &bytes, None).unwrap_err();
            assert!(reason.ends_with(": not text in UTF-8 or UTF-16: it is in UTF-32"), "{reason}");
        }
    }
}

#[test]
fn cut_or_damaged_data_end_as_an_error_with_the_line_reached() {
    let texts = || (0..20_000_u64).map(|number| format!("bees {}", number.pow(3)));
    let lines: String = texts().map(|text| format!("{{\"text\":\"{text}\"}}\n")).collect();
    let table: String = iter::once("text".into()).chain(texts()).map(|row| row + "\n").collect();
    for (suffix, content) in [(".jsonl", lines), (".csv", table)] {
        for compress in [gzip, zstd] {
            let file = tempfile::Builder::new().suffix(suffix).tempfile().unwrap();
            let bytes = compress(content.as_bytes());
            std::fs::write(file.path(), &bytes[..bytes.len() * 4 / 5]).unwrap();
            let mut all: Vec<_> = records(&[Input::File(file.path().into())], Format::Auto).unwrap().collect();
            let Some(Err(CorpusError::Input { place, .. })) = all.pop() else { panic!("the last is an error") };
            assert!(place.line.unwrap() > 2000, "{place}");
            assert!(all.len() > 2000 && all.iter().all(Result::is_ok));
        }
    }
}

#[test]
fn more_files_are_read_than_may_be_open() {
    let file = tempfile::Builder::new().suffix(".txt").tempfile().unwrap();
    std::fs::write(file.path(), "text").unwrap();
    let inputs = vec![Input::Found(file.path().into()); 40_000];
    assert_eq!(records(&inputs, Format::Auto).unwrap().filter(Result::is_ok).count(), inputs.len());
}

#[test]
fn records_are_counted_up_to_a_limit_and_a_found_file_that_is_gone_is_none() {
    let file = tempfile::Builder::new().suffix(".jsonl").tempfile().unwrap();
    std::fs::write(file.path(), "{\"text\":\"a\"}\n".repeat(300)).unwrap();
    let inputs =
        [Input::Found("no/such.jsonl".into()), Input::Found(file.path().into()), Input::File(file.path().into())];
    for (limit, expected) in [(None, 600), (Some(2), 2), (Some(301), 301), (Some(1000), 600), (Some(0), 0)] {
        let known = count(&inputs, Format::Auto, limit);
        assert_eq!(*known.wait(), expected, "{limit:?}");
    }
}

#[test]
fn dropping_the_records_ends_the_reading() {
    let file = tempfile::Builder::new().suffix(".jsonl").tempfile().unwrap();
    std::fs::write(file.path(), "{\"text\":\"a\"}\n".repeat(3000)).unwrap();
    let mut some = records(&[Input::File(file.path().into())], Format::Auto).unwrap();
    assert!(some.next().unwrap().is_ok());
    drop(some);
}
