//! Each kernel alone, on one core: every instruction set, format and shape of all-MiniLM-L6-v2.
//!
//! `cargo bench --bench kernels -- linear/avx512` measures some. Linear layers and attention are counted in floating
//! point operations, two to a product; the rest in floats.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use semsearch::kernels::{
    Activation, AttentionScratch, AttentionShape, Columns, Format, Isa, LayerNorm, PackedLinear, Qkv, Reach,
    RowsScratch,
};

const HIDDEN: usize = 384;
const INNER: usize = 1536;
const FORMATS: [Format; 3] = [Format::F32, Format::Bf16, Format::Int8];

/// Floats between −1 and 1.
fn floats(count: usize) -> Vec<f32> {
    (0..count).map(|index| (index as f32 * 0.618_034).fract() * 2.0 - 1.0).collect()
}

fn linear(criterion: &mut Criterion) {
    let layers = [
        ("qkv", HIDDEN, 3 * HIDDEN, Activation::None),
        ("output", HIDDEN, HIDDEN, Activation::None),
        ("up", HIDDEN, INNER, Activation::Gelu),
        ("down", INNER, HIDDEN, Activation::None),
    ];
    for isa in Isa::all() {
        let mut group = criterion.benchmark_group(format!("linear/{isa}"));
        for format in FORMATS.into_iter().filter(|&format| isa.has(format)) {
            for (name, inputs, outputs, activation) in layers {
                let weights = PackedLinear::new(format, &floats(inputs * outputs), &floats(outputs));
                for rows in [1, 15, 96] {
                    let input = floats(rows * inputs);
                    let (mut scratch, mut out) = (RowsScratch::default(), vec![0.0; rows * outputs]);
                    group.throughput(Throughput::Elements((2 * rows * inputs * outputs) as u64));
                    group.bench_function(format!("{format:?}/{name}/{rows}"), |bencher| {
                        bencher.iter(|| {
                            let rows = isa.rows(format, black_box(&input), inputs, &mut scratch);
                            let to = Columns { out: &mut out, stride: outputs, first: 0 };
                            isa.linear(rows, weights.view(), activation, to);
                        });
                    });
                }
            }
        }
    }
}

fn attention(criterion: &mut Criterion) {
    let shape = AttentionShape { heads: 12, head_dim: HIDDEN / 12 };
    for isa in Isa::all() {
        let mut group = criterion.benchmark_group(format!("attention/{isa}"));
        for format in [Format::F32, Format::Bf16].into_iter().filter(|&format| isa.has(format)) {
            for tokens in [15, 160, 256] {
                let qkv = floats(tokens * 3 * HIDDEN);
                let (mut scratch, mut out) = (AttentionScratch::default(), vec![0.0; tokens * HIDDEN]);
                group.throughput(Throughput::Elements((4 * tokens * tokens * HIDDEN) as u64));
                group.bench_function(format!("{format:?}/{tokens}"), |bencher| {
                    bencher.iter(|| {
                        isa.attention(
                            format,
                            Qkv { values: black_box(&qkv), shape, reach: Reach::All },
                            &mut scratch,
                            &mut out,
                        )
                    });
                });
            }
        }
    }
}

fn rows(criterion: &mut Criterion) {
    let norm = LayerNorm { weight: floats(HIDDEN), bias: floats(HIDDEN), epsilon: 1e-12 };
    let residual = floats(96 * HIDDEN);
    for isa in Isa::all() {
        let mut group = criterion.benchmark_group(format!("rows/{isa}"));
        group.throughput(Throughput::Elements(residual.len() as u64));
        group.bench_function("add_layer_norm", |bencher| {
            let mut rows = residual.clone();
            bencher.iter(|| isa.add_layer_norm(black_box(&mut rows), &residual, &norm));
        });
        for format in [Format::Bf16, Format::Int8].into_iter().filter(|&format| isa.has(format)) {
            let mut scratch = RowsScratch::default();
            group.bench_function(format!("to {format:?}"), |bencher| {
                bencher.iter(|| {
                    black_box(isa.rows(format, black_box(&residual), HIDDEN, &mut scratch));
                });
            });
        }
    }
}

fn packing(criterion: &mut Criterion) {
    let (weights, bias) = (floats(HIDDEN * INNER), floats(INNER));
    let mut group = criterion.benchmark_group("packing");
    group.throughput(Throughput::Elements(weights.len() as u64));
    for format in FORMATS {
        let mut packed = PackedLinear::empty(format);
        group.bench_function(format!("{format:?}"), |bencher| bencher.iter(|| packed.pack(black_box(&weights), &bias)));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(500))
        .sample_size(10).without_plots();
    targets = linear, attention, rows, packing
}
criterion_main!(benches);
