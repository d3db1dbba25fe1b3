//! What `../shared/bench/peer_ort.py` measures, of semsearch: the texts of a file tokenized, encoded and pooled, once, the
//! model loaded beforehand. `script/bench` runs the two in turn.
//!
//! `cargo bench --bench throughput -- MODEL_DIR TEXTS PRECISION` prints tokens a second.

#![allow(clippy::print_stdout, reason = "its one line is its result")]

use std::time::Instant;

use semsearch::embedder::{Embedder, Options};
use semsearch::encoder::{Device, Precision};
use semsearch::model::ModelFiles;

fn main() {
    // Cargo adds a word of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [dir, file, precision] = &words[..] else {
        // `cargo test --benches` runs this without a word.
        return;
    };
    let precision = match precision.as_str() {
        "f32" => Precision::F32,
        "bf16" => Precision::Bf16,
        "int8" => Precision::Int8,
        other => panic!("no precision {other}"),
    };
    let model = ModelFiles { dir: dir.into(), id: dir.clone(), revision: None };
    let options = Options { device: Device::Cpu, precision: Some(precision), ..Options::default() };
    let embedder = Embedder::load(&model, &options).expect("the model loads");
    assert_eq!(embedder.precision(), precision, "this processor has it");
    let texts: Vec<String> = std::fs::read_to_string(file)
        .expect("the file of texts can be read")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line is JSON"))
        .map(|record| record["text"].as_str().expect("a record has a text").to_owned())
        .collect();

    embedder.embed(&texts[..texts.len().min(64)]).expect("texts are embedded");
    let start = Instant::now();
    let tokens = embedder.embed(&texts).expect("texts are embedded").tokenized.ids.tokens();
    println!("{:.0} tokens/s", tokens as f64 / start.elapsed().as_secs_f64());
}
