//! The whole encoder, texts to vectors, on all cores: passages of some 155 tokens and questions of some 15, in every
//! precision.
//!
//! The model is at `SEMSEARCH_MODEL`; texts are those of `SEMSEARCH_BENCH_PASSAGES` and `SEMSEARCH_BENCH_QUESTIONS`, JSON
//! Lines with a `text`. `script/bench` sets all three.

use std::env;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use semsearch::embedder::{Backend, Embedder, Options};
use semsearch::encoder::{Device, Precision};
use semsearch::model::ModelFiles;

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: script/bench sets it"))
}

fn texts(variable_name: &str, count: usize) -> Vec<String> {
    let file = std::fs::read_to_string(variable(variable_name)).expect("the file of texts can be read");
    let text = |line: &str| -> Option<String> {
        let record: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(record["text"].as_str()?.to_owned())
    };
    file.lines().filter_map(text).take(count).collect()
}

fn encode(criterion: &mut Criterion) {
    let dir = variable("SEMSEARCH_MODEL");
    let model = ModelFiles { id: dir.clone(), dir: dir.into(), revision: None };
    let kinds = [
        ("packed f32", Options::default()),
        ("packed bf16", Options { precision: Some(Precision::Bf16), ..Options::default() }),
        ("packed int8", Options { precision: Some(Precision::Int8), ..Options::default() }),
        ("tensor f32", Options { backend: Some(Backend::Tensor), ..Options::default() }),
    ];
    let sets =
        [("passages", texts("SEMSEARCH_BENCH_PASSAGES", 128)), ("questions", texts("SEMSEARCH_BENCH_QUESTIONS", 1024))];
    for (name, texts) in sets {
        let mut group = criterion.benchmark_group(format!("encode/{name}"));
        for (kind, options) in &kinds {
            let embedder =
                Embedder::load(&model, &Options { device: Device::Cpu, ..*options }).expect("the model loads");
            // Whatever is made once is made here.
            let tokens = embedder.embed(&texts).expect("the texts are embedded").tokenized.ids.tokens();
            group.throughput(Throughput::Elements(tokens as u64));
            group.bench_function(*kind, |bencher| bencher.iter(|| embedder.embed(&texts)));
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(5))
        .sample_size(10).without_plots();
    targets = encode
}
criterion_main!(benches);
