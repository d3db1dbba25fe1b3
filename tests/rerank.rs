//! `--rerank`: a cross-encoder orders the best hits once more. The model is tiny and has random weights, so its order is
//! an order like any other.

use semsearch::cross_encoder::CrossEncoder;
use semsearch::embedder::Options;
use semsearch::model::ModelFiles;
use serde_json::Value;

use crate::family::{Family, file};
use crate::support::Sandbox;

const QUERY: &str = "the red fox";

/// An index of ten passages, and a cross-encoder in `ce`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let words = ["the", "red", "of", "fox", "a", "ship", "in", "sea"];
    let text = |number: usize| (0..number + 3).map(|at| words[(number + at * at) % words.len()]).collect::<Vec<_>>();
    let record = |number: usize| format!("{{\"_id\":\"{number}\",\"text\":\"{}\"}}\n", text(number).join(" "));
    sandbox.write("in.jsonl", (0..10).map(record).collect::<String>());
    sandbox.run(&["index", "in.jsonl"]).success();
    let model = sandbox.path("ce");
    std::fs::create_dir(&model).unwrap();
    family("rerank-bert").write(&model);
    sandbox
}

fn family(name: &str) -> Family {
    serde_json::from_slice(&file(name)).unwrap()
}

fn hits(sandbox: &Sandbox, args: &[&str]) -> Vec<Value> {
    sandbox.run(&[&["query", QUERY, "-f", "jsonl", "--explain"], args].concat()).json_lines()
}

fn score(hit: &Value) -> f32 {
    hit["score"].as_f64().unwrap() as f32
}

fn ids(hits: &[Value]) -> Vec<&str> {
    hits.iter().map(|hit| hit["id"].as_str().unwrap()).collect()
}

#[test]
fn hits_have_the_order_and_the_scores_of_the_cross_encoder() {
    let sandbox = sandbox();
    let model = CrossEncoder::load(&ModelFiles::at(sandbox.path("ce")), &Options::default()).unwrap();
    for mode in ["dense", "lexical", "hybrid"] {
        let before = hits(&sandbox, &["--mode", mode]);
        let after = hits(&sandbox, &["--mode", mode, "--rerank", "ce"]);
        assert_eq!(after.len(), before.len(), "{mode}");
        assert!(before.iter().all(|hit| hit["scores"].get("before_rerank").is_none()));
        let texts: Vec<(&str, &str)> = after.iter().map(|hit| (QUERY, hit["text"].as_str().unwrap())).collect();
        assert_eq!(after.iter().map(score).collect::<Vec<_>>(), model.scores(&texts).unwrap().scores, "{mode}");
        assert!(after.is_sorted_by(|a, b| score(a) >= score(b)), "{mode}");
        for (rank, hit) in (1..).zip(&after) {
            let same = before.iter().find(|other| other["id"] == hit["id"]).unwrap();
            assert_eq!((&hit["scores"]["before_rerank"], &hit["rank"]), (&same["score"], &Value::from(rank)), "{mode}");
        }
    }
}

#[test]
fn only_the_best_hits_are_reranked_and_the_first_do_not_depend_on_k() {
    let sandbox = sandbox();
    let before = hits(&sandbox, &["-k", "4"]);
    let all = hits(&sandbox, &["--rerank", "ce", "--rerank-depth", "4"]);
    let (mut some, mut best) = (ids(&all), ids(&before));
    some.sort_unstable();
    best.sort_unstable();
    assert_eq!(some, best);
    let two = hits(&sandbox, &["--rerank", "ce", "--rerank-depth", "4", "-k", "2"]);
    assert_eq!(two, all[..2]);
    let ran = sandbox.run(&["query", QUERY, "--rerank", "ce", "--rerank-depth", "4"]);
    assert!(ran.stderr.contains("a query has at most 4 hits, because so many are reranked (--rerank-depth)"), "{ran}");
    assert_eq!(hits(&sandbox, &["--rerank", "none", "-k", "4"]), before);
    let long = "the red fox ".repeat(400);
    let ran = sandbox.run(&["query", &long, "--rerank", "ce"]);
    assert!(
        ran.stderr.contains("pairs of query and passage that were cut, because the reranker cannot read more: 10"),
        "{ran}"
    );
    let bound = all[1]["score"].to_string();
    assert_eq!(hits(&sandbox, &["--rerank", "ce", "--rerank-depth", "4", "--min-score", &bound]), all[..2]);
}

#[test]
fn eval_measures_what_query_prints() {
    let sandbox = sandbox();
    sandbox.write("queries.jsonl", format!("{{\"_id\":\"1\",\"text\":\"{QUERY}\"}}\n"));
    sandbox.write("qrels.tsv", "query-id\tcorpus-id\tscore\n1\t3\t1\n1\t7\t2\n");
    let run = sandbox.run(&["query", "--queries", "queries.jsonl", "--rerank", "ce", "-f", "trec"]).success();
    sandbox.write("run.trec", run);
    let of_run = ["eval", "--run", "run.trec", "--qrels", "qrels.tsv", "--metrics", "ndcg@10,mrr@10"];
    let of_index = ["eval", "--queries", "queries.jsonl", "--qrels", "qrels.tsv", "--metrics", "ndcg@10,mrr@10"];
    let measured = sandbox.run(&[&of_index[..], &["--rerank", "ce"]].concat()).success();
    assert_eq!(measured, sandbox.run(&of_run).success());
    assert_ne!(measured, sandbox.run(&of_index).success(), "a random order is another");
}

#[test]
fn what_is_no_cross_encoder_says_so() {
    let sandbox = sandbox();
    let embedder = sandbox.path("embedder");
    std::fs::create_dir(&embedder).unwrap();
    family("bert").write(&embedder);
    let ran = sandbox.run(&["query", QUERY, "--rerank", "embedder"]);
    assert!(ran.status == Some(2) && ran.stderr.contains("the model is not a cross-encoder"), "{ran}");
    let ran = sandbox.run(&["query", "--like", "1", "--rerank", "ce"]);
    assert!(ran.status == Some(0) && ran.stderr.contains("what resembles a document is not reranked"), "{ran}");
    let ran = sandbox.run(&["index", "in.jsonl", "-i", "other", "--model", "ce"]);
    assert!(ran.stderr.contains("was trained to judge texts, not to make vectors"), "{ran}");
}
