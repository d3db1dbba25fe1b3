//! A record's parts: which field is the id, which the title, which the text; all else is metadata.

use std::io::{self, BufWriter, Write};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::bounded::{self, LARGEST};
use super::{Markup, Record, csv, kind};
use crate::{BadRecord, CorpusError};
use semsearch_files::Place;

const IDS: [&str; 3] = ["_id", "id", "docid"];
const TEXTS: [&str; 6] = ["text", "contents", "content", "context", "passage", "body"];
const TITLE: &str = "title";

/// Bytes of an id. (tantivy cannot look up terms over 65,530 bytes.)
const MAX_ID: usize = 4096;

/// What is indexed: a text with its id, title and metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Unique in an index.
    pub id: String,
    /// Whether the record brought its id; otherwise it is made of the record's content.
    pub own_id: bool,
    /// Where a record has one of its own.
    pub title: Option<String>,
    /// The text as it stands in the record.
    pub text: String,
    /// All other fields of the record, in their order.
    pub metadata: Map<String, Value>,
    /// Where the record stands.
    pub place: Place,
    /// How the text is written, if it is a file of text; `None` for a record of a data format.
    pub markup: Option<Markup>,
    /// Whether it is a row of a table: strings among the metadata may stand for numbers.
    pub is_row: bool,
}

impl Document {
    /// Whether the text is white space alone.
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Bytes of memory that it takes, about.
    pub fn weight(&self) -> usize {
        self.text.len() + bounded::weight(&self.metadata)
    }
}

/// Which fields of a record hold id, text and title. `None` tries the usual names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Dotted path of the id; else the first present of `_id id docid`.
    pub id: Option<String>,
    /// Dotted paths of the text: those that are there and not empty, in this order, with a blank line between two. Null is
    /// not there. If no path is named, the first present of `text contents content context passage body`.
    pub text: Vec<String>,
    /// Dotted path of the title; else `title`.
    pub title: Option<String>,
}

impl Fields {
    /// Takes the record apart. A text file has the usual fields, whatever those of the records beside it are called.
    ///
    /// # Errors
    /// A field named or needed is missing or has the wrong type.
    pub fn document(&self, record: Record) -> Result<Document, CorpusError> {
        match record.markup {
            Some(_) => Self::default().take_apart(record),
            None => self.take_apart(record),
        }
    }

    fn take_apart(&self, record: Record) -> Result<Document, CorpusError> {
        let Record { mut fields, place, titled, markup, columns } = record;
        let bad = |problem| CorpusError::record(&place, problem);

        let id = take_first(&mut fields, self.id.as_deref(), &IDS);
        let own_id = id.is_some();
        let id = match id {
            Some((field, value)) => id_of(field, value).map_err(bad)?,
            // Nothing was taken out yet: it is made of all fields.
            None => content_id(&fields),
        };
        let text = match self.text(&mut fields) {
            // An empty cell is a blank text.
            Err(BadRecord::NoText { .. }) if columns.as_deref().is_some_and(|columns| self.has_text(columns)) => {
                String::new()
            }
            text => text.map_err(bad)?,
        };
        let title = if titled || self.title.is_some() {
            take_first(&mut fields, self.title.as_deref(), &[TITLE])
        } else {
            None
        };

        if listed(&fields) > LARGEST {
            return Err(bad(BadRecord::Metadata { max: LARGEST }));
        }
        let is_row = columns.is_some();
        if is_row {
            fields.iter_mut().for_each(|(_, cell)| {
                if let Value::String(text) = cell {
                    *cell = csv::value(text);
                }
            });
        }
        Ok(Document {
            id,
            own_id,
            title: match title {
                None | Some((_, Value::Null)) => None,
                Some((field, value)) => Some(string_of(field, value).map_err(bad)?),
            },
            text,
            metadata: fields,
            place,
            markup,
            is_row,
        })
    }

    /// Whether a table with these columns has one for the text.
    fn has_text(&self, columns: &[String]) -> bool {
        let is_text = |name: &String| match self.text.is_empty() {
            true => TEXTS.contains(&name.as_str()),
            false => self.text.contains(name),
        };
        columns.iter().any(is_text)
    }

    /// Takes the text out of the fields.
    fn text(&self, fields: &mut Map<String, Value>) -> Result<String, BadRecord> {
        if self.text.is_empty() {
            let no_text = || BadRecord::NoText { looked_for: TEXTS.map(String::from).to_vec() };
            let (field, text) = take_first(fields, None, &TEXTS).ok_or_else(no_text)?;
            return string_of(field, text);
        }
        let there = self.text.iter().filter_map(|path| Some((path, take(fields, path)?)));
        let there = there.filter(|(_, value)| !value.is_null());
        let mut texts: Vec<String> = there.map(|(path, value)| string_of(path, value)).collect::<Result<_, _>>()?;
        if texts.is_empty() {
            return Err(BadRecord::NoText { looked_for: self.text.clone() });
        }
        texts.retain(|text| !text.is_empty());
        Ok(texts.join("\n\n"))
    }
}

/// Removes the field `named`, or the first of `usual` that is present. With its dotted path, for messages.
fn take_first<'a>(
    fields: &mut Map<String, Value>,
    named: Option<&'a str>,
    usual: &[&'a str],
) -> Option<(&'a str, Value)> {
    match named {
        Some(path) => take(fields, path).map(|value| (path, value)),
        None => usual.iter().find_map(|&path| take(fields, path).map(|value| (path, value))),
    }
}

/// Removes the value at a dotted path. A field whose own name has the dots wins over a nested one.
fn take(fields: &mut Map<String, Value>, path: &str) -> Option<Value> {
    // `shift_remove` keeps the order of what stays; plain `remove` does not.
    if let Some(value) = fields.shift_remove(path) {
        return Some(value);
    }
    let (head, rest) = path.split_once('.')?;
    take(fields.get_mut(head)?.as_object_mut()?, rest)
}

fn string_of(field: &str, value: Value) -> Result<String, BadRecord> {
    match value {
        Value::String(string) => Ok(string),
        other => Err(BadRecord::Type { field: field.into(), found: kind(&other), expected: "a string" }),
    }
}

/// Ids are strings; whole numbers serve too, by their digits.
fn id_of(field: &str, value: Value) -> Result<String, BadRecord> {
    match value {
        Value::String(id) if id.is_empty() => Err(BadRecord::EmptyId { field: field.into() }),
        Value::String(id) if id.len() > MAX_ID => {
            Err(BadRecord::LongId { field: field.into(), bytes: id.len(), max: MAX_ID })
        }
        Value::String(id) => Ok(id),
        Value::Number(number) if !number.is_f64() => Ok(number.to_string()),
        other => {
            Err(BadRecord::Type { field: field.into(), found: kind(&other), expected: "a string or a whole number" })
        }
    }
}

/// The id of a record that brings none: 128 bits of the SHA-256 of its JSON, in hexadecimal.
pub(super) fn content_id(fields: &Map<String, Value>) -> String {
    let mut digest = BufWriter::new(Digesting(Sha256::new()));
    // Neither digesting nor writing to a buffer fails.
    let _ = serde_json::to_writer(&mut digest, fields).map(|()| digest.flush());
    hex::encode(&digest.get_ref().0.clone().finalize()[..16])
}

/// Digests what is written.
struct Digesting(Sha256);

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes that an index takes, at most, to list metadata for filters: each value with the path to it.
fn listed(metadata: &Map<String, Value>) -> usize {
    /// So many bytes of a path and of a string are listed at most ([`semsearch_filter::terms`]).
    const KEPT: usize = 1056;
    fn of(path: usize, value: &Value) -> usize {
        match value {
            Value::Array(elements) => elements.iter().map(|element| of(path, element)).sum(),
            Value::Object(fields) => fields.iter().map(|(key, value)| of(path + 1 + key.len(), value)).sum(),
            Value::String(text) => 2 * path.min(KEPT) + text.len().min(KEPT),
            Value::Null | Value::Bool(_) | Value::Number(_) => 2 * path.min(KEPT),
        }
    }
    metadata.iter().map(|(key, value)| of(key.len(), value)).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(value: Value, fields: &Fields) -> Result<Document, CorpusError> {
        let Value::Object(object) = value else { panic!("a test's record is an object") };
        fields.document(Record {
            fields: object,
            place: Place::line(&"test".into(), 7),
            titled: true,
            markup: None,
            columns: None,
        })
    }

    #[test]
    fn usual_names_are_found_and_the_rest_is_metadata_in_order() {
        let record = json!({"z": 1, "_id": "a", "title": "T", "y": [2], "text": "hello", "x": null});
        let found = document(record, &Fields::default()).unwrap();
        assert_eq!((found.id.as_str(), found.title.as_deref(), found.text.as_str()), ("a", Some("T"), "hello"));
        assert_eq!(serde_json::to_string(&found.metadata).unwrap(), r#"{"z":1,"y":[2],"x":null}"#);
    }

    #[test]
    fn named_fields_are_dotted_paths_and_a_literal_dot_wins() {
        let fields = Fields { id: Some("k".into()), text: vec!["a.b".into()], title: None };
        let nested = document(json!({"k": 12, "a": {"b": "deep", "c": 3}}), &fields).unwrap();
        assert_eq!((nested.id.as_str(), nested.text.as_str()), ("12", "deep"));
        assert_eq!(serde_json::to_string(&nested.metadata).unwrap(), r#"{"a":{"c":3}}"#);
        let literal = document(json!({"k": 1, "a": {"b": "deep"}, "a.b": "flat"}), &fields).unwrap();
        assert_eq!(literal.text, "flat");
    }

    #[test]
    fn texts_of_several_fields_have_a_blank_line_between_them_and_what_is_missing_or_empty_is_passed_over() {
        let fields = Fields { text: ["q", "a.b", "c"].map(String::from).into(), ..Fields::default() };
        let text = |value| document(value, &fields).map(|document| document.text).map_err(|error| error.to_string());
        assert_eq!(text(json!({"c": "C", "a": {"b": "B"}, "q": "Q"})).unwrap(), "Q\n\nB\n\nC");
        assert_eq!(text(json!({"q": "", "c": "C"})).unwrap(), "C");
        assert_eq!(text(json!({"q": "Q", "a": {"b": null}, "c": ""})).unwrap(), "Q");
        assert_eq!(text(json!({"q": ""})).unwrap(), "", "an empty text is one");
        let none = "test:7: no text: none of the fields q, a.b, c is present";
        assert_eq!(text(json!({"text": "T", "q": null})).unwrap_err(), none);
        assert_eq!(text(json!({"q": "Q", "c": 5})).unwrap_err(), "test:7: field `c` is a number, expected a string");
    }

    #[test]
    fn an_id_is_made_of_the_content_and_of_all_of_it() {
        let id = |value| document(value, &Fields::default()).unwrap().id;
        assert_eq!(id(json!({"text": "a"})), id(json!({"text": "a"})));
        assert_ne!(id(json!({"text": "a"})), id(json!({"text": "a", "tag": 1})));
        assert_eq!(id(json!({"text": "a"})).len(), 32);
    }

    #[test]
    fn names_of_fields_are_not_for_text_files() {
        let fields = Fields { text: vec!["body".into()], ..Fields::default() };
        let Value::Object(object) = json!({"_id": "a.md", "text": "hello"}) else { unreachable!() };
        let place = Place::whole(&"a.md".into());
        let record = Record { fields: object, place, titled: true, markup: Some(Markup::Markdown), columns: None };
        let found = fields.document(record).unwrap();
        assert_eq!((found.text.as_str(), found.markup), ("hello", Some(Markup::Markdown)));
    }

    #[test]
    fn wrong_types_are_named_with_their_place() {
        let message = |value| document(value, &Fields::default()).unwrap_err().to_string();
        assert_eq!(message(json!({"text": 5})), "test:7: field `text` is a number, expected a string");
        assert_eq!(
            message(json!({"text": "a", "id": [1]})).split(": ").nth(1),
            Some("field `id` is an array, expected a string or a whole number")
        );
        assert_eq!(message(json!({"text": "a", "id": ""})), "test:7: field `id` is an empty id");
        let long = message(json!({"text": "a", "id": "x".repeat(5000)}));
        assert_eq!(long, "test:7: field `id` is an id of 5000 bytes, at most 4096 are possible");
        assert!(message(json!({"body2": "a"})).contains("none of the fields text, contents,"));
    }
}
