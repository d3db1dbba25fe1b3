//! Makes documents of records: which field is the id, which the title, which the text. All other fields are metadata.

use serde_json::{Map, Value};

use super::bounded::LARGEST;
use super::content_id::content_id;
use super::record::json_type;
use super::{BadRecord, Columns, CorpusError, Document, Record};

/// The usual names of the id, of the text and of the title.
const IDS: [&str; 3] = ["_id", "id", "docid"];
const TEXTS: [&str; 10] =
    ["text", "contents", "content", "context", "passage", "body", "message", "msg", "description", "question"];
const TITLE: &str = "title";

/// The most bytes of an id. (tantivy cannot look up terms over 65,530 bytes.)
const MAX_ID: usize = 4096;

/// The names of the fields that hold id, text and title of a record. Without a name, the usual names are tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldNames {
    /// Dotted path of the id. Default: the first of `_id`, `id`, `docid` that is present.
    pub id: Option<String>,
    /// Dotted paths of the text. All that are present and not empty are joined in this order, with a blank line between
    /// them; null counts as absent. A record that has none of them, like one of another kind of file, has the usual ones:
    /// the first of `text`, `contents`, `content`, `context`, `passage`, `body`, `message`, `msg`, `description`,
    /// `question` that is present.
    pub text: Vec<String>,
    /// Dotted path of the title. Default: `title`.
    pub title: Option<String>,
}

impl FieldNames {
    /// Makes a document of a record. A text file always has the usual names, also if other records have others.
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
        let Record { mut fields, place, titled, markup, columns, layout } = record;
        let bad = |problem| CorpusError::record(&place, problem);
        let id = self.id(&mut fields).map_err(bad)?;
        let own_id = id.is_some();
        // Without an id nothing was taken out yet, so the id is computed from all fields.
        let id = id.unwrap_or_else(|| content_id(&fields));
        let text = match self.text(&mut fields) {
            // An empty cell is a blank text.
            Err(BadRecord::NoText { .. }) if columns.as_ref().is_some_and(|columns| self.has_text(columns)) => {
                String::new()
            }
            text => text.map_err(bad)?,
        };
        let title = if titled || self.title.is_some() { self.title(&mut fields) } else { None };
        if weight_in_index(&fields) > LARGEST {
            return Err(bad(BadRecord::Metadata { max: LARGEST }));
        }
        let title = title.map(|(field, value)| string_of(field, value)).transpose().map_err(bad)?;
        let is_row = columns.is_some();
        if let Some(columns) = columns {
            cells_to_values(&mut fields, &columns);
        }
        Ok(Document { id, own_id, title, text, metadata: fields, place, markup, layout, is_row })
    }

    /// Removes the id from the fields, and returns it.
    fn id(&self, fields: &mut Map<String, Value>) -> Result<Option<String>, BadRecord> {
        let id = take_first(fields, self.id.as_deref(), &IDS);
        id.map(|(field, value)| id_of(field, value)).transpose()
    }

    /// Removes the title from the fields, and returns it with its path unless it is null.
    fn title(&self, fields: &mut Map<String, Value>) -> Option<(&str, Value)> {
        take_first(fields, self.title.as_deref(), &[TITLE]).filter(|(_, value)| !value.is_null())
    }

    /// Whether a table with these columns has one for the text.
    fn has_text(&self, columns: &Columns) -> bool {
        TEXTS.into_iter().chain(self.text.iter().map(String::as_str)).any(|name| columns.contains(name))
    }

    /// Removes the text from the fields, and returns it.
    fn text(&self, fields: &mut Map<String, Value>) -> Result<String, BadRecord> {
        let there = self.text.iter().filter_map(|path| Some((path, take(fields, path)?)));
        let there = there.filter(|(_, value)| !value.is_null());
        let mut texts: Vec<String> = there.map(|(path, value)| string_of(path, value)).collect::<Result<_, _>>()?;
        if texts.is_empty() {
            let looked_for = || self.text.iter().map(String::as_str).chain(TEXTS).map(String::from).collect();
            let (field, text) =
                take_first(fields, None, &TEXTS).ok_or_else(|| BadRecord::NoText { looked_for: looked_for() })?;
            return string_of(field, text);
        }
        texts.retain(|text| !text.is_empty());
        Ok(texts.join("\n\n"))
    }
}

/// Removes the field `named`, or the first of `usual` that is present. Returns it with its dotted path, for messages.
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

/// Removes the value at a dotted path. A field whose own name contains the dots has precedence over a nested field.
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
        other => Err(BadRecord::Type { field: field.into(), found: json_type(&other), expected: "a string" }),
    }
}

/// Ids are strings. A whole number becomes the string of its digits.
fn id_of(field: &str, value: Value) -> Result<String, BadRecord> {
    match value {
        Value::String(id) if id.is_empty() => Err(BadRecord::EmptyId { field: field.into() }),
        Value::String(id) if id.len() > MAX_ID => {
            Err(BadRecord::LongId { field: field.into(), bytes: id.len(), max: MAX_ID })
        }
        Value::String(id) => Ok(id),
        Value::Number(number) if !number.is_f64() => Ok(number.to_string()),
        other => Err(BadRecord::Type {
            field: field.into(),
            found: json_type(&other),
            expected: "a string or a whole number",
        }),
    }
}

/// Makes numbers and booleans of the cells of columns that have only such.
fn cells_to_values(fields: &mut Map<String, Value>, columns: &Columns) {
    for (name, cell) in fields.iter_mut() {
        if let Value::String(text) = cell {
            *cell = columns.value(name, text);
        }
    }
}

/// The most bytes that an index needs to list metadata for filters: each value with its path.
fn weight_in_index(metadata: &Map<String, Value>) -> usize {
    /// The most bytes of a path and of a string that are listed (`terms` of the crate `semsearch-filter`).
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
mod tests;
