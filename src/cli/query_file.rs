//! Files of queries: JSON Lines if the first query is an object, else one query a line.

use std::collections::HashMap;
use std::io::{BufRead, Read};
use std::sync::Arc;

use semsearch::engine::Query;
use semsearch::error::{BadRecord, CorpusError, Place};
use serde_json::Value;

/// Bytes of a line, at most.
const LONGEST: usize = 8 << 20;

/// The queries of a file, in their order. Blank lines are skipped.
pub(super) fn queries<R: BufRead>(input: R, name: &Arc<str>) -> QueryLines<R> {
    QueryLines { input, name: Arc::clone(name), number: 0, json: None, seen: HashMap::new() }
}

/// Reads queries, a line each.
pub(super) struct QueryLines<R> {
    input: R,
    name: Arc<str>,
    /// Number of the line that was read last, from 1.
    number: u64,
    /// Whether queries are JSON objects; `None` before the first query.
    json: Option<bool>,
    /// The ids of JSON queries so far, with their lines.
    seen: HashMap<String, Place>,
}

impl<R: BufRead> Iterator for QueryLines<R> {
    type Item = Result<Query, CorpusError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = Vec::new();
        loop {
            self.number += 1;
            bytes.clear();
            let place = Place::line(&self.name, self.number);
            match self.input.by_ref().take(LONGEST as u64 + 1).read_until(b'\n', &mut bytes) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(source) => return Some(Err(CorpusError::Input { place, source })),
            }
            if let Some(query) = self.query(&bytes).transpose() {
                return Some(query.map_err(|problem| CorpusError::Record { place, problem }));
            }
        }
    }
}

impl<R> QueryLines<R> {
    /// The query of a line; `None` for a blank one.
    fn query(&mut self, bytes: &[u8]) -> Result<Option<Query>, BadRecord> {
        if bytes.len() > LONGEST {
            return Err(BadRecord::TooLarge { max: LONGEST });
        }
        let text = std::str::from_utf8(bytes).map_err(BadRecord::utf8)?;
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Ok(None);
        }
        if !*self.json.get_or_insert(text.starts_with('{')) {
            return Ok(Some(Query { id: self.number.to_string(), text: text.into() }));
        }
        let query = object(text, self.number)?;
        // A reader of the hits could not distinguish two queries with the same id.
        if let Some(first) = self.seen.get(&query.id) {
            return Err(BadRecord::DuplicateId { id: query.id, first: first.clone() });
        }
        self.seen.insert(query.id.clone(), Place::line(&self.name, self.number));
        Ok(Some(query))
    }
}

/// A query of a JSON Lines file.
fn object(line: &str, number: u64) -> Result<Query, BadRecord> {
    let value: Value = serde_json::from_str(line).map_err(|error| BadRecord::json(&error))?;
    let field = |names: &[&str]| names.iter().find_map(|name| value.get(name));
    let text = match field(&["text", "query", "question"]) {
        Some(Value::String(text)) if text.trim().is_empty() => return Err(BadRecord::EmptyQuery),
        Some(Value::String(text)) => text.clone(),
        _ => return Err(BadRecord::NoText { looked_for: ["text", "query", "question"].map(String::from).to_vec() }),
    };
    let id = match field(&["_id", "id"]) {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => number.to_string(),
    };
    Ok(Query { id, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &str) -> Vec<String> {
        let shown = |query: Result<Query, CorpusError>| match query {
            Ok(query) => format!("{}={}", query.id, query.text),
            Err(error) => error.to_string(),
        };
        queries(input.as_bytes(), &"in".into()).map(shown).collect()
    }

    #[test]
    fn plain_lines_are_numbered_by_their_line() {
        assert_eq!(read("who?\n\n  why?  \r\n"), ["1=who?", "3=why?"]);
    }

    #[test]
    fn objects_bring_their_id_or_are_numbered() {
        let input = "{\"_id\": \"a\", \"text\": \"who?\"}\n{\"text\": \"why?\"}\n{\"text\": \" \"}\n{\"x\": 1}\n{\"_id\": \"a\", \"text\": \"x\"}\n{";
        assert_eq!(
            read(input),
            [
                "a=who?",
                "2=why?",
                "in:3: the query is empty",
                "in:4: no text: none of the fields text, query, question is present",
                "in:5: id \"a\" is already used at in:1",
                "in:6: invalid JSON: EOF while parsing an object (column 1)"
            ]
        );
    }
}
