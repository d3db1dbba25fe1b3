//! Compares results with the figures of transformers and faiss for the same model and texts.
//!
//! Tests over whole corpora need data from outside the project, and say so if it is missing. `data/golden.jsonl` has
//! the vectors of 17 short texts by transformers 5.23 and torch 2.15, in 64-bit floats. The outside data has 7 long
//! texts.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use semsearch::embedder::{Embedder, Options};
use semsearch::encoder::{Device, Precision, Vectors};
use semsearch::kernels::Isa;
use semsearch::model::{ModelFiles, Pooling};
use semsearch::vector_file::VectorReader;
use serde_json::Value;

use crate::support::{Sandbox, model, shared_data};

const QUESTION: &str = "Who headlined the halftime show for Super Bowl 50?";
const SENTENCES: [&str; 3] = ["I took my dog for a walk", "Today is going to rain", "I took my cat for a walk"];

/// How far each precision may differ from a better one: 1 − cos, for each vector and on average.
const QUALITY: [(Precision, f64, f64); 3] =
    [(Precision::F32, 1e-6, 1e-6), (Precision::Bf16, 1e-4, 1e-4), (Precision::Int8, 4e-3, 1.5e-3)];

/// A score with 4 decimals, like the reference values.
fn four_decimals(value: &Value) -> String {
    format!("{:.4}", value.as_f64().unwrap())
}

/// The default model, loaded with these options.
pub(crate) fn load(options: &Options) -> Embedder {
    let files = ModelFiles { dir: model().into(), id: "default".into(), revision: None };
    Embedder::load(&files, options).unwrap()
}

fn embedder(options: Options) -> Embedder {
    load(&Options { device: Device::Cpu, ..options })
}

pub(crate) fn one_minus_cosine(found: &[f32], expected: &[f64]) -> f64 {
    let found: Vec<f64> = found.iter().map(|&value| value.into()).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    1.0 - dot(&found, expected) / (dot(&found, &found) * dot(expected, expected)).sqrt()
}

#[test]
fn the_three_sentences_have_the_cosines_of_transformers() {
    let shown = Sandbox::new().run(&["sim", SENTENCES[0], SENTENCES[1], SENTENCES[2], "-f", "json"]).success();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let cosine = |a: usize, b: usize| four_decimals(&shown["matrix"][a][b]);
    assert_eq!([cosine(0, 1), cosine(0, 2), cosine(1, 2)], ["0.1702", "0.8291", "0.1740"]);
}

#[test]
fn the_three_sentences_have_nine_seven_and_nine_token_vectors() {
    let lines = Sandbox::new().pipe(&["embed", "--lines", "--pooling", "none"], SENTENCES.join("\n")).json_lines();
    let shape = |line: &Value| {
        let rows = line["embedding"].as_array().unwrap();
        assert!(rows.iter().all(|row| row.as_array().unwrap().len() == 384));
        assert_eq!(line["tokens"].as_array().unwrap().len(), rows.len());
        rows.len()
    };
    assert_eq!(lines.iter().map(shape).collect::<Vec<_>>(), [9, 7, 9]);
    assert_eq!(lines[0]["tokens"][0], "[CLS]");
}

/// 1 − cos of each golden row and the vector of its text, for an encoder of these options.
pub(crate) fn distances_from_golden(options: Options) -> Vec<f64> {
    let mut loaded: HashMap<(usize, String), Embedder> = HashMap::new();
    let mut distances = Vec::new();
    let (golden, count) = match shared_data("golden/embeddings.jsonl") {
        Some(path) => (std::fs::read_to_string(path).unwrap(), 24),
        None => (include_str!("data/golden.jsonl").to_owned(), 17),
    };
    for line in golden.lines() {
        let golden: Value = serde_json::from_str(line).unwrap();
        let length = golden["max_length"].as_u64().unwrap() as usize;
        let pooling = golden["pooling"].as_str().unwrap();
        let embedder = loaded.entry((length, pooling.into())).or_insert_with(|| {
            load(&Options {
                pooling: Some(pooling.parse::<Pooling>().unwrap()),
                max_length: Some(length),
                normalized: Some(false),
                ..options
            })
        });
        let embedded = embedder.embed(&[golden["text"].as_str().unwrap()]).unwrap();
        assert_eq!(embedded.tokenized.ids.tokens() as u64, golden["tokens"].as_u64().unwrap(), "{golden}");
        let expected: Vec<f64> =
            golden["embedding"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
        let found = embedded.vectors.row(0);
        distances.push(one_minus_cosine(found, &expected));
        let norm = found.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        let tolerance = if options.precision == Some(Precision::F32) { 1e-5 } else { 2e-2 };
        assert!((norm / golden["norm"].as_f64().unwrap() - 1.0).abs() < tolerance, "{golden}");
    }
    assert_eq!(distances.len(), count);
    distances
}

#[test]
fn every_golden_embedding_is_met_in_every_precision_on_every_instruction_set() {
    for (precision, each, mean) in QUALITY {
        for isa in Isa::all() {
            let options =
                Options { device: Device::Cpu, precision: Some(precision), isa: Some(isa), ..Options::default() };
            let distances = distances_from_golden(options);
            assert_within(&format!("golden, {isa}, {precision}"), &distances, each, mean);
        }
    }
}

/// Checks that every distance is within the first bound, and their mean within the second.
pub(crate) fn assert_within(what: &str, distances: &[f64], each: f64, mean: f64) {
    let worst = distances.iter().copied().fold(0.0, f64::max);
    let average = distances.iter().sum::<f64>() / distances.len() as f64;
    eprintln!("{what}: {} vectors, 1 - cos at most {worst:.2e}, on average {average:.2e}", distances.len());
    assert!(worst <= each && average <= mean, "{what}: {worst:e} and {average:e}, not {each:e} and {mean:e}");
}

#[test]
fn a_text_has_the_same_vector_whatever_it_is_batched_with() {
    for (precision, isa) in
        QUALITY.iter().flat_map(|&(precision, ..)| Isa::all().into_iter().map(move |isa| (precision, isa)))
    {
        let embedder = embedder(Options { precision: Some(precision), isa: Some(isa), ..Options::default() });
        let texts: Vec<String> = texts().into_iter().step_by(3).collect();
        // For the first text, weights are packed as they are used. For the texts after it, they are packed beforehand.
        let first = embedder.embed(&texts[..1]).unwrap();
        let together = embedder.embed(&texts).unwrap();
        assert!(together.vectors.row(0) == first.vectors.row(0), "{precision} on {isa}: every bit of the first");
        for (index, text) in texts.iter().enumerate() {
            let alone = embedder.embed(&[text]).unwrap();
            assert!(together.vectors.row(index) == alone.vectors.row(0), "{precision} on {isa}: every bit of {text:?}");
        }
    }
}

/// The sample passages, a very short text and a very long one.
pub(crate) fn texts() -> Vec<String> {
    let passages = std::fs::read_to_string(crate::support::PASSAGES).unwrap();
    let text = |line: &str| serde_json::from_str::<Value>(line).unwrap()["text"].as_str().unwrap().to_owned();
    passages.lines().map(text).chain(["", "a", &"long ".repeat(600)].map(String::from)).collect()
}

#[test]
fn ten_thousand_texts_at_once_are_what_they_are_alone() {
    let embedder = embedder(Options::default());
    let texts: Vec<String> = (0..10_000).map(|number| format!("text {}", number % 97)).collect();
    let together = embedder.embed(&texts).unwrap().vectors;
    let alone = embedder.embed(&texts[..97]).unwrap().vectors;
    assert!((0..texts.len()).all(|index| together.row(index) == alone.row(index % 97)));
}

#[test]
fn two_encoders_in_two_threads_agree() {
    let run = || embedder(Options::default()).embed(&texts()).unwrap().vectors;
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(run);
        (run(), other.join().unwrap())
    });
    assert!(first == second);
}

#[test]
fn an_instruction_set_can_be_forced_if_the_processor_has_it() {
    let sandbox = Sandbox::new();
    for isa in Isa::all() {
        let output = sandbox.command(&["sim", "a", "b", "-v"]).env("SEMSEARCH_ISA", isa.to_string()).output().unwrap();
        assert!(sandbox.ran(&output).stderr.contains(&format!("encoder on cpu, {isa}, f32")));
    }
    // If an instruction set lacks a precision, a message says so, and a better precision is used.
    let ran = sandbox.run(&["sim", "a", "b", "-v", "--isa", "scalar", "--precision", "bf16"]);
    assert!(ran.stderr.contains("warning: no bf16 products on cpu, scalar: computing in f32"), "{ran}");
    assert!(ran.stderr.contains("encoder on cpu, scalar, f32"), "{ran}");
    let ran = sandbox.run(&["sim", "a", "b", "-v", "--isa", "scalar", "--precision", "auto"]);
    assert!(!ran.stderr.contains("warning") && ran.stderr.contains("encoder on cpu, scalar, f32"), "{ran}");

    let output = sandbox.command(&["sim", "a", "b"]).env("SEMSEARCH_ISA", "sve").output().unwrap();
    let ran = sandbox.ran(&output);
    assert_eq!(ran.status, Some(2), "{ran}");
    assert!(ran.stderr.contains("not known or not on this processor"), "{ran}");
}

#[test]
fn the_hundred_passages_give_the_known_scores_by_inner_product_and_by_distance() {
    let Some(path) = shared_data("squad/seed42-100.jsonl") else { return };
    let (sandbox, path) = (Sandbox::new(), path.to_str().unwrap());
    sandbox.run(&["index", path, "-i", "ip"]).success();
    sandbox.run(&["index", path, "-i", "l2", "--metric", "l2", "--no-normalize"]).success();
    let scores = |index: &str| -> Vec<String> {
        let hits = sandbox.run(&["query", QUESTION, "-k", "3", "-f", "jsonl", "-i", index]).json_lines();
        assert!(hits[0]["text"].as_str().unwrap().starts_with("CBS broadcast Super Bowl 50 in the U.S."));
        hits.iter().map(|hit| four_decimals(&hit["score"])).collect()
    };
    assert_eq!(scores("ip"), ["0.6989", "0.4176", "0.3678"]);
    assert_eq!(scores("l2"), ["23.6636", "32.5706", "34.2985"]);
}

#[test]
fn xquad_is_240_documents() {
    let Some(path) = shared_data("xquad.en.json") else { return };
    let sandbox = Sandbox::new();
    sandbox.run(&["index", path.to_str().unwrap()]).success();
    let info: Value = serde_json::from_str(&sandbox.run(&["info", "--json"]).success()).unwrap();
    assert_eq!(info["documents"], 240);
    let hit =
        &sandbox.run(&["query", "How many points did the Panthers defense give up?", "-f", "jsonl"]).json_lines()[0];
    assert!(hit["metadata"]["questions"].as_u64().unwrap() > 0 && hit["metadata"]["title"].is_string(), "{hit}");
    assert!(hit.get("title").is_none(), "an article's title is metadata");
}

/// All of SQuAD's passages, indexed once.
pub(crate) fn squad() -> Option<&'static (Sandbox, PathBuf)> {
    static SQUAD: OnceLock<Option<(Sandbox, PathBuf)>> = OnceLock::new();
    let build = || {
        let corpus = shared_data("squad/corpus.jsonl")?;
        let sandbox = Sandbox::new();
        sandbox.run(&["index", corpus.to_str()?, "-q"]).success();
        Some((sandbox, corpus.parent()?.to_owned()))
    };
    SQUAD.get_or_init(build).as_ref()
}

#[test]
fn all_of_squad_gives_the_known_scores() {
    let Some((sandbox, _)) = squad() else { return };
    let hits = sandbox.run(&["query", QUESTION, "-k", "5", "-f", "jsonl"]).json_lines();
    let scores: Vec<String> = hits.iter().map(|hit| four_decimals(&hit["score"])).collect();
    assert_eq!(scores, ["0.6989", "0.6054", "0.5566", "0.5462", "0.5061"]);
    assert!(hits[0]["text"].as_str().unwrap().starts_with("CBS broadcast Super Bowl 50 in the U.S."));
}

/// The metrics that `eval` prints.
fn measured(sandbox: &Sandbox, args: &[&str]) -> Value {
    let ran = sandbox.run(&[&["eval", "--format", "json", "-q"], args].concat());
    serde_json::from_str(&ran.success()).unwrap()
}

/// How near a figure must be to the known one.
#[derive(Clone, Copy, Debug)]
enum Known {
    About(f64, f64),
    AtLeast(f64),
}

fn assert_known(found: &Value, what: &str, known: &[(&str, Known)]) {
    for (metric, known) in known {
        let value = found["metrics"][metric].as_f64().unwrap();
        eprintln!("{what}: {metric} {value:.4}");
        match *known {
            Known::About(expected, tolerance) => {
                assert!((value - expected).abs() <= tolerance, "{what}: {metric} is {value}, not {expected}");
            }
            Known::AtLeast(least) => assert!(value >= least, "{what}: {metric} is {value}, less than {least}"),
        }
    }
}

/// transformers' and faiss's for vectors; for words and both what is asked of this program.
#[test]
fn all_of_squads_questions_have_the_known_recall() {
    use Known::{About, AtLeast};
    let Some((sandbox, data)) = squad() else { return };
    let path = |name: &str| data.join(name).to_str().unwrap().to_owned();
    let (queries, qrels) = (path("queries.jsonl"), path("qrels/test.tsv"));
    let modes: [(&str, &[(&str, Known)]); 3] = [
        (
            "dense",
            &[
                ("recall@1", About(0.6251, 0.0005)),
                ("recall@3", About(0.8077, 0.0005)),
                ("recall@10", About(0.9172, 0.0005)),
                ("mrr@10", About(0.7270, 0.0005)),
            ],
        ),
        ("lexical", &[("recall@1", AtLeast(0.765)), ("mrr@10", AtLeast(0.84))]),
        ("hybrid", &[("recall@1", AtLeast(0.79)), ("recall@10", AtLeast(0.965)), ("mrr@10", AtLeast(0.87))]),
    ];
    for (mode, known) in modes {
        let found = measured(sandbox, &["--queries", &queries, "--qrels", &qrels, "-i", ".semsearch", "--mode", mode]);
        assert_eq!(found["queries"], 10_570);
        assert_known(&found, &format!("SQuAD, {mode}"), known);
    }
}

/// The task XQuADRetrieval of MTEB: English, the questions of the validation split over its contexts.
#[test]
fn xquads_questions_have_the_published_ndcg() {
    use Known::{About, AtLeast};
    let Some(file) = shared_data("xquad.en.json") else { return };
    let sandbox = Sandbox::new();
    let (mut corpus, mut queries, mut qrels) =
        (String::new(), String::new(), "query-id\tcorpus-id\tscore\n".to_owned());
    let squad: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let list = |value: &Value, name: &str| value[name].as_array().unwrap().clone();
    let articles = list(&squad, "data");
    let paragraphs: Vec<Value> = articles.iter().flat_map(|article| list(article, "paragraphs")).collect();
    for (number, paragraph) in paragraphs.iter().enumerate() {
        corpus += &format!("{}\n", serde_json::json!({"_id": format!("c{number}"), "text": paragraph["context"]}));
        for question in list(paragraph, "qas") {
            queries += &format!("{}\n", serde_json::json!({"_id": question["id"], "text": question["question"]}));
            qrels += &format!("{}\tc{number}\t1\n", question["id"].as_str().unwrap());
        }
    }
    sandbox.write("xquad/corpus.jsonl", corpus);
    sandbox.write("xquad/queries.jsonl", queries);
    sandbox.write("xquad/qrels/validation.tsv", qrels);
    let modes = [("dense", About(0.9436, 0.002)), ("lexical", About(0.9649, 0.005)), ("hybrid", AtLeast(0.975))];
    for (mode, known) in modes {
        let found = measured(&sandbox, &["xquad", "--split", "validation", "--mode", mode]);
        assert_eq!(found["queries"], 1190);
        assert_known(&found, &format!("XQuAD, {mode}"), &[("ndcg@10", known)]);
    }
}

/// The vectors of an index in f32, in the order in which its texts were added.
fn exported(sandbox: &Sandbox) -> Vectors {
    let info: Value = serde_json::from_str(&sandbox.run(&["info", "--json"]).success()).unwrap();
    assert_eq!(info["precision"], "f32");
    sandbox.run(&["export", "-o", "vectors.npy"]).success();
    let mut reader = VectorReader::open(&sandbox.path("vectors.npy")).unwrap();
    let dim = reader.dim();
    let rows = std::iter::from_fn(|| reader.row(true).unwrap());
    Vectors::new(rows.flatten().collect(), dim)
}

/// The ids and vectors of a file's records.
fn embedded(embedder: &Embedder, path: &Path) -> (Vec<String>, Vectors) {
    let file = std::fs::read_to_string(path).unwrap();
    let records: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let column =
        |name: &str| records.iter().map(|record| record[name].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    (column("_id"), embedder.embed(&column("text")).unwrap().vectors)
}

/// The inner product.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    Isa::best().inner_product(a, b)
}

#[test]
fn short_numbers_change_neither_squads_vectors_nor_its_answers_much() {
    let Some((sandbox, data)) = squad() else { return };
    let relevant = qrels(&data.join("qrels/test.tsv"));
    let embedder = |precision| embedder(Options { precision: Some(precision), ..Options::default() });
    let reference = exported(sandbox);
    for ((precision, each, mean), recall_tolerance) in QUALITY.into_iter().zip([0.0, 0.002, 0.005]).skip(1) {
        let embedder = embedder(precision);
        let (ids, passages) = embedded(&embedder, &data.join("corpus.jsonl"));
        assert_eq!(passages.len(), reference.len());
        let widened = |row: &[f32]| row.iter().map(|&value| value.into()).collect::<Vec<f64>>();
        let distances: Vec<f64> =
            passages.iter().zip(reference.iter()).map(|(a, b)| one_minus_cosine(a, &widened(b))).collect();
        assert_within(&format!("SQuAD against f32, {precision}"), &distances, each, mean);

        let (questions, vectors) = embedded(&embedder, &data.join("queries.jsonl"));
        let nearest = |question: &[f32]| {
            let scores = passages.iter().map(|passage| dot(question, passage)).enumerate();
            scores.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0
        };
        let found =
            questions.iter().zip(vectors.iter()).filter(|(id, question)| relevant[*id] == ids[nearest(question)]);
        let recall = found.count() as f64 / questions.len() as f64;
        eprintln!("SQuAD, {precision}: recall@1 {recall:.4}");
        assert!((recall - 0.6251).abs() <= recall_tolerance, "{precision}: recall@1 is {recall}");
    }
}

/// Each query's relevant document; SQuAD's questions have one each.
fn qrels(path: &Path) -> HashMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let (query, rest) = line.split_once('\t').unwrap();
        (query.to_owned(), rest.split_once('\t').unwrap().0.to_owned())
    };
    text.lines().skip(1).map(row).collect()
}
