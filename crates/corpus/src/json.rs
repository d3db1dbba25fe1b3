//! JSON documents read as streams: the elements of one array, handed over as they are parsed.
//!
//! Nothing before or after an element is kept, so a file of any length needs the memory of its largest element.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;

use super::bounded::{LARGEST, MOST_VALUES, Values};
use super::{Record, Sink, kind};
use crate::{BadRecord, CorpusError};
use semsearch_files::Place;

/// Pushes every element of a top-level array as a record.
pub(super) fn read(input: impl BufRead, name: &Arc<str>, sink: &mut Sink<'_>) -> ControlFlow<()> {
    let mut wanted = ControlFlow::Continue(());
    let outcome = array(input, name, None, |value: Value, place| {
        wanted = sink(match value {
            Value::Object(fields) => Ok(Record { fields, place, titled: true, markup: None, columns: None }),
            other => Err(CorpusError::record(&place, BadRecord::NotAnObject { found: kind(&other) })),
        });
        wanted
    });
    wanted?;
    finish(outcome, sink)
}

/// Hands over the error that ended a JSON document, if one did: what follows a syntax error has no meaning, so reading
/// ends whether or not the sink would go on.
pub(super) fn finish(outcome: Result<(), CorpusError>, sink: &mut Sink<'_>) -> ControlFlow<()> {
    let Err(error) = outcome else { return ControlFlow::Continue(()) };
    let _ = sink(Err(error));
    ControlFlow::Break(())
}

/// Parses the array at the top of `input`, or the one under the top-level key `key`, giving each element and its place
/// to `each` until that breaks.
pub(super) fn array<T: DeserializeOwned>(
    input: impl BufRead,
    name: &Arc<str>,
    key: Option<&'static str>,
    each: impl FnMut(T, Place) -> ControlFlow<()>,
) -> Result<(), CorpusError> {
    let line = Rc::new(Cell::new(1));
    let of_element = Rc::new(Cell::new(0));
    let (line_read, read) = (Rc::clone(&line), Rc::clone(&of_element));
    let counted = Counted { input, line: line_read, of_element: read, values: Values::default() };
    let mut json = serde_json::Deserializer::from_reader(counted);
    let mut elements = Elements { name, line: &line, of_element: &of_element, each, stopped: false, of: PhantomData };
    let outcome = match key {
        None => json.deserialize_seq(&mut elements),
        Some(key) => json.deserialize_map(Under { key, elements: &mut elements }),
    };
    if elements.stopped {
        return Ok(());
    }
    outcome.and_then(|()| json.end()).map_err(|error| failure(name, key, error))
}

/// The error of a whole JSON document: an input that cannot be read, one of another shape, or broken syntax.
fn failure(name: &Arc<str>, key: Option<&str>, error: serde_json::Error) -> CorpusError {
    let place = Place::line(name, error.line().max(1) as u64);
    if error.is_io() {
        return CorpusError::Input { place, source: error.into() };
    }
    if error.is_data() {
        let expected = if key.is_some() { "a SQuAD file" } else { "a JSON array of records" };
        let message = error.to_string();
        let found = message.split(" at line ").next().unwrap_or(&message).to_owned();
        return CorpusError::Format { place, expected, found };
    }
    CorpusError::record(&place, BadRecord::json(&error))
}

/// Visits an array, one element at a time.
struct Elements<'a, T, F> {
    name: &'a Arc<str>,
    line: &'a Cell<u64>,
    of_element: &'a Cell<usize>,
    each: F,
    /// `each` broke: what serde reports after that is no error.
    stopped: bool,
    of: PhantomData<T>,
}

impl<'de, T: DeserializeOwned, F: FnMut(T, Place) -> ControlFlow<()>> Visitor<'de> for &mut Elements<'_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some((element, line)) = elements.next_element_seed(WithLine { line: self.line, of: PhantomData })? {
            self.of_element.set(0);
            if (self.each)(element, Place::line(self.name, line)).is_break() {
                self.stopped = true;
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

impl<'de, T: DeserializeOwned, F: FnMut(T, Place) -> ControlFlow<()>> DeserializeSeed<'de> for &mut Elements<'_, T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

/// One element, with the line it begins on: the parser has then read up to its first byte.
struct WithLine<'a, T> {
    line: &'a Cell<u64>,
    of: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for WithLine<'_, T> {
    type Value = (T, u64);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let line = self.line.get();
        T::deserialize(deserializer).map(|element| (element, line))
    }
}

/// Visits an object, for the sake of the array under one of its keys.
struct Under<'a, 'b, T, F> {
    key: &'static str,
    elements: &'b mut Elements<'a, T, F>,
}

impl<'de, T: DeserializeOwned, F: FnMut(T, Place) -> ControlFlow<()>> Visitor<'de> for Under<'_, '_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "an object with an array `{}`", self.key)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(key) = entries.next_key::<String>()? {
            if key == self.key {
                found = true;
                entries.next_value_seed(&mut *self.elements)?;
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        if found { Ok(()) } else { Err(A::Error::missing_field(self.key)) }
    }
}

/// Counts the lines that pass through it, and the bytes and values since the last element.
struct Counted<R> {
    input: R,
    line: Rc<Cell<u64>>,
    of_element: Rc<Cell<usize>>,
    values: Values,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.of_element.get() > LARGEST {
            return Err(io::Error::other(format!("more than {} MiB long: that is no record", LARGEST >> 20)));
        }
        if self.of_element.get() == 0 {
            self.values.reset();
        } else if self.values.too_many() {
            return Err(io::Error::other(format!("more than {MOST_VALUES} values: that is no record")));
        }
        let read = self.input.read(buffer)?;
        self.values.pass(&buffer[..read]);
        let newlines = buffer[..read].iter().filter(|&&byte| byte == b'\n').count();
        self.line.set(self.line.get() + newlines as u64);
        self.of_element.set(self.of_element.get() + read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(input: &str) -> Vec<Result<Record, String>> {
        let mut all = Vec::new();
        let _ = read(input.as_bytes(), &"in".into(), &mut |found| {
            all.push(found.map_err(|error| error.to_string()));
            ControlFlow::Continue(())
        });
        all
    }

    #[test]
    fn elements_carry_the_line_they_begin_on() {
        let all = read_all("[{\"text\":\n\"a\"},\n\n  {\"text\":\"b\"}\n]");
        let lines: Vec<_> = all.iter().map(|found| found.as_ref().unwrap().place.line).collect();
        assert_eq!(lines, [Some(1), Some(4)]);
    }

    #[test]
    fn what_stands_before_a_syntax_error_is_read_and_the_error_comes_last() {
        let all = read_all("[{\"text\":\"a\"},\n{\"text\" \"b\"}]");
        assert!(all[0].is_ok());
        assert_eq!(all[1].as_ref().unwrap_err(), "in:2: invalid JSON: expected `:` (column 9)");
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn an_object_is_not_an_array_of_records() {
        let all = read_all("{\"text\":\"a\"}");
        assert_eq!(
            all[0].as_ref().unwrap_err(),
            "in:1: not a JSON array of records: invalid type: map, expected an array"
        );
    }

    #[test]
    fn a_sink_that_breaks_is_not_called_again() {
        let mut calls = 0;
        let flow = read("[{\"a\":1},{\"a\":2}]".as_bytes(), &"in".into(), &mut |_| {
            calls += 1;
            ControlFlow::Break(())
        });
        assert_eq!((calls, flow), (1, ControlFlow::Break(())));
    }
}
