//! What values are stored as between two products: floats, or words of two bf16s.
//!
//! A product of bf16s rounds its input. If what comes before it stores its values so rounded, half as many bytes are
//! written and read, and no step only converts. The bits of the result are the same.

use bytemuck::Pod;

use super::linear::{Affine, Columns, Dequantize, Extent, Format, PackedView, Panels, Rows, RowsScratch, Words};
use super::product::{FloatProduct, Product, bf16_words};
use super::quantize::Quantized;
use super::simd::Simd;
use super::{Activation, AttentionScratch, Isa, IsaKind, Qkv, dispatch, math, scalar};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512, avx512::Bf16};

/// A float, or a word of two bf16s, the first one in the lower half. [`Isa`] checks the arguments of its functions, and
/// calls these.
pub trait Stored: Pod {
    /// The number of values in one of these.
    const VALUES: usize;

    /// See [`Isa::rows`].
    ///
    /// # Safety
    /// `Isa::rows` has checked the arguments.
    unsafe fn rows<'a>(
        isa: Isa,
        format: Format,
        input: &'a [Self],
        inputs: usize,
        scratch: &'a mut RowsScratch,
    ) -> Rows<'a>;
    /// See [`Isa::linear`].
    ///
    /// # Safety
    /// `Isa::linear` has checked the arguments.
    unsafe fn linear(isa: Isa, input: Rows<'_>, weights: PackedView<'_>, activation: Activation, to: Columns<'_, Self>);
    /// See [`Isa::attention`].
    ///
    /// # Safety
    /// `Isa::attention` has checked the arguments.
    unsafe fn attention(
        isa: Isa,
        format: Format,
        input: Qkv<'_, Self>,
        scratch: &mut AttentionScratch,
        out: &mut [Self],
    );
    /// See [`Isa::are_finite`].
    fn are_finite(isa: Isa, values: &[Self]) -> bool;
}

impl Stored for f32 {
    const VALUES: usize = 1;

    unsafe fn rows<'a>(
        isa: Isa,
        format: Format,
        input: &'a [f32],
        inputs: usize,
        scratch: &'a mut RowsScratch,
    ) -> Rows<'a> {
        let count = input.len() / inputs;
        let mut finite = true;
        let words = match format {
            Format::F32 => Words::F32(input),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `has` found the instructions.
            Format::Bf16 if inputs.is_multiple_of(2) => {
                let words = scratch.words.room(input.len() / 2);
                unsafe { avx512::words_bf16(input, words) };
                Words::Bf16(words)
            }
            Format::Bf16 => {
                scratch.words.copy(&bf16_words(input, inputs));
                Words::Bf16(&scratch.words)
            }
            Format::Int8 => {
                let RowsScratch { words, rows } = scratch;
                let words = words.room(count * inputs.div_ceil(4));
                rows.resize(count, Quantized::default());
                finite = match isa.0 {
                    IsaKind::Scalar => unreachable!("`has` found products of bytes"),
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: an `Isa` of this kind exists only where the processor was found to have AVX2.
                    IsaKind::Avx2 => unsafe { avx2::quantize_rows(input, inputs, words, rows) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: as above, for AVX-512.
                    IsaKind::Avx512 { .. } => unsafe { avx512::quantize_rows(input, inputs, words, rows) },
                };
                Words::Int8 { words, rows }
            }
        };
        Rows { words, count, inputs, finite }
    }

    unsafe fn linear(isa: Isa, input: Rows<'_>, weights: PackedView<'_>, activation: Activation, mut to: Columns<'_>) {
        let extent = Extent { rows: input.count, outputs: weights.outputs };
        let affine = Affine::new(weights.bias, activation);
        match (input.words, weights.panels) {
            (Words::F32(words), Panels::F32(panels)) => {
                dispatch!(isa, linear_f32(extent, words, panels, &mut to, affine));
            }
            #[cfg(target_arch = "x86_64")]
            (Words::Int8 { words, rows: quantized }, Panels::Int8 { words: panels, scales, sums, floats }) => {
                let inputs = weights.inputs;
                let finish = Dequantize { rows: quantized, scales, sums, floats, inputs, then: affine };
                match isa.0 {
                    // SAFETY: an `Isa` of this kind exists only where the processor was found to have the instructions.
                    IsaKind::Avx512 { vnni: true, .. } if isa.has_tiles_for(inputs.div_ceil(4)) => unsafe {
                        avx512::tiled_linear_int8(extent, words, panels, &mut to, finish);
                    },
                    // SAFETY: as above.
                    IsaKind::Avx512 { vnni: true, .. } => unsafe {
                        avx512::linear_int8(extent, words, panels, &mut to, finish);
                    },
                    // SAFETY: as above; every processor with AVX-512 has AVX2.
                    IsaKind::Avx512 { .. } | IsaKind::Avx2 => unsafe {
                        avx2::linear_int8(extent, words, panels, &mut to, finish);
                    },
                    IsaKind::Scalar => panic!("scalar has no products of bytes"),
                }
            }
            #[cfg(target_arch = "x86_64")]
            (Words::Bf16(words), Panels::Bf16(panels)) => {
                // SAFETY: as for this function.
                unsafe { linear_bf16(isa, (extent, weights.inputs), (words, panels), &mut to, affine) }
            }
            _ => panic!("rows and weights are not of one format that {isa} has"),
        }
        if !activation.is_within_product() {
            for row in to.out.chunks_exact_mut(to.stride).take(input.count) {
                isa.activate(activation, &mut row[to.first..][..weights.outputs]);
            }
        }
    }

    unsafe fn attention(isa: Isa, format: Format, input: Qkv<'_>, scratch: &mut AttentionScratch, out: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        if format != Format::F32 && isa.has(Format::Bf16) && input.shape.head_dim.is_multiple_of(2) {
            // SAFETY: as for this function; a head is whole words.
            return unsafe { attention_bf16(isa, input, scratch, out) };
        }
        let scratch = &mut scratch.f32;
        dispatch!(isa, attention_f32(input, scratch, out));
    }

    fn are_finite(isa: Isa, values: &[f32]) -> bool {
        dispatch!(isa, are_finite(values))
    }
}

/// A word of two bf16s. Only products of bf16 read and write them, and only with an activation that is within the
/// product.
impl Stored for u32 {
    const VALUES: usize = 2;

    unsafe fn rows<'a>(isa: Isa, format: Format, input: &'a [u32], inputs: usize, _: &'a mut RowsScratch) -> Rows<'a> {
        assert!(format == Format::Bf16, "{isa} cannot convert bf16 to {format:?}");
        Rows { words: Words::Bf16(input), count: 2 * input.len() / inputs, inputs, finite: true }
    }

    unsafe fn linear(
        isa: Isa,
        input: Rows<'_>,
        weights: PackedView<'_>,
        activation: Activation,
        mut to: Columns<'_, u32>,
    ) {
        assert!(activation.is_within_product());
        match (input.words, weights.panels) {
            #[cfg(target_arch = "x86_64")]
            (Words::Bf16(words), Panels::Bf16(panels)) => {
                let extent = Extent { rows: input.count, outputs: weights.outputs };
                let affine = Affine::new(weights.bias, activation);
                // SAFETY: as for this function.
                unsafe { linear_bf16(isa, (extent, weights.inputs), (words, panels), &mut to, affine) }
            }
            _ => panic!("rows and weights are not bf16, or {isa} does not have it"),
        }
    }

    unsafe fn attention(isa: Isa, _: Format, input: Qkv<'_, u32>, scratch: &mut AttentionScratch, out: &mut [u32]) {
        assert!(isa.has(Format::Bf16), "{isa} has no products of bf16");
        assert!(input.shape.head_dim.is_multiple_of(2), "a head is whole words");
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as for this function.
        unsafe {
            attention_bf16(isa, input, scratch, out);
        }
    }

    fn are_finite(isa: Isa, values: &[u32]) -> bool {
        match isa.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Isa` of this kind exists only where the processor was found to have the instructions.
            IsaKind::Avx512 { .. } => unsafe { avx512::pairs_are_finite(values) },
            _ => math::pairs_are_finite(values),
        }
    }
}

/// The product of rows of so many numbers with panels, in tiles if the processor has them for such rows.
///
/// # Safety
/// The slices have the shapes that [`Isa::linear`] checks.
#[cfg(target_arch = "x86_64")]
unsafe fn linear_bf16<T: Store<Bf16> + Store<Bf16<true>>>(
    isa: Isa,
    (extent, inputs): (Extent, usize),
    (words, panels): (&[u32], &[u32]),
    to: &mut Columns<'_, T>,
    affine: Affine<'_>,
) {
    assert!(isa.has(Format::Bf16), "{isa} has no products of bf16");
    // SAFETY: the processor was found to have the instructions; the caller guarantees the shapes.
    unsafe {
        if isa.has_tiles_for(inputs.div_ceil(2)) {
            avx512::tiled_linear_bf16(extent, words, panels, to, affine);
        } else {
            avx512::linear_bf16(extent, words, panels, to, affine);
        }
    }
}

/// Attention with products of bf16, in tiles if the processor has them for such heads.
///
/// # Safety
/// The slices have the shapes that [`Isa::attention`] checks.
#[cfg(target_arch = "x86_64")]
unsafe fn attention_bf16<T: Source<Bf16> + Source<Bf16<true>>>(
    isa: Isa,
    input: Qkv<'_, T>,
    AttentionScratch { bf16: scratch, .. }: &mut AttentionScratch,
    out: &mut [T],
) {
    assert!(isa.has(Format::Bf16), "{isa} has no products of bf16");
    // SAFETY: the processor was found to have the instructions; the caller guarantees the shapes.
    unsafe {
        if isa.has_tiles_for(input.shape.head_dim / 2) {
            avx512::tiled_attention_bf16(input, scratch, out);
        } else {
            avx512::attention_bf16(input, scratch, out);
        }
    }
}

/// The instructions that store the values of a product.
pub(super) trait Store<P: Product>: Stored {
    /// Writes the values to `to`.
    ///
    /// # Safety
    /// The processor has the instructions of `P`; there is room for `VECTORS` vectors of values.
    unsafe fn store<const VECTORS: usize>(values: [P::Float; VECTORS], to: *mut Self);
}

impl<P: Product> Store<P> for f32 {
    #[inline(always)]
    unsafe fn store<const VECTORS: usize>(values: [P::Float; VECTORS], to: *mut f32) {
        for (vector, value) in values.into_iter().enumerate() {
            // SAFETY: the caller guarantees the instructions, and the room.
            unsafe { value.store(to.add(vector * P::Float::LANES)) }
        }
    }
}

impl<P: FloatProduct<Word = u32>> Store<P> for u32 {
    #[inline(always)]
    unsafe fn store<const VECTORS: usize>(values: [P::Float; VECTORS], to: *mut u32) {
        const { assert!(VECTORS.is_multiple_of(2) && P::PER_WORD == Self::VALUES) };
        for (pair, &values) in values.as_chunks().0.iter().enumerate() {
            // SAFETY: the caller guarantees the instructions, and the room.
            unsafe { P::store(values, to.add(pair * P::Float::LANES)) }
        }
    }
}

/// Values that become the words of a product.
pub(super) trait Source<P: FloatProduct>: Store<P> {
    /// Packs `values` into `words`. The unused rest of the last word is 0.
    ///
    /// # Safety
    /// As [`FloatProduct::pack`].
    unsafe fn pack(values: &[Self], words: &mut [P::Word]);
}

impl<P: FloatProduct> Source<P> for f32 {
    #[inline(always)]
    unsafe fn pack(values: &[f32], words: &mut [P::Word]) {
        // SAFETY: as for this function.
        unsafe { P::pack(values, words) }
    }
}

impl<P: FloatProduct<Word = u32>> Source<P> for u32 {
    #[inline(always)]
    unsafe fn pack(values: &[u32], words: &mut [u32]) {
        words.copy_from_slice(values);
    }
}
