//! Which passages of a document get a vector: the whole document, or pieces that are short enough for the model.

mod before;

use std::cell::RefCell;
use std::ops::Range;

use semsearch_store::{ChunkPlace, ChunkPolicy, ChunkSize, NewPassage};
use serde_json::{Map, Value};

use super::EngineError;
use before::Before;
use semsearch_corpus::{Chunking, CorpusError, Document, Outline, TextChunk};
use semsearch_encoder::EncoderError;
use semsearch_encoder::model::Tokenizer;

/// The metadata field of a piece that holds the headings above it, or the items of code around it.
const HEADING: &str = "heading";

/// The metadata field of a piece that holds the page on which the piece begins.
const PAGE: &str = "page";

/// The metadata field of a document that is a file.
const PATH: &str = "path";

/// The metadata fields that pieces have and their document has not.
pub(super) const OF_PIECES: [&str; 2] = [HEADING, PAGE];

/// The most tokens that a chunk shares with the chunk before it.
const OVERLAP: usize = 32;

/// The text of a chunk has at least one part in so many of its tokens, however long the prompt is.
const TEXT_SHARE: usize = 4;

/// The size of a document's chunks; `None` if it is not cut. The policy decides. By default, prose is cut into chunks
/// of the model's maximum length, and records are not cut.
pub fn chunk_size(document: &Document, policy: ChunkPolicy, max_length: usize) -> Option<ChunkSize> {
    let chunked = policy.chunked.unwrap_or(document.markup.is_some());
    let tokens = policy.tokens.unwrap_or(max_length).min(max_length);
    chunked.then_some(ChunkSize { tokens, overlap: policy.overlap.unwrap_or(OVERLAP.min(tokens / 4)) })
}

/// A passage before it has a vector. What it has in common with its document is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The place of the piece, if the document is cut.
    pub chunk: Option<ChunkPlace>,
    /// The line of the file at which the piece begins, from 1.
    pub line: Option<u64>,
    /// The place of the piece in the document's text, in bytes.
    bytes: Range<usize>,
    /// The metadata, if it is not the document's.
    metadata: Option<Map<String, Value>>,
    /// The text for the model, if it is not the piece's text.
    to_embed: Option<String>,
    /// The same without the name of the file, if that is part of it: a renamed file keeps its vectors.
    nameless: Option<String>,
    /// Words by which the piece is found beside its text and title: the headings above it.
    about: String,
}

impl Piece {
    /// The text that hits show. `document` is the piece's, here and in the other functions.
    pub fn text<'a>(&self, document: &'a Document) -> &'a str {
        &document.text[self.bytes.clone()]
    }

    /// The text for the model.
    pub fn to_embed<'a>(&'a self, document: &'a Document) -> &'a str {
        self.to_embed.as_deref().unwrap_or_else(|| self.text(document))
    }

    /// The same without the name of the file, if that is part of it.
    pub(super) fn nameless(&self) -> Option<&str> {
        self.nameless.as_deref()
    }

    /// The metadata that hits show.
    pub fn metadata<'a>(&'a self, document: &'a Document) -> &'a Map<String, Value> {
        self.metadata.as_ref().unwrap_or(&document.metadata)
    }

    /// The passage for an index: this piece with the vector that the model made of it.
    pub fn with<'a>(&'a self, document: &'a Document, vector: &'a [f32]) -> NewPassage<'a> {
        NewPassage {
            text: self.text(document),
            chunk: self.chunk,
            metadata: self.metadata(document),
            embedded: Some(self.to_embed(document)),
            nameless: self.nameless(),
            vector,
            about: &self.about,
            line: self.line,
        }
    }
}

/// A part of a document, and what is known of it.
struct Part {
    /// Its place in the text.
    bytes: Range<usize>,
    /// The same, if the document is cut.
    chunk: Option<ChunkPlace>,
    heading: Option<String>,
    page: Option<u64>,
}

impl Part {
    fn whole(document: &Document) -> Self {
        Self { bytes: 0..document.text.len(), chunk: None, heading: None, page: document.layout.page(0) }
    }
}

/// Makes passages from documents.
pub struct Cutter<'a> {
    /// The model's tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// Whether a title is embedded before the text, in every piece.
    pub with_title: bool,
    /// Whether the headings above a piece are embedded before its text.
    pub with_context: bool,
    /// The prompt before title and text.
    pub prompt: &'a str,
}

impl Cutter<'_> {
    /// The passages of `document`. It is one passage, unless the document is cut into chunks and is longer than one
    /// chunk. Together the passages contain the whole text.
    ///
    /// # Errors
    /// The chunks would not be longer than their overlap, or tokenizing fails.
    pub fn pieces(&self, document: &Document, size: Option<ChunkSize>) -> Result<Vec<Piece>, EngineError> {
        let Some(size) = size else {
            return Ok(vec![self.piece(document, self.before(document), Part::whole(document))?]);
        };
        let before = self.before(document).in_chunks(size.tokens)?;
        let outline = document.outline();
        let chunks = self.chunks(document, before, &outline, size)?;
        if chunks.len() < 2 {
            return Ok(vec![self.piece(document, before, Part::whole(document))?]);
        }
        let mut end = 0;
        let piece = |chunk: TextChunk| {
            // A chunk may begin with what it repeats of the one before it; it is about what comes then.
            let new = chunk.bytes.start.max(end)..chunk.bytes.end;
            end = chunk.bytes.end;
            let new = if new.is_empty() { chunk.bytes.clone() } else { new };
            let blanks = document.text[new.clone()].len() - document.text[new.clone()].trim_start().len();
            let page = document.layout.page(new.start + blanks);
            let heading = Some(outline.path_of(&document.text, new)).filter(|heading| !heading.is_empty());
            let place = ChunkPlace { index: chunk.index, start: chunk.start, end: chunk.end };
            self.piece(document, before, Part { bytes: chunk.bytes, chunk: Some(place), heading, page })
        };
        let mut pieces: Vec<Piece> = chunks.into_iter().map(piece).collect::<Result<_, _>>()?;
        number_lines(document, &mut pieces);
        Ok(pieces)
    }

    /// The number of tokens that the model would get for the whole document.
    ///
    /// # Errors
    /// Tokenizing fails.
    pub fn tokens(&self, document: &Document) -> Result<usize, EncoderError> {
        let to_embed = self.to_embed(self.before(document), None, &document.text)?;
        Ok(self.tokenizer.count(&[to_embed.as_deref().unwrap_or(&document.text)])?[0])
    }

    /// What is embedded before the text of `document`.
    fn before<'a>(&'a self, document: &'a Document) -> Before<'a> {
        Before::of(document, self.tokenizer, self.with_title, self.with_context)
    }

    fn chunks(
        &self,
        document: &Document,
        before: Before<'_>,
        outline: &Outline,
        ChunkSize { tokens, overlap }: ChunkSize,
    ) -> Result<Vec<TextChunk>, EngineError> {
        if overlap >= tokens {
            return Err(CorpusError::Chunking { tokens, overlap }.into());
        }
        // What is embedded before a chunk takes some of its tokens, and so do the prompt and the special tokens.
        let around = self.to_embed(before, None, "")?;
        let headings = before.kept_for_headings(self.longest_path(outline)?);
        let taken = self.tokenizer.count(&[around.as_deref().unwrap_or_default()])?[0] + headings;
        let room = tokens.saturating_sub(taken).max(tokens / TEXT_SHARE).max(1);
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

    /// How many tokens the longest path of headings has.
    fn longest_path(&self, outline: &Outline) -> Result<usize, EncoderError> {
        let mut longest = 0;
        for heading in outline.headings().iter().filter(|_| self.with_context) {
            longest = longest.max(self.tokenizer.count_bare(&outline.path(heading.at))?);
        }
        Ok(longest)
    }

    fn piece(&self, document: &Document, before: Before<'_>, part: Part) -> Result<Piece, EncoderError> {
        let Part { bytes, chunk, heading, page } = part;
        let text = &document.text[bytes.clone()];
        let to_embed = self.to_embed(before, heading.as_deref(), text)?;
        let nameless = before.nameless().map(|before| self.to_embed(before, heading.as_deref(), text)).transpose()?;
        let nameless = nameless.map(|nameless| nameless.unwrap_or_else(|| text.into()));
        let about = self.about(document, heading.as_deref());
        let mut metadata = None;
        for (name, value) in [(HEADING, heading.map(Value::from)), (PAGE, page.map(Value::from))] {
            if let Some(value) = value.filter(|_| !document.metadata.contains_key(name)) {
                metadata.get_or_insert_with(|| document.metadata.clone()).insert(name.into(), value);
            }
        }
        let line = document.place.line.or(document.first_line());
        Ok(Piece { bytes, chunk, metadata, to_embed, nameless, about, line })
    }

    /// Words by which a piece is found beside its text and title: the name of its file, and the headings above it.
    fn about(&self, document: &Document, heading: Option<&str>) -> String {
        if !self.with_context || document.markup.is_none() {
            return String::new();
        }
        let path = document.metadata.get(PATH).and_then(Value::as_str).unwrap_or_default();
        let words = path.replace(|character: char| !character.is_alphanumeric(), " ");
        format!("{words} {}", heading.unwrap_or_default())
    }

    /// The text for the model: the prompt, what the text is about, and the text. `None` if it is the text alone.
    fn to_embed(&self, before: Before<'_>, heading: Option<&str>, text: &str) -> Result<Option<String>, EncoderError> {
        let about = before.joined(heading.unwrap_or_default())?;
        Ok(match (about.is_empty(), self.prompt.is_empty()) {
            (true, true) => None,
            (true, false) => Some(format!("{}{text}", self.prompt)),
            (false, _) => Some(format!("{}{about} {text}", self.prompt)),
        })
    }
}

/// Sets the line at which each piece begins. Pieces are in the order of the text.
fn number_lines(document: &Document, pieces: &mut [Piece]) {
    let mut lines = document.layout.lines(&document.text);
    for piece in pieces {
        let text = piece.text(document);
        let blanks = text.len() - text.trim_start().len();
        let start = if blanks == text.len() { piece.bytes.start } else { piece.bytes.start + blanks };
        piece.line = lines.line(start);
    }
}
