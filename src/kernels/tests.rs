//! Every instruction set against a naive twin in 64-bit floats, over odd, empty, tall and one-row shapes.

use proptest::prelude::*;

use super::*;

/// Floats of a seed, between −1 and 1.
fn floats(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_769).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn naive_linear(input: &[f32], weights: &[f32], bias: &[f32], inputs: usize) -> Vec<f64> {
    let row = |row: &[f32]| -> Vec<f64> {
        let dot = |weights: &[f32]| row.iter().zip(weights).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
        weights.chunks_exact(inputs).zip(bias).map(|(weights, &bias)| dot(weights) + f64::from(bias)).collect()
    };
    input.chunks_exact(inputs).flat_map(row).collect()
}

fn naive_attention(qkv: &[f32], AttentionShape { heads, head_dim }: AttentionShape) -> Vec<f64> {
    let hidden = heads * head_dim;
    let tokens = qkv.len() / (3 * hidden);
    let part = |token: usize, part: usize, head: usize| {
        qkv[token * 3 * hidden + part * hidden + head * head_dim..][..head_dim].iter().map(|&value| f64::from(value))
    };
    let mut out = vec![0.0; tokens * hidden];
    for (token, head) in (0..tokens).flat_map(|token| (0..heads).map(move |head| (token, head))) {
        let score = |key| part(token, 0, head).zip(part(key, 1, head)).map(|(q, k)| q * k).sum::<f64>();
        let weights: Vec<f64> = (0..tokens).map(|key| (score(key) / (head_dim as f64).sqrt()).exp()).collect();
        let total: f64 = weights.iter().sum();
        for (key, weight) in weights.iter().enumerate() {
            let row = &mut out[token * hidden + head * head_dim..][..head_dim];
            row.iter_mut().zip(part(key, 2, head)).for_each(|(sum, value)| *sum += weight / total * value);
        }
    }
    out
}

fn assert_near(isa: Isa, found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (index, (&found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(found) - expected).abs() <= tolerance, "{isa}, {index}: {found}, not {expected}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn linear_is_the_matrix_product(rows in 0..20usize, inputs in 1..80usize, outputs in 1..150usize, seed: u32) {
        let (input, weights, bias) = (floats(rows * inputs, seed), floats(outputs * inputs, seed ^ 1), floats(outputs, seed ^ 2));
        let expected = naive_linear(&input, &weights, &bias, inputs);
        let packed = PackedLinear::new(&weights, &bias);
        for isa in Isa::all() {
            let mut out = vec![f32::NAN; rows * outputs];
            isa.linear(&input, &packed, Activation::None, &mut out);
            assert_near(isa, &out, &expected, 1e-4);
            for (row, whole) in input.chunks_exact(inputs).zip(out.chunks_exact(outputs)) {
                let mut alone = vec![f32::NAN; outputs];
                isa.linear(row, &packed, Activation::None, &mut alone);
                prop_assert_eq!(&alone, whole, "a row has the same bits alone");
            }
        }
    }

    #[test]
    fn attention_is_softmax_of_scores_times_values(
        tokens in 1..150usize,
        heads in 1..4usize,
        head_dim in prop::sample::select(vec![1usize, 4, 32, 40, 64]),
        seed: u32,
    ) {
        let shape = AttentionShape { heads, head_dim };
        let qkv: Vec<f32> = floats(tokens * 3 * heads * head_dim, seed).iter().map(|value| value * 3.0).collect();
        let expected = naive_attention(&qkv, shape);
        let mut scratch = AttentionScratch::default();
        for isa in Isa::all() {
            let mut out = vec![f32::NAN; expected.len()];
            isa.attention(&qkv, shape, &mut scratch, &mut out);
            assert_near(isa, &out, &expected, 1e-4);
        }
    }

    #[test]
    fn layer_norm_is_of_the_sum(rows in 0..9usize, dim in 1..100usize, seed: u32) {
        let (input, residual) = (floats(rows * dim, seed), floats(rows * dim, seed ^ 1));
        let norm = LayerNorm { weight: floats(dim, seed ^ 2), bias: floats(dim, seed ^ 3), epsilon: 1e-3 };
        let row = |(a, b): (&[f32], &[f32])| -> Vec<f64> {
            let sum: Vec<f64> = a.iter().zip(b).map(|(&a, &b)| f64::from(a) + f64::from(b)).collect();
            let mean = sum.iter().sum::<f64>() / dim as f64;
            let variance = sum.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / dim as f64;
            let scale = 1.0 / (variance + f64::from(norm.epsilon)).sqrt();
            let parameters = norm.weight.iter().zip(&norm.bias);
            sum.iter().zip(parameters).map(|(x, (&w, &b))| (x - mean) * scale * f64::from(w) + f64::from(b)).collect()
        };
        let expected: Vec<f64> = input.chunks_exact(dim).zip(residual.chunks_exact(dim)).flat_map(row).collect();
        for isa in Isa::all() {
            let mut found = input.clone();
            isa.add_layer_norm(&mut found, &residual, &norm);
            assert_near(isa, &found, &expected, 1e-4);
        }
    }
}

#[test]
fn an_instruction_set_that_is_not_there_is_an_error() {
    let message = "altivec".parse::<Isa>().unwrap_err();
    assert!(message.starts_with("instruction set \"altivec\" is not known or not on this processor, which has scalar"));
    assert!(Isa::all().contains(&Isa::best()));
}
