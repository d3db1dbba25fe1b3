//! What resembles a document or a file.

use semsearch_corpus::Document;
use semsearch_encoder::embedder::Progress;
use semsearch_encoder::encoder::Vectors;

use super::cutter::{Cutter, chunk_size};
use super::ranking::Ranking;
use super::{EngineError, Mode, SearchRequest, SearchResults, Searcher, whole_document};

/// What hits are to resemble.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The id of the document that is left out of the hits: the subject itself.
    pub id: String,
    /// Its text, for the lexical side.
    pub text: String,
    /// Its vector: the mean of its passages' vectors, of length 1 where the index's vectors are.
    vector: Vec<f32>,
}

impl Searcher {
    /// The document of the index with this id, as a subject; `None` if there is none.
    ///
    /// # Errors
    /// The index is damaged; or it gives no vectors back, and encoding fails.
    pub fn document_subject(&self, id: &str) -> Result<Option<Subject>, EngineError> {
        let snapshot = self.snapshot();
        let Some(document) = whole_document(&*snapshot, id)? else { return Ok(None) };
        let mut rows = Vec::new();
        for key in snapshot.find(id)? {
            match snapshot.vector(key)? {
                Some(row) => rows.push(row),
                None => {
                    let prompted = format!("{}{}", snapshot.facts().config.prompts.document, document.text);
                    let vectors = self.embedder("to find what resembles a document")?.embed(&[prompted])?.vectors;
                    rows = vec![vectors.row(0).to_vec()];
                    break;
                }
            }
        }
        Ok(Some(Subject { id: document.id, text: document.text, vector: self.mean(&rows) }))
    }

    /// A document from elsewhere, as a subject. It is embedded as the index would embed it.
    ///
    /// # Errors
    /// Encoding fails.
    pub fn file_subject(&self, document: &Document) -> Result<Subject, EngineError> {
        let embedder = self.embedder("to find what resembles a file")?;
        let snapshot = self.snapshot();
        let config = &snapshot.facts().config;
        let tokenizer = embedder.tokenizer();
        let cutter = Cutter {
            tokenizer,
            with_title: config.with_title,
            with_context: config.with_context,
            prompt: &config.prompts.document,
        };
        let pieces = cutter.pieces(document, chunk_size(document, config.chunks, tokenizer.max_length()))?;
        let texts: Vec<&str> = pieces.iter().map(|piece| piece.to_embed(document)).collect();
        let vectors = embedder.embed(&texts)?.vectors;
        let rows: Vec<Vec<f32>> = vectors.iter().map(<[f32]>::to_vec).collect();
        Ok(Subject { id: document.id.clone(), text: document.text.clone(), vector: self.mean(&rows) })
    }

    /// What resembles the subject, best first, without the subject itself. The request's own queries are not used.
    ///
    /// # Errors
    /// As of [`Searcher::search`].
    pub fn search_like(
        &self,
        request: &SearchRequest,
        subject: &Subject,
        progress: &mut dyn Progress,
    ) -> Result<SearchResults, EngineError> {
        let snapshot = self.snapshot();
        let own = snapshot.find(&subject.id)?;
        let vectors = Vectors::new(subject.vector.clone(), subject.vector.len());
        // Words alone are asked without vectors, as in a search.
        let vectors = Some(&vectors).filter(|_| request.mode != Mode::Lexical);
        let hits = Ranking::new(&*snapshot, request)?.without(own).hits(&[&subject.text], vectors)?;
        progress.done(1, 0);
        Ok(SearchResults { hits, dropped: vec![0], cut_pairs: 0, commit: snapshot.facts().commit.clone() })
    }

    /// The mean of vectors, as the index would store it.
    fn mean(&self, rows: &[Vec<f32>]) -> Vec<f32> {
        let snapshot = self.snapshot();
        let mut mean = vec![0.0; snapshot.facts().config.dim];
        for row in rows {
            mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value / rows.len() as f32);
        }
        if snapshot.facts().config.normalized {
            let length = mean.iter().map(|value| value * value).sum::<f32>().sqrt();
            mean.iter_mut().for_each(|value| *value /= length.max(f32::MIN_POSITIVE));
        }
        mean
    }
}
