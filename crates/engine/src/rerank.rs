//! Orders what a search has found once more, by a model that reads each query and passage together.

use semsearch_encoder::cross_encoder::{CrossEncoder, PairScores};

use super::{EngineError, Hit, Query, SearchRequest};

/// Queries whose passages are scored together. Many pairs make full batches, and all their texts are in memory.
const QUERIES: usize = 32;

/// The request for the candidates: the best hits that are scored once more, whatever page is wanted, and whatever their
/// scores are.
pub(super) fn candidates(request: &SearchRequest, depth: usize) -> SearchRequest {
    SearchRequest { k: depth, offset: 0, min_score: None, ..request.clone() }
}

/// The wanted page of the candidates of each query, ordered by the model's scores, and the number of pairs that were
/// cut. Of equal scores, the candidate that was before stays before.
///
/// # Errors
/// The model fails.
pub(super) fn reranked(
    model: &CrossEncoder,
    request: &SearchRequest,
    candidates: Vec<Vec<Hit>>,
) -> Result<(Vec<Vec<Hit>>, usize), EngineError> {
    let mut cut = 0;
    let mut reranked = Vec::with_capacity(candidates.len());
    let mut candidates = candidates.into_iter();
    for queries in request.queries.chunks(QUERIES) {
        let found: Vec<Vec<Hit>> = candidates.by_ref().take(queries.len()).collect();
        let judged = scores(model, queries, &found)?;
        cut += judged.cut;
        let mut scores = judged.scores.into_iter();
        for mut hits in found {
            for (hit, score) in hits.iter_mut().zip(&mut scores) {
                hit.scores.before_rerank = Some(hit.score);
                hit.score = score;
            }
            reranked.push(page(request, hits));
        }
    }
    Ok((reranked, cut))
}

/// The score of each hit, query by query.
fn scores(model: &CrossEncoder, queries: &[Query], found: &[Vec<Hit>]) -> Result<PairScores, EngineError> {
    let passages: Vec<(&str, String)> = queries
        .iter()
        .zip(found)
        .flat_map(|(query, hits)| hits.iter().map(|hit| (query.text.as_str(), passage(hit))))
        .collect();
    let pairs: Vec<(&str, &str)> = passages.iter().map(|(query, passage)| (*query, passage.as_str())).collect();
    Ok(model.scores(&pairs)?)
}

/// What the model reads of a hit: its title and its text, joined as they are to be embedded.
fn passage(hit: &Hit) -> String {
    match &hit.document.title {
        Some(title) => format!("{title} {}", hit.document.text),
        None => hit.document.text.clone(),
    }
}

/// The hits of the wanted page, best first.
fn page(request: &SearchRequest, mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by(|a, b| b.score.total_cmp(&a.score));
    hits.retain(|hit| request.min_score.is_none_or(|least| hit.score >= least));
    let mut page: Vec<Hit> = hits.into_iter().skip(request.offset).take(request.k).collect();
    page.iter_mut().zip(request.offset + 1..).for_each(|(hit, rank)| hit.rank = rank);
    page
}
