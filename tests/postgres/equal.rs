//! The same records in a directory, in a cluster and on a single server give the same answers, to the last byte.

use std::fs;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::records::{self, everything, known};
use super::trio::Trio;
use crate::support::Sandbox;

const MODES: [&str; 3] = ["dense", "lexical", "hybrid"];

const FILTERS: [&str; 9] = [
    "year >= 1990 and lang = en",
    "tags = t3",
    "place.part in [1, 2]",
    "not exists(ratio)",
    "year = 1905",
    "lang ^= d and ratio > 20.5",
    "place.street = \"L'Été \\\\ \\\"Ost\\\"\" and not (tags in [t1, t2] or year in 1950..2010)",
    "exists(title)",
    "year > 3000",
];

/// All records in three indexes of 32 partitions.
fn trio() -> &'static Trio {
    static TRIO: OnceLock<Trio> = OnceLock::new();
    TRIO.get_or_init(|| built("equal", 32, usize::MAX, &[], |_, _| {}))
}

/// Three indexes of so many records, with their vectors after `change`.
fn built(name: &str, partitions: u16, count: usize, options: &[&str], change: impl Fn(usize, &mut [f32])) -> Trio {
    let trio = Trio::new(name, partitions);
    let files = records::write(&trio.sandbox, count, change);
    let [records, vectors] = files.each_ref().map(|file| file.to_str().unwrap());
    trio.each(&[&["index", records, "--vectors", vectors], options].concat());
    trio
}

fn queried(trio: &Trio, questions: &str, mode: &str, options: &[&str]) -> String {
    trio.same(&[&["query", "--queries", questions, "-f", "jsonl", "--mode", mode], options].concat())
}

#[test]
fn questions_have_the_same_answers_in_every_mode_however_many_are_wanted() {
    let trio = trio();
    let many = records::questions(&trio.sandbox, "many", 120);
    let few = records::questions(&trio.sandbox, "few", 12);
    for mode in MODES {
        let answers = queried(trio, &many, mode, &["-k", "10"]);
        assert!(answers.lines().count() > 500, "{mode}");
        queried(trio, &few, mode, &["-k", "1"]);
        queried(trio, &few, mode, &["-k", "200", "--explain"]);
    }
}

#[test]
fn filtered_questions_have_the_same_answers_in_every_mode() {
    let trio = trio();
    let few = records::questions(&trio.sandbox, "filtered", 8);
    for filter in FILTERS {
        for mode in MODES {
            let answers = queried(trio, &few, mode, &["--filter", filter]);
            // The few passages of the examples, which stand in where SQuAD is not there, are of other years.
            if known().qrels.is_some() {
                assert_eq!(answers.is_empty(), filter == "year > 3000" || filter == "exists(title)", "{mode} {filter}");
            }
        }
        trio.same(&["ls", "--filter", filter, "-f", "jsonl"]);
    }
}

#[test]
fn what_resembles_a_document_is_the_same() {
    let trio = trio();
    for record in known().records.iter().step_by(known().records.len() / 6) {
        let id = record["_id"].as_str().unwrap();
        let answer = trio.same(&["query", "--like", id, "-f", "jsonl", "-k", "20"]);
        assert_eq!(answer.lines().count(), 20, "{id}");
        trio.same(&["query", "--like", id, "-f", "jsonl", "--filter", "lang = de"]);
    }
}

#[test]
fn hits_are_left_out_and_fused_in_the_same_way() {
    let trio = trio();
    let few = records::questions(&trio.sandbox, "options", 10);
    // Some passages are there twice.
    let first = known().records[20]["text"].as_str().unwrap();
    let twice = trio.same(&["query", first, "-f", "jsonl", "-k", "2"]);
    let once = trio.same(&["query", first, "-f", "jsonl", "-k", "2", "--unique"]);
    let texts = |answer: &str| {
        let hits = answer.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        hits.map(|hit| hit["text"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(texts(&twice)[0], texts(&twice)[1]);
    assert_ne!(texts(&once)[0], texts(&once)[1]);
    for mode in MODES {
        queried(trio, &few, mode, &["--unique", "-k", "30"]);
    }
    let all = queried(trio, &few, "dense", &["-k", "50"]);
    let good = queried(trio, &few, "dense", &["-k", "50", "--min-score", "0.4"]);
    assert!(good.len() < all.len());
    queried(trio, &few, "lexical", &["--min-score", "12.5", "-k", "50"]);
    for fusion in [&["--fusion", "rrf"][..], &["--fusion", "minmax", "--alpha", "0.3"], &["--alpha", "0.8"]] {
        queried(trio, &few, "hybrid", fusion);
    }
    for format in ["text", "json", "tsv", "trec"] {
        trio.same(&["query", "--queries", &few, "-f", format, "--mode", "hybrid"]);
    }
}

#[test]
fn evaluation_gives_the_same_digits() {
    let Some(qrels) = &known().qrels else { return };
    let trio = trio();
    let queries = records::questions(&trio.sandbox, "evaluated", 100);
    let asked = fs::read_to_string(&queries).unwrap();
    let is_asked = |line: &&str| asked.contains(&format!("\"{}\"", line.split('\t').next().unwrap()));
    let judgements = fs::read_to_string(qrels).unwrap();
    let head = judgements.lines().take(1).chain(judgements.lines().skip(1).filter(is_asked));
    let qrels = trio.sandbox.write("qrels.tsv", head.collect::<Vec<_>>().join("\n"));
    for mode in MODES {
        let eval = ["eval", "--queries", &queries, "--qrels", qrels.to_str().unwrap(), "--mode", mode];
        let printed = trio.same(&[&eval[..], &["--format", "json", "--per-query"]].concat());
        assert!(printed.contains("ndcg@10"), "{printed}");
    }
}

#[test]
fn lists_documents_vectors_and_facts_are_the_same() {
    let trio = trio();
    assert_eq!(trio.same(&["ls"]).lines().count(), known().records.len());
    trio.same(&["ls", "-f", "jsonl"]);
    let ids: Vec<&str> = known().records.iter().step_by(97).map(|record| record["_id"].as_str().unwrap()).collect();
    for format in ["text", "json"] {
        trio.same(&[&["get", "-f", format], &ids[..]].concat());
    }
    let exported: Vec<Vec<u8>> = (0..3)
        .map(|place| {
            trio.one(place, &["export", "-o", &format!("out{place}.npy")]).success();
            fs::read(trio.sandbox.path(format!("out{place}.npy"))).unwrap()
        })
        .collect();
    assert!(exported[1] == exported[0] && exported[2] == exported[0]);
    assert!(exported[0] == fs::read(trio.sandbox.path("vectors.npy")).unwrap());
    let told: Vec<Value> =
        (0..3).map(|place| serde_json::from_str(&trio.one(place, &["info", "--json"]).success()).unwrap()).collect();
    let of_the_place = ["index", "segments", "partitions", "bytes", "format_version", "created", "updated"];
    let common = told[0].as_object().unwrap().iter().filter(|(key, _)| !of_the_place.contains(&key.as_str()));
    for (key, value) in common {
        assert_eq!([&told[1][key], &told[2][key]], [value, value], "{key}");
    }
    for place in 0..3 {
        let verified = trio.one(place, &["verify"]);
        assert!(verified.stdout.contains("intact"), "{verified}");
    }
}

#[test]
fn distances_and_vectors_of_any_length_are_compared_in_the_same_way() {
    let scale = |n: usize, row: &mut [f32]| {
        let factor = 0.1 + (n * 37 % 100) as f32 / 9.0;
        row.iter_mut().for_each(|value| *value *= factor);
    };
    let count = if everything() { usize::MAX } else { 600 };
    let distances = built("l2", 8, count, &["--metric", "l2"], |_, _| {});
    let scaled = built("raw", 8, count, &["--no-normalize"], scale);
    let scaled_distances = built("raw_l2", 8, count, &["--metric", "l2", "--no-normalize"], scale);
    for trio in [&distances, &scaled, &scaled_distances] {
        let few = records::questions(&trio.sandbox, "few", 15);
        for mode in ["dense", "hybrid"] {
            queried(trio, &few, mode, &["-k", "50"]);
            queried(trio, &few, mode, &["-k", "5", "--filter", "tags = t3"]);
        }
        trio.same(&["query", "--like", known().records[7]["_id"].as_str().unwrap(), "-f", "jsonl"]);
        queried(trio, &few, "dense", &["-k", "50", "--min-score", "1.1"]);
    }
}

/// Long documents, and a short one, as records: ids of files depend on where the index is.
fn write_documents(sandbox: &Sandbox) -> String {
    let texts: Vec<&str> = known().records.iter().map(|record| record["text"].as_str().unwrap()).collect();
    let document = |(number, parts): (usize, &[&str])| {
        let sections = parts.iter().enumerate().map(|(place, text)| format!("## Section {place}\n\n{text}\n\n"));
        let text = format!("# Document {number}\n\n{}", sections.collect::<String>());
        json!({"_id": format!("long {number}"), "text": text, "number": number}).to_string()
    };
    let long = texts.chunks(4).take(10).enumerate().map(document);
    let short = json!({"_id": "short", "text": "Bees dance to tell where flowers are."}).to_string();
    let records = long.chain([short]).collect::<Vec<_>>().join("\n");
    sandbox.write("docs.jsonl", records).to_str().unwrap().to_owned()
}

#[test]
fn documents_that_are_cut_have_the_same_chunks_and_answers() {
    let trio = Trio::new("chunks", 8);
    let docs = write_documents(&trio.sandbox);
    trio.each(&["index", &docs, "--long", "chunk", "--chunk-tokens", "96"]);
    let few = records::questions(&trio.sandbox, "few", 10);
    let listed = trio.same(&["ls"]);
    assert!(listed.lines().filter(|line| line.contains(" passages")).count() >= 8, "{listed}");
    for mode in MODES {
        for k in ["1", "10", "200"] {
            queried(&trio, &few, mode, &["-k", k]);
            let chunks = queried(&trio, &few, mode, &["-k", k, "--chunks"]);
            assert!(chunks.contains("\"chunk\":{\"index\":"), "{chunks}");
        }
    }
    trio.same(&["query", "--like", "long 3", "-f", "jsonl", "--chunks"]);
    trio.same(&["query", "--like", "long 3", "-f", "jsonl", "--filter", "number < 8"]);
    trio.same(&["get", "long 3", "short"]);
}
