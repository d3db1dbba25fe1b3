//! Options of the model, and what an index records of them.

use clap::ValueEnum;
use clap::builder::FalseyValueParser;
use semsearch::embedder::EncoderKind;
use semsearch::encoder::{self, Device, Precision};
use semsearch::index::{Language, Metric};
use semsearch::kernels::Isa;
use semsearch::model::Pooling;

use super::positive;

/// Options of every command that embeds.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Model options")]
pub(in crate::cli) struct Encoding {
    /// Hub id or local directory [default: sentence-transformers/all-MiniLM-L6-v2]
    #[arg(long, value_name = "ID|DIR", env = "SEMSEARCH_MODEL", hide_env = true)]
    pub(in crate::cli) model: Option<String>,
    /// Commit, tag or branch on the Hub [default: pinned for the default model]
    #[arg(hide_short_help = true, long, value_name = "REV", env = "SEMSEARCH_REVISION", hide_env = true)]
    pub(in crate::cli) revision: Option<String>,
    /// Where the encoder runs: auto, cpu, cuda or cuda:N
    #[arg(
        hide_short_help = true,
        long,
        value_name = "DEVICE",
        default_value = "auto",
        env = "SEMSEARCH_DEVICE",
        hide_env = true
    )]
    pub(in crate::cli) device: Device,
    /// Arithmetic of the encoder's matrix products [default: the index's own, or f32]
    #[arg(long, env = "SEMSEARCH_PRECISION", hide_env = true)]
    pub(in crate::cli) precision: Option<PrecisionArg>,
    /// How token vectors become one [default: the model's own]
    #[arg(hide_short_help = true, long, env = "SEMSEARCH_POOLING", hide_env = true)]
    pub(in crate::cli) pooling: Option<PoolingArg>,
    /// Tokens kept of each text, specials included [default: the model's own]
    #[arg(hide_short_help = true, long, value_name = "N", env = "SEMSEARCH_MAX_LENGTH", hide_env = true, value_parser = positive)]
    pub(in crate::cli) max_length: Option<usize>,
    /// Which implementation of the network runs [default: packed on a CPU]
    #[arg(long, hide_short_help = true, env = "SEMSEARCH_ENCODER", hide_env = true)]
    pub(in crate::cli) encoder: Option<EncoderArg>,
    /// Instruction set of the encoder on a CPU: scalar, avx2 or avx512 [default: the best of this processor]
    #[arg(long, hide_short_help = true, value_name = "ISA", env = "SEMSEARCH_ISA", hide_env = true)]
    pub(in crate::cli) isa: Option<Isa>,
    /// Skip L2 normalization
    #[arg(hide_short_help = true, long, env = "SEMSEARCH_NO_NORMALIZE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(in crate::cli) no_normalize: bool,
}

/// What an index records, as the config file gives it: an index that is there comes first.
#[derive(Clone, Debug, Default, clap::Args)]
pub(in crate::cli) struct Recorded {
    #[arg(long)]
    pub(in crate::cli) model: Option<String>,
    #[arg(long)]
    pub(in crate::cli) revision: Option<String>,
    #[arg(long)]
    pub(in crate::cli) precision: Option<PrecisionArg>,
    #[arg(long)]
    pub(in crate::cli) pooling: Option<PoolingArg>,
    #[arg(long, value_parser = positive)]
    pub(in crate::cli) max_length: Option<usize>,
    #[arg(long)]
    pub(in crate::cli) factory: Option<String>,
    #[arg(long)]
    pub(in crate::cli) metric: Option<Metric>,
    #[arg(long)]
    pub(in crate::cli) language: Option<Language>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum PoolingArg {
    /// The mean of all tokens' vectors
    Mean,
    /// The first token's vector
    Cls,
    /// The largest value of each component
    Max,
    /// A vector for each token, with `embed` only
    None,
}

impl From<PoolingArg> for Pooling {
    fn from(pooling: PoolingArg) -> Self {
        match pooling {
            PoolingArg::Mean => Self::Mean,
            PoolingArg::Cls => Self::Cls,
            PoolingArg::Max => Self::Max,
            PoolingArg::None => Self::None,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum EncoderArg {
    /// candle's, which others are compared with
    Candle,
    /// semsearch's own for CPUs, several times as fast
    Packed,
}

impl From<EncoderArg> for EncoderKind {
    fn from(encoder: EncoderArg) -> Self {
        match encoder {
            EncoderArg::Candle => Self::Candle,
            EncoderArg::Packed => Self::Packed,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum PrecisionArg {
    /// bf16 where the processor multiplies it, else f32
    Auto,
    /// 32-bit floats
    F32,
    /// Floats of 16 bits: twice as fast, the same answers
    Bf16,
    /// Other floats of 16 bits, on GPUs only
    F16,
    /// Integers of 8 bits: faster still, practically the same answers
    Int8,
}

impl PrecisionArg {
    /// The precision named; `None` for the fastest of this machine with f32's answers.
    pub(in crate::cli) fn precision(self) -> Option<encoder::Precision> {
        match self {
            Self::Auto => None,
            Self::F32 => Some(Precision::F32),
            Self::Bf16 => Some(Precision::Bf16),
            Self::F16 => Some(Precision::F16),
            Self::Int8 => Some(Precision::Int8),
        }
    }
}
