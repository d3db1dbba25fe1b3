//! Embeds and puts a window of documents. Each text is embedded once, and a text whose vector the index has is not
//! embedded.

use std::collections::HashMap;

use semsearch_encoder::embedder::{Embedded, Progress};
use semsearch_store::NewPassage;

use super::EngineError;
use super::cutter::Piece;
use super::indexer::{ChangedDocument, Indexer};

/// The texts of a window, each of them once.
#[derive(Default)]
struct Texts<'a> {
    /// The texts that are embedded.
    unique: Vec<&'a str>,
    /// The position of each of these texts in `unique`.
    rows: HashMap<&'a str, usize>,
    /// The other texts, with their vectors from the index.
    known: HashMap<&'a str, Vec<f32>>,
}

impl Indexer<'_> {
    pub(super) fn embed_and_put(
        &mut self,
        window: &[ChangedDocument],
        progress: &mut dyn Progress,
    ) -> Result<(), EngineError> {
        let cutter = self.cutter();
        let pieces = window.iter().map(|changed| cutter.pieces(&changed.document, changed.chunks));
        let pieces: Vec<Vec<Piece>> = pieces.collect::<Result<_, _>>()?;
        let texts = self.texts(&pieces)?;
        let (embedded, done) = self.embedder.embed_until(&texts.unique, progress, &self.embedding())?;
        let Embedded { vectors, tokenized } = embedded;
        // Progress is counted in documents.
        progress.done(window.len().saturating_sub(texts.unique.len()), 0);
        for text in (0..texts.unique.len()).filter(|&text| done[text]) {
            self.counts.tokens += tokenized.ids.get(text).len();
            self.counts.truncation.add(&tokenized.dropped[text..=text]);
        }
        // A document with a piece that has no vector is not put: the work was stopped.
        let is_done = |piece: &Piece| texts.rows.get(piece.to_embed.as_ref()).is_none_or(|&row| done[row]);
        for (changed, pieces) in window.iter().zip(&pieces).filter(|(_, pieces)| pieces.iter().all(is_done)) {
            let vector = |piece: &Piece| match texts.rows.get(piece.to_embed.as_ref()) {
                Some(&row) => vectors.row(row),
                None => texts.known[piece.to_embed.as_ref()].as_slice(),
            };
            let passages: Vec<NewPassage> = pieces.iter().map(|piece| piece.with(vector(piece))).collect();
            self.writer.put(&changed.document, changed.compared, &passages)?;
            self.count(changed.compared.change);
        }
        Ok(())
    }

    /// The texts of these pieces. A text that occurs twice in the window is embedded once. A text whose vector the
    /// index has is not embedded at all.
    fn texts<'p>(&mut self, pieces: &'p [Vec<Piece<'p>>]) -> Result<Texts<'p>, EngineError> {
        let mut texts = Texts::default();
        for piece in pieces.iter().flatten() {
            let text = piece.to_embed.as_ref();
            if texts.rows.contains_key(text) || texts.known.contains_key(text) {
                continue;
            }
            let mut known = self.writer.vector_of(text)?;
            if let (None, Some(nameless)) = (&known, &piece.nameless) {
                known = self.writer.renamed_vector(nameless)?;
            }
            match known {
                Some(vector) => {
                    texts.known.insert(text, vector);
                }
                None => {
                    texts.rows.insert(text, texts.unique.len());
                    texts.unique.push(text);
                }
            }
        }
        Ok(texts)
    }
}
