//! What a GPU makes of it: how near it comes to the reference, and tokens a second by encoder, precision and size of a
//! batch, with what is spent outside of it.
//!
//! `cargo bench --features cuda --bench gpu -- MODEL_DIR TEXTS GOLDEN [TOKENS [DEVICE]]` prints two tables. The texts of the
//! file, each time a few words shorter, are repeated until they are so many tokens. GOLDEN is `tests/data/golden.jsonl`.
//! `script/cuda-check` calls it.

#![allow(clippy::print_stdout, reason = "its table is its result")]

use std::time::{Duration, Instant};

use semsearch::embedder::{Backend, Embedder, Options};
use semsearch::encoder::{Device, Precision};
use semsearch::model::ModelFiles;

/// Tokens of a batch.
const BATCHES: [usize; 5] = [1 << 13, 1 << 14, 1 << 15, 1 << 16, 1 << 17];

/// What is run.
const PRECISIONS: [Precision; 3] = [Precision::F32, Precision::F16, Precision::Bf16];

/// Times that a thing is done; the median counts.
const TIMES: usize = 3;

fn main() {
    // Cargo adds a word of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let (Some(dir), Some(file), Some(golden)) = (words.first(), words.get(1), words.get(2)) else {
        // `cargo test --benches` runs this without a word.
        return;
    };
    let wanted = words.get(3).map_or(4_000_000, |tokens| tokens.parse().expect("a number of tokens"));
    let device: Device = words.get(4).map_or("cuda", String::as_str).parse().expect("a device");
    let model = ModelFiles { dir: dir.into(), id: dir.clone(), revision: None };
    let load = |precision, batch_tokens| {
        let (backend, precision, batch_tokens) = (Some(Backend::Tensor), Some(precision), Some(batch_tokens));
        Embedder::load(&model, &Options { device, backend, precision, batch_tokens, ..Options::default() })
            .expect("the model loads")
    };

    println!("| precision | 1 − cos to the golden vectors, worst |");
    println!("| --- | --- |");
    for precision in PRECISIONS {
        println!("| {precision} | {:.1e} |", worst_distance(golden, &model, device, precision));
    }
    println!();

    let first = load(Precision::F32, BATCHES[0]);
    let texts = texts(file, &first, wanted);
    let (tokenizing, tokenized) = median(|| first.tokenizer().tokenize(&texts).expect("texts are tokenized"));
    let tokens = tokenized.ids.tokens();
    let rate = |time: Duration| format!("{:.0}", tokens as f64 / time.as_secs_f64());
    println!(
        "{}; {} texts of {:.0} tokens on average; {} cores tokenize {} tokens/s\n",
        first.describe(),
        texts.len(),
        tokens as f64 / texts.len() as f64,
        std::thread::available_parallelism().map_or(1, usize::from),
        rate(tokenizing)
    );
    println!("| precision | tokens a batch | encoding, tokens/s | from texts, tokens/s | not encoding |");
    println!("| --- | --- | --- | --- | --- |");
    for precision in PRECISIONS {
        for size in BATCHES {
            let embedder = load(precision, size);
            // Kernels are compiled, and memory is taken, by the first time.
            embedder.embed(&texts[..texts.len() / TIMES]).expect("texts are embedded");
            let (encoding, _) = median(|| embedder.embed_tokenized(tokenized.clone()).expect("texts are encoded"));
            let (all, _) = median(|| embedder.embed(&texts).expect("texts are embedded"));
            let outside = 1.0 - (encoding.as_secs_f64() / all.as_secs_f64()).min(1.0);
            println!("| {precision} | {size} | {} | {} | {:.1} % |", rate(encoding), rate(all), 100.0 * outside);
        }
    }
}

/// 1 − cos of the golden vector that is met worst.
fn worst_distance(golden: &str, model: &ModelFiles, device: Device, precision: Precision) -> f64 {
    let lines = std::fs::read_to_string(golden).expect("the golden vectors can be read");
    let distance = |line: &str| {
        let golden: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        let options = Options {
            device,
            backend: Some(Backend::Tensor),
            precision: Some(precision),
            pooling: golden["pooling"].as_str().and_then(|pooling| pooling.parse().ok()),
            max_length: golden["max_length"].as_u64().map(|length| length as usize),
            ..Options::default()
        };
        let embedder = Embedder::load(model, &options).expect("the model loads");
        let text = golden["text"].as_str().expect("a line has a text");
        let found = embedder.embed(&[text]).expect("a text is embedded").vectors;
        let expected = golden["embedding"].as_array().expect("a line has a vector").iter().filter_map(|x| x.as_f64());
        let (dot, squares) = found.row(0).iter().zip(expected).fold((0.0, [0.0, 0.0]), |(dot, [a, b]), (&x, y)| {
            let x = f64::from(x);
            (dot + x * y, [a + x * x, b + y * y])
        });
        1.0 - dot / (squares[0] * squares[1]).sqrt()
    };
    lines.lines().map(distance).fold(0.0, f64::max)
}

/// The texts of the file, repeated, until they are `wanted` tokens.
fn texts(file: &str, embedder: &Embedder, wanted: usize) -> Vec<String> {
    let all: Vec<String> = std::fs::read_to_string(file)
        .expect("the file of texts can be read")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line is JSON"))
        .map(|record| record["text"].as_str().expect("a record has a text").to_owned())
        .collect();
    let tokens = embedder.tokenizer().tokenize(&all).expect("texts are tokenized").ids.tokens();
    let shorter = |text: &String, words| text.split(' ').skip(words).collect::<Vec<_>>().join(" ");
    let times = wanted.div_ceil(tokens);
    (0..times).flat_map(|time| all.iter().map(move |text| shorter(text, time % 24))).collect()
}

/// The median time of what is done, and what came of it last.
fn median<T>(mut what: impl FnMut() -> T) -> (Duration, T) {
    let mut time = || {
        let start = Instant::now();
        let made = what();
        (start.elapsed(), made)
    };
    let (first, mut made) = time();
    let mut times = vec![first];
    while times.len() < TIMES {
        let (again, last) = time();
        times.push(again);
        made = last;
    }
    times.sort_unstable();
    (times[TIMES / 2], made)
}
