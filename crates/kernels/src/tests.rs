//! Tests every instruction set against a naive twin in 64-bit floats, over odd, empty, tall and one-row shapes.

use proptest::prelude::*;

use super::product::bf16_words;
use super::*;

/// Pseudo-random floats between −1 and 1.
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

fn linear(isa: Isa, format: Format, input: &[f32], weights: &PackedLinear) -> Vec<f32> {
    let (inputs, stride) = (weights.inputs(), weights.outputs() + 1);
    let mut scratch = RowsScratch::default();
    let rows = isa.rows(format, input, inputs, &mut scratch);
    // The result goes into all columns except the first, which stays as it is.
    let mut out = vec![f32::NAN; input.len() / inputs * stride];
    isa.linear(rows, weights.view(), Activation::None, Columns { out: &mut out, stride, first: 1 });
    let columns = |row: &[f32]| {
        assert!(row[0].is_nan());
        row[1..].to_vec()
    };
    out.chunks_exact(stride).flat_map(columns).collect()
}

/// The values of rows after they were rounded to a format, as floats.
fn rounded_rows(format: Format, input: &[f32], inputs: usize) -> Vec<f32> {
    match format {
        Format::F32 => input.to_vec(),
        Format::Bf16 => input.iter().map(|&float| to_bf16(float)).collect(),
        Format::Int8 => input
            .chunks_exact(inputs)
            .flat_map(|row| {
                let (least, greatest) = row.iter().fold((f32::MAX, f32::MIN), |(a, b), &x| (a.min(x), b.max(x)));
                let range = greatest - least;
                let inverse = if range > 0.0 { 1.0 / (range / 255.0) } else { 0.0 };
                row.iter()
                    .map(|x| least + ((x - least) * inverse).round_ties_even() * (range / 255.0))
                    .collect::<Vec<_>>()
            })
            .collect(),
    }
}

/// The values of weights after they were rounded to a format, as floats.
fn rounded_weights(format: Format, weights: &[f32], inputs: usize) -> Vec<f32> {
    match format {
        Format::F32 | Format::Bf16 => rounded_rows(format, weights, inputs),
        Format::Int8 => weights
            .chunks_exact(inputs)
            .flat_map(|row| {
                let largest = row.iter().fold(0f32, |largest, x| largest.max(x.abs()));
                let inverse = if largest > 0.0 { 1.0 / (largest / 127.0) } else { 0.0 };
                row.iter().map(|x| (x * inverse).round_ties_even() * (largest / 127.0)).collect::<Vec<_>>()
            })
            .collect(),
    }
}

/// The nearest number of 8 significant bits.
fn to_bf16(float: f32) -> f32 {
    let spacing = f32::from_bits(float.to_bits() & 0x7f80_0000) / 128.0;
    if spacing == 0.0 { float } else { (float / spacing).round_ties_even() * spacing }
}

fn naive_attention(Qkv { values: qkv, shape: AttentionShape { heads, head_dim }, reach }: Qkv<'_>) -> Vec<f64> {
    let hidden = heads * head_dim;
    let tokens = qkv.len() / (3 * hidden);
    let part = |token: usize, part: usize, head: usize| {
        qkv[token * 3 * hidden + part * hidden + head * head_dim..][..head_dim].iter().map(|&value| f64::from(value))
    };
    let added = |head: usize, query: usize, key: usize| match reach {
        Reach::All => 0.0,
        Reach::Near(distance) if query.abs_diff(key) <= distance => 0.0,
        Reach::Near(_) => f64::NEG_INFINITY,
        Reach::Biased(RelativeBias { values, farthest }) => {
            f64::from(values[head * (2 * farthest + 1) + farthest + key - query])
        }
    };
    let mut out = vec![0.0; tokens * hidden];
    for (token, head) in (0..tokens).flat_map(|token| (0..heads).map(move |head| (token, head))) {
        let score = |key| part(token, 0, head).zip(part(key, 1, head)).map(|(q, k)| q * k).sum::<f64>();
        let weight = |key| (score(key) / (head_dim as f64).sqrt() + added(head, token, key)).exp();
        let weights: Vec<f64> = (0..tokens).map(weight).collect();
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

#[test]
fn packed_weights_are_the_same_by_way_of_their_bytes() {
    for format in [Format::F32, Format::Bf16, Format::Int8] {
        for (inputs, outputs) in [(1, 1), (7, 64), (66, 70), (5, 129)] {
            let (weights, bias, input) = (floats(inputs * outputs, 1), floats(outputs, 2), floats(3 * inputs, 3));
            let packed = PackedLinear::new(format, &weights, &bias);
            let bytes = packed.view().parts().concat();
            // A vector of words is aligned as words are.
            let words: Vec<u32> = bytes.as_chunks().0.iter().map(|&word| u32::from_ne_bytes(word)).collect();
            let bytes: &[u8] = bytemuck::cast_slice(&words);
            let again = PackedView::of_bytes(format, inputs, outputs, bytes).unwrap();
            assert!(PackedView::of_bytes(format, inputs, outputs, &bytes[4..]).is_none());
            assert!(PackedView::of_bytes(format, inputs + 4, outputs, bytes).is_none());
            assert!(PackedView::of_bytes(format, inputs, outputs + PackedLinear::PANEL, bytes).is_none());
            for isa in Isa::all().into_iter().filter(|isa| isa.has(format)) {
                let product = |weights: PackedView<'_>| {
                    let (mut scratch, mut out) = (RowsScratch::default(), vec![0.0; 3 * outputs]);
                    let columns = Columns { out: &mut out, stride: outputs, first: 0 };
                    isa.linear(isa.rows(format, &input, inputs, &mut scratch), weights, Activation::Gelu, columns);
                    out
                };
                assert_eq!(product(packed.view()), product(again));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn linear_is_the_matrix_product(
        rows in prop_oneof![0..20usize, 0..80usize],
        // Rows of whole tiles, too.
        inputs in prop_oneof![1..80usize, prop::sample::select(vec![32usize, 64, 96, 128, 192])],
        outputs in 1..150usize,
        seed: u32,
    ) {
        let (input, weights, bias) = (floats(rows * inputs, seed), floats(outputs * inputs, seed ^ 1), floats(outputs, seed ^ 2));
        for format in [Format::F32, Format::Bf16, Format::Int8] {
            // The rounded numbers are multiplied exactly, apart from the order of sums.
            let (rounded, rounded_weights) = (rounded_rows(format, &input, inputs), rounded_weights(format, &weights, inputs));
            let expected = naive_linear(&rounded, &rounded_weights, &bias, inputs);
            let packed = PackedLinear::new(format, &weights, &bias);
            for isa in Isa::all().into_iter().filter(|isa| isa.has(format)) {
                let out = linear(isa, format, &input, &packed);
                assert_near(isa, &out, &expected, 1e-4);
                for (row, whole) in input.chunks_exact(inputs).zip(out.chunks_exact(outputs)) {
                    prop_assert_eq!(&linear(isa, format, row, &packed), whole, "a row has the same bits alone");
                }
            }
        }
    }

    #[test]
    fn attention_is_softmax_of_scores_times_values(
        tokens in 1..150usize,
        extra in 0..70usize,
        heads in 1..4usize,
        head_dim in prop::sample::select(vec![1usize, 4, 32, 40, 64]),
        seed: u32,
    ) {
        let shape = AttentionShape { heads, head_dim };
        // These numbers are exact in bf16, so that it rounds only the weights of softmax, by one part in 512 at most.
        let qkv: Vec<f32> =
            floats(tokens * 3 * heads * head_dim, seed).iter().map(|value| to_bf16(value * 3.0)).collect();
        let bias = floats(heads * (2 * (tokens + extra) + 1), seed ^ 1);
        let bias = RelativeBias { values: &bias, farthest: tokens + extra };
        let mut scratch = AttentionScratch::default();
        // The text before left numbers in the memory that are none.
        let before = vec![f32::NAN; (tokens + 65) * 3 * heads * head_dim];
        let mut out_before = vec![0.0; before.len() / 3];
        for reach in [Reach::All, Reach::Near(extra), Reach::Near(usize::MAX), Reach::Biased(bias)] {
            let input = Qkv { values: &qkv, shape, reach };
            let expected = naive_attention(input);
            for isa in Isa::all() {
                for (format, tolerance) in [(Format::F32, 1e-4), (Format::Bf16, 3.0 / 512.0 + 1e-4)] {
                    let other = Qkv { values: &before, shape, reach: Reach::All };
                    isa.attention(format, other, &mut scratch, &mut out_before);
                    let mut out = vec![f32::NAN; expected.len()];
                    isa.attention(format, input, &mut scratch, &mut out);
                    assert_near(isa, &out, &expected, tolerance);
                }
            }
        }
    }

    #[test]
    fn values_stored_in_pairs_are_those_that_the_next_product_would_round(
        rows in 1..20usize,
        inputs in 1..80usize,
        pairs in 1..75usize,
        heads in 1..4usize,
        half_head in prop::sample::select(vec![1usize, 16, 20, 32]),
        seed: u32,
    ) {
        let (outputs, shape) = (2 * pairs, AttentionShape { heads, head_dim: 2 * half_head });
        let (input, weights) = (floats(rows * inputs, seed), floats(inputs * outputs, seed ^ 1));
        let packed = PackedLinear::new(Format::Bf16, &weights, &floats(outputs, seed ^ 2));
        let qkv = floats(rows * 3 * heads * shape.head_dim, seed ^ 3);
        for isa in Isa::all().into_iter().filter(|isa| isa.has(Format::Bf16)) {
            let (mut of_rows, mut attention) = (RowsScratch::default(), AttentionScratch::default());
            for activation in [Activation::None, Activation::Gelu] {
                let rows_of_input = isa.rows(Format::Bf16, &input, inputs, &mut of_rows);
                let (mut floats, mut words) = (vec![0f32; rows * (outputs + 2)], vec![0u32; rows * (pairs + 1)]);
                let to = |out| Columns { out, stride: outputs + 2, first: 2 };
                isa.linear(rows_of_input, packed.view(), activation, to(&mut floats));
                let to = |out| Columns { out, stride: outputs + 2, first: 2 };
                isa.linear(rows_of_input, packed.view(), activation, to(&mut words));
                prop_assert_eq!(words, bf16_words(&floats, outputs + 2));
            }
            let (mut floats, words) = (vec![0f32; qkv.len() / 3], bf16_words(&qkv, 2));
            let input = Qkv { values: &qkv, shape, reach: Reach::All };
            isa.attention(Format::Bf16, input, &mut attention, &mut floats);
            let mut found = vec![0u32; floats.len() / 2];
            let input = Qkv { values: &words, shape, reach: Reach::All };
            isa.attention(Format::Bf16, input, &mut attention, &mut found);
            prop_assert_eq!(found, bf16_words(&floats, 2));
        }
    }

    #[test]
    fn each_activation_is_applied_after_a_product_and_to_a_gate(rows in 1..5usize, width in 1..70usize, seed: u32) {
        let (input, weights, bias) = (floats(rows, seed), floats(2 * width, seed ^ 1), floats(2 * width, seed ^ 2));
        let packed = PackedLinear::new(Format::F32, &weights, &bias);
        for isa in Isa::all() {
            for activation in [Activation::Gelu, Activation::GeluTanh, Activation::Relu, Activation::Silu] {
                let (mut scratch, mut found) = (RowsScratch::default(), vec![0.0; rows * 2 * width]);
                let to = |out| Columns { out, stride: 2 * width, first: 0 };
                isa.linear(isa.rows(Format::F32, &input, 1, &mut scratch), packed.view(), activation, to(&mut found));
                let mut plain = vec![0.0; rows * 2 * width];
                isa.linear(isa.rows(Format::F32, &input, 1, &mut scratch), packed.view(), Activation::None, to(&mut plain));
                let mut gated = vec![0.0; rows * width];
                isa.gate(activation, &plain, width, &mut gated);
                let twin = |pair: (&[f32], &[f32])| -> Vec<f64> {
                    let product = |(gate, value): (&f32, &f32)| f64::from(*gate) * f64::from(*value);
                    pair.0[..width].iter().zip(&pair.1[width..]).map(product).collect()
                };
                let rows = found.chunks_exact(2 * width).zip(plain.chunks_exact(2 * width));
                assert_near(isa, &gated, &rows.flat_map(twin).collect::<Vec<f64>>(), 1e-5);
                isa.activate(activation, &mut plain);
                assert_near(isa, &found, &plain.iter().map(|&value| value.into()).collect::<Vec<f64>>(), 1e-5);
            }
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
            let mut found: Vec<f32> = input.iter().zip(&residual).map(|(a, b)| a + b).collect();
            isa.layer_norm(&mut found, &norm);
            assert_near(isa, &found, &expected, 1e-4);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_reaches_its_floor_passes_the_screen_and_little_else(
        rows in 0..20usize,
        queries in 1..150usize,
        dim in 1..80usize,
        scale in prop::sample::select(vec![1.0f32, 1e-12, 1e12]),
        offset in -2.0..2.0f32,
        seed: u32,
    ) {
        let shifted = |floats: Vec<f32>| floats.into_iter().map(|value| (value + offset) * scale).collect::<Vec<f32>>();
        let (x, q) = (shifted(floats(rows * dim, seed)), floats(queries * dim, seed ^ 1));
        let product = |row: usize, query: usize| -> f64 {
            let pairs = x[row * dim..][..dim].iter().zip(&q[query * dim..][..dim]);
            pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        let norm = |row: &[f32]| row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        let largest = x.chunks_exact(dim).map(norm).fold(0.0, f64::max);
        let floors: Vec<f64> = floats(queries, seed ^ 2).iter().map(|&at| f64::from(at * scale) * 3.0).collect();
        let rounded = ScreenQueries::new(&q, dim);
        for isa in Isa::all().into_iter().filter(|isa| isa.screens()) {
            let (mut block, mut found) = (ScreenRows::default(), Vec::new());
            isa.round_rows(&x, dim, &mut block);
            isa.screen(&block, &rounded, &floors, &mut found);
            for (row, query) in (0..rows).flat_map(|row| (0..queries).map(move |query| (row, query))) {
                let passed = found.contains(&Candidate { row: row as u32, query: query as u32 });
                // A step is at most 2·scale/255 for rows and 1/127 for queries; half of it for each component, twice.
                let steps = f64::from(scale) * 2.1 / 255.0 * norm(&q[query * dim..][..dim]) + largest * 1.1 / 127.0;
                let product = product(row, query);
                prop_assert!(passed || product < floors[query], "{isa}: {product} of {row}, {query} is missing");
                let near = floors[query] - steps * (dim as f64).sqrt();
                // For a vector with a single component, the bytes say nothing.
                prop_assert!(!passed || product >= near || x.len() == 1, "{isa}: {product} of {row}, {query} is far from {}", floors[query]);
            }
        }
    }

    #[test]
    fn inner_products_and_distances_are_their_sums(dim in 0..200usize, seed: u32) {
        let (a, b) = (floats(dim, seed), floats(dim, seed ^ 1));
        let sum = |of: fn(f64, f64) -> f64| a.iter().zip(&b).map(|(&a, &b)| of(a.into(), b.into())).sum::<f64>();
        for isa in Isa::all() {
            assert_near(isa, &[isa.inner_product(&a, &b)], &[sum(|a, b| a * b)], 1e-4);
            assert_near(isa, &[isa.squared_distance(&a, &b)], &[sum(|a, b| (a - b).powi(2))], 1e-4);
        }
    }
}

#[test]
fn where_bytes_tell_nothing_every_pair_passes_the_screen() {
    let (dim, queries) = (5, ScreenQueries::new(&[[0.0; 5], [1.0; 5]].concat(), 5));
    let constant = vec![3.0; 2 * dim];
    let mut infinite = constant.clone();
    infinite[1] = f32::INFINITY;
    let not_a_number: Vec<f32> = infinite.iter().map(|value| value * 0.0 / 0.0).collect();
    for isa in Isa::all().into_iter().filter(|isa| isa.screens()) {
        for rows in [&constant, &infinite, &not_a_number] {
            let (mut block, mut found) = (ScreenRows::default(), Vec::new());
            isa.round_rows(rows, dim, &mut block);
            isa.screen(&block, &queries, &[1e9, 1e9], &mut found);
            assert_eq!(found.len(), 4, "{isa}");
        }
    }
}

#[test]
fn an_outlier_costs_the_rest_of_its_row_nothing() {
    let (inputs, outputs) = (384, 70);
    let (mut input, weights, bias) = (floats(3 * inputs, 1), floats(outputs * inputs, 2), floats(outputs, 3));
    // The rows are: one as it is, one with a value 20 times as large as the others, and one with a single value that is
    // not 0.
    input[inputs + 100] = -20.0;
    input[2 * inputs..].fill(0.0);
    input[3 * inputs - 1] = 7.0;
    let expected = naive_linear(&input, &weights, &bias, inputs);
    for isa in Isa::all().into_iter().filter(|isa| isa.has(Format::Int8)) {
        let out = linear(isa, Format::Int8, &input, &PackedLinear::new(Format::Int8, &weights, &bias));
        let worst = |rows: std::ops::Range<usize>| {
            let columns = rows.start * outputs..rows.end * outputs;
            let pairs = out[columns.clone()].iter().zip(&expected[columns]);
            pairs.map(|(&found, expected)| (f64::from(found) - expected).abs()).fold(0.0, f64::max)
        };
        assert!(worst(1..2) < 2.0 * worst(0..1), "{isa}: {} and {}", worst(1..2), worst(0..1));
        assert!(worst(2..3) < 1e-5, "{isa}: {}", worst(2..3));
    }
}

#[test]
fn bytes_have_the_same_sums_in_tiles_as_in_vectors() {
    // Where the processor has tiles.
    for (tiles, vectors) in "amx".parse::<Isa>().into_iter().zip("avx512".parse()) {
        for (rows, inputs, outputs) in
            [(1, 64, 5), (15, 64, 64), (16, 128, 40), (31, 64, 70), (32, 64, 32), (100, 384, 129)]
        {
            let (input, weights) = (floats(rows * inputs, 1), floats(inputs * outputs, 2));
            let packed = PackedLinear::new(Format::Int8, &weights, &floats(outputs, 3));
            let product = |isa| linear(isa, Format::Int8, &input, &packed);
            assert_eq!(product(tiles), product(vectors), "{rows} rows");
        }
    }
}

#[test]
fn an_instruction_set_that_is_not_there_is_an_error() {
    let message = "altivec".parse::<Isa>().unwrap_err();
    assert!(message.starts_with("instruction set \"altivec\" is not known or not on this processor, which has scalar"));
    assert!(Isa::all().contains(&Isa::best()));
}

#[test]
fn a_number_that_is_none_is_seen_before_it_becomes_a_byte() {
    for isa in Isa::all().into_iter().filter(|isa| isa.has(Format::Int8)) {
        for inputs in [1, 7, 32, 100] {
            let finite = |values: &[f32]| isa.rows(Format::Int8, values, inputs, &mut RowsScratch::default()).finite();
            // Their squares are not finite, but they are.
            assert!(finite(&vec![1e30; 3 * inputs]), "{isa}");
            for at in [0, inputs / 2, 3 * inputs - 1] {
                for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let mut values = floats(3 * inputs, 7);
                    values[at] = value;
                    assert!(!finite(&values), "{isa}: {value} at {at} of {inputs}");
                }
            }
        }
    }
}

#[test]
fn one_value_that_is_not_finite_is_found_wherever_it_stands() {
    for isa in Isa::all() {
        for count in [0, 1, 15, 16, 31, 32, 33, 100] {
            let mut values: Vec<f32> = (0..count).map(|at| if at % 2 == 0 { f32::MAX } else { -1e-45 }).collect();
            assert!(isa.are_finite(&values), "{isa}, {count}");
            let halved: Vec<f32> = values.iter().map(|value| value / 2.0).collect();
            assert!(isa.are_finite(&bf16_words(&halved, count.max(1))), "{isa}, {count} in pairs");
            for at in 0..count {
                for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let right = std::mem::replace(&mut values[at], wrong);
                    assert!(!isa.are_finite(&values), "{isa}, {wrong} at {at} of {count}");
                    assert!(!isa.are_finite(&bf16_words(&values, count)), "{isa}, {wrong} at {at} of {count} in pairs");
                    values[at] = right;
                }
            }
        }
    }
}
