//! Which reader reads what: inputs by name, formats by extension and content, and a thread that reads ahead.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use super::{Record, Sink, json, jsonl, squad};
use crate::error::{Error, Place, Result};

/// Records read ahead of their use: enough that the encoder never waits for a file, few enough to cost no memory.
const READ_AHEAD: usize = 1024;

/// How much of a file is looked at to tell its format.
const SNIFFED: usize = 64 * 1024;

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl Input {
    /// The name messages use.
    pub fn name(&self) -> Arc<str> {
        match self {
            Self::Stdin => "<stdin>".into(),
            Self::File(path) => path.to_string_lossy().into(),
        }
    }

    /// Opens it, so that what cannot be opened is known before any work is done.
    fn open(&self) -> Result<Box<dyn Read + Send>> {
        match self {
            Self::Stdin => Ok(Box::new(io::stdin())),
            Self::File(path) => {
                let file = File::open(path).map_err(Error::read(path))?;
                if file.metadata().map_err(Error::read(path))?.is_dir() {
                    return Err(Error::read(path)(io::ErrorKind::IsADirectory.into()));
                }
                Ok(Box::new(file))
            }
        }
    }
}

impl From<PathBuf> for Input {
    /// `-` is standard input.
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == "-" { Self::Stdin } else { Self::File(path) }
    }
}

/// How an input is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// By extension, then by content; JSON Lines from standard input.
    #[default]
    Auto,
    /// One JSON object a line.
    Jsonl,
    /// An array of JSON objects.
    Json,
    /// SQuAD 1.1 or 2.0.
    Squad,
}

/// The records of `inputs`, one input after the other, read ahead on a thread of their own. An input without a record
/// ends as [`Error::NoRecords`].
///
/// # Errors
/// An input cannot be opened; nothing has been read then.
pub fn records(inputs: &[Input], format: Format) -> Result<impl Iterator<Item = Result<Record>> + use<>> {
    let opened: Vec<_> = inputs.iter().map(|input| Ok((input.clone(), input.open()?))).collect::<Result<_>>()?;
    let (sender, receiver) = sync_channel(READ_AHEAD);
    thread::spawn(move || {
        for (input, bytes) in opened {
            let mut found = false;
            let mut sink = |record| {
                found = true;
                // A closed channel means that nobody listens any more.
                sender.send(record).map_or(ControlFlow::Break(()), ControlFlow::Continue)
            };
            let flow = read(&input, bytes, format, &mut sink);
            if flow.is_continue() && !found {
                let _ = sender.send(Err(Error::NoRecords { input: input.name() }));
            }
        }
    });
    Ok(ReadAhead(receiver))
}

/// Counts the records of `inputs` on a thread of its own, for whoever wants to say how much is left; set when known.
/// Only regular files are read twice: of a stream the count stays unknown.
pub fn count(inputs: &[Input], format: Format) -> Arc<OnceLock<u64>> {
    let known = Arc::new(OnceLock::new());
    let (inputs, result) = (inputs.to_vec(), Arc::clone(&known));
    thread::spawn(move || {
        let mut count = 0;
        for input in &inputs {
            let Input::File(path) = input else { return };
            let Ok(true) = path.metadata().map(|metadata| metadata.is_file()) else { return };
            let Ok(bytes) = input.open() else { return };
            let _ = read(input, bytes, format, &mut |_| {
                count += 1;
                ControlFlow::Continue(())
            });
        }
        let _ = result.set(count);
    });
    known
}

/// The receiving end; a type of its own so that the iterator names no channel.
struct ReadAhead(Receiver<Result<Record>>);

impl Iterator for ReadAhead {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.recv().ok()
    }
}

fn read(input: &Input, bytes: Box<dyn Read + Send>, format: Format, sink: &mut Sink<'_>) -> ControlFlow<()> {
    let name = input.name();
    let mut bytes = BufReader::with_capacity(SNIFFED, bytes);
    let format = match (format, input) {
        (Format::Auto, Input::Stdin) => Format::Jsonl,
        (Format::Auto, Input::File(path)) => match path.extension().and_then(|extension| extension.to_str()) {
            Some("jsonl" | "ndjson") => Format::Jsonl,
            _ => match bytes.fill_buf() {
                Ok(start) => by_content(start),
                Err(source) => return sink(Err(Error::Input { place: Place::whole(&name), source })),
            },
        },
        (named, _) => named,
    };
    match format {
        Format::Json => json::read(bytes, &name, sink),
        Format::Squad => squad::read(bytes, &name, sink),
        Format::Jsonl | Format::Auto => jsonl::read(bytes, &name, sink),
    }
}

/// The format of a file that starts with `start`: an array is JSON; an object that speaks of data and paragraphs is
/// SQuAD; anything else is taken for JSON Lines, whose errors name the line.
fn by_content(start: &[u8]) -> Format {
    let has = |word: &[u8]| start.windows(word.len()).any(|window| window == word);
    match start.trim_ascii_start().first() {
        Some(b'[') => Format::Json,
        Some(b'{') if has(b"\"data\"") && has(b"\"paragraphs\"") => Format::Squad,
        _ => Format::Jsonl,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_tells_arrays_squad_and_lines_apart() {
        assert_eq!(by_content(b" \n[{}]"), Format::Json);
        assert_eq!(by_content(br#"{"version":"1.1","data":[{"title":"T","paragraphs":[]}]}"#), Format::Squad);
        assert_eq!(by_content(br#"{"text":"data"}"#), Format::Jsonl);
        assert_eq!(by_content(b""), Format::Jsonl);
    }

    #[test]
    fn an_input_that_cannot_be_opened_fails_before_any_is_read() {
        let inputs = [Input::Stdin, Input::File("no/such.jsonl".into())];
        let message = records(&inputs, Format::Auto).err().unwrap().to_string();
        assert_eq!(message, "no/such.jsonl: cannot read");
    }

    #[test]
    fn dropping_the_records_ends_the_reading() {
        let file = tempfile::Builder::new().suffix(".jsonl").tempfile().unwrap();
        std::fs::write(file.path(), "{\"text\":\"a\"}\n".repeat(3 * READ_AHEAD)).unwrap();
        let mut some = records(&[Input::File(file.path().into())], Format::Auto).unwrap();
        assert!(some.next().unwrap().is_ok());
        drop(some);
    }
}
