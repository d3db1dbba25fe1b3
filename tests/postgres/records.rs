//! Records with their vectors: SQuAD's passages where they are on this machine, else the sample passages.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use semsearch::vector_file::{VectorFormat, VectorReader, VectorWriter};
use serde_json::{Value, json};

use crate::known_answers::squad;
use crate::support::{PASSAGES, Sandbox};

/// Texts, their vectors by the default model, and questions about them.
pub(super) struct Known {
    pub(super) records: Vec<Value>,
    pub(super) rows: Vec<Vec<f32>>,
    pub(super) questions: Vec<Value>,
    /// Which passage answers which question, in BEIR's format, if that is known.
    pub(super) qrels: Option<PathBuf>,
}

/// Whether all questions are asked. Otherwise some hundreds are.
pub(super) fn everything() -> bool {
    std::env::var("SEMSEARCH_POSTGRES").is_ok_and(|word| word == "all")
}

fn json_lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn rows(index: &Sandbox) -> Vec<Vec<f32>> {
    let sandbox = Sandbox::new();
    let (index, output) = (index.path(".semsearch"), sandbox.path("vectors.npy"));
    sandbox.run(&["export", "-i", index.to_str().unwrap(), "-o", output.to_str().unwrap()]).success();
    let mut reader = VectorReader::open(&output).unwrap();
    std::iter::from_fn(|| reader.row(true).unwrap()).collect()
}

/// The passages, decorated: with titles and metadata, and some of them a second time under another id.
pub(super) fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let (plain, rows, questions, qrels) = match squad() {
            Some((index, data)) => (
                json_lines(&data.join("corpus.jsonl")),
                rows(index),
                json_lines(&data.join("queries.jsonl")),
                Some(data.join("qrels/test.tsv")),
            ),
            None => {
                let plain = json_lines(Path::new(PASSAGES));
                let question = |record: &Value| json!({"_id": record["_id"], "text": beginning(record, 8)});
                let questions = plain.iter().map(question).collect();
                (plain, rows(&Sandbox::with_index()), questions, None)
            }
        };
        assert_eq!(plain.len(), rows.len());
        let twins = (0..plain.len()).step_by(20);
        let all = (0..plain.len())
            .map(|n| decorated(n, &plain[n], ""))
            .chain(twins.clone().map(|n| decorated(n, &plain[n], " again")));
        let records = all.collect();
        let rows = rows.iter().cloned().chain(twins.map(|n| rows[n].clone())).collect();
        Known { records, rows, questions, qrels }
    })
}

/// The first words of a record's text.
fn beginning(record: &Value, words: usize) -> String {
    record["text"].as_str().unwrap().split_whitespace().take(words).collect::<Vec<_>>().join(" ")
}

fn decorated(n: usize, plain: &Value, suffix: &str) -> Value {
    let id = plain["_id"].as_str().unwrap();
    let lang = ["en", "de", "fr"][n % 3];
    let mut record = json!({
        "_id": format!("{id}{suffix}"),
        "text": plain["text"],
        "year": 1900 + n % 120,
        "lang": lang,
        "tags": [format!("t{}", n % 5), format!("t{}", n % 11)],
        "place": {"part": n % 7, "street": "L'Été \\ \"Ost\""},
    });
    if n.is_multiple_of(3) {
        record["title"] = beginning(plain, 2).into();
    }
    if !n.is_multiple_of(4) {
        record["ratio"] = (n as f64 / 8.0).into();
    }
    record
}

/// Writes some records, and their vectors after `change`, into files of a sandbox.
pub(super) fn write(sandbox: &Sandbox, count: usize, change: impl Fn(usize, &mut [f32])) -> [PathBuf; 2] {
    let known = known();
    let lines: Vec<String> = known.records.iter().take(count).map(Value::to_string).collect();
    let records = sandbox.write("records.jsonl", lines.join("\n"));
    let vectors = sandbox.path("vectors.npy");
    let dim = known.rows[0].len();
    let mut writer = VectorWriter::create(File::create(&vectors).unwrap(), &vectors, VectorFormat::Npy, dim).unwrap();
    for (n, row) in known.rows.iter().take(count).enumerate() {
        let mut row = row.clone();
        change(n, &mut row);
        writer.write(&row).unwrap();
    }
    writer.finish().unwrap();
    [records, vectors]
}

/// Writes at most so many of the questions, taken from all over them, into a file of a sandbox.
pub(super) fn questions(sandbox: &Sandbox, name: &str, most: usize) -> String {
    let all = &known().questions;
    let step = if everything() { 1 } else { all.len().div_ceil(most) };
    let lines: Vec<String> = all.iter().step_by(step).map(Value::to_string).collect();
    sandbox.write(name, lines.join("\n")).to_str().unwrap().to_owned()
}
