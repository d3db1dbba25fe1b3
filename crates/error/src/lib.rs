//! Every way the library can fail, as one type.
//!
//! A variant says what and where; its `#[source]` says why; [`Error::hint`] says what to type next. Nothing here
//! prints: the command line joins the chain into one line.

mod guard;
mod record;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use guard::{Panicked, guarded, is_guarded};
pub use record::{BadRecord, Place};

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The system's number for too many open files.
const TOO_MANY_OPEN: i32 = nix::errno::Errno::EMFILE as i32;

/// A boxed cause from a library whose own error type should not leak into ours.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What is wrong with a filter expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at character {character}, found {found}")]
pub struct BadFilter {
    /// What could stand there.
    pub expected: String,
    /// What stands there, shortened.
    pub found: String,
    /// Where: 0-based offset in bytes, at the end of the expression at most.
    pub byte: usize,
    /// The same place, as the 1-based number of a character.
    pub character: usize,
}

/// A failure of the library.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be read.
    #[error("{}: cannot read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file or directory could not be written.
    #[error("{}: cannot write", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An input stopped giving bytes.
    #[error("{place}: cannot read")]
    Input {
        /// The input, and the line reached.
        place: Place,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An input without a single record.
    #[error("{input}: no records in it")]
    NoRecords {
        /// The input's name.
        input: Arc<str>,
    },
    /// A directory or a list of files that stands for no file.
    #[error("{input}: nothing to read in it")]
    NoFiles {
        /// The directory or list.
        input: Arc<str>,
    },
    /// A pattern for file names that is none.
    #[error("glob {glob:?}")]
    Glob {
        /// The pattern.
        glob: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// Chunks that would repeat all of the one before.
    #[error("chunks of {tokens} tokens cannot overlap by {overlap}")]
    Chunking {
        /// The most tokens of a chunk.
        tokens: usize,
        /// The overlap asked for.
        overlap: usize,
    },
    /// An input whose format is not the one named or guessed.
    #[error("{place}: not {expected}: {found}")]
    Format {
        /// The input.
        place: Place,
        /// The format expected.
        expected: &'static str,
        /// What is there instead.
        found: String,
    },
    /// One record is bad.
    #[error("{place}: {problem}")]
    Record {
        /// Where it stands.
        place: Place,
        /// What is wrong with it.
        problem: BadRecord,
    },
    /// The query is empty.
    #[error("the query is empty")]
    EmptyQuery,
    /// A metric that is not known, or not in this form.
    #[error("no metric {word:?}: known are {known}")]
    UnknownMetric {
        /// What was asked for.
        word: String,
        /// All that are known.
        known: &'static str,
    },
    /// A score that is not a number, and so has no place in a ranking.
    #[error("query {query:?}: the score of document {document:?} is not a number")]
    NotRanked {
        /// The query's id.
        query: String,
        /// The document's id.
        document: String,
    },
    /// A filter expression that cannot be understood.
    #[error("cannot understand the filter")]
    Filter(#[from] BadFilter),

    /// No model of that name here, and the network may not be asked.
    #[error("model {id} is not on this machine: no {missing}")]
    ModelOffline {
        /// The model asked for.
        id: String,
        /// The first file that is missing, with the places looked at.
        missing: String,
    },
    /// The Hub did not give a file.
    #[error("{kind} {id}: cannot download {file} from {endpoint}")]
    Download {
        /// A model or a data set.
        kind: &'static str,
        /// Its id.
        id: String,
        /// The file.
        file: String,
        /// The Hub's address.
        endpoint: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The Hub knows no such model, revision or file.
    #[error("{kind} {id}: no {file} on {endpoint}")]
    NotOnHub {
        /// A model or a data set.
        kind: &'static str,
        /// Its id.
        id: String,
        /// The file.
        file: String,
        /// The Hub's address.
        endpoint: String,
        /// The Hub's words.
        #[source]
        source: Cause,
    },
    /// A data set of the Hub, of which it is not clear what is wanted.
    #[error("{address}: {what}")]
    DataSet {
        /// Its address.
        address: String,
        /// What is wrong.
        what: String,
        /// What to type instead.
        hint: String,
    },
    /// A file has other bytes than its digest promises.
    #[error("{}: its SHA-256 is {found}, expected {expected}", .path.display())]
    ModelDigest {
        /// The file.
        path: PathBuf,
        /// Expected digest, hexadecimal.
        expected: String,
        /// The digest of what is there.
        found: String,
    },
    /// A file of the model is missing.
    #[error("{}: the model has no {file}", .dir.display())]
    ModelFile {
        /// The model's directory.
        dir: PathBuf,
        /// The file that is missing.
        file: &'static str,
    },
    /// A file of the model is damaged or of a kind that is not supported.
    #[error("{}: {what}", .path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
        /// Why.
        #[source]
        source: Option<Cause>,
    },
    /// A setting that this model or build cannot serve.
    #[error("{0}")]
    Unsupported(String),
    /// What this build was made without.
    #[error("{what} needs a build with the feature `{feature}`")]
    NotBuiltIn {
        /// What was to be done.
        what: String,
        /// The Cargo feature.
        feature: &'static str,
    },
    /// A GPU cannot be used.
    #[error("{device} cannot be used: {what}")]
    Device {
        /// The device.
        device: String,
        /// What is wrong with it.
        what: String,
        /// Whether that is usual: the machine has no GPU, or nothing that drives one.
        missing: bool,
        /// Why.
        #[source]
        source: Option<Cause>,
    },
    /// A GPU's memory does not hold a batch.
    #[error("{device} has no memory for a batch of {tokens} tokens")]
    DeviceMemory {
        /// The device.
        device: String,
        /// Tokens of the batch.
        tokens: usize,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The encoder failed in its arithmetic library.
    #[error("the encoder failed on {device}")]
    Encoder {
        /// Where it ran.
        device: String,
        /// Why.
        #[source]
        source: Cause,
    },

    /// There is no index.
    #[error("{}: no index here", .dir.display())]
    NoIndex {
        /// The directory looked at.
        dir: PathBuf,
    },
    /// The directory is in use for something else.
    #[error("{}: not an index, and not empty", .dir.display())]
    NotAnIndex {
        /// The directory.
        dir: PathBuf,
    },
    /// A file in an index's directory that semsearch did not write.
    #[error("{}: not a file of semsearch's", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The index's directory was moved, removed or replaced while it was written, or another writer took it over.
    #[error("{}: moved, removed or changed by somebody else while it was written: nothing of the last part was committed", .dir.display())]
    Displaced {
        /// Where the directory was.
        dir: PathBuf,
    },
    /// A commit that readers see, of which the system could not say that it is on the disk.
    #[error("{}: committed, but the commit may be lost if the power fails now", .dir.display())]
    Unsynced {
        /// The directory.
        dir: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The index was written by a newer release.
    #[error("{}: index format {found}, this release reads {supported}", .dir.display())]
    NewerFormat {
        /// The directory.
        dir: PathBuf,
        /// Its format version.
        found: u32,
        /// The one understood.
        supported: u32,
    },
    /// The index was written by an older release, in a format that is no longer read.
    #[error("{}: index format {found}, this release reads {supported}", .dir.display())]
    OlderFormat {
        /// The directory.
        dir: PathBuf,
        /// Its format version.
        found: u32,
        /// The one understood.
        supported: u32,
    },
    /// The index was written by an older release, in a format that is read, but no longer written.
    #[error("{}: index format {found} can be searched, but not added to", .dir.display())]
    ReadOnlyFormat {
        /// The directory.
        dir: PathBuf,
        /// Its format version.
        found: u32,
    },
    /// The index was written by an older release, which kept neither words nor metadata to be searched.
    #[error("{}: an older release built it, without what lexical search and filters need", .dir.display())]
    NoWords {
        /// The directory.
        dir: PathBuf,
    },
    /// A file of the index is missing or has other bytes than were committed.
    #[error("{}: damaged index: {what}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
        /// Why.
        #[source]
        source: Option<Cause>,
    },
    /// The index was built with other settings.
    #[error("{}: built with {setting} {recorded}, asked for {asked}", .dir.display())]
    Mismatch {
        /// The directory.
        dir: PathBuf,
        /// The setting, as its option is called.
        setting: &'static str,
        /// What the index recorded.
        recorded: String,
        /// What was asked for.
        asked: String,
    },
    /// Another process writes the index.
    #[error("{}: another process is writing this index{}", .dir.display(), .holder)]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// ` (process 123)` where that is known, else empty.
        holder: String,
    },
    /// A factory's index cannot be trained.
    #[error("{}: cannot train {factory} on {vectors} vectors", .dir.display())]
    Training {
        /// The index's directory.
        dir: PathBuf,
        /// FAISS's factory string.
        factory: String,
        /// How many vectors there were.
        vectors: usize,
        /// FAISS's words.
        #[source]
        source: Cause,
    },
    /// A file of given vectors is not what was announced, or does not go with the records or the model.
    #[error("{}: {what}", .path.display())]
    GivenVectors {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
        /// What to type next.
        hint: &'static str,
    },
    /// tantivy or FAISS failed.
    #[error("{}: {what}", .path.display())]
    Index {
        /// The file or directory worked on.
        path: PathBuf,
        /// What was being done.
        what: String,
        /// Why.
        #[source]
        source: Cause,
    },
}

impl Error {
    /// The file at `path` is not as it was committed.
    pub fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into(), source: None }
    }

    /// A bad record at `place`.
    pub fn record(place: &Place, problem: BadRecord) -> Self {
        Self::Record { place: place.clone(), problem }
    }

    /// `path` could not be read.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Read { path: path.to_owned(), source }
    }

    /// `path` could not be written.
    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Write { path: path.to_owned(), source }
    }

    /// The next command to type, where there is one.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Read { source, .. } | Self::Write { source, .. } if is_out_of_files(source) => {
                "`ulimit -n` says how many files a process may have open, `ulimit -n 4096` allows it more".into()
            }
            Self::NoIndex { .. } => "build one with `semsearch index FILE`, or name one with `-i DIR`".into(),
            Self::NotAnIndex { .. } => "name another directory with `-i DIR`; nothing in this one was touched".into(),
            Self::Foreign { .. } => "move it elsewhere, or name another directory with `-i DIR`".into(),
            Self::Displaced { .. } => {
                "run the command again when nobody else changes the directory; documents that were committed are kept"
                    .into()
            }
            Self::Unsynced { .. } => {
                "check the disk, then run the command again: what is there is not embedded again".into()
            }
            Self::OlderFormat { found: 1, .. } => {
                "remove the directory, or name another with `-i DIR`, and build the index anew".into()
            }
            Self::NewerFormat { .. } => {
                "update semsearch, or build the index anew with `semsearch index --rebuild FILE`".into()
            }
            Self::OlderFormat { .. } | Self::ReadOnlyFormat { .. } | Self::NoWords { .. } => {
                "build the index anew with `semsearch index --rebuild FILE`".into()
            }
            Self::Damaged { .. } => {
                "`semsearch verify` names every fault; `semsearch index --rebuild FILE` builds the index anew".into()
            }
            Self::Mismatch { setting, recorded, .. } => format!(
                "leave out --{setting} to use the index's own ({recorded}), or build anew with `semsearch index \
                 --rebuild`"
            ),
            Self::Locked { .. } => "`--wait SECONDS` waits for it to finish; readers need not wait".into(),
            Self::ModelOffline { id, .. } => format!(
                "`semsearch model fetch {id}` downloads it (without --offline), `semsearch model import DIR` copies it from \
                 a directory that holds its files"
            ),
            Self::DataSet { hint, .. } => hint.clone(),
            Self::Download { kind: "data set", .. } => {
                "check the network and HF_ENDPOINT; --offline takes what is in the cache".into()
            }
            Self::NotOnHub { kind: "data set", .. } => {
                "check the address; one that is not public needs HF_TOKEN".into()
            }
            Self::Download { .. } => {
                "check the network and HF_ENDPOINT, or bring the files with `semsearch model import DIR`".into()
            }
            Self::NotOnHub { .. } => {
                "check the id and --revision; a model needs config.json, tokenizer.json and model.safetensors".into()
            }
            Self::ModelDigest { .. } => {
                "`semsearch model fetch` brings it anew; for another model name it with `--model`".into()
            }
            Self::ModelFile { .. } => {
                "a model directory holds config.json, tokenizer.json and model.safetensors".into()
            }
            Self::Training { .. } => {
                "index more texts at once, or name a `--factory` with fewer clusters; `Flat` needs no training".into()
            }
            Self::GivenVectors { hint, .. } => (*hint).into(),
            Self::Device { missing: true, .. } => "`--device cpu`, and `auto` here, compute without a GPU".into(),
            Self::Device { .. } | Self::DeviceMemory { .. } => {
                "`nvidia-smi` shows the driver, the GPUs and who has their memory; `--device cpu` does without".into()
            }
            Self::NotBuiltIn { .. } => {
                "the released program has it, as has `cargo install` with the default features".into()
            }
            Self::NoFiles { .. } => {
                "files are chosen by extension, hidden and ignored ones left out; `--glob PATTERN` chooses others"
                    .into()
            }
            Self::Chunking { .. } => "name a larger `--chunk-tokens` or a smaller `--chunk-overlap`".into(),
            Self::Filter(_) => {
                "quote strings of more than a word, as in `author.name = \"Jane Doe\" and year >= 2000`".into()
            }
            Self::Format { .. } => "name the format with `--format`".into(),
            Self::Read { source, .. } if source.raw_os_error() == Some(TOO_MANY_OPEN) => {
                "`ulimit -n 4096` lets a shell's programs have more files open".into()
            }
            _ => return None,
        })
    }
}

/// Whether the process, or the system, has as many files open as it may.
fn is_out_of_files(error: &io::Error) -> bool {
    let codes = [nix::errno::Errno::EMFILE, nix::errno::Errno::ENFILE];
    error.raw_os_error().is_some_and(|code| codes.iter().any(|&known| known as i32 == code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_open_files_have_a_hint_and_other_failures_none() {
        let failed = |code| Error::read(Path::new("x"))(io::Error::from_raw_os_error(code)).hint();
        assert!(failed(nix::errno::Errno::EMFILE as i32).unwrap().contains("ulimit -n"));
        assert_eq!(failed(nix::errno::Errno::EACCES as i32), None);
    }
}
