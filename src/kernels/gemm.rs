//! Matrix products: a tile of the result is held in registers while its inputs stream by.
//!
//! The weights are packed once, into panels of 64 columns that the tile reads from front to back. Every element of the
//! result is one sum in the order of the inputs, whatever tile it is computed in: so a row has the same bits alone and
//! among others.

use super::simd::Simd;

/// Columns of a panel.
pub(super) const PANEL: usize = 64;

/// What is done to a linear layer's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// x·Φ(x), by the error function.
    Gelu,
}

/// A linear layer's weights, in the order in which they are read.
#[derive(Clone, Debug)]
pub struct PackedLinear {
    inputs: usize,
    outputs: usize,
    /// `[panels, inputs, PANEL]`; columns past the last output are zero.
    panels: Vec<f32>,
    /// `[panels · PANEL]`, zero past the last output.
    bias: Vec<f32>,
}

impl PackedLinear {
    /// Packs `weights`, `[outputs, inputs]` as torch and candle keep them, and `bias`, `[outputs]`.
    ///
    /// # Panics
    /// If the slices are not of these shapes.
    pub fn new(weights: &[f32], bias: &[f32]) -> Self {
        let outputs = bias.len();
        let inputs = weights.len() / outputs;
        assert_eq!(weights.len(), inputs * outputs);
        let count = outputs.div_ceil(PANEL);
        let mut panels = vec![0.0; count * inputs * PANEL];
        for (panel, rows) in panels.chunks_exact_mut(inputs * PANEL).zip(weights.chunks(inputs * PANEL)) {
            for (column, row) in rows.chunks_exact(inputs).enumerate() {
                for (input, &weight) in row.iter().enumerate() {
                    panel[input * PANEL + column] = weight;
                }
            }
        }
        let mut padded = bias.to_vec();
        padded.resize(count * PANEL, 0.0);
        Self { inputs, outputs, panels, bias: padded }
    }

    /// Components of an input row.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Components of an output row.
    pub fn outputs(&self) -> usize {
        self.outputs
    }
}

/// See [`super::Isa::linear`]. A tile is `ROWS` rows of `VECTORS` vectors.
///
/// # Safety
/// The processor has `V`'s instructions; the slices have the shapes that `Isa::linear` checks.
#[inline(always)]
pub(super) unsafe fn linear<V: Simd, const ROWS: usize, const VECTORS: usize>(
    input: &[f32],
    weights: &PackedLinear,
    activation: Activation,
    out: &mut [f32],
) {
    let (inputs, outputs) = (weights.inputs, weights.outputs);
    let rows = input.len() / inputs;
    for (panel, start) in weights.panels.chunks_exact(inputs * PANEL).zip((0..).step_by(PANEL)) {
        for column in (0..PANEL.min(outputs - start)).step_by(VECTORS * V::LANES) {
            let b = Strided { start: &panel[column..], stride: PANEL };
            let finish = Affine { bias: &weights.bias[start + column..], activation };
            let width = (VECTORS * V::LANES).min(outputs - start - column);
            let mut row = 0;
            while row < rows {
                let a = Strided { start: &input[row * inputs..], stride: inputs };
                let to = Target { out: &mut out[row * outputs + start + column..], stride: outputs, width };
                // SAFETY: as for this function.
                row += unsafe { tiles::<V, ROWS, VECTORS>(rows - row, a, b, inputs, to, finish) };
            }
        }
    }
}

/// What becomes of a tile's sums. A trait and no closure: a closure would not be compiled for the instruction set of
/// the function that it is inlined into, and so not be inlined.
pub(super) trait Finish<V>: Copy {
    /// The value to store for vector number `vector` of a row.
    ///
    /// # Safety
    /// The processor has `V`'s instructions.
    unsafe fn finish(self, sum: V, vector: usize) -> V;
}

/// They stay as they are.
#[derive(Clone, Copy)]
pub(super) struct Keep;

impl<V: Simd> Finish<V> for Keep {
    #[inline(always)]
    unsafe fn finish(self, sum: V, _: usize) -> V {
        sum
    }
}

/// The bias is added, and the activation taken.
#[derive(Clone, Copy)]
struct Affine<'a> {
    bias: &'a [f32],
    activation: Activation,
}

impl<V: Simd> Finish<V> for Affine<'_> {
    #[inline(always)]
    unsafe fn finish(self, sum: V, vector: usize) -> V {
        // SAFETY: the caller owes the instructions; a panel's bias has PANEL values.
        unsafe {
            let sum = sum.add(V::load(self.bias[vector * V::LANES..].as_ptr()));
            match self.activation {
                Activation::None => sum,
                Activation::Gelu => super::math::gelu(sum),
            }
        }
    }
}

/// Rows that begin `stride` apart.
#[derive(Clone, Copy)]
pub(super) struct Strided<'a> {
    pub(super) start: &'a [f32],
    pub(super) stride: usize,
}

/// Where a tile goes: rows `stride` apart, of which it has `width` columns.
pub(super) struct Target<'a> {
    pub(super) out: &'a mut [f32],
    pub(super) stride: usize,
    pub(super) width: usize,
}

/// Computes one tile of `ROWS` rows, or of as many as are left, and says how many.
///
/// # Safety
/// As for [`tile`], for the rows that are left.
#[inline(always)]
pub(super) unsafe fn tiles<V: Simd, const ROWS: usize, const VECTORS: usize>(
    left: usize,
    a: Strided<'_>,
    b: Strided<'_>,
    depth: usize,
    to: Target<'_>,
    finish: impl Finish<V>,
) -> usize {
    // SAFETY: no tile has more rows than are left.
    unsafe {
        match left {
            1 => tile::<V, 1, VECTORS>(a, b, depth, to, finish),
            2 if ROWS > 2 => tile::<V, 2, VECTORS>(a, b, depth, to, finish),
            3 if ROWS > 3 => tile::<V, 3, VECTORS>(a, b, depth, to, finish),
            4 if ROWS > 4 => tile::<V, 4, VECTORS>(a, b, depth, to, finish),
            5 if ROWS > 5 => tile::<V, 5, VECTORS>(a, b, depth, to, finish),
            _ => tile::<V, ROWS, VECTORS>(a, b, depth, to, finish),
        }
    }
    left.min(ROWS)
}

/// One tile: `ROWS` rows of `a`, each of `depth`, times `depth` rows of `b`, each of `VECTORS` vectors; `finish` is
/// given each vector of sums and its number in the row.
///
/// # Safety
/// The processor has `V`'s instructions; `a` has `ROWS` rows of `depth`, `b` has `depth` rows of `VECTORS · LANES`.
#[inline(always)]
#[allow(
    clippy::needless_range_loop,
    reason = "counted to constants, these loops are unrolled, and the sums are registers"
)]
unsafe fn tile<V: Simd, const ROWS: usize, const VECTORS: usize>(
    a: Strided<'_>,
    b: Strided<'_>,
    depth: usize,
    to: Target<'_>,
    finish: impl Finish<V>,
) {
    debug_assert!(a.start.len() >= (ROWS - 1) * a.stride + depth);
    debug_assert!(b.start.len() >= (depth - 1) * b.stride + VECTORS * V::LANES);
    // SAFETY: the caller owes the shapes that the indices stay within, and the instructions.
    unsafe {
        let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
        let (rows, mut columns) = (a.start.as_ptr(), b.start.as_ptr());
        for step in 0..depth {
            let mut weights = [V::splat(0.0); VECTORS];
            for vector in 0..VECTORS {
                weights[vector] = V::load(columns.add(vector * V::LANES));
            }
            for row in 0..ROWS {
                let value = V::splat(*rows.add(row * a.stride + step));
                for vector in 0..VECTORS {
                    sums[row][vector] = value.mul_add(weights[vector], sums[row][vector]);
                }
            }
            columns = columns.wrapping_add(b.stride);
        }
        // What follows counts rows and vectors at run time; an array so indexed lies in memory, and would be written
        // there at each step above if it were the same.
        let mut done = [[V::splat(0.0); VECTORS]; ROWS];
        for row in 0..ROWS {
            for vector in 0..VECTORS {
                done[row][vector] = sums[row][vector];
            }
        }
        for (row, sums) in done.iter().enumerate() {
            let out = &mut to.out[row * to.stride..][..to.width];
            for (vector, &sum) in sums.iter().enumerate() {
                let (value, at) = (finish.finish(sum, vector), vector * V::LANES);
                if at + V::LANES <= out.len() {
                    value.store(out[at..].as_mut_ptr());
                } else if at < out.len() {
                    let mut lanes = [0.0; PANEL];
                    value.store(lanes.as_mut_ptr());
                    let rest = out.len() - at;
                    out[at..].copy_from_slice(&lanes[..rest]);
                }
            }
        }
    }
}
