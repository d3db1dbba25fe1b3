//! Which reader reads what: inputs by name, formats by extension and content, and a thread that reads ahead.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread;

use super::compression::{bare_name, decompressed};
#[cfg(feature = "parquet")]
use super::parquet;
use super::peek::peek;
use super::read_ahead::{self, Records};
use super::{Markup, Sink, csv, json, jsonl, lines, squad, text};
use crate::CorpusError;
use semsearch_files::Place;
use semsearch_files::open_regular;

/// What a Parquet file begins with.
pub(super) const PARQUET: &[u8] = b"PAR1";

/// How much of a file is looked at to tell its format.
const SNIFFED: usize = 64 * 1024;

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file that was named.
    File(PathBuf),
    /// A file that was found in a directory: it is text where its extension says nothing else.
    Found(PathBuf),
    /// A copy of a file that has its name elsewhere.
    Copy {
        /// Its address.
        name: Arc<str>,
        /// Where the copy is.
        path: PathBuf,
    },
}

/// An input's bytes.
type Bytes = Box<dyn Read + Send>;

impl Input {
    /// The name messages use.
    pub fn name(&self) -> Arc<str> {
        match self {
            Self::Stdin => "<stdin>".into(),
            Self::File(path) | Self::Found(path) => path.to_string_lossy().into(),
            Self::Copy { name, .. } => Arc::clone(name),
        }
    }

    /// The file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdin => None,
            Self::File(path) | Self::Found(path) | Self::Copy { path, .. } => Some(path),
        }
    }

    pub(super) fn open(&self) -> Result<Bytes, CorpusError> {
        let Some(path) = self.path() else { return Ok(Box::new(io::stdin())) };
        // Nobody named a file that was found: a pipe in its place would wait for ever.
        let open = if matches!(self, Self::Found(_)) { open_regular } else { |path: &Path| File::open(path) };
        let file = open(path).map_err(CorpusError::read(path))?;
        if file.metadata().map_err(CorpusError::read(path))?.is_dir() {
            return Err(CorpusError::read(path)(io::ErrorKind::IsADirectory.into()));
        }
        Ok(Box::new(file))
    }

    /// Its bytes, those that were compressed (gzip, zstd) as they were before.
    ///
    /// # Errors
    /// It cannot be opened, or its first bytes cannot be read.
    pub fn bytes(&self) -> Result<impl BufRead + Send + use<>, CorpusError> {
        let failed = |source| CorpusError::Input { place: Place::whole(&self.name()), source };
        Ok(BufReader::new(decompressed(BufReader::new(self.open()?)).map_err(failed)?.1))
    }

    /// Opens it, so that what cannot be opened is known before any work is done. What can be opened again is closed: a
    /// process may have no thousand files open. A file that was found is no one's wish: what is wrong with it shows when
    /// its turn comes.
    fn try_open(&self) -> Result<Option<Bytes>, CorpusError> {
        if matches!(self, Self::Found(_)) {
            return Ok(None);
        }
        let bytes = self.open()?;
        Ok(if self.is_regular() { None } else { Some(bytes) })
    }

    fn is_regular(&self) -> bool {
        self.path().is_some_and(|path| path.metadata().is_ok_and(|metadata| metadata.is_file()))
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
    /// A table, commas between cells.
    Csv,
    /// A table, tabs between cells.
    Tsv,
    /// Rows of columns, in binary; where the feature `parquet` is built in.
    Parquet,
    /// One text, as it comes.
    Text,
    /// One text, in Markdown.
    Markdown,
    /// A text a line, an empty one too.
    Lines,
}

impl Format {
    /// What a file's extension says, in capitals or not; of a compressed file's two the one before. `Auto` is what its
    /// content has yet to say.
    pub fn of(path: &Path) -> Option<Self> {
        match bare_name(path).extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "json" => Some(Self::Auto),
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "parquet" | "pq" => Some(Self::Parquet),
            "txt" | "text" => Some(Self::Text),
            "md" | "markdown" | "mkd" => Some(Self::Markdown),
            _ => None,
        }
    }
}

/// The records of `inputs`, one input after the other, read ahead on a thread of their own. An input without a record
/// ends as [`CorpusError::NoRecords`], a blank text as [`BadRecord::Blank`](crate::BadRecord::Blank).
///
/// # Errors
/// An input cannot be opened; nothing has been read then.
pub fn records(inputs: &[Input], format: Format) -> Result<Records, CorpusError> {
    let streams: Vec<Option<Bytes>> = inputs.iter().map(Input::try_open).collect::<Result<_, CorpusError>>()?;
    let inputs = inputs.to_vec();
    let (sender, receiver) = read_ahead::channel();
    on_thread(move || {
        for (input, bytes) in inputs.into_iter().zip(streams) {
            // A closed channel means that nobody listens any more; other breaks end this input only.
            let mut closed = false;
            let mut sink = |record| {
                closed = sender.send(record).is_err();
                if closed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let _ = match bytes.map_or_else(|| input.open(), Ok) {
                Ok(bytes) => caught(&input, bytes, format, &mut sink),
                Err(error) => sink(Err(error)),
            };
            if closed {
                return;
            }
        }
    });
    Ok(receiver)
}

/// Counts the records of `inputs`, up to a `limit`, on a thread of its own, for whoever wants to say how much is left; set
/// when known. Only regular files are read twice: of a stream the count stays unknown.
pub fn count(inputs: &[Input], format: Format, limit: Option<usize>) -> Arc<OnceLock<u64>> {
    let known = Arc::new(OnceLock::new());
    let (inputs, result) = (inputs.to_vec(), Arc::clone(&known));
    on_thread(move || {
        let (mut count, limit) = (0, limit.map_or(u64::MAX, |limit| limit as u64));
        for input in inputs.iter().filter(|input| !matches!(input, Input::Found(_)) || input.is_regular()) {
            if count >= limit {
                break;
            }
            if !input.is_regular() {
                return;
            }
            #[cfg(feature = "parquet")]
            if told(input, format) == Some(Format::Parquet)
                && let Some(rows) = input.path().and_then(|path| parquet::count(open_regular(path).ok()?))
            {
                count += rows;
                continue;
            }
            let Ok(bytes) = input.open() else { continue };
            let _ = caught(input, bytes, format, &mut |_| {
                count += 1;
                if count < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
        }
        let _ = result.set(count.min(limit));
    });
    known
}

/// The thread's name, for those who hear of its panics: they are errors of an input, and told as such.
pub const READER: &str = "semsearch-records";

pub(super) fn on_thread(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().name(READER.into()).spawn(work).expect("the system has another thread");
}

/// [`read`], and a format's library that gives up on what it finds ends the input with an error, not in silence.
fn caught(input: &Input, bytes: Bytes, format: Format, sink: &mut Sink<'_>) -> ControlFlow<()> {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| read(input, bytes, format, sink)));
    outcome.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|&said| said.into()));
        let place = Place::whole(&input.name());
        let found = said.unwrap_or_else(|| "its reader failed".into());
        sink(Err(CorpusError::Format { place, expected: "a file that can be read", found }))
    })
}

/// Pushes an input's records.
fn read(input: &Input, bytes: Bytes, format: Format, sink: &mut Sink<'_>) -> ControlFlow<()> {
    let name = input.name();
    let (compression, bytes) = match decompressed(BufReader::new(bytes)) {
        Ok((compression, bytes)) => (compression, BufReader::with_capacity(SNIFFED, bytes)),
        Err(source) => return sink(Err(CorpusError::Input { place: Place::whole(&name), source })),
    };
    let plain = input.path().filter(|_| compression.is_none() && input.is_regular());
    match told(input, format) {
        Some(format) => read_as(format, input, plain, bytes, sink),
        None => {
            let (start, bytes) = peek(bytes, SNIFFED);
            read_as(by_content(&start), input, plain, bytes, sink)
        }
    }
}

#[cfg(feature = "parquet")]
fn read_parquet(plain: Option<&Path>, bytes: impl BufRead, name: &Arc<str>, sink: &mut Sink<'_>) -> ControlFlow<()> {
    let source = match plain.map(|path| open_regular(path).map_err(CorpusError::read(path))) {
        Some(Ok(file)) => parquet::Source::File(file),
        Some(Err(error)) => return sink(Err(error)),
        None => parquet::Source::Stream(bytes),
    };
    parquet::read(source, name, sink)
}

#[cfg(not(feature = "parquet"))]
fn read_parquet(_: Option<&Path>, _: impl BufRead, name: &Arc<str>, sink: &mut Sink<'_>) -> ControlFlow<()> {
    sink(Err(CorpusError::NotBuiltIn { what: format!("{name}: to read Parquet"), feature: "parquet" }))
}

/// Reads records, of which there should be one at least.
fn noting(
    name: &Arc<str>,
    sink: &mut Sink<'_>,
    read: impl FnOnce(&mut Sink<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut found = false;
    read(&mut |record| {
        found = true;
        sink(record)
    })?;
    if found { ControlFlow::Continue(()) } else { sink(Err(CorpusError::NoRecords { input: Arc::clone(name) })) }
}

/// `plain` is the file, where `bytes` are those of one as it lies on the disk.
fn read_as(
    format: Format,
    input: &Input,
    plain: Option<&Path>,
    bytes: impl BufRead,
    sink: &mut Sink<'_>,
) -> ControlFlow<()> {
    let name = input.name();
    match format {
        Format::Text => text::read(bytes, input, Markup::Plain, sink),
        Format::Markdown => text::read(bytes, input, Markup::Markdown, sink),
        Format::Lines => lines::read(bytes, &name, sink),
        Format::Json => noting(&name, sink, |sink| json::read(bytes, &name, sink)),
        Format::Squad => noting(&name, sink, |sink| squad::read(bytes, &name, sink)),
        Format::Csv => noting(&name, sink, |sink| csv::read(bytes, b',', &name, sink)),
        Format::Tsv => noting(&name, sink, |sink| csv::read(bytes, b'\t', &name, sink)),
        Format::Parquet => noting(&name, sink, |sink| read_parquet(plain, bytes, &name, sink)),
        Format::Jsonl | Format::Auto => noting(&name, sink, |sink| jsonl::read(bytes, &name, sink)),
    }
}

/// The format of an input if it can be told without looking into it.
fn told(input: &Input, format: Format) -> Option<Format> {
    let told = match (format, input) {
        (Format::Auto, Input::Stdin) => Format::Jsonl,
        (Format::Auto, Input::File(path) | Input::Copy { path, .. }) => Format::of(path)?,
        (Format::Auto, Input::Found(path)) => Format::of(path).unwrap_or(Format::Text),
        (named, _) => named,
    };
    (told != Format::Auto).then_some(told)
}

/// The format of a file that starts with `start`: Parquet says so; an array is JSON; an object that speaks of data and
/// paragraphs is SQuAD; anything else is taken for JSON Lines, whose errors name the line.
pub(super) fn by_content(start: &[u8]) -> Format {
    if start.starts_with(PARQUET) {
        return Format::Parquet;
    }
    let has = |word: &[u8]| start.windows(word.len()).any(|window| window == word);
    match start.trim_ascii_start().first() {
        Some(b'[') => Format::Json,
        Some(b'{') if has(b"\"data\"") && has(b"\"paragraphs\"") => Format::Squad,
        _ => Format::Jsonl,
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;
    use crate::BadRecord;
    use crate::Record;
    use crate::compression::tests::{gzip, zstd};

    #[test]
    fn content_tells_arrays_squad_and_lines_apart() {
        assert_eq!(by_content(b" \n[{}]"), Format::Json);
        assert_eq!(by_content(br#"{"version":"1.1","data":[{"title":"T","paragraphs":[]}]}"#), Format::Squad);
        assert_eq!(by_content(br#"{"text":"data"}"#), Format::Jsonl);
        assert_eq!(by_content(b"PAR1\x15\x04"), Format::Parquet);
        assert_eq!(by_content(b""), Format::Jsonl);
    }

    #[test]
    fn an_input_that_cannot_be_opened_fails_before_any_is_read() {
        let inputs = [Input::Stdin, Input::File("no/such.jsonl".into())];
        let message = records(&inputs, Format::Auto).err().unwrap().to_string();
        assert_eq!(message, "no/such.jsonl: cannot read");
    }

    #[test]
    fn an_extension_tells_the_format_in_capitals_too() {
        let of = |path: &str| Format::of(path.as_ref());
        assert_eq!(["a.jsonl", "a.ndjson"].map(of), [Some(Format::Jsonl); 2]);
        assert_eq!(["a.txt", "b.text", "C.TXT"].map(of), [Some(Format::Text); 3]);
        assert_eq!(["a.md", "a.markdown", "a.mkd", "README.MD"].map(of), [Some(Format::Markdown); 4]);
        assert_eq!(["a.csv", "A.CSV.gz"].map(of), [Some(Format::Csv); 2]);
        assert_eq!(["a.tsv", "a.tab", "a.tab.ZST"].map(of), [Some(Format::Tsv); 3]);
        assert_eq!(["a.parquet", "a.PQ"].map(of), [Some(Format::Parquet); 2]);
        assert_eq!(["a", ".md", "a.rs", "a.md.bak", "a.gz", ".gz"].map(of), [None; 6]);
    }

    #[test]
    fn a_found_file_of_no_known_extension_is_text_a_named_one_what_its_content_says() {
        let [found, named] = [Input::Found("a.rs".into()), Input::File("a.rs".into())];
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

    /// What the records of a file are, but for its path, which some have in them.
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
}
