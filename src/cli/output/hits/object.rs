//! A hit as a JSON object.

use std::io::{self, Write};

use semsearch::engine::{Hit, Query, Scores};
use semsearch::index::ChunkPlace;
use serde::Serialize;
use serde_json::{Map, Value};

use super::place::{Here, HitPlace};
use super::writer::Presentation;

/// A hit as JSON. Names and order of the fields are part of the contract.
#[derive(Serialize)]
struct HitObject<'a> {
    query_id: &'a str,
    query: &'a str,
    rank: usize,
    id: &'a str,
    score: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    text: &'a str,
    metadata: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<HitPlace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk: Option<ChunkPlace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scores: Option<SideScores>,
}

/// The scores of a hit. A side's is null if that side was not searched; the score before reranking is there only if the
/// hit was reranked.
#[derive(Serialize)]
struct SideScores {
    dense: Option<f32>,
    lexical: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before_rerank: Option<f32>,
}

impl From<Scores> for SideScores {
    fn from(scores: Scores) -> Self {
        Self { dense: scores.dense, lexical: scores.lexical, before_rerank: scores.before_rerank }
    }
}

/// What an object has of a hit.
pub(super) struct ObjectLook {
    /// Whether it has the dense and the lexical score.
    pub(super) explain: bool,
    /// Where paths are shown from.
    pub(super) here: Here,
}

impl From<Presentation> for ObjectLook {
    fn from(presentation: Presentation) -> Self {
        Self { explain: presentation.explain, here: presentation.here }
    }
}

/// Writes a hit.
pub(super) fn write_hit(out: &mut impl Write, query: &Query, hit: &Hit, look: &ObjectLook) -> io::Result<()> {
    let document = &hit.document;
    let object = HitObject {
        query_id: &query.id,
        query: &query.text,
        rank: hit.rank,
        id: &document.id,
        score: hit.score,
        title: document.title.as_deref(),
        text: &document.text,
        metadata: &document.metadata,
        source: look.here.place(hit),
        chunk: document.chunk,
        scores: look.explain.then_some(hit.scores.into()),
    };
    // An error here comes from the writer, because every hit can be written as JSON.
    serde_json::to_writer(out, &object).map_err(Into::into)
}
