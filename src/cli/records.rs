//! What the commands that read records share.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use semsearch::corpus::{self, Document, Expanded, Input};
use semsearch::embedder::Embedder;
use semsearch::error::{BadRecord, Error, Place};
use semsearch::files::write_whole;
use semsearch::hub::data_set::{self, DataSet};
use semsearch::index::{Cut, Cutting, Prompts};
use semsearch::model::{ModelConfig, Pooling};

use super::args::{Long, OnError, Records};
use super::report::Advice;
use super::settings::Settings;
use super::terminal::Terminal;

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
    pub(super) fn is_full(&self, records: usize, bytes: usize) -> bool {
        records >= self.records || bytes >= self.bytes
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
    let terminal = &settings.terminal;
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
    for corpus::Skipped { path, why } in &expanded.skipped {
        terminal.detail(&format!("{}: passed over: {why}", path.display()));
    }
    if !expanded.skipped.is_empty() && !terminal.is_verbose() {
        terminal.note(&format!(
            "files passed over, without text or records in them: {} (-v names them)",
            expanded.skipped.len()
        ));
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

/// So many of the records passed over are named; the others only counted, unless `-v`.
const NAMED: usize = 10;

/// Records that were passed over.
pub(super) struct Skipped<'a> {
    on_error: OnError,
    pub(super) terminal: &'a Terminal,
    /// How many.
    pub(super) count: usize,
}

impl<'a> Skipped<'a> {
    pub(super) fn new(on_error: OnError, terminal: &'a Terminal) -> Self {
        Self { on_error, terminal, count: 0 }
    }

    /// Passes a bad record over, if that was asked for; any other error, and a bad record otherwise, is handed back.
    pub(super) fn note(&mut self, error: Error) -> anyhow::Result<()> {
        let Error::Record { problem, .. } = &error else { return Err(error.into()) };
        if self.on_error == OnError::Fail {
            let hint = problem.hint().into();
            return Err(Advice { message: error.to_string(), hint }.into());
        }
        self.count += 1;
        if self.count <= NAMED || self.terminal.is_verbose() {
            self.terminal.warn(&format!("skipped {error}"));
        }
        Ok(())
    }

    /// Says how many there were.
    pub(super) fn report(&self) {
        if self.count > 0 {
            self.terminal.warn(&format!("bad records skipped: {}", self.count));
        }
    }
}

/// Writes `content` to the file `path`, which has it whole or not at all.
pub(super) fn write_file(path: &Path, content: &[u8]) -> Result<(), Error> {
    write_whole(path, |mut file| file.write_all(content).map_err(|source| Error::Write { path: path.into(), source }))
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
