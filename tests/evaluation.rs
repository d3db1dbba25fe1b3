//! `eval`: BEIR directories, runs, comparisons, sweeps.

use serde_json::Value;

use crate::support::Sandbox;

/// A data set in BEIR's layout: three documents, three queries, one of them without judgements.
fn beir() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(
        "set/corpus.jsonl",
        "{\"_id\":\"a\",\"text\":\"Bees dance to tell where flowers are.\"}\n{\"_id\":\"b\",\"text\":\"Glaciers carve \
         valleys.\"}\n{\"_id\":\"c\",\"text\":\"Bread rises by yeast.\"}\n",
    );
    sandbox.write(
        "set/queries.jsonl",
        "{\"_id\":\"1\",\"text\":\"how do bees find flowers\"}\n{\"_id\":\"2\",\"text\":\"what shapes a \
         valley\"}\n{\"_id\":\"3\",\"text\":\"unjudged\"}\n",
    );
    sandbox.write("set/qrels/test.tsv", "query-id\tcorpus-id\tscore\n1\ta\t1\n2\tb\t2\n2\tc\t1\n");
    sandbox
}

#[test]
fn a_data_set_is_indexed_beside_itself_and_measured() {
    let sandbox = beir();
    let first = sandbox.run(&["eval", "set", "--metrics", "ndcg@10,recall@1"]);
    assert!(first.stderr.contains("3 added"), "{first}");
    insta::assert_snapshot!(first.success(), @r"
    ndcg@10   0.9751
    recall@1  0.7500
    queries        2
    ");
    let again = sandbox.run(&["eval", "set", "--metrics", "recall@1", "--mode", "lexical", "--format", "json"]);
    assert!(again.stderr.contains("3 unchanged"), "{again}");
    assert_eq!(again.success(), "{\"queries\":2,\"metrics\":{\"recall@1\":0.75}}\n");
    // Another model needs another index.
    let other = sandbox.run(&["eval", "set", "--metrics", "recall@1", "--pooling", "cls"]);
    assert!(other.stderr.contains("building it anew") && other.stderr.contains("3 added"), "{other}");
}

#[test]
fn a_run_is_scored_and_compared_with_another() {
    let sandbox = beir();
    sandbox.write("good.trec", "1 Q0 a 1 9 x\n1 Q0 b 2 8 x\n2 Q0 b 1 9 x\n2 Q0 c 2 8 x\n");
    sandbox.write("bad.trec", "1 Q0 b 1 9 y\n1 Q0 a 2 8 y\n");
    let qrels = "set/qrels/test.tsv";
    let scored =
        sandbox.run(&["eval", "--run", "good.trec", "--qrels", qrels, "--metrics", "mrr@10,map", "--per-query"]);
    insta::assert_snapshot!(scored.success(), @r"
    mrr@10   1.0000
    map      1.0000
    queries       2

    query  mrr@10     map
    1      1.0000  1.0000
    2      1.0000  1.0000
    ");
    let compared =
        sandbox.run(&["eval", "--run", "bad.trec", "--qrels", qrels, "--compare", "good.trec", "--metrics", "mrr@10"]);
    assert!(compared.stderr.contains("judged queries that the run lacks, left out of the means: 1"), "{compared}");
    assert!(
        compared.stderr.contains("queries that only one of the runs has, left out of the comparison: 1"),
        "{compared}"
    );
    insta::assert_snapshot!(compared.success(), @r"
               this  good.trec  difference  p  better  worse  equal
    mrr@10   0.5000     1.0000     -0.5000  -       0      1      0
    queries       1
    ");
}

#[test]
fn what_is_missing_is_named_with_what_to_type() {
    let sandbox = beir();
    let said = |args: &[&str]| {
        let ran = sandbox.run(args);
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""), "{ran}");
        ran.stderr
    };
    let all = [
        said(&["eval"]),
        said(&["eval", "--qrels", "set/qrels/test.tsv"]),
        said(&["eval", "set", "--split", "dev"]),
        said(&["eval", "set", "--metrics", "bleu"]),
        said(&["eval", "--run", "set/queries.jsonl", "--qrels", "set/qrels/test.tsv"]),
    ];
    insta::assert_snapshot!(all.concat(), @r#"
    error: no relevance judgements
    hint: `semsearch eval DIR` for a data set in BEIR's layout, or `--qrels FILE`
    error: no queries
    hint: `--queries FILE` to search with, or `--run FILE` to score
    error: set/qrels/dev.tsv: cannot read: No such file or directory (os error 2)
    error: invalid value 'bleu' for '--metrics <LIST>': unknown metric "bleu": known are ndcg, mrr (recip_rank) and map, each also with a cut-off as in ndcg@10, and recall@K, precision@K (p@K), success@K (hit@K)
    hint: `semsearch --help` lists the commands, `semsearch COMMAND --help` their options
    error: set/queries.jsonl:1: the number of columns is 5, expected 6 (query Q0 document rank score name)
    "#);
}

#[test]
fn a_sweep_tries_every_weight_and_draws_it() {
    let sandbox = beir();
    let ran = sandbox.run(&[
        "eval",
        "set",
        "--sweep",
        "alpha",
        "--svg",
        "alpha.svg",
        "--metrics",
        "mrr@10",
        "--format",
        "json",
    ]);
    let found: Value = serde_json::from_str(&ran.success()).unwrap();
    let points = found["sweep"].as_array().unwrap();
    assert_eq!((points.len(), found["queries"].as_u64()), (21, Some(2)));
    // At both ends of the sweep, only one side counts.
    for (point, mode) in [(0, "lexical"), (20, "dense")] {
        let alone = sandbox.run(&["eval", "set", "--mode", mode, "--metrics", "mrr@10", "--format", "json"]).success();
        let alone: Value = serde_json::from_str(&alone).unwrap();
        assert_eq!(points[point]["metrics"], alone["metrics"], "{mode}");
    }
    let svg = std::fs::read_to_string(sandbox.path("alpha.svg")).unwrap();
    let drawn = roxmltree::Document::parse(&svg).unwrap();
    let texts: Vec<&str> = drawn.descendants().filter_map(|node| node.text().map(str::trim)).collect();
    assert!(texts.iter().any(|text| text.contains("alpha")) && texts.contains(&"mrr@10"), "{texts:?}");
}

#[test]
fn an_index_that_is_named_and_not_there_is_built_of_the_data_set() {
    let sandbox = beir();
    let args = ["eval", "set", "-i", "new/index", "--metrics", "recall@1"];
    let first = sandbox.run(&args);
    assert!(first.stderr.contains("new/index: 3 added"), "{first}");
    assert!(!sandbox.path("set/.semsearch").exists());
    // A named index that exists is used without an update.
    sandbox.write("set/corpus.jsonl", "nonsense\n");
    let again = sandbox.run(&args);
    assert_eq!(again.stderr, "");
    assert_eq!(again.success(), first.success());
}
