//! The elements of a JSON array. Each is used as soon as it is parsed.
//!
//! Nothing before or after an element is kept, so a file of any length needs the memory of its largest element.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::bounded::{LARGEST, MOST_VALUES, ValueCount};
use crate::record::RecordSink;
use crate::{BadRecord, CorpusError};
use semsearch_files::Place;

/// Which array of a JSON document is read.
pub(in crate::format) struct Elements<'a> {
    /// The name of the input, for messages.
    pub(in crate::format) name: &'a Arc<str>,
    /// The key of the array in the object at the top; without one, the array itself is at the top.
    pub(in crate::format) key: Option<&'static str>,
    /// What the document should be, for messages.
    pub(in crate::format) expected: &'static str,
}

impl Elements<'_> {
    /// Parses the array, and hands each element and its place to `each` until that breaks. An error of the document is
    /// pushed into `sink` and ends the reading: what follows a syntax error has no meaning.
    pub(in crate::format) fn read<T: DeserializeOwned>(
        &self,
        input: impl BufRead,
        sink: &mut RecordSink<'_>,
        mut each: impl FnMut(T, Place, &mut RecordSink<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let progress = ParseProgress::default();
        // The parser reads byte by byte, so the buffer must be of a type that is known when this is compiled.
        let counted =
            Counted { input: BufReader::new(input), progress: progress.clone(), values: ValueCount::default() };
        let mut json = serde_json::Deserializer::from_reader(counted);
        let mut stopped = false;
        let visitor = ArrayVisitor {
            name: self.name,
            progress: &progress,
            each: |element, place| {
                let flow = each(element, place, sink);
                stopped = flow.is_break();
                flow
            },
            of: PhantomData,
        };
        let outcome = match self.key {
            None => json.deserialize_seq(visitor),
            Some(key) => json.deserialize_map(KeyVisitor { key, array: visitor }),
        };
        if stopped {
            return ControlFlow::Break(());
        }
        match outcome.and_then(|()| json.end()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                let _ = sink(Err(self.failure(error)));
                ControlFlow::Break(())
            }
        }
    }

    /// The error of a whole document: it cannot be read, has another shape, or has broken syntax.
    fn failure(&self, error: serde_json::Error) -> CorpusError {
        let place = Place::line(self.name, error.line().max(1) as u64);
        if error.is_io() {
            return CorpusError::Input { place, source: error.into() };
        }
        if error.is_data() {
            let message = error.to_string();
            let found = message.split(" at line ").next().unwrap_or(&message).to_owned();
            return CorpusError::Format { place, expected: self.expected, found };
        }
        CorpusError::record(&place, BadRecord::json(&error))
    }
}

/// How far the parser has read. The reader below it counts, the visitors above it look.
#[derive(Clone, Default)]
struct ParseProgress {
    /// Complete lines, from the start of the document.
    newlines: Rc<Cell<u64>>,
    /// Bytes since the end of the last element.
    of_element: Rc<Cell<usize>>,
}

/// Visits an array, one element at a time.
struct ArrayVisitor<'a, T, F> {
    name: &'a Arc<str>,
    progress: &'a ParseProgress,
    each: F,
    of: PhantomData<T>,
}

impl<'de, T: DeserializeOwned, F: FnMut(T, Place) -> ControlFlow<()>> Visitor<'de> for ArrayVisitor<'_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        let with_line = || WithLine { progress: self.progress, of: PhantomData };
        while let Some((element, line)) = elements.next_element_seed(with_line())? {
            self.progress.of_element.set(0);
            if (self.each)(element, Place::line(self.name, line)).is_break() {
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

impl<'de, T: DeserializeOwned, F: FnMut(T, Place) -> ControlFlow<()>> DeserializeSeed<'de> for ArrayVisitor<'_, T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

/// Parses one element, and notes the line on which it begins: the parser has then read up to its first byte.
struct WithLine<'a, T> {
    progress: &'a ParseProgress,
    of: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for WithLine<'_, T> {
    type Value = (T, u64);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let line = self.progress.newlines.get() + 1;
        T::deserialize(deserializer).map(|element| (element, line))
    }
}

/// Visits an object, and the array under one of its keys.
struct KeyVisitor<'a, T, F> {
    key: &'static str,
    array: ArrayVisitor<'a, T, F>,
}

impl<'de, T: DeserializeOwned, F: FnMut(T, Place) -> ControlFlow<()>> Visitor<'de> for KeyVisitor<'_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "an object with an array `{}`", self.key)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(key) = entries.next_key::<String>()? {
            if key == self.key {
                found = true;
                let ArrayVisitor { name, progress, each, .. } = &mut self.array;
                entries.next_value_seed(ArrayVisitor { name, progress, each, of: PhantomData })?;
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
    progress: ParseProgress,
    values: ValueCount,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ParseProgress { newlines, of_element } = &self.progress;
        if of_element.get() > LARGEST {
            return Err(io::Error::other(format!("a record is longer than {} MiB", LARGEST >> 20)));
        }
        if of_element.get() == 0 {
            self.values.reset();
        } else if self.values.too_many() {
            return Err(io::Error::other(format!("a record has more than {MOST_VALUES} values")));
        }
        let read = self.input.read(buffer)?;
        self.values.pass(&buffer[..read]);
        newlines.set(newlines.get() + buffer[..read].iter().filter(|&&byte| byte == b'\n').count() as u64);
        of_element.set(of_element.get() + read);
        Ok(read)
    }
}
