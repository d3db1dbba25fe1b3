//! Linear layers: weights packed into panels, rows in the same format, and what is done to the products.

use std::array::from_fn;

use bytemuck::Pod;

use super::Activation;
use super::gemm::{Ahead, Finish, PANEL, Strided, Target};
use super::math;
use super::memory::Memory;
use super::prefetch::prefetch;
use super::product::{Product, bf16_words};
use super::quantize::{Quantized, quantize_weights};
use super::simd::Simd;
use super::stored::Store;

/// The format of the numbers in a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Floats of 32 bits.
    F32,
    /// Floats of 16 bits, with the exponent of 32-bit floats; sums are f32.
    Bf16,
    /// Integers of 8 bits. Weights are signed, with a scale for each output; rows are unsigned, with a scale and an
    /// offset for each row. Sums are exact, in 32 bits.
    Int8,
}

/// A linear layer's weights, in the order in which they are read.
#[derive(Clone, Debug)]
pub struct PackedLinear {
    inputs: usize,
    outputs: usize,
    panels: Panels<Memory<f32>, Memory<u32>>,
    /// `[panels · PANEL]`, zero after the last output.
    bias: Memory<f32>,
}

/// The same, in memory that somebody else keeps: that of a [`PackedLinear`], or of a mapped file.
#[derive(Clone, Copy, Debug)]
pub struct PackedView<'a> {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) panels: Panels<&'a [f32], &'a [u32]>,
    pub(super) bias: &'a [f32],
}

/// Weights as `[panels, words of an input row, PANEL]`; columns after the last output are zero.
#[derive(Clone, Copy, Debug)]
pub(super) enum Panels<Floats, Words> {
    F32(Floats),
    Bf16(Words),
    Int8 {
        words: Words,
        /// The factor of each column's integers, `[panels · PANEL]`.
        scales: Floats,
        /// The sum of each column's rounded weights.
        sums: Floats,
        /// The weights before rounding, for outliers: `[panels, inputs, PANEL]`.
        floats: Floats,
    },
}

impl PackedLinear {
    /// The number of outputs that are packed together.
    pub const PANEL: usize = PANEL;

    /// A layer without weights, which provides memory for [`PackedLinear::pack`].
    pub fn empty(format: Format) -> Self {
        let panels = match format {
            Format::F32 => Panels::F32(Memory::default()),
            Format::Bf16 => Panels::Bf16(Memory::default()),
            Format::Int8 => Panels::Int8 {
                words: Memory::default(),
                scales: Memory::default(),
                sums: Memory::default(),
                floats: Memory::default(),
            },
        };
        Self { inputs: 0, outputs: 0, panels, bias: Memory::default() }
    }

    /// Packs `weights`, `[outputs, inputs]` as in torch and candle, and `bias`, `[outputs]`.
    ///
    /// # Panics
    /// If the slices do not have these shapes.
    pub fn new(format: Format, weights: &[f32], bias: &[f32]) -> Self {
        let mut packed = Self::empty(format);
        packed.pack(weights, bias);
        packed
    }

    /// Packs other weights in place of the present ones, as [`PackedLinear::new`] does.
    ///
    /// # Panics
    /// If the slices do not have these shapes.
    pub fn pack(&mut self, weights: &[f32], bias: &[f32]) {
        let outputs = bias.len();
        let inputs = weights.len() / outputs;
        assert_eq!(weights.len(), inputs * outputs);
        (self.inputs, self.outputs) = (inputs, outputs);
        let columns = outputs.next_multiple_of(PANEL);
        padded(bias, columns, &mut self.bias);
        match &mut self.panels {
            Panels::F32(panels) => to_panels(weights, inputs, panels),
            Panels::Bf16(panels) => {
                to_panels(&bf16_words(weights, inputs), inputs.div_ceil(2), panels);
            }
            Panels::Int8 { words: panels, scales, sums, floats } => {
                to_panels(weights, inputs, floats);
                let (mut of_rows, mut sums_of_rows) = (Vec::new(), Vec::new());
                let words = quantize_weights(weights, inputs, &mut of_rows, &mut sums_of_rows);
                to_panels(&words, inputs.div_ceil(4), panels);
                padded(&of_rows, columns, scales);
                padded(&sums_of_rows, columns, sums);
            }
        }
    }

    /// The number of components of an input row.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of components of an output row.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The weights as a product reads them.
    pub fn view(&self) -> PackedView<'_> {
        let panels = match &self.panels {
            Panels::F32(panels) => Panels::F32(&panels[..]),
            Panels::Bf16(panels) => Panels::Bf16(&panels[..]),
            Panels::Int8 { words, scales, sums, floats } => {
                Panels::Int8 { words: &words[..], scales: &scales[..], sums: &sums[..], floats: &floats[..] }
            }
        };
        PackedView { inputs: self.inputs, outputs: self.outputs, panels, bias: &self.bias }
    }
}

impl<'a> PackedView<'a> {
    /// The number of the layout of [`PackedView::parts`]. It changes whenever the same bytes would mean something else.
    pub const LAYOUT: u32 = 1;

    /// The bytes of the layer, of which [`PackedView::of_bytes`] makes it again when they stand one after the other. They
    /// are numbers as this processor stores them.
    pub fn parts(&self) -> Vec<&'a [u8]> {
        let bias = bytemuck::cast_slice(self.bias);
        match self.panels {
            Panels::F32(panels) => vec![bytemuck::cast_slice(panels), bias],
            Panels::Bf16(panels) => vec![bytemuck::cast_slice(panels), bias],
            Panels::Int8 { words, scales, sums, floats } => {
                let floats = [scales, sums, floats].map(bytemuck::cast_slice);
                [&[bytemuck::cast_slice(words)], &floats[..], &[bias]].concat()
            }
        }
    }

    /// The layer of these bytes; `None` if they are not as many as such a layer has, or not aligned to words.
    pub fn of_bytes(format: Format, inputs: usize, outputs: usize, bytes: &'a [u8]) -> Option<Self> {
        let columns = outputs.next_multiple_of(PANEL);
        let mut words = bytemuck::try_cast_slice::<u8, u32>(bytes).ok()?;
        let mut take = |count: usize| words.split_off(..count);
        let floats = |words: &'a [u32]| bytemuck::cast_slice::<u32, f32>(words);
        let panels = match format {
            Format::F32 => Panels::F32(floats(take(columns * inputs)?)),
            Format::Bf16 => Panels::Bf16(take(columns * inputs.div_ceil(2))?),
            Format::Int8 => Panels::Int8 {
                words: take(columns * inputs.div_ceil(4))?,
                scales: floats(take(columns)?),
                sums: floats(take(columns)?),
                floats: floats(take(columns * inputs)?),
            },
        };
        let bias = floats(take(columns)?);
        words.is_empty().then_some(Self { inputs, outputs, panels, bias })
    }
}

/// Writes a number for each output, and 0 for each column after the last output.
fn padded(numbers: &[f32], columns: usize, to: &mut Memory<f32>) {
    let to = to.room(columns);
    to[..numbers.len()].copy_from_slice(numbers);
    to[numbers.len()..].fill(0.0);
}

/// Reorders `[outputs, depth]` to `[panels, depth, PANEL]`.
pub(super) fn to_panels<T: Pod + Default>(weights: &[T], depth: usize, panels: &mut Memory<T>) {
    let outputs = weights.len() / depth;
    let panels = panels.room(outputs.next_multiple_of(PANEL) * depth);
    if !outputs.is_multiple_of(PANEL) {
        panels.fill(T::default());
    }
    for (panel, rows) in panels.chunks_exact_mut(depth * PANEL).zip(weights.chunks(depth * PANEL)) {
        for (rows, first) in rows.chunks(BLOCK * depth).zip((0..).step_by(BLOCK)) {
            transpose(rows, depth, panel, first);
        }
    }
}

/// Rows and columns that are transposed together. They are a cache line of each, and no more rows than the processor
/// can read ahead in.
const BLOCK: usize = 16;

/// Writes `rows`, at most [`BLOCK`] rows of `depth`, to the columns of `panel` from `first` on.
fn transpose<T: Copy + Default>(rows: &[T], depth: usize, panel: &mut [T], first: usize) {
    let whole = if rows.len() == BLOCK * depth { depth / BLOCK * BLOCK } else { 0 };
    for at in (0..whole).step_by(BLOCK) {
        let mut block = [[T::default(); BLOCK]; BLOCK];
        for (row, line) in block.iter_mut().zip(rows.chunks_exact(depth)) {
            row.copy_from_slice(&line[at..][..BLOCK]);
        }
        for (input, line) in panel[at * PANEL..].chunks_exact_mut(PANEL).take(BLOCK).enumerate() {
            let column: [T; BLOCK] = from_fn(|row| block[row][input]);
            line[first..][..BLOCK].copy_from_slice(&column);
        }
    }
    for (column, row) in rows.chunks_exact(depth).enumerate() {
        for (&word, line) in row.iter().zip(panel.chunks_exact_mut(PANEL)).skip(whole) {
            line[first + column] = word;
        }
    }
}

/// Rows in the format of the weights with which they are multiplied.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    pub(super) words: Words<'a>,
    pub(super) count: usize,
    pub(super) inputs: usize,
    pub(super) finite: bool,
}

impl Rows<'_> {
    /// Whether all numbers were finite before they were converted, if a product does not show it: an integer is always
    /// finite.
    pub fn finite(&self) -> bool {
        self.finite
    }
}

/// `[rows, words of a row]`
#[derive(Clone, Copy, Debug)]
pub(super) enum Words<'a> {
    F32(&'a [f32]),
    Bf16(&'a [u32]),
    Int8 { words: &'a [u32], rows: &'a [Quantized] },
}

/// Memory for rows in a format other than f32.
#[derive(Clone, Debug, Default)]
pub struct RowsScratch {
    pub(super) words: Memory<u32>,
    pub(super) rows: Vec<Quantized>,
}

/// Where the columns of a product are written: into rows that begin `stride` columns apart, from column `first` on.
#[derive(Debug)]
pub struct Columns<'a, T = f32> {
    /// `[rows, stride]`; as words of two bf16s, `[rows, stride / 2]`.
    pub out: &'a mut [T],
    /// The number of columns from one row to the next.
    pub stride: usize,
    /// The column of the first output.
    pub first: usize,
}

/// How many rows and columns a product has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) rows: usize,
    pub(super) outputs: usize,
}

/// The product of the rows in `words` with `panels`, `finish`ed. A tile is `ROWS` rows of `VECTORS` vectors.
///
/// # Safety
/// The processor has the instructions of `P`; `words` and `panels` have rows of one `depth`; `to` has room.
#[inline(always)]
pub(super) unsafe fn linear<P: Product, T: Store<P>, const ROWS: usize, const VECTORS: usize>(
    Extent { rows, outputs }: Extent,
    words: &[P::Word],
    panels: &[P::Word],
    to: &mut Columns<'_, T>,
    finish: impl Finish<P>,
) {
    let strip = VECTORS * P::Float::LANES;
    let depth = panels.len() / outputs.next_multiple_of(PANEL);
    if rows == 0 {
        return;
    }
    let mut others = panels.chunks_exact(depth * PANEL).skip(1);
    for (panel, start) in panels.chunks_exact(depth * PANEL).zip((0..).step_by(PANEL)) {
        // The processor does not foresee the next panel if panels are read in strips: products are 5 to 25% faster if it is asked
        // for. If panels are read as a whole, the processor does foresee it, and asking costs 6%. Products in tiles wait for
        // what they ask for, which costs 5 to 25%.
        let next = if strip < PANEL && P::DEPTH == 1 { others.next().unwrap_or_default() } else { &[] };
        let part = next.len() * strip / PANEL;
        for column in (0..PANEL.min(outputs - start)).step_by(strip) {
            let next = &next[column / strip * part..][..part];
            let finish = Ahead { finish, next, each: part.div_ceil(rows) };
            let a = Strided { start: words, stride: depth };
            let b = Strided { start: &panel[column..], stride: PANEL };
            let column = start + column;
            let width = strip.min(outputs - column) / T::VALUES;
            let out = &mut to.out[(to.first + column) / T::VALUES..];
            let mut out = Target { out, stride: to.stride / T::VALUES, width, finish, column };
            // SAFETY: as for this function.
            unsafe { P::product::<ROWS, VECTORS>(rows, a, b, depth, &mut out) };
        }
    }
}

/// Adds the bias, and applies the activation if it [is within the product](Activation::is_within_product).
#[derive(Clone, Copy)]
pub(super) struct Affine<'a> {
    bias: &'a [f32],
    gelu: bool,
}

impl<'a> Affine<'a> {
    pub(super) fn new(bias: &'a [f32], activation: Activation) -> Self {
        Self { bias, gelu: activation == Activation::Gelu }
    }
}

impl Affine<'_> {
    /// # Safety
    /// The processor has the instructions of `P`.
    #[inline(always)]
    unsafe fn activate<P: Product, const VECTORS: usize>(self, mut values: [P::Float; VECTORS]) -> [P::Float; VECTORS] {
        if self.gelu {
            for value in &mut values {
                // SAFETY: the caller guarantees the instructions.
                *value = unsafe { if P::SHORT { math::gelu_short(*value) } else { math::gelu(*value) } };
            }
        }
        values
    }
}

impl<P: Product<Sum = <P as Product>::Float>> Finish<P> for Affine<'_> {
    #[inline(always)]
    unsafe fn finish<const VECTORS: usize>(
        self,
        sums: &[P::Sum; VECTORS],
        _: usize,
        column: usize,
    ) -> [P::Float; VECTORS] {
        let lanes = P::Float::LANES;
        // Columns are counted in whole panels, and the bias is padded to these.
        let bias = self.bias[column..][..VECTORS * lanes].as_ptr();
        let mut values = *sums;
        // SAFETY: the caller guarantees the instructions; there is a bias for each lane.
        unsafe {
            for (vector, value) in values.iter_mut().enumerate() {
                *value = value.add(P::Float::load(bias.add(vector * lanes)));
            }
            self.activate::<P, VECTORS>(values)
        }
    }
}

/// Converts sums of integers to the values that they stand for. For a row x ≈ offset + scale·q and a column w ≈
/// scale·v, x·w = row scale · column scale · Σqv + offset · Σw, plus the rest of the row's outlier times its weight.
#[derive(Clone, Copy)]
pub(super) struct Dequantize<'a> {
    pub(super) rows: &'a [Quantized],
    pub(super) scales: &'a [f32],
    pub(super) sums: &'a [f32],
    pub(super) floats: &'a [f32],
    pub(super) inputs: usize,
    pub(super) then: Affine<'a>,
}

/// A product whose sums are integers.
pub(super) trait IntProduct: Product {
    /// The sums as floats.
    ///
    /// # Safety
    /// The processor has the format's instructions.
    unsafe fn to_float(sum: Self::Sum) -> Self::Float;
    /// A bit for each lane, the first lane in the lowest bit: whether the lane's sum is greater than its number at
    /// `bounds`.
    ///
    /// # Safety
    /// The processor has the format's instructions; there is a number for each lane.
    unsafe fn greater(sum: Self::Sum, bounds: *const i32) -> u16;
}

impl Dequantize<'_> {
    /// Where the weights of a row's outlier are, for the columns from this one on.
    #[inline(always)]
    fn of_outlier(&self, outlier: usize, column: usize) -> usize {
        (column / PANEL * self.inputs + outlier) * PANEL + column % PANEL
    }
}

impl<P: IntProduct> Finish<P> for Dequantize<'_> {
    #[inline(always)]
    fn expect(self, row: usize, column: usize) {
        let Quantized { outlier, excess, .. } = self.rows[row];
        if excess != 0.0 {
            // They are not in the cache. Waiting for them took 5% of the time of a product.
            let at = self.of_outlier(outlier, column / PANEL * PANEL);
            prefetch(bytemuck::bytes_of::<[f32; PANEL]>(&self.floats.as_chunks::<PANEL>().0[at / PANEL]));
        }
    }

    #[inline(always)]
    unsafe fn finish<const VECTORS: usize>(
        self,
        sums: &[P::Sum; VECTORS],
        row: usize,
        column: usize,
    ) -> [P::Float; VECTORS] {
        let lanes = P::Float::LANES;
        let Quantized { scale, offset, outlier, excess } = self.rows[row];
        // Scales and sums are padded as the bias is.
        let of_columns = |numbers: &[f32]| numbers[column..][..VECTORS * lanes].as_ptr();
        let (scales, sums_of_weights, bias) =
            (of_columns(self.scales), of_columns(self.sums), of_columns(self.then.bias));
        // SAFETY: the caller guarantees the instructions; there is a float for each lane.
        unsafe {
            let mut values = [P::Float::splat(0.0); VECTORS];
            for (vector, value) in values.iter_mut().enumerate() {
                let at = vector * lanes;
                let product = P::to_float(sums[vector]).mul(P::Float::load(scales.add(at)));
                let product = product.mul_add(P::Float::splat(scale), P::Float::load(bias.add(at)));
                *value = P::Float::load(sums_of_weights.add(at)).mul_add(P::Float::splat(offset), product);
            }
            if excess != 0.0 {
                let weights = self.floats[self.of_outlier(outlier, column)..][..VECTORS * lanes].as_ptr();
                for (vector, value) in values.iter_mut().enumerate() {
                    *value = P::Float::load(weights.add(vector * lanes)).mul_add(P::Float::splat(excess), *value);
                }
            }
            self.then.activate::<P, VECTORS>(values)
        }
    }
}
