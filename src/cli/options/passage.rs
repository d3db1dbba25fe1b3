//! Which parts of a document get a vector.

use semsearch::index::{ChunkPolicy, Prompts};
use semsearch::model::ModelConfig;

use crate::cli::args::records::{LongArg, RecordsArgs};

/// Options of every command that embeds documents.
#[derive(Clone, Debug)]
pub(crate) struct PassageOptions {
    /// Whether a title is embedded before its text.
    pub(crate) with_title: bool,
    /// What happens to texts over the maximum length; `None` if no option says so.
    pub(crate) long: Option<LongTexts>,
    chunk_tokens: Option<usize>,
    chunk_overlap: Option<usize>,
    document_prompt: Option<String>,
}

/// What happens to a text over the maximum length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LongTexts {
    /// It is cut off at the maximum length.
    Truncate,
    /// It becomes chunks, each with a vector.
    Chunk,
    /// It is a bad record.
    Error,
}

impl PassageOptions {
    pub(crate) fn resolve(args: &RecordsArgs) -> Self {
        Self {
            with_title: !args.no_title,
            long: args.long.map(|word| match word {
                LongArg::Truncate => LongTexts::Truncate,
                LongArg::Chunk => LongTexts::Chunk,
                LongArg::Error => LongTexts::Error,
            }),
            chunk_tokens: args.chunk_tokens,
            chunk_overlap: args.chunk_overlap,
            document_prompt: args.document_prompt.clone(),
        }
    }

    /// The text put before each document when it is embedded: the one asked for, else the one recorded, else the
    /// model's.
    pub(crate) fn document_prompt(&self, recorded: Option<&Prompts>, model: &ModelConfig) -> String {
        let recorded = recorded.map(|prompts| prompts.document.clone());
        self.document_prompt.clone().or(recorded).unwrap_or_else(|| model.prompts.document.clone())
    }

    /// How long texts are cut: as asked for, else as recorded.
    pub(crate) fn chunks(&self, recorded: Option<ChunkPolicy>) -> ChunkPolicy {
        let recorded = recorded.unwrap_or_default();
        ChunkPolicy {
            chunked: self.long.map(|long| long == LongTexts::Chunk).or(recorded.chunked),
            tokens: self.chunk_tokens.or(recorded.tokens),
            overlap: self.chunk_overlap.or(recorded.overlap),
        }
    }
}
