//! The byte strings under which an inverted index lists a document, and how they are made.
//!
//! A term is a length, a path, a kind and a value:
//!
//! ```text
//! u16  length of the path, big-endian
//! …    the path: the keys on the way to the value, joined by dots
//! u8   kind
//! …    the value, so that bytes of one path and kind have the values' order
//! ```
//!
//! | kind | value |
//! | --- | --- |
//! | 0 present | nothing: there is a value other than null |
//! | 1 null | nothing |
//! | 2 boolean | 0 or 1 |
//! | 3 number | nearest f64 and an i16, order-preserving |
//! | 4 date | nanoseconds since 1970, i128, order-preserving |
//! | 5 string | its bytes |
//!
//! The length comes first, so no key can be mistaken for anything else, whatever its bytes are. Paths and strings of
//! more than [`KEPT`] bytes are cut, and the SHA-256 of the whole follows the kept bytes. So a term has 2,115 bytes at
//! most (2 + 1,056 + 1 + 1,056), and two strings still have the same bytes only if they are the same. A cut string or
//! path is longer than any whole one, so the two are never confused.

use std::borrow::Cow;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::date::{self, Span};
use super::number;

/// The number of bytes of a path or string that are kept as they are.
pub(super) const KEPT: usize = 1024;

/// What a term says about its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum ValueKind {
    Present = 0,
    Null = 1,
    Bool = 2,
    Number = 3,
    Date = 4,
    Text = 5,
}

/// The terms of a document with these metadata, in ascending order, each of them once.
///
/// [`Filter::plan`](super::Filter::plan) says which of them answer a filter.
pub fn terms(metadata: &Map<String, Value>) -> Vec<Vec<u8>> {
    Lister::list(metadata, false)
}

/// The terms of a row of a table, whose cells are strings. A cell that is written as a decimal number, such as `12.50`
/// or `1e3`, is also listed as that number. A cell with leading zeros is a code.
pub fn terms_of_row(metadata: &Map<String, Value>) -> Vec<Vec<u8>> {
    Lister::list(metadata, true)
}

/// Lists the terms of metadata.
struct Lister {
    terms: Vec<Vec<u8>>,
    /// Whether strings may stand for numbers.
    cells: bool,
}

impl Lister {
    fn list(metadata: &Map<String, Value>, cells: bool) -> Vec<Vec<u8>> {
        let mut lister = Self { terms: Vec::new(), cells };
        metadata.iter().for_each(|(key, value)| lister.add(&FieldPath::of(key), value));
        let mut terms = lister.terms;
        terms.sort_unstable();
        terms.dedup();
        terms
    }

    /// Adds the terms of the value at `path`. Values are nested no deeper than their parser allows, which is 128
    /// levels.
    fn add(&mut self, path: &FieldPath, value: &Value) {
        match value {
            // An array stands for its elements, and is not a value itself.
            Value::Array(elements) => return elements.iter().for_each(|element| self.add(path, element)),
            Value::Object(fields) => fields.iter().for_each(|(key, value)| self.add(&path.below(key), value)),
            Value::Null => return self.push(path, ValueKind::Null, &[]),
            Value::Bool(bool) => self.push(path, ValueKind::Bool, &[u8::from(*bool)]),
            Value::Number(number) => self.push(path, ValueKind::Number, &number::encode(number)),
            Value::String(text) => self.add_text(path, text),
        }
        self.push(path, ValueKind::Present, &[]);
    }

    fn add_text(&mut self, path: &FieldPath, text: &str) {
        self.push(path, ValueKind::Text, &kept(text));
        if let Some(span) = Span::parse(text) {
            self.push(path, ValueKind::Date, &date::encode(span.first));
        }
        if let Some(number) = number::of_decimal(text).filter(|_| self.cells) {
            self.push(path, ValueKind::Number, &number::encode(&number));
        }
    }

    fn push(&mut self, path: &FieldPath, kind: ValueKind, value: &[u8]) {
        self.terms.push(with_path(&path.kept(), kind, value));
    }
}

/// A path, stored only as far as terms need it. A path of megabytes may have thousands of keys below it, so their paths
/// do not hold all of its bytes.
struct FieldPath {
    /// The first bytes of the path, at most [`KEPT`].
    start: Vec<u8>,
    length: usize,
    /// The digest of all bytes of the path.
    digest: Sha256,
}

impl FieldPath {
    fn of(key: &str) -> Self {
        let mut path = Self { start: Vec::new(), length: 0, digest: Sha256::new() };
        path.extend(key.as_bytes());
        path
    }

    fn below(&self, key: &str) -> Self {
        let mut path = Self { start: self.start.clone(), length: self.length, digest: self.digest.clone() };
        path.extend(b".");
        path.extend(key.as_bytes());
        path
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = KEPT - self.start.len();
        self.start.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.length += bytes.len();
        self.digest.update(bytes);
    }

    /// The same bytes that [`kept`] returns for the whole path.
    fn kept(&self) -> Cow<'_, [u8]> {
        if self.length <= KEPT {
            return Cow::Borrowed(&self.start);
        }
        Cow::Owned([&self.start[..], &self.digest.clone().finalize()[..]].concat())
    }
}

/// The bytes with which all terms of a field start, and no other terms.
pub fn start_of_field(path: &str) -> Vec<u8> {
    start(&kept(path))
}

/// The field to which a term belongs; `None` for a term whose field was cut, and for bytes that are not a term.
pub fn field_of(term: &[u8]) -> Option<&str> {
    let (length, rest) = term.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length > KEPT { None } else { std::str::from_utf8(rest.get(..length)?).ok() }
}

/// The value of a field that a term represents, without its `start` ([`start_of_field`]). It is `None` for a term that says
/// that there is a value, for a date, which is listed as a string too, and for a string that was cut.
pub fn value_of(term: &[u8], start: &[u8]) -> Option<Value> {
    let (kind, value) = term.strip_prefix(start)?.split_first()?;
    match *kind {
        kind if kind == ValueKind::Null as u8 => Some(Value::Null),
        kind if kind == ValueKind::Bool as u8 => Some(Value::Bool(value == [1])),
        kind if kind == ValueKind::Number as u8 => number::decode(value.try_into().ok()?).map(Value::Number),
        kind if kind == ValueKind::Text as u8 && value.len() <= KEPT => Some(std::str::from_utf8(value).ok()?.into()),
        _ => None,
    }
}

/// The term that represents `value` at `path`.
pub(super) fn term(path: &str, kind: ValueKind, value: &[u8]) -> Vec<u8> {
    with_path(&kept(path), kind, value)
}

/// A path with its length before it, in two bytes.
fn start(path: &[u8]) -> Vec<u8> {
    [&(path.len() as u16).to_be_bytes()[..], path].concat()
}

fn with_path(path: &[u8], kind: ValueKind, value: &[u8]) -> Vec<u8> {
    let mut term = start(path);
    term.reserve(1 + value.len());
    term.push(kind as u8);
    term.extend_from_slice(value);
    term
}

/// The bytes that represent a path or string: its own bytes, if they are few.
pub(super) fn kept(text: &str) -> Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    if bytes.len() <= KEPT {
        return Cow::Borrowed(bytes);
    }
    Cow::Owned([&bytes[..KEPT], &Sha256::digest(bytes)[..]].concat())
}

/// The bytes with which strings start that start with `prefix`; see [`KEPT`].
pub(super) fn kept_prefix(prefix: &str) -> &[u8] {
    &prefix.as_bytes()[..prefix.len().min(KEPT)]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn terms_of(metadata: &Value) -> Vec<Vec<u8>> {
        terms(metadata.as_object().unwrap())
    }

    #[test]
    fn a_term_has_the_layout_that_is_written_down() {
        let terms = terms_of(&json!({"a": {"b": ["x", true]}, "n": null}));
        let expected: [&[u8]; 5] =
            [b"\0\x01a\0", b"\0\x01n\x01", b"\0\x03a.b\0", b"\0\x03a.b\x02\x01", b"\0\x03a.b\x05x"];
        assert_eq!(terms, expected);
    }

    #[test]
    fn a_date_is_listed_as_a_string_too() {
        let kinds: Vec<u8> = terms_of(&json!({"d": "2020-06-01"})).iter().map(|term| term[3]).collect();
        assert_eq!(kinds, [ValueKind::Present as u8, ValueKind::Date as u8, ValueKind::Text as u8]);
    }

    #[test]
    fn a_term_tells_its_field_and_a_field_how_its_terms_start() {
        let long = "x".repeat(KEPT + 1);
        for (path, told) in [("", Some("")), ("a.b", Some("a.b")), ("é", Some("é")), (&long, None)] {
            for term in terms_of(&json!({ path: [1, null, "x"] })) {
                assert!(term.starts_with(&start_of_field(path)));
                assert_eq!(field_of(&term), told);
            }
        }
        assert_eq!((field_of(b""), field_of(b"\0\x05ab")), (None, None));
    }

    #[test]
    fn a_cell_that_is_a_decimal_number_is_listed_as_one_too() {
        let row = |cell: &str| terms_of_row(json!({ "n": cell }).as_object().unwrap());
        for (cell, number) in [("12.50", json!(12.5)), ("1e3", json!(1000)), ("-.5", json!(-0.5)), ("+7", json!(7))] {
            let expected = term("n", ValueKind::Number, &number::encode(&serde_json::from_value(number).unwrap()));
            assert!(row(cell).contains(&expected), "{cell}");
            assert!(!terms_of(&json!({ "n": cell })).contains(&expected), "{cell} as a string of JSON");
        }
        for code in ["007", "-00.5", "1.2.3", "12 ", "1e", "e3", ".", "", "NaN", "inf", "0x10", "1_000", "1e999"] {
            assert_eq!(row(code), terms_of(&json!({ "n": code })), "{code:?}");
        }
    }

    #[test]
    fn thousands_of_keys_under_a_long_one_take_no_memory_for_it() {
        let keys: Map<String, Value> = (0..20_000).map(|number| (number.to_string(), 1.into())).collect();
        let long = "k".repeat(1 << 20);
        // Stored as full paths, they would be 20 GB.
        let terms = terms_of(&json!({ (long.clone()): keys }));
        assert_eq!(terms.len(), 2 * 20_000 + 1);
        let path = format!("{long}.19999");
        assert!(terms.contains(&term(&path, ValueKind::Present, &[])));
    }

    #[test]
    fn keys_and_strings_of_any_bytes_stay_apart() {
        let documents = [
            json!({"a": "\u{5}b"}),
            json!({"a\u{5}": "b"}),
            json!({"a\u{5}b": ""}),
            json!({"a\0": "b"}),
            json!({"a": "\0b"}),
            json!({"": "a\u{5}b"}),
        ];
        // The last term of a document is that of its string.
        let mut terms: Vec<_> = documents.iter().filter_map(|document| terms_of(document).pop()).collect();
        terms.sort();
        terms.dedup();
        assert_eq!(terms.len(), documents.len());
    }

    #[test]
    fn terms_are_short_and_differ_where_long_strings_differ_at_their_end() {
        let long = "x".repeat(5000);
        let [a, b] = ["a", "b"].map(|end| terms_of(&json!({ (long.clone() + "k"): long.clone() + end })));
        assert_eq!(a.iter().map(Vec::len).max(), Some(2115));
        assert!(a[0] == b[0] && a[1] != b[1]);
        assert_ne!(terms_of(&json!({ (long.clone() + "l"): 1 }))[0], terms_of(&json!({ (long + "k"): 1 }))[0]);
    }
}
