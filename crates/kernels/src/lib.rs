//! The arithmetic of a transformer layer: slices in, slices out.
//!
//! Each algorithm is written once, over a vector of floats (`simd::Simd`) or a format of numbers (`product::Product`).
//! One file for each instruction set defines these types. [`Isa`] is the only place of dispatch: a value of it proves
//! that the processor has the instructions that it names.

#![allow(unsafe_code)]

mod activation;
mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod gemm;
mod halves;
mod instantiate;
mod linear;
mod math;
mod memory;
mod norm;
mod prefetch;
mod product;
mod quantize;
mod scalar;
mod screen;
mod simd;
mod stored;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod tiles;

use std::fmt;
use std::str::FromStr;

pub use activation::Activation;
pub use attention::{AttentionScratch, AttentionShape, Qkv, Reach, RelativeBias};
pub use halves::{Bounds, HalvesQuery, HalvesRow, MAX_HALVES_DIM, half_bytes};
use instantiate::instantiate;
pub use linear::{Columns, Format, PackedLinear, PackedView, Rows, RowsScratch};
pub use memory::{Memory, Space};
pub use prefetch::prefetch;
use quantize::Quantized;
pub use screen::{Candidate, F32_ERROR, MAX_DIM, ScreenQueries, ScreenRows};
pub use stored::Stored;

/// An instruction set that this processor supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(IsaKind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IsaKind {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Includes AVX2, and the products of shorter numbers that later processors added.
    #[cfg(target_arch = "x86_64")]
    Avx512 {
        bf16: bool,
        vnni: bool,
        /// Products of bf16 and of bytes in tiles.
        tiles: bool,
    },
}

/// Runs a function of the instruction set that is used.
macro_rules! dispatch {
    ($isa:expr, $function:ident $(::<$parameter:literal>)? ($($argument:expr),*)) => {
        match $isa.0 {
            // SAFETY: an `Isa` of this kind exists only where the processor was found to have its instructions.
            IsaKind::Scalar => unsafe { scalar::$function$(::<$parameter>)?($($argument),*) },
            #[cfg(target_arch = "x86_64")]
            IsaKind::Avx2 => unsafe { avx2::$function$(::<$parameter>)?($($argument),*) },
            #[cfg(target_arch = "x86_64")]
            IsaKind::Avx512 { .. } => unsafe { avx512::$function$(::<$parameter>)?($($argument),*) },
        }
    };
}
use dispatch;

impl Isa {
    /// All instruction sets that this processor supports, the plainest first.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self(IsaKind::Scalar)];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            all.push(Self(IsaKind::Avx2));
            if is_x86_feature_detected!("avx512f") {
                let (bf16, vnni) = (is_x86_feature_detected!("avx512bf16"), is_x86_feature_detected!("avx512vnni"));
                all.push(Self(IsaKind::Avx512 { bf16, vnni, tiles: false }));
                if bf16 && vnni && tiles::are_available() {
                    all.push(Self(IsaKind::Avx512 { bf16, vnni, tiles: true }));
                }
            }
        }
        all
    }

    /// The best instruction set that this processor supports.
    pub fn best() -> Self {
        Self::all().pop().unwrap_or(Self(IsaKind::Scalar))
    }

    /// Whether it has products of this format. All instruction sets have f32. Without instructions for products of
    /// bytes, these would be slower than f32.
    pub fn has(self, format: Format) -> bool {
        match (format, self.0) {
            (Format::F32, _) => true,
            (Format::Int8, kind) => kind != IsaKind::Scalar,
            #[cfg(target_arch = "x86_64")]
            (Format::Bf16, IsaKind::Avx512 { bf16, .. }) => bf16,
            (Format::Bf16, _) => false,
        }
    }

    /// Converts `input`, `[rows, inputs]`, to another format. The result is in `scratch`, unless `input` has this format.
    ///
    /// # Panics
    /// If the slice does not consist of whole rows, the instruction set does not have this format, or `T` is not converted
    /// to it.
    pub fn rows<'a, T: Stored>(
        self,
        format: Format,
        input: &'a [T],
        inputs: usize,
        scratch: &'a mut RowsScratch,
    ) -> Rows<'a> {
        assert!(
            (T::VALUES * input.len()).is_multiple_of(inputs) && inputs.is_multiple_of(T::VALUES) && self.has(format)
        );
        // SAFETY: the arguments are checked.
        unsafe { T::rows(self, format, input, inputs, scratch) }
    }

    /// activation(`input` · weightsᵀ + bias), `[rows, outputs]`, written to columns of `to`.
    ///
    /// Each row's result depends on that row alone, bit for bit.
    ///
    /// # Panics
    /// If shapes or formats do not match, the instruction set does not have this format, or `T` is not for it.
    pub fn linear<T: Stored>(
        self,
        input: Rows<'_>,
        weights: PackedView<'_>,
        activation: Activation,
        to: Columns<'_, T>,
    ) {
        let Columns { out, stride, first } = &to;
        assert_eq!(input.inputs, weights.inputs);
        assert!(first + weights.outputs <= *stride && input.count * stride <= T::VALUES * out.len());
        assert!([weights.outputs, *stride, *first].iter().all(|columns| columns.is_multiple_of(T::VALUES)));
        // SAFETY: the arguments are checked.
        unsafe { T::linear(self, input, weights, activation, to) }
    }

    /// Applies a function to each value.
    pub fn activate(self, activation: Activation, values: &mut [f32]) {
        dispatch!(self, activate(activation, values));
    }

    /// activation(first half) · second half of each row of `pairs`, `[rows, 2 · width]`, into `out`, `[rows, width]`
    /// (Shazeer 2020, *GLU Variants Improve Transformer*).
    ///
    /// # Panics
    /// If the slices are not of these shapes.
    pub fn gate(self, activation: Activation, pairs: &[f32], width: usize, out: &mut [f32]) {
        assert!(out.len().is_multiple_of(width) && pairs.len() == 2 * out.len());
        dispatch!(self, gate(activation, pairs, width, out));
    }

    /// Multi-head attention of one text into `out`, `[tokens, heads · head_dim]`: softmax(Q·Kᵀ/√head_dim + bias)·V
    /// (Vaswani et al. 2017).
    ///
    /// For formats other than f32, the products use bf16, if the instruction set has such products and `head_dim` is
    /// even; otherwise they use f32.
    ///
    /// # Panics
    /// If the slices are not of these shapes, or `T` is for a format that the instruction set does not have.
    pub fn attention<T: Stored>(
        self,
        format: Format,
        input: Qkv<'_, T>,
        scratch: &mut AttentionScratch,
        out: &mut [T],
    ) {
        let Qkv { values, shape, reach } = input;
        let hidden = shape.heads * shape.head_dim;
        let tokens = T::VALUES * out.len() / hidden;
        assert_eq!(T::VALUES * out.len(), tokens * hidden);
        assert_eq!(values.len(), 3 * out.len());
        if let Reach::Biased(bias) = reach {
            assert!(bias.values.len() == shape.heads * (2 * bias.farthest + 1) && tokens <= bias.farthest + 1);
        }
        // SAFETY: the arguments are checked.
        unsafe { T::attention(self, format, input, scratch, out) }
    }

    /// Whether it multiplies bf16s and bytes in tiles.
    pub fn has_tiles(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        let has_tiles = matches!(self.0, IsaKind::Avx512 { tiles: true, .. });
        #[cfg(not(target_arch = "x86_64"))]
        let has_tiles = false;
        has_tiles
    }

    /// Whether it multiplies rows of so many words in tiles.
    #[cfg(target_arch = "x86_64")]
    fn has_tiles_for(self, words: usize) -> bool {
        self.has_tiles() && words > 0 && words.is_multiple_of(tiles::SIDE)
    }

    /// Whether the instruction set has what [`Isa::screen`] needs.
    pub fn screens(self) -> bool {
        self.has(Format::Int8)
    }

    /// Rounds `rows`, `[rows, dim]`, for [`Isa::screen`].
    ///
    /// # Panics
    /// If the slice does not consist of whole rows, or the instruction set does not screen.
    pub fn round_rows(self, rows: &[f32], dim: usize, to: &mut ScreenRows) {
        assert!(rows.len().is_multiple_of(dim) && dim <= MAX_DIM);
        match self.0 {
            IsaKind::Scalar => panic!("scalar has no products of bytes"),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Isa` of this kind exists only where the processor was found to have AVX2.
            IsaKind::Avx2 => unsafe { avx2::round_rows(to, rows, dim) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above, for AVX-512.
            IsaKind::Avx512 { .. } => unsafe { avx512::round_rows(to, rows, dim) },
        }
    }

    /// Adds to `found` every pair of a row and a query whose inner product may reach the query's floor, and few other
    /// pairs. The pairs come row by row for each 64 queries.
    ///
    /// # Panics
    /// If rows and queries have different dimensions, there is not one floor for each query, or the instruction set
    /// does not screen.
    pub fn screen(self, rows: &ScreenRows, queries: &ScreenQueries, floors: &[f64], found: &mut Vec<Candidate>) {
        assert!(rows.fits(queries) && floors.len() == queries.len());
        let (bounds, panels) = (&rows.bounds(queries, floors)[..], &queries.panels[..]);
        match self.0 {
            IsaKind::Scalar => panic!("scalar has no products of bytes"),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Isa` of this kind exists only where the processor was found to have the instructions; there is
            // a bound for each column of the panels, and rows and panels are of one depth.
            IsaKind::Avx512 { vnni: true, .. } => unsafe { avx512::screen(rows, panels, bounds, found) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above; every processor with AVX-512 has AVX2.
            IsaKind::Avx512 { .. } | IsaKind::Avx2 => unsafe { avx2::screen(rows, panels, bounds, found) },
        }
    }

    /// Σhv for each row of `halves`, `[rows, half_bytes(dim)]`, where h are the halves of a row's bytes and v is the rounded
    /// query.
    ///
    /// # Panics
    /// If the shapes do not match, or the instruction set does not screen.
    pub fn half_sums(self, halves: &[u8], query: &HalvesQuery, sums: &mut [i32]) {
        let factors = &query.factors[..];
        assert_eq!(halves.len(), sums.len() * factors.len() / 2);
        match self.0 {
            IsaKind::Scalar => panic!("scalar has no products of bytes"),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Isa` of this kind exists only where the processor was found to have the instructions; the factors
            // are whole chunks, and so is each row.
            IsaKind::Avx512 { vnni: true, .. } => unsafe { avx512::half_sums(halves, factors, sums) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above; every processor with AVX-512 has AVX2.
            IsaKind::Avx512 { .. } | IsaKind::Avx2 => unsafe { avx2::half_sums(halves, factors, sums) },
        }
    }

    /// Whether all values are finite.
    pub fn are_finite<T: Stored>(self, values: &[T]) -> bool {
        T::are_finite(self, values)
    }

    /// Σab
    ///
    /// # Panics
    /// If the slices have different lengths.
    pub fn inner_product(self, a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len());
        dispatch!(self, compare::<false>(a, b))
    }

    /// Σ(a − b)²
    ///
    /// # Panics
    /// If the slices have different lengths.
    pub fn squared_distance(self, a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len());
        dispatch!(self, compare::<true>(a, b))
    }

    /// `rows` = LayerNorm(`rows` + `residual`), row by row (Ba et al. 2016).
    ///
    /// # Panics
    /// If the slices do not have the same number of whole rows.
    pub fn add_layer_norm(self, rows: &mut [f32], residual: &[f32], norm: &LayerNorm) {
        assert!(rows.len() == residual.len() && rows.len().is_multiple_of(norm.weight.len()));
        assert_eq!(norm.weight.len(), norm.bias.len());
        dispatch!(self, add_layer_norm(rows, residual, norm));
    }

    /// `rows` = LayerNorm(`rows`), row by row.
    ///
    /// # Panics
    /// If the slice does not consist of whole rows.
    pub fn layer_norm(self, rows: &mut [f32], norm: &LayerNorm) {
        assert!(rows.len().is_multiple_of(norm.weight.len()));
        assert_eq!(norm.weight.len(), norm.bias.len());
        dispatch!(self, layer_norm(rows, norm));
    }
}

/// The parameters of a layer normalization.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    /// γ, one for each component.
    pub weight: Vec<f32>,
    /// β, one for each component.
    pub bias: Vec<f32>,
    /// ε, added to the variance.
    pub epsilon: f32,
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            IsaKind::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            IsaKind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            IsaKind::Avx512 { tiles: false, .. } => "avx512",
            #[cfg(target_arch = "x86_64")]
            IsaKind::Avx512 { tiles: true, .. } => "amx",
        })
    }
}

impl FromStr for Isa {
    type Err = String;

    /// The instruction set of this name, if this processor supports it.
    fn from_str(name: &str) -> Result<Self, String> {
        let all = Self::all();
        let names = || all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        all.iter().copied().find(|isa| isa.to_string() == name).ok_or_else(|| {
            format!("instruction set {name:?} is not known or not on this processor, which has {}", names())
        })
    }
}
