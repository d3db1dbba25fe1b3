//! Hits for the formats' tests.

use std::sync::Arc;

use semsearch::engine::{Hit, Query, Scores};
use semsearch::index::{ChunkPlace, Language, Metric, StoredPassage};
use serde_json::json;

use super::writer::{Answer, Highlight, HitWriter, Presentation};

pub(super) fn presentation() -> Presentation {
    Presentation {
        metric: Metric::Ip,
        language: Language::default(),
        several: false,
        verbose: false,
        explain: false,
        full: false,
        highlight: Highlight::Words,
        run_name: "my run".into(),
    }
}

fn hits() -> Vec<Hit> {
    let document = |id: &str, title: Option<&str>, text: &str, chunk| StoredPassage {
        id: id.into(),
        title: title.map(Into::into),
        text: text.into(),
        metadata: json!({"year": 2016}).as_object().cloned().unwrap_or_default(),
        chunk,
    };
    let piece = ChunkPlace { index: 1, start: 20, end: 38 };
    let first = document("a b", Some("The show"), "They\tsang.\nTwice.", Some(piece));
    let second = document("c", None, "Nobody sang \u{1b}[31mhere.", None);
    let scores = |dense, lexical| Scores { dense: Some(dense), lexical };
    let hit = |rank, score, scores, document| Hit { rank, score, scores, document: Arc::new(document), sentence: None };
    vec![hit(1, 0.698_905_4, scores(0.698_905_4, Some(7.5)), first), hit(2, -0.25, scores(-0.25, None), second)]
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
