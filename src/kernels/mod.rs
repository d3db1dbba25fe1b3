//! The arithmetic of a transformer layer: slices in, slices out.
//!
//! Each algorithm is written once, over a vector of floats (`simd::Simd`); one file an instruction set says what such
//! a vector is there. [`Isa`] is the one place of dispatch: having one proves that the processor can do what it names.

mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod gemm;
mod math;
mod norm;
mod scalar;
mod simd;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub use attention::{AttentionScratch, AttentionShape};
pub use gemm::{Activation, PackedLinear};

/// An instruction set that this processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// The functions of an instruction set's file; `unsafe` because they need the instructions.
macro_rules! instantiate {
    ($vector:ty, rows $rows:literal, vectors $vectors:literal, head $head:literal $(, $feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        /// # Safety
        /// The processor has the instructions.
        pub(super) unsafe fn linear(
            input: &[f32],
            weights: &super::PackedLinear,
            activation: super::Activation,
            out: &mut [f32],
        ) {
            // SAFETY: the caller vouches for the instructions.
            unsafe { super::gemm::linear::<$vector, $rows, $vectors>(input, weights, activation, out) }
        }

        $(#[target_feature(enable = $feature)])?
        /// # Safety
        /// The processor has the instructions.
        pub(super) unsafe fn attention(
            qkv: &[f32],
            shape: super::AttentionShape,
            scratch: &mut super::AttentionScratch,
            out: &mut [f32],
        ) {
            // SAFETY: the caller vouches for the instructions.
            unsafe { super::attention::attention::<$vector, $rows, $vectors, $head>(qkv, shape, scratch, out) }
        }

        $(#[target_feature(enable = $feature)])?
        /// # Safety
        /// The processor has the instructions.
        pub(super) unsafe fn add_layer_norm(rows: &mut [f32], residual: &[f32], norm: &super::LayerNorm) {
            // SAFETY: the caller vouches for the instructions.
            unsafe { super::norm::add_layer_norm::<$vector>(rows, residual, norm) }
        }
    };
}
use instantiate;

/// Runs a function of the instruction set in force.
macro_rules! dispatch {
    ($isa:expr, $function:ident($($argument:expr),*)) => {
        match $isa.0 {
            // SAFETY: an `Isa` of this kind exists only where the processor was found to have its instructions.
            Kind::Scalar => unsafe { scalar::$function($($argument),*) },
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { avx2::$function($($argument),*) },
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { avx512::$function($($argument),*) },
        }
    };
}

impl Isa {
    /// All that this processor has, the plainest first.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self(Kind::Scalar)];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                all.push(Self(Kind::Avx2));
            }
            if is_x86_feature_detected!("avx512f") {
                all.push(Self(Kind::Avx512));
            }
        }
        all
    }

    /// The best that this processor has.
    pub fn best() -> Self {
        Self::all().pop().unwrap_or(Self(Kind::Scalar))
    }

    /// `out` = activation(`input` · weightsᵀ + bias), for `input` of `[rows, inputs]` and `out` of `[rows, outputs]`.
    ///
    /// Each row's result depends on that row alone, bit for bit.
    ///
    /// # Panics
    /// If the slices are not of these shapes.
    pub fn linear(self, input: &[f32], weights: &PackedLinear, activation: Activation, out: &mut [f32]) {
        let rows = input.len() / weights.inputs();
        assert_eq!((input.len(), out.len()), (rows * weights.inputs(), rows * weights.outputs()));
        dispatch!(self, linear(input, weights, activation, out));
    }

    /// Multi-head attention of one text: `qkv` is `[tokens, 3 · heads · head_dim]`, queries, keys and values side by
    /// side; `out` is `[tokens, heads · head_dim]`. softmax(Q·Kᵀ/√head_dim)·V (Vaswani et al. 2017).
    ///
    /// # Panics
    /// If the slices are not of these shapes.
    pub fn attention(self, qkv: &[f32], shape: AttentionShape, scratch: &mut AttentionScratch, out: &mut [f32]) {
        let hidden = shape.heads * shape.head_dim;
        let tokens = out.len() / hidden;
        assert_eq!((out.len(), qkv.len()), (tokens * hidden, tokens * 3 * hidden));
        dispatch!(self, attention(qkv, shape, scratch, out));
    }

    /// `rows` = LayerNorm(`rows` + `residual`), row by row (Ba et al. 2016).
    ///
    /// # Panics
    /// If the slices are not whole rows of equal number.
    pub fn add_layer_norm(self, rows: &mut [f32], residual: &[f32], norm: &LayerNorm) {
        assert!(rows.len() == residual.len() && rows.len().is_multiple_of(norm.weight.len()));
        assert_eq!(norm.weight.len(), norm.bias.len());
        dispatch!(self, add_layer_norm(rows, residual, norm));
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
            Kind::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
        })
    }
}

impl FromStr for Isa {
    type Err = String;

    /// By name, if this processor has it.
    fn from_str(name: &str) -> Result<Self, String> {
        let all = Self::all();
        let names = || all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        all.iter().copied().find(|isa| isa.to_string() == name).ok_or_else(|| {
            format!("instruction set {name:?} is not known or not on this processor, which has {}", names())
        })
    }
}
