//! Which passages of a document get a vector: the whole document, or pieces that are short enough for the model.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;

use semsearch_store::{ChunkPlace, ChunkPolicy, ChunkSize, NewPassage};
use serde_json::{Map, Value};

use super::EngineError;
use semsearch_corpus::{Chunking, CorpusError, Document, Outline};
use semsearch_encoder::EncoderError;
use semsearch_encoder::model::Tokenizer;

/// The metadata field of a piece that holds the headings above it, or the items of code around it.
const HEADING: &str = "heading";

/// The most tokens that a chunk shares with the chunk before it.
const OVERLAP: usize = 32;

/// The size of a document's chunks; `None` if it is not cut. The policy decides. By default, prose is cut into chunks
/// of the model's maximum length, and records are not cut.
pub fn chunk_size(document: &Document, policy: ChunkPolicy, max_length: usize) -> Option<ChunkSize> {
    let chunked = policy.chunked.unwrap_or(document.markup.is_some());
    let tokens = policy.tokens.unwrap_or(max_length).min(max_length);
    chunked.then_some(ChunkSize { tokens, overlap: policy.overlap.unwrap_or(OVERLAP.min(tokens / 4)) })
}

/// A passage before it has a vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece<'a> {
    /// The text that hits show.
    pub text: &'a str,
    /// The place of the piece, if the document is cut.
    pub chunk: Option<ChunkPlace>,
    /// The metadata that hits show.
    pub metadata: Cow<'a, Map<String, Value>>,
    /// The text for the model.
    pub to_embed: Cow<'a, str>,
}

impl Piece<'_> {
    /// The passage for an index: this piece with the vector that the model made of it.
    pub fn with<'a>(&'a self, vector: &'a [f32]) -> NewPassage<'a> {
        let Self { text, chunk, metadata, to_embed } = self;
        NewPassage { text, chunk: *chunk, metadata, embedded: Some(to_embed), vector }
    }
}

/// Makes passages from documents.
pub struct Cutter<'a> {
    /// The model's tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// Whether a title is embedded before the text, in every piece.
    pub with_title: bool,
    /// The prompt before title and text.
    pub prompt: &'a str,
}

impl Cutter<'_> {
    /// The passages of `document`. It is one passage, unless the document is cut into chunks and is longer than one
    /// chunk. Together the passages contain the whole text.
    ///
    /// # Errors
    /// The chunks would not be longer than their overlap, or tokenizing fails.
    pub fn pieces<'a>(&self, document: &'a Document, size: Option<ChunkSize>) -> Result<Vec<Piece<'a>>, EngineError> {
        let chunks = size.map(|size| self.chunks(document, size)).transpose()?.filter(|chunks| chunks.len() > 1);
        let Some(chunks) = chunks else { return Ok(vec![self.piece(document, 0..document.text.len(), None, None)]) };
        let outline = Outline::of_markup(&document.text, document.markup.unwrap_or_default());
        let piece = |chunk: semsearch_corpus::TextChunk| {
            let heading = outline.path_of(&document.text, chunk.bytes.clone());
            let place = ChunkPlace { index: chunk.index, start: chunk.start, end: chunk.end };
            self.piece(document, chunk.bytes, Some(place), Some(heading).filter(|heading| !heading.is_empty()))
        };
        Ok(chunks.into_iter().map(piece).collect())
    }

    /// The number of tokens that the model would get for the whole document.
    ///
    /// # Errors
    /// Tokenizing fails.
    pub fn tokens(&self, document: &Document) -> Result<usize, EncoderError> {
        Ok(self.tokenizer.count(&[&self.to_embed(document, &document.text)])?[0])
    }

    fn chunks(&self, document: &Document, size: ChunkSize) -> Result<Vec<semsearch_corpus::TextChunk>, EngineError> {
        let ChunkSize { tokens, overlap } = size;
        if overlap >= tokens {
            return Err(CorpusError::Chunking { tokens, overlap }.into());
        }
        // The title, the prompt and the special tokens take some of a chunk's tokens.
        let around = self.to_embed(document, "");
        let room = tokens.saturating_sub(self.tokenizer.count(&[around.as_ref()])?[0]).max(1);
        let markup = document.markup.unwrap_or_default();
        let chunking = Chunking { tokens: room, overlap: overlap.min(room / 2), markup };
        let failure = RefCell::new(None);
        let count = |text: &str| match self.tokenizer.count_bare(text) {
            Ok(count) => count,
            Err(error) => {
                failure.borrow_mut().get_or_insert(error);
                0
            }
        };
        let chunks = semsearch_corpus::chunks(&document.text, chunking, &count)?;
        failure.into_inner().map_or(Ok(chunks), |error| Err(error.into()))
    }

    fn piece<'a>(
        &self,
        document: &'a Document,
        bytes: Range<usize>,
        chunk: Option<ChunkPlace>,
        heading: Option<String>,
    ) -> Piece<'a> {
        let text = &document.text[bytes];
        let metadata = match heading.filter(|_| !document.metadata.contains_key(HEADING)) {
            Some(heading) => {
                let mut with_heading = document.metadata.clone();
                with_heading.insert(HEADING.into(), heading.into());
                Cow::Owned(with_heading)
            }
            None => Cow::Borrowed(&document.metadata),
        };
        Piece { text, chunk, metadata, to_embed: self.to_embed(document, text) }
    }

    fn to_embed<'a>(&self, document: &Document, text: &'a str) -> Cow<'a, str> {
        match &document.title {
            Some(title) if self.with_title => format!("{}{title} {text}", self.prompt).into(),
            _ if self.prompt.is_empty() => text.into(),
            _ => format!("{}{text}", self.prompt).into(),
        }
    }
}
