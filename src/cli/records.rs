//! What the commands that read records share.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use semsearch::corpus::{self, Document, Expanded, Input};
use semsearch::embedder::Embedder;
use semsearch::error::{BadRecord, Error, FileError, Place};
use semsearch::files::write_whole;
use semsearch::hub::data_set::DataSet;
use semsearch::index::{Cut, Cutting};
use semsearch::model::Pooling;

use super::options::input::{InputOptions, hub_address};
use super::settings::Settings;

/// How much is embedded together, at most. With many texts, texts of similar length share a batch, and cores seldom wait for
/// each other. With too many, memory fills and commits come late.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) records: usize,
    /// Bytes of the texts.
    pub(super) bytes: usize,
}

impl Window {
    /// For a CPU: about 15 seconds of work on a slow one.
    const CPU: Self = Self { records: 2048, bytes: 512 << 10 };

    /// Bytes that records may take in memory, with their metadata.
    const WEIGHT: usize = 32 << 20;

    /// Records, where each token has a vector.
    const TOKENS: usize = 64;

    /// The window for an embedder. A GPU takes several times as much at once.
    pub(super) fn of(embedder: &Embedder) -> Self {
        let bytes = (2 * embedder.part_bytes()).max(Self::CPU.bytes);
        let records = match embedder.pooling() {
            Pooling::None => Self::TOKENS,
            _ => Self::CPU.records * (bytes / Self::CPU.bytes),
        };
        Self { records, bytes }
    }

    /// Whether the window is full.
    pub(super) fn is_full(&self, filled: Filled) -> bool {
        filled.records >= self.records || filled.bytes >= self.bytes || filled.weight >= Self::WEIGHT
    }
}

/// How much a window holds so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Filled {
    records: usize,
    bytes: usize,
    weight: usize,
}

impl Filled {
    pub(super) fn add(&mut self, document: &Document) {
        self.records += 1;
        self.bytes += document.text.len();
        self.weight += document.weight();
    }
}

/// All inputs, named and listed, with data sets downloaded and directories walked. A directory with nothing to read is an
/// error, unless `may_be_empty` is set.
pub(super) fn inputs(options: &InputOptions, settings: &Settings) -> anyhow::Result<Expanded> {
    let mut inputs = options.named.clone();
    if let Some(list) = &options.files_from {
        inputs.extend(corpus::files_from(list)?);
    }
    let split = options.split.as_deref();
    let inputs: Vec<Input> = inputs
        .into_iter()
        .map(|input| match input.path().and_then(hub_address) {
            Some(address) => from_hub(address, split, settings),
            None => Ok(vec![input]),
        })
        .collect::<Result<Vec<_>, Error>>()?
        .concat();
    let expanded = corpus::expand(&inputs, &options.globs)?;
    if let Some(input) = expanded.empty.first().filter(|_| !options.may_be_empty) {
        return Err(Error::NoFiles { input: Arc::clone(input) }.into());
    }
    Ok(expanded)
}

/// The files of a data set, downloaded if need be.
fn from_hub(address: &str, split: Option<&str>, settings: &Settings) -> Result<Vec<Input>, Error> {
    let data_set: DataSet = address.parse()?;
    let is_data = |path: &Path| {
        corpus::Format::of(path)
            .is_some_and(|format| !matches!(format, corpus::Format::Text | corpus::Format::Markdown))
            && !path.file_name().is_some_and(|name| name == "dataset_infos.json" || name == "dataset_dict.json")
    };
    let files = data_set.fetch(split, &settings.places.hub, is_data, &settings.terminal.download())?;
    Ok(files.into_iter().map(|(name, path)| Input::Copy { name, path }).collect())
}

/// Tokens that a chunk shares with the chunk before it, at most.
const OVERLAP: usize = 32;

/// How a document is cut into passages, if it is.
pub(super) fn cut(document: &Document, cutting: Cutting, max_length: usize) -> Option<Cut> {
    let chunked = cutting.chunked.unwrap_or(document.markup.is_some());
    let tokens = cutting.tokens.unwrap_or(max_length).min(max_length);
    chunked.then_some(Cut { tokens, overlap: cutting.overlap.unwrap_or(OVERLAP.min(tokens / 4)) })
}

/// Writes `content` to a temporary file and renames it to `path`.
pub(super) fn write_file(path: &Path, content: &[u8]) -> Result<(), Error> {
    write_whole(path, |mut file| {
        file.write_all(content).map_err(|source| Error::File(FileError::Write { path: path.into(), source }))
    })
}

/// Splits items into those of at most `max` tokens, and an error for each longer one.
pub(super) fn split_long<T>(
    items: Vec<T>,
    max: usize,
    tokens: impl Fn(&T) -> Result<usize, Error>,
    place: impl Fn(&T) -> &Place,
) -> Result<(Vec<T>, Vec<Error>), Error> {
    let (mut fitting, mut long) = (Vec::with_capacity(items.len()), Vec::new());
    for item in items {
        match tokens(&item)? {
            tokens if tokens <= max => fitting.push(item),
            tokens => {
                let problem = BadRecord::TooLong { tokens, max };
                long.push(Error::Record { place: place(&item).clone(), problem });
            }
        }
    }
    Ok((fitting, long))
}
