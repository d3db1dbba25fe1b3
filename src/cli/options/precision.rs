//! The arithmetic of the encoder's products, as it is asked for.

use semsearch::encoder::Precision;

use crate::cli::args::encoding::PrecisionArg;

/// The arithmetic asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PrecisionChoice {
    /// The fastest precision of this machine that gives the same answers as f32.
    Auto,
    Named(Precision),
}

impl PrecisionChoice {
    /// The precision, if one is named.
    pub(crate) fn named(self) -> Option<Precision> {
        match self {
            Self::Auto => None,
            Self::Named(precision) => Some(precision),
        }
    }
}

impl From<PrecisionArg> for PrecisionChoice {
    fn from(word: PrecisionArg) -> Self {
        match word {
            PrecisionArg::Auto => Self::Auto,
            PrecisionArg::F32 => Self::Named(Precision::F32),
            PrecisionArg::Bf16 => Self::Named(Precision::Bf16),
            PrecisionArg::F16 => Self::Named(Precision::F16),
            PrecisionArg::Int8 => Self::Named(Precision::Int8),
        }
    }
}
