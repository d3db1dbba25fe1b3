//! What of a document gets a vector of its own: all of it, or pieces that the model takes whole.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;

use serde_json::{Map, Value};

use semsearch_corpus::{Chunking, Document, Markup, Outline};
use semsearch_encoder::model::Tokenizer;
use semsearch_error::{Error, Result};
use semsearch_store_local::{Chunk, Cut, Passage};

/// The metadata field in which a piece of a Markdown document has the headings that it stands under.
const HEADING: &str = "heading";

/// A passage before it has a vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece<'a> {
    /// The text that hits show.
    pub text: &'a str,
    /// Which piece it is, if the document is cut.
    pub chunk: Option<Chunk>,
    /// What hits bring back.
    pub metadata: Cow<'a, Map<String, Value>>,
    /// The text for the model.
    pub to_embed: Cow<'a, str>,
}

impl Piece<'_> {
    /// The passage that an index keeps: this piece with the vector that the model made of it.
    pub fn with<'a>(&'a self, vector: &'a [f32]) -> Passage<'a> {
        let Self { text, chunk, metadata, to_embed } = self;
        Passage { text, chunk: *chunk, metadata, embedded: Some(to_embed), vector }
    }
}

/// Makes passages of documents.
pub struct Cutter<'a> {
    /// The model's.
    pub tokenizer: &'a Tokenizer,
    /// Whether a title is embedded before its text, in every piece.
    pub with_title: bool,
    /// What stands before it all.
    pub prompt: &'a str,
}

impl Cutter<'_> {
    /// The passages of `document`: one, unless it is to be `cut` and is longer than a piece. Together they are all of its
    /// text.
    ///
    /// # Errors
    /// Pieces would be no longer than their overlap.
    pub fn pieces<'a>(&self, document: &'a Document, cut: Option<Cut>) -> Result<Vec<Piece<'a>>> {
        let chunks = cut.map(|cut| self.chunks(document, cut)).transpose()?.filter(|chunks| chunks.len() > 1);
        let Some(chunks) = chunks else { return Ok(vec![self.piece(document, 0..document.text.len(), None, None)]) };
        let outline = (document.markup == Some(Markup::Markdown)).then(|| Outline::of(&document.text));
        let piece = |chunk: semsearch_corpus::Chunk| {
            let heading = outline.as_ref().map(|outline| outline.path(chunk.bytes.start));
            let place = Chunk { index: chunk.index, start: chunk.start, end: chunk.end };
            self.piece(document, chunk.bytes, Some(place), heading.filter(|heading| !heading.is_empty()))
        };
        Ok(chunks.into_iter().map(piece).collect())
    }

    fn chunks(&self, document: &Document, cut: Cut) -> Result<Vec<semsearch_corpus::Chunk>> {
        let Cut { tokens, overlap } = cut;
        if overlap >= tokens {
            return Err(Error::Chunking { tokens, overlap });
        }
        // What stands around a piece takes of its room.
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
        failure.into_inner().map_or(Ok(chunks), Err)
    }

    fn piece<'a>(
        &self,
        document: &'a Document,
        bytes: Range<usize>,
        chunk: Option<Chunk>,
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
