//! Reads inputs: decompresses them, finds the format of each, and runs its reader.

use std::io::{BufReader, Cursor};
use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, OnceLock};

use super::compression::decompressed;
use super::format::{InputContent, Reader, is_utf32};
use super::input::Bytes;
use super::peek::peek;
use super::reader_thread::on_thread;
use super::record::RecordSink;
use super::record_stream::{self, RecordStream};
use super::{CorpusError, Format, Input, ReadOptions};
use semsearch_files::Place;

/// How many bytes of a file are looked at to find its format.
const SNIFFED: usize = 64 * 1024;

/// How many bytes of a file whose format is known are looked at for a byte order mark.
const MARK: usize = 4;

/// Reads the records of `inputs`, one input after the other, ahead on a thread of its own. An input without a record is
/// the error [`CorpusError::NoRecords`]; a blank text file is [`BadRecord::Blank`](crate::BadRecord::Blank).
///
/// # Errors
/// An input cannot be opened. Nothing has been read in that case.
pub fn records(inputs: &[Input], options: impl Into<ReadOptions>) -> Result<RecordStream, CorpusError> {
    let options = options.into();
    let streams: Vec<Option<Bytes>> = inputs.iter().map(Input::try_open).collect::<Result<_, _>>()?;
    let inputs = inputs.to_vec();
    let (sender, receiver) = record_stream::channel();
    on_thread(move || {
        for (input, bytes) in inputs.into_iter().zip(streams) {
            // A closed channel means that nobody listens any more; other breaks end only this input.
            let mut closed = false;
            let mut sink = |record| {
                closed = sender.send(record).is_err();
                if closed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let _ = match bytes.map_or_else(|| input.open(), Ok) {
                Ok(bytes) => caught(&input, bytes, &options, &mut sink),
                Err(error) => sink(Err(error)),
            };
            if closed {
                return;
            }
        }
    });
    Ok(receiver)
}

/// Counts the records of `inputs`, up to a `limit`, on a thread of its own: for a display of how much is left. The
/// number is set when it is known. Only regular files can be read twice, so it is never known if an input is a stream.
pub fn count(inputs: &[Input], options: impl Into<ReadOptions>, limit: Option<usize>) -> Arc<OnceLock<u64>> {
    let options = options.into();
    let known = Arc::new(OnceLock::new());
    let (inputs, result) = (inputs.to_vec(), Arc::clone(&known));
    let limit = limit.map_or(u64::MAX, |limit| limit as u64);
    on_thread(move || {
        let mut count = 0;
        for input in inputs.iter().filter(|input| !input.is_found() || input.is_regular()) {
            if count >= limit {
                break;
            }
            if !input.is_regular() {
                return;
            }
            count += count_one(input, &options, limit - count);
        }
        let _ = result.set(count.min(limit));
    });
    known
}

/// The number of records of a regular file. Records are not counted beyond the `limit`.
fn count_one(input: &Input, options: &ReadOptions, limit: u64) -> u64 {
    if told(input, options.format).is_some_and(Format::is_prose) {
        return 1;
    }
    let by_reader =
        told(input, options.format).zip(input.path()).and_then(|(format, path)| format.reader().count(path));
    if let Some(count) = by_reader {
        return count;
    }
    let (mut count, Ok(bytes)) = (0, input.open()) else { return 0 };
    let _ = caught(input, bytes, options, &mut |_| {
        count += 1;
        if count < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    count
}

/// Runs [`read`]. If a library panics over what it finds, the input ends with an error, not in silence.
fn caught(input: &Input, bytes: Bytes, options: &ReadOptions, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| read(input, bytes, options, sink)));
    outcome.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|&said| said.into()));
        let place = Place::whole(&input.name());
        let found = said.unwrap_or_else(|| "its reader failed".into());
        sink(Err(CorpusError::Format { place, expected: "a file that can be read", found }))
    })
}

/// Pushes the records of an input.
fn read(input: &Input, bytes: Bytes, options: &ReadOptions, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
    if let Some((path, preprocessor)) = input.path().and_then(|path| Some((path, options.preprocessor_of(path)?))) {
        let text = match preprocessor.text_of(path) {
            Ok(text) => Cursor::new(text),
            Err(source) => return sink(Err(CorpusError::Input { place: Place::whole(&input.name()), source })),
        };
        return read_as(Format::Text.reader(), InputContent::new(input, options, Box::new(text), None), sink);
    }
    let (compression, bytes) = match decompressed(BufReader::new(bytes)) {
        Ok((compression, bytes)) => (compression, BufReader::with_capacity(SNIFFED, bytes)),
        Err(source) => return sink(Err(CorpusError::Input { place: Place::whole(&input.name()), source })),
    };
    let told = told(input, options.format);
    let (start, bytes) = peek(bytes, if told.is_some() { MARK } else { SNIFFED });
    let format = told.unwrap_or_else(|| Format::by_content(&start));
    if is_utf32(&start) && !format.is_binary() {
        let (place, found) = (Place::whole(&input.name()), "it is in UTF-32".into());
        return sink(Err(CorpusError::Format { place, expected: "text in UTF-8 or UTF-16", found }));
    }
    let plain = input.path().filter(|_| compression.is_none() && input.is_regular());
    read_as(format.reader(), InputContent::new(input, options, Box::new(bytes), plain), sink)
}

/// Pushes the records of an input, or an error if there are none.
fn read_as(reader: &dyn Reader, content: InputContent<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
    let (name, mut found) = (content.name(), reader.may_be_empty());
    reader.read(content, &mut |record| {
        found = true;
        sink(record)
    })?;
    if found { ControlFlow::Continue(()) } else { sink(Err(CorpusError::NoRecords { input: name })) }
}

/// The format of an input, if it is known without the content.
fn told(input: &Input, format: Format) -> Option<Format> {
    let told = match (format, input) {
        (Format::Auto, Input::Stdin) => Format::FALLBACK,
        (Format::Auto, Input::File(path) | Input::Copy { path, .. }) => Format::of(path)?,
        (Format::Auto, Input::Found(path)) => Format::of(path).unwrap_or(Format::Text),
        (named, _) => named,
    };
    (told != Format::Auto).then_some(told)
}

#[cfg(test)]
mod tests;
