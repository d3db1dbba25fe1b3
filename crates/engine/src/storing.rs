//! The side of an indexer that writes: what the index has, documents put, and how many. Only one thread at a time uses it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use semsearch_corpus::Document;
use semsearch_store::{Change, NewPassage, StoreWriter};

use super::EngineError;
use super::cutter::{Cutter, Piece};
use super::indexer::{ChangedDocument, IndexCounts};
use super::windows::{CutWindow, EmbeddedWindow, VectorSource};

/// The writer of an index, and what happened to the documents.
pub(super) struct Storing {
    pub(super) writer: Box<dyn StoreWriter>,
    pub(super) counts: IndexCounts,
}

impl Storing {
    /// Cuts the documents of a window, and finds out which texts must be embedded. `before` is the window that is put next.
    ///
    /// # Errors
    /// Tokenizing fails, or the index is damaged.
    pub(super) fn cut(
        &mut self,
        cutter: &Cutter<'_>,
        documents: Vec<ChangedDocument>,
        before: Option<&EmbeddedWindow>,
    ) -> Result<CutWindow, EngineError> {
        let pieces = |changed: &ChangedDocument| match &changed.given {
            Some(_) => Ok(Vec::new()),
            None => cutter.pieces(&changed.document, changed.chunks),
        };
        let cut: Vec<Vec<Piece>> = documents.iter().map(pieces).collect::<Result<_, _>>()?;
        let before = before.map(EmbeddedWindow::vectors).unwrap_or_default();
        let (mut sources, mut known, mut to_embed) = (HashMap::new(), Vec::new(), Vec::new());
        let mut of_documents = Vec::with_capacity(cut.len());
        for (number, (changed, pieces)) in documents.iter().zip(&cut).enumerate() {
            let mut of_pieces = Vec::with_capacity(pieces.len());
            for (at, piece) in pieces.iter().enumerate() {
                let text = piece.to_embed(&changed.document);
                let source = match sources.entry(text) {
                    Entry::Occupied(source) => *source.get(),
                    Entry::Vacant(vacant) => {
                        let vector = match before.get(text) {
                            Some(vector) => Some(vector.to_vec()),
                            None => self.known_vector(text, piece.nameless())?,
                        };
                        *vacant.insert(match vector {
                            Some(vector) => {
                                known.push(vector);
                                VectorSource::Known(known.len() - 1)
                            }
                            None => {
                                to_embed.push((number, at));
                                VectorSource::Embedded(to_embed.len() - 1)
                            }
                        })
                    }
                };
                of_pieces.push(source);
            }
            of_documents.push(of_pieces);
        }
        let pieces = cut.into_iter().zip(of_documents);
        let pieces = pieces.map(|(pieces, sources)| pieces.into_iter().zip(sources).collect());
        Ok(CutWindow { documents: documents.into_iter().zip(pieces).collect(), known, to_embed })
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
        for (ChangedDocument { compared, document, given, .. }, pieces) in window.documents() {
            let passages: Option<Vec<NewPassage>> = match given {
                Some(vector) => Some(vec![given_passage(document, vector)]),
                None => {
                    pieces.iter().map(|(piece, source)| Some(piece.with(document, window.vector(*source)?))).collect()
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
