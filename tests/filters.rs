//! Filters and lexical searches over a real index, compared with a plain scan of the documents.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use semsearch::encoder::{Precision, Vectors};
use semsearch::engine::{Mode, Query, SearchRequest, Searcher};
use semsearch::filter::Filter;
use semsearch::index::{
    IndexConfig, Language, LocalSnapshot, LocalStore, Metric, ModelIdentity, Prompts, Scored, Snapshot, Splitting,
    Store, WriteOptions,
};
use semsearch::model::Pooling;
use serde_json::{Map, Value, json};

use crate::support::{among, open, passages_of, put};

const DIM: usize = 4;

/// The config of an index whose vectors are given.
pub(crate) fn config() -> IndexConfig {
    IndexConfig {
        model: ModelIdentity { id: "none".into(), revision: None, fingerprint: String::new() },
        pooling: Pooling::Mean,
        normalized: false,
        max_length: 256,
        precision: Precision::F32,
        dim: DIM,
        with_title: true,
        with_context: true,
        file_ids: Default::default(),
        metric: Metric::Ip,
        factory: "Flat".into(),
        prompts: Prompts::default(),
        truncated: false,
        language: Some(Language::default()),
        splitting: Splitting::default(),
        chunks: Default::default(),
    }
}

/// A document with random words and these metadata.
#[derive(Clone, Debug)]
struct Given {
    text: String,
    metadata: Map<String, Value>,
    vector: [i8; DIM],
}

impl Given {
    fn row(&self) -> Vec<f32> {
        self.vector.iter().map(|&value| value.into()).collect()
    }
}

/// Indexes documents in two commits. The second commit replaces every fifth document of the first. Ids are numbers.
fn indexed(dir: &Path, documents: &[Given]) -> LocalSnapshot {
    for round in 0..2 {
        // While another test starts a child process, that child holds the files and locks of this process.
        let options = WriteOptions { wait: Duration::from_secs(20), ..WriteOptions::default() };
        let mut writer = LocalStore::new(dir).writer(config(), options).unwrap();
        let wanted = documents.iter().enumerate().filter(|(number, _)| round == 0 || number % 5 == 0);
        for (number, given) in wanted {
            let text = if round == 0 && number % 5 == 0 { "to be replaced".into() } else { given.text.clone() };
            let metadata = if round == 0 && number % 5 == 0 { Map::new() } else { given.metadata.clone() };
            put(&mut *writer, &number.to_string(), &text, metadata, &given.row());
        }
        writer.commit().unwrap();
    }
    open(dir).unwrap()
}

fn values() -> impl Strategy<Value = Value> {
    let number = prop_oneof![(-3i64..4).prop_map(Value::from), Just(json!(1.5)), Just(json!(u64::MAX))];
    let word = prop::sample::select(vec!["x", "xy", "2024-05-06", "2024-05-06T10:00:00Z", ""]).prop_map(Value::from);
    let one = prop_oneof![number, word, any::<bool>().prop_map(Value::from), Just(Value::Null)];
    prop_oneof![3 => one.clone(), 1 => prop::collection::vec(one, 0..3).prop_map(Value::from)]
}

fn documents() -> impl Strategy<Value = Vec<Given>> {
    let word = prop::sample::select(vec!["bees", "dance", "ice", "valley", "the", "running"]);
    let text = prop::collection::vec(word, 1..8).prop_map(|words| words.join(" "));
    let field = |name: &'static str| prop::option::of(values()).prop_map(move |value| (name, value));
    let metadata = (field("a"), field("b"), field("c")).prop_map(|(a, b, inner)| {
        let mut metadata: Map<String, Value> =
            [a, b].into_iter().filter_map(|(name, v)| Some((name.into(), v?))).collect();
        metadata.extend(inner.1.map(|value| ("n".to_owned(), json!({ "c": value }))));
        metadata
    });
    let vector = [-3i8..4, -3i8..4, -3i8..4, -3i8..4];
    let one = (text, metadata, vector).prop_map(|(text, metadata, vector)| Given { text, metadata, vector });
    prop::collection::vec(one, 1..60)
}

fn filters() -> impl Strategy<Value = String> {
    let field = prop::sample::select(vec!["a", "b", "n.c", "missing"]);
    let literal =
        prop::sample::select(vec!["0", "1", "-2", "1.5", "x", "\"\"", "true", "null", "2024-05-06", "2024-05"]);
    let operator = prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]);
    let compare = (field.clone(), operator, literal.clone()).prop_map(|(field, operator, literal)| {
        // Null and booleans have no order.
        let ordered = !["true", "null", "\"\""].contains(&literal);
        format!("{field} {} {literal}", if ordered { operator } else { "=" })
    });
    let others = prop_oneof![
        field.clone().prop_map(|field| format!("exists({field})")),
        field.clone().prop_map(|field| format!("{field} in [1, x, null]")),
        field.clone().prop_map(|field| format!("{field} in -1..1.5")),
        field.prop_map(|field| format!("{field} ^= x")),
    ];
    let leaf = prop_oneof![3 => compare, 2 => others];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|inner| format!("not ({inner})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_filter_lets_pass_what_a_plain_scan_does_and_a_search_finds_the_best_of_it(
        documents in documents(),
        filters in prop::collection::vec(filters(), 8),
        query in prop::collection::vec(-3i8..4, DIM),
        k in 1..20usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let index = indexed(dir.path(), &documents);
        let id = |index: &LocalSnapshot, key: u64| -> usize { passages_of(index, [key]).unwrap()[&key].id.parse().unwrap() };
        let query: Vec<f32> = query.iter().map(|&value| value.into()).collect();
        let score = |given: &Given| given.row().iter().zip(&query).map(|(a, b)| a * b).sum::<f32>();
        let words = index.words("bees in the valley ran").unwrap().best(&among(documents.len(), None)).unwrap();
        for filter in &filters {
            let parsed: Filter = filter.parse().unwrap();
            let passing: Vec<&Given> = documents.iter().filter(|given| parsed.matches(&given.metadata)).collect();
            prop_assert_eq!(index.count(&parsed).unwrap(), passing.len(), "{}", filter);

            let found = index.nearest(&Vectors::new(query.clone(), DIM), &among(k, Some(&parsed))).unwrap().remove(0);
            let mut expected: Vec<f32> = passing.iter().map(|given| score(given)).collect();
            expected.sort_by(|a, b| b.total_cmp(a));
            expected.truncate(k);
            prop_assert_eq!(found.iter().map(|near| near.score).collect::<Vec<_>>(), expected, "{}", filter);
            for near in &found {
                prop_assert!(parsed.matches(&documents[id(&index, near.key)].metadata), "{}", filter);
            }

            let passes = |key: u64| parsed.matches(&documents[id(&index, key)].metadata);
            // Lexical: all documents that pass, in the order that they have among all documents.
            let lexical = index.words("bees in the valley ran").unwrap();
            let among = lexical.best(&among(k, Some(&parsed))).unwrap();
            let expected: Vec<_> = words.iter().filter(|near| passes(near.key)).take(k).copied().collect();
            let keys = |found: &[Scored]| found.iter().map(|near| near.key).collect::<Vec<_>>();
            prop_assert_eq!(keys(&among), keys(&expected), "{}", filter);
            for (near, expected) in among.iter().zip(&expected) {
                // Which terms are added first may depend on the filter.
                prop_assert!((near.score - expected.score).abs() < 1e-5, "{near:?} {expected:?}");
            }
            let known = lexical.scores(&among.iter().map(|near| near.key).collect::<Vec<_>>()).unwrap();
            for (near, known) in among.iter().zip(known) {
                // The terms are added in another order.
                prop_assert!((near.score - known).abs() < 1e-5, "{} {known}", near.score);
            }
        }
    }
}

#[test]
fn pages_of_hits_are_parts_of_one_ranking_and_a_reload_brings_the_newest_commit() {
    let given = ["ice", "bees dance", "bees", "the bees and ice", "bees bees ice", "valley"];
    let given = given.map(|text| Given { text: text.into(), metadata: Map::new(), vector: [0; DIM] });
    let dir = tempfile::tempdir().unwrap();
    indexed(dir.path(), &given[..3]);
    let store = Arc::new(LocalStore::new(dir.path()));
    let searcher = Searcher::by_words(store.clone(), store.snapshot().unwrap());
    let hits = |k, offset| -> Vec<(usize, String)> {
        let queries = vec![Query { id: "1".into(), text: "bees ice".into() }];
        let request = SearchRequest { queries, mode: Mode::Lexical, k, offset, ..SearchRequest::default() };
        let found = searcher.search(&request, &mut ()).unwrap().hits.remove(0);
        found.iter().map(|hit| (hit.rank, hit.document.id.clone())).collect()
    };
    assert_eq!(hits(10, 0).len(), 3);

    indexed(dir.path(), &given);
    assert_eq!(hits(10, 0).len(), 3, "a searcher stays with its commit");
    let clone = searcher.clone();
    assert!(clone.reload().unwrap() && !clone.reload().unwrap());
    let all = hits(10, 0);
    assert_eq!(all.len(), 5, "a clone reloads for all");
    let pages = [hits(2, 0), hits(2, 2), hits(2, 4), hits(2, 6)];
    assert_eq!(pages.concat(), all);
    assert_eq!(all.iter().map(|(rank, _)| *rank).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

/// BM25 (Robertson and Zaragoza 2009), with Lucene's weight of a word: ln(1 + (N − n + ½) / (n + ½)).
#[test]
fn words_score_by_bm25() {
    let texts = ["Bees dance.", "The bees danced for other bees", "ice", "Dancing on ice, dancing with bees"];
    let given = texts.map(|text| Given { text: text.into(), metadata: Map::new(), vector: [0; DIM] });
    let dir = tempfile::tempdir().unwrap();
    let index = indexed(dir.path(), &given);
    // The first document was replaced. Its old text, "to be replaced", still counts in the statistics.
    let lengths = [2.0, 6.0, 1.0, 6.0];
    let (count, mean) = (5.0f64, (2.0 + 6.0 + 1.0 + 6.0 + 3.0) / 5.0);
    let weight = |documents: f64| (1.0 + (count - documents + 0.5) / (documents + 0.5)).ln();
    let term = |frequency: f64, documents: f64, length: f64| {
        weight(documents) * frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * length / mean))
    };
    let expected = [
        term(1.0, 3.0, lengths[0]) + term(1.0, 3.0, lengths[0]),
        term(2.0, 3.0, lengths[1]) + term(1.0, 3.0, lengths[1]),
        0.0,
        term(1.0, 3.0, lengths[3]) + term(2.0, 3.0, lengths[3]),
    ];
    let lexical = index.words("dancing BEES").unwrap();
    let best = lexical.best(&among(10, None)).unwrap();
    assert_eq!(best.len(), 3, "only what has one of the words");
    for near in best {
        let document: usize = passages_of(&index, [near.key]).unwrap()[&near.key].id.parse().unwrap();
        assert!((f64::from(near.score) - expected[document]).abs() < 1e-4, "{document}: {}", near.score);
    }
}
