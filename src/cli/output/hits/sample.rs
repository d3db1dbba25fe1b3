//! Hits for the formats' tests.

use std::sync::Arc;

use semsearch::engine::{Hit, Query, Scores};
use semsearch::index::{Analysis, ChunkPlace, Metric, Source, StoredPassage};
use serde_json::json;

use super::place::Here;
use super::writer::{Answer, Highlight, HitWriter, Presentation};

pub(super) fn presentation() -> Presentation {
    Presentation {
        metric: Metric::Ip,
        analysis: Analysis::default(),
        several: false,
        verbose: false,
        explain: false,
        full: false,
        highlight: Highlight::Words,
        here: Here::default(),
        run_name: "my run".into(),
    }
}

fn hits() -> Vec<Hit> {
    let document = |id: &str, title: Option<&str>, text: &str, chunk, source| StoredPassage {
        id: id.into(),
        title: title.map(Into::into),
        text: text.into(),
        metadata: json!({"year": 2016}).as_object().cloned().unwrap_or_default(),
        chunk,
        source,
    };
    let piece = ChunkPlace { index: 1, start: 20, end: 38 };
    let source = Some(Source { path: "/data/a.md".into(), line: Some(3) });
    let first = document("a b", Some("The show"), "They\tsang.\nTwice.", Some(piece), source);
    let second = document("c", None, "Nobody sang \u{1b}[31mhere.", None, None);
    let scores = |dense, lexical| Scores { dense: Some(dense), lexical, ..Scores::default() };
    let hit = |rank, score, scores, document| Hit {
        rank,
        score,
        scores,
        document: Arc::new(document),
        sentence: None,
        copies: 0,
    };
    vec![hit(1, 0.698_905_4, scores(0.698_905_4, Some(7.5)), first), hit(2, -0.25, scores(-0.25, None), second)]
}

/// A hit from this place.
pub(super) fn hit_from(source: Option<Source>) -> Hit {
    let [first, ..] = <[Hit; 2]>::try_from(hits()).unwrap();
    let document = Arc::new(StoredPassage { source, ..(*first.document).clone() });
    Hit { document, ..first }
}

/// What a writer makes of the sample.
pub(super) fn written<'a, W: HitWriter>(make: impl FnOnce(&'a mut Vec<u8>) -> W, bytes: &'a mut Vec<u8>) {
    let mut writer = make(bytes);
    let (first, second) =
        (Query { id: "q 1".into(), text: "Who sang?".into() }, Query { id: "2".into(), text: "And?".into() });
    let answers = [Answer { query: &first, hits: &hits() }, Answer { query: &second, hits: &[] }];
    writer.write(&mut answers.into_iter()).unwrap();
    writer.finish().unwrap();
}
