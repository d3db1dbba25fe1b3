//! Compiles the algorithms for an instruction set: its file names each of them with the types and tiles that it uses.

/// A function of an instruction set's file. It is `unsafe` because it needs the instructions.
macro_rules! instantiate {
    (linear $name:ident, $product:ty, $finish:ident, rows $rows:literal, vectors $vectors:literal $(, $feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        /// # Safety
        /// The processor has the instructions; the slices have the shapes that `Isa::linear` checks.
        pub(super) unsafe fn $name<T: super::stored::Store<$product>>(
            extent: super::linear::Extent,
            words: &[<$product as super::product::Product>::Word],
            panels: &[<$product as super::product::Product>::Word],
            to: &mut super::Columns<'_, T>,
            finish: super::linear::$finish<'_>,
        ) {
            // SAFETY: the caller vouches for the instructions and the shapes.
            unsafe { super::linear::linear::<$product, T, $rows, $vectors>(extent, words, panels, to, finish) }
        }
    };
    (attention $name:ident, $product:ty, rows $rows:literal, vectors $vectors:literal, head $head:literal $(, $feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        /// # Safety
        /// The processor has the instructions; the slices have the shapes that `Isa::attention` checks.
        pub(super) unsafe fn $name<T: super::stored::Source<$product>>(
            qkv: super::Qkv<'_, T>,
            scratch: &mut super::attention::Scratch<<$product as super::product::Product>::Word>,
            out: &mut [T],
        ) {
            // SAFETY: the caller guarantees the instructions and the shapes.
            unsafe { super::attention::attention::<$product, T, $rows, $vectors, $head>(qkv, scratch, out) }
        }
    };
    (add_layer_norm, $vector:ty $(, $feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        /// # Safety
        /// The processor has the instructions; the slices have the shapes that `Isa::add_layer_norm` checks.
        pub(super) unsafe fn add_layer_norm(rows: &mut [f32], residual: &[f32], norm: &super::LayerNorm) {
            // SAFETY: the caller guarantees the instructions and the shapes.
            unsafe { super::norm::add_layer_norm::<$vector>(rows, residual, norm) }
        }
    };
    (layer_norm, $vector:ty $(, $feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        /// # Safety
        /// The processor has the instructions; `rows` has the shape that `Isa::layer_norm` checks.
        pub(super) unsafe fn layer_norm(rows: &mut [f32], norm: &super::LayerNorm) {
            // SAFETY: the caller guarantees the instructions and the shape.
            unsafe { super::norm::layer_norm::<$vector>(rows, norm) }
        }
    };
    (activate, $vector:ty $(, $feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        /// # Safety
        /// The processor has the instructions.
        pub(super) unsafe fn activate(activation: super::Activation, values: &mut [f32]) {
            // SAFETY: the caller guarantees the instructions.
            unsafe { super::activation::activate::<$vector>(activation, values) }
        }
    };
    (gate, $vector:ty $(, $feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        /// # Safety
        /// The processor has the instructions; the slices have the shapes that `Isa::gate` checks.
        pub(super) unsafe fn gate(activation: super::Activation, pairs: &[f32], width: usize, out: &mut [f32]) {
            // SAFETY: the caller guarantees the instructions and the shapes.
            unsafe { super::activation::gate::<$vector>(activation, pairs, width, out) }
        }
    };
    (are_finite, $vector:ty $(, $feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        /// # Safety
        /// The processor has the instructions.
        pub(super) unsafe fn are_finite(values: &[f32]) -> bool {
            // SAFETY: the caller guarantees the instructions.
            unsafe { super::math::are_finite::<$vector>(values) }
        }
    };
    (pairs_are_finite, $feature:literal) => {
        #[target_feature(enable = $feature)]
        /// # Safety
        /// The processor has the instructions.
        pub(super) unsafe fn pairs_are_finite(pairs: &[u32]) -> bool {
            super::math::pairs_are_finite(pairs)
        }
    };
    (quantize_rows, $vector:ty $(, $feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        /// # Safety
        /// The processor has the instructions; the slices have the shapes that `Isa::rows` gives them.
        pub(super) unsafe fn quantize_rows(
            input: &[f32],
            inputs: usize,
            words: &mut [u32],
            quantized: &mut [super::Quantized],
        ) -> bool {
            // SAFETY: the caller guarantees the instructions and the shapes.
            unsafe { super::quantize::quantize_rows::<$vector>(input, inputs, words, quantized) }
        }
    };
    (round_rows, $vector:ty, $feature:literal) => {
        #[target_feature(enable = $feature)]
        /// # Safety
        /// The processor has the instructions.
        pub(super) unsafe fn round_rows(to: &mut super::ScreenRows, rows: &[f32], dim: usize) {
            // SAFETY: the caller guarantees the instructions.
            unsafe { to.round::<$vector>(rows, dim) }
        }
    };
    (compare, $vector:ty $(, $feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        /// # Safety
        /// The processor has the instructions; both have the same length.
        pub(super) unsafe fn compare<const DISTANCE: bool>(a: &[f32], b: &[f32]) -> f32 {
            // SAFETY: the caller guarantees the instructions and the lengths.
            unsafe { super::screen::compare::<$vector, DISTANCE>(a, b) }
        }
    };
    (screen, $product:ty, rows $rows:literal, vectors $vectors:literal, $feature:literal) => {
        #[target_feature(enable = $feature)]
        /// # Safety
        /// The processor has the instructions; the slices have the shapes that `Isa::screen` gives them.
        pub(super) unsafe fn screen(
            rows: &super::ScreenRows,
            panels: &[u32],
            bounds: &[i32],
            found: &mut Vec<super::Candidate>,
        ) {
            // SAFETY: the caller guarantees the instructions and the shapes.
            unsafe { super::screen::screen::<$product, $rows, $vectors>(rows, panels, bounds, found) }
        }
    };
    (half_sums, $product:ty, $feature:literal) => {
        #[target_feature(enable = $feature)]
        /// # Safety
        /// The processor has the instructions; the slices have the shapes that `Isa::half_sums` checks.
        pub(super) unsafe fn half_sums(halves: &[u8], factors: &[i8], sums: &mut [i32]) {
            // SAFETY: the caller guarantees the instructions and the shapes.
            unsafe { super::halves::half_sums::<$product>(halves, factors, sums) }
        }
    };
    (words $name:ident, $product:ty, $feature:literal) => {
        #[target_feature(enable = $feature)]
        /// # Safety
        /// The processor has the instructions.
        pub(super) unsafe fn $name(floats: &[f32], words: &mut [u32]) {
            // SAFETY: the caller guarantees the instructions.
            unsafe { <$product as super::product::FloatProduct>::pack(floats, words) }
        }
    };
}
pub(crate) use instantiate;
