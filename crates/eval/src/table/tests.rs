//! How files of columns are read.

use proptest::prelude::*;

use super::*;

fn read_pairs(input: &[u8]) -> Result<PairTable<String>, String> {
    read(input, &"in".into(), |line| {
        let [query, document, value] = columns(line.split(','), "3 (a, b, c)")?;
        Ok(Some(PairLine { query: query.into(), document: document.into(), value: value.to_owned() }))
    })
    .map_err(|error| error.to_string())
}

#[test]
fn a_mark_blank_lines_and_carriage_returns_are_no_part_of_a_row() {
    let table = read_pairs(b"\xef\xbb\xbfb,d,1\r\n\r\n \t\na,d,2").unwrap();
    assert_eq!(table.keys().collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!((table["b"]["d"].as_str(), table["a"]["d"].as_str()), ("1", "2"));
}

#[test]
fn a_pair_that_stands_there_twice_is_an_error_that_names_both_lines() {
    let message = read_pairs(b"q,d,1\nq,e,1\n\nq,d,1\n").unwrap_err();
    assert_eq!(message, "in:4: document \"d\" is already listed for this query at in:1");
}

#[test]
fn bad_lines_and_empty_files_are_named() {
    assert_eq!(read_pairs(b"q,d,1\nq,d").unwrap_err(), "in:2: the number of columns is 2, expected 3 (a, b, c)");
    assert_eq!(read_pairs(b"\nq,\xff,1").unwrap_err(), "in:2: invalid UTF-8 at byte 3 of the line");
    assert_eq!(read_pairs(b"\n\n").unwrap_err(), "in: no records in it");
}

#[test]
fn a_line_without_an_end_is_not_held_in_memory() {
    let endless = std::io::BufReader::new(std::io::repeat(b'a'));
    let error = read(endless, &"in".into(), |_| Ok(None::<PairLine<'_, ()>>)).unwrap_err();
    assert_eq!(error.to_string(), "in:1: the line is longer than 1 MiB");
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
        let _ = read_pairs(&bytes);
    }
}
