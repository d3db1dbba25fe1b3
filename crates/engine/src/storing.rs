//! The side of an indexer that writes: what the index has, documents put, and how many. Only one thread at a time uses it.

use std::collections::HashMap;

use semsearch_corpus::Document;
use semsearch_store::{Change, NewPassage, StoreWriter};

use super::EngineError;
use super::indexer::{ChangedDocument, IndexCounts};
use super::windows::{CutDocument, CutWindow, EmbeddedWindow, VectorSource};

/// The writer of an index, and what happened to the documents.
pub(super) struct Storing {
    pub(super) writer: Box<dyn StoreWriter>,
    pub(super) counts: IndexCounts,
}

impl Storing {
    /// Finds out which texts of these documents must be embedded: each once, and none whose vector is known. `before` is the
    /// window that is put next.
    ///
    /// # Errors
    /// The index is damaged.
    pub(super) fn sources(
        &mut self,
        documents: Vec<CutDocument>,
        before: Option<&EmbeddedWindow>,
    ) -> Result<CutWindow, EngineError> {
        let before = before.map(EmbeddedWindow::vectors).unwrap_or_default();
        let (mut of_texts, mut known, mut to_embed) = (HashMap::new(), Vec::new(), Vec::new());
        let mut sources = Vec::with_capacity(documents.len());
        for (number, (changed, pieces)) in documents.iter().enumerate() {
            let mut of_pieces = Vec::with_capacity(pieces.len());
            for (at, piece) in pieces.iter().enumerate() {
                let text = piece.to_embed(&changed.document);
                if let Some(&source) = of_texts.get(text) {
                    of_pieces.push(source);
                    continue;
                }
                let vector = match before.get(text) {
                    Some(vector) => Some(vector.to_vec()),
                    None => self.known_vector(text, piece.nameless())?,
                };
                let source = match &vector {
                    Some(_) => VectorSource::Known(known.len()),
                    None => VectorSource::Embedded(to_embed.len()),
                };
                to_embed.extend(vector.is_none().then_some((number, at)));
                known.extend(vector);
                of_texts.insert(text, source);
                of_pieces.push(source);
            }
            sources.push(of_pieces);
        }
        Ok(CutWindow { documents, sources, known, to_embed })
    }

    /// The vector that the index has for a text.
    fn known_vector(&mut self, text: &str, nameless: Option<&str>) -> Result<Option<Vec<f32>>, EngineError> {
        match (self.writer.vector_of(text)?, nameless) {
            (None, Some(nameless)) => Ok(self.writer.renamed_vector(nameless)?),
            (known, _) => Ok(known),
        }
    }

    /// Puts the documents of a window, and commits if it is time for a commit.
    ///
    /// # Errors
    /// The index cannot be written.
    pub(super) fn put_and_check(&mut self, window: &EmbeddedWindow) -> Result<(), EngineError> {
        self.put(window)?;
        Ok(self.writer.checkpoint()?)
    }

    /// Puts the documents of a window. A document with a piece that has no vector is not put: the work was stopped.
    ///
    /// # Errors
    /// The index cannot be written.
    pub(super) fn put(&mut self, window: &EmbeddedWindow) -> Result<(), EngineError> {
        for (tokens, dropped) in window.lengths() {
            self.counts.tokens += tokens;
            self.counts.truncation.add(&[dropped]);
        }
        for ((ChangedDocument { compared, document, given, .. }, pieces), sources) in window.documents() {
            let passages: Option<Vec<NewPassage>> = match given {
                Some(vector) => Some(vec![given_passage(document, vector)]),
                None => {
                    let pieces = pieces.iter().zip(sources);
                    pieces.map(|(piece, source)| Some(piece.with(document, window.vector(*source)?))).collect()
                }
            };
            if let Some(passages) = passages {
                self.writer.put(document, *compared, &passages)?;
                self.counts.added += usize::from(compared.change == Change::Added);
                self.counts.updated += usize::from(compared.change == Change::Updated);
            }
        }
        Ok(())
    }
}

/// The passage of a document whose vector was given.
fn given_passage<'a>(document: &'a Document, vector: &'a [f32]) -> NewPassage<'a> {
    NewPassage {
        text: &document.text,
        chunk: None,
        metadata: &document.metadata,
        embedded: None,
        nameless: None,
        vector,
        about: "",
        line: document.place.line.or(document.first_line()),
    }
}
