//! Finds the sentence of a hit that answers the query.

use unicode_segmentation::UnicodeSegmentation;

use super::{EngineError, Hit, Query, Searcher};

impl Searcher {
    /// Finds, for each hit, the sentence that is nearest to the query.
    ///
    /// # Errors
    /// Encoding fails, or this is a searcher by words.
    pub fn find_sentences(&self, query: &Query, hits: &mut [Hit]) -> Result<(), EngineError> {
        let embedder = self.embedder("to find the nearest sentence")?;
        let snapshot = self.snapshot();
        let prompts = &snapshot.facts().config.prompts;
        let mut texts = vec![format!("{}{}", prompts.query, query.text)];
        let mut places = Vec::new();
        for (position, hit) in hits.iter().enumerate() {
            for (start, sentence) in hit.document.text.split_sentence_bound_indices() {
                let trimmed = sentence.trim();
                if !trimmed.is_empty() {
                    places.push((position, start..start + sentence.trim_end().len()));
                    texts.push(format!("{}{trimmed}", prompts.document));
                }
            }
        }
        let vectors = embedder.embed(&texts)?.vectors;
        let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        // This is the cosine times the query's length, even where vectors are not normalized.
        let nearness = |row: &[f32]| product(vectors.row(0), row) / product(row, row).sqrt();
        let mut best = vec![f32::NEG_INFINITY; hits.len()];
        for (row, (position, place)) in (1..).zip(places) {
            let near = nearness(vectors.row(row));
            if near > best[position] {
                best[position] = near;
                hits[position].sentence = Some(place);
            }
        }
        Ok(())
    }
}
