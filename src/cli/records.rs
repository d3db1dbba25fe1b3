//! What the commands that read records share.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use semsearch::corpus::{self, Document, Expanded, Input};
use semsearch::embedder::Embedder;
use semsearch::error::{BadRecord, Error, FileError, Place};
use semsearch::files::write_whole;
use semsearch::hub::data_set::{self, DataSet};
use semsearch::index::{Cut, Cutting, Prompts};
use semsearch::model::{ModelConfig, Pooling};

use super::args::{Long, Records};
use super::report::Advice;
use super::settings::Settings;

/// What is embedded together, at most: many texts, so that those of like length meet and cores wait for each other
/// seldom; not so many that they and their vectors weigh, or that commits come when they are long due.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) records: usize,
    /// Of their texts.
    pub(super) bytes: usize,
}

impl Window {
    /// For a CPU: some 15 seconds of work on a slow one.
    const CPU: Self = Self { records: 2048, bytes: 512 << 10 };

    /// Memory that records may take, whatever is in them beside their texts.
    const WEIGHT: usize = 32 << 20;

    /// Records where each token has a vector.
    const TOKENS: usize = 64;

    /// What suits the embedder: a GPU takes several times as much at once.
    pub(super) fn of(embedder: &Embedder) -> Self {
        let bytes = (2 * embedder.part_bytes()).max(Self::CPU.bytes);
        let records = match embedder.pooling() {
            Pooling::None => Self::TOKENS,
            _ => Self::CPU.records * (bytes / Self::CPU.bytes),
        };
        Self { records, bytes }
    }

    /// Whether so much is enough.
    pub(super) fn is_full(&self, filled: Filled) -> bool {
        filled.records >= self.records || filled.bytes >= self.bytes || filled.weight >= Self::WEIGHT
    }
}

/// What a window has in it.
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

/// The inputs named, or listed, directories walked; standard input if none is and something is piped in. A directory with
/// nothing to read is an error, unless that is `welcome`.
pub(super) fn inputs(
    named: &[PathBuf],
    records: &Records,
    command: &str,
    settings: &Settings,
    welcome: bool,
) -> anyhow::Result<Expanded> {
    let mut inputs: Vec<Input> = named.iter().cloned().map(Input::from).collect();
    if records.split.is_some() && !named.iter().any(|path| address(path).is_some()) {
        let hint = "name one, as in `hf://datasets/OWNER/NAME --split train`".into();
        return Err(Advice { message: "--split chooses from a data set of the Hub".into(), hint }.into());
    }
    if let Some(list) = &records.files_from {
        inputs.extend(corpus::files_from(&list.clone().into())?);
    } else if inputs.is_empty() && std::io::stdin().is_terminal() {
        let (message, hint) = ("no input".into(), format!("`semsearch {command} FILE`, or - for standard input"));
        return Err(Advice { message, hint }.into());
    } else if inputs.is_empty() {
        inputs.push(Input::Stdin);
    }
    let split = records.split.as_deref();
    let inputs: Vec<Input> = inputs
        .into_iter()
        .map(|input| match input.path().and_then(address) {
            Some(address) => from_hub(address, split, settings),
            None => Ok(vec![input]),
        })
        .collect::<Result<Vec<_>, Error>>()?
        .concat();
    let expanded = corpus::expand(&inputs, &records.glob)?;
    if let Some(input) = expanded.empty.first().filter(|_| !welcome) {
        return Err(Error::NoFiles { input: Arc::clone(input) }.into());
    }
    Ok(expanded)
}

/// A path that is an address on the Hub.
fn address(path: &Path) -> Option<&str> {
    path.to_str().filter(|path| path.starts_with(data_set::SCHEME))
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

/// What stands before documents when they are embedded: as asked for, or recorded, or as the model was trained.
pub(super) fn document_prompt(records: &Records, recorded: Option<&Prompts>, config: &ModelConfig) -> String {
    let recorded = recorded.map(|prompts| prompts.document.clone());
    records.document_prompt.clone().or(recorded).unwrap_or_else(|| config.prompts.document.clone())
}

/// Tokens that a chunk shares with the one before it.
const OVERLAP: usize = 32;

/// How long texts are to be cut: as asked for, or as they were.
pub(super) fn cutting(records: &Records, recorded: Option<Cutting>) -> Cutting {
    let recorded = recorded.unwrap_or_default();
    Cutting {
        chunked: records.long.map(|long| long == Long::Chunk).or(recorded.chunked),
        tokens: records.chunk_tokens.or(recorded.tokens),
        overlap: records.chunk_overlap.or(recorded.overlap),
    }
}

/// How a document is cut into passages, if it is.
pub(super) fn cut(document: &Document, cutting: Cutting, max_length: usize) -> Option<Cut> {
    let chunked = cutting.chunked.unwrap_or(document.markup.is_some());
    let tokens = cutting.tokens.unwrap_or(max_length).min(max_length);
    chunked.then_some(Cut { tokens, overlap: cutting.overlap.unwrap_or(OVERLAP.min(tokens / 4)) })
}

/// Writes `content` to the file `path`, which has it whole or not at all.
pub(super) fn write_file(path: &Path, content: &[u8]) -> Result<(), Error> {
    write_whole(path, |mut file| {
        file.write_all(content).map_err(|source| Error::File(FileError::Write { path: path.into(), source }))
    })
}

/// The items whose `tokens` are no more than `max`, and an error for each of the others.
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
