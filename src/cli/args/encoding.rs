//! Options of the model, and what an index records of them.

use clap::ValueEnum;
use clap::builder::FalseyValueParser;
use semsearch::embedder::Backend;
use semsearch::encoder::Device;
use semsearch::index::{Language, Metric};
use semsearch::kernels::Isa;
use semsearch::model::Pooling;

use super::value::positive;

/// Options of every command that embeds.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Model options")]
pub(crate) struct EncodingArgs {
    /// Hub id or local directory [default: sentence-transformers/all-MiniLM-L6-v2]
    #[arg(long, value_name = "ID|DIR", env = "SEMSEARCH_MODEL", hide_env = true)]
    pub(crate) model: Option<String>,
    /// Commit, tag or branch on the Hub [default: pinned for the default model]
    #[arg(hide_short_help = true, long, value_name = "REV", env = "SEMSEARCH_REVISION", hide_env = true)]
    pub(crate) revision: Option<String>,
    /// Where the encoder runs: auto, cpu, cuda or cuda:N
    #[arg(
        hide_short_help = true,
        long,
        value_name = "DEVICE",
        default_value = "auto",
        env = "SEMSEARCH_DEVICE",
        hide_env = true
    )]
    pub(crate) device: Device,
    /// Arithmetic of the encoder's matrix products [default: the index's own, or auto]
    #[arg(long, env = "SEMSEARCH_PRECISION", hide_env = true)]
    pub(crate) precision: Option<PrecisionArg>,
    /// How the vectors of the tokens become one vector [default: the model's own]
    #[arg(hide_short_help = true, long, env = "SEMSEARCH_POOLING", hide_env = true)]
    pub(crate) pooling: Option<PoolingArg>,
    /// How many tokens of each text are kept, special tokens included [default: the model's own]
    #[arg(hide_short_help = true, long, value_name = "N", env = "SEMSEARCH_MAX_LENGTH", hide_env = true, value_parser = positive)]
    pub(crate) max_length: Option<usize>,
    /// Which implementation of the network runs [default: packed on a CPU]
    #[arg(long, hide_short_help = true, env = "SEMSEARCH_ENCODER", hide_env = true)]
    pub(crate) encoder: Option<EncoderArg>,
    /// Instruction set of the encoder on a CPU: scalar, avx2, avx512 or amx [default: the best of this processor]
    #[arg(long, hide_short_help = true, value_name = "ISA", env = "SEMSEARCH_ISA", hide_env = true)]
    pub(crate) isa: Option<Isa>,
    /// Skip L2 normalization
    #[arg(hide_short_help = true, long, env = "SEMSEARCH_NO_NORMALIZE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(crate) no_normalize: bool,
}

/// The config file's values of what an index records. An existing index's own values come first.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct RecordedArgs {
    #[arg(long)]
    pub(crate) model: Option<String>,
    #[arg(long)]
    pub(crate) revision: Option<String>,
    #[arg(long)]
    pub(crate) precision: Option<PrecisionArg>,
    #[arg(long)]
    pub(crate) pooling: Option<PoolingArg>,
    #[arg(long, value_parser = positive)]
    pub(crate) max_length: Option<usize>,
    #[arg(long)]
    pub(crate) factory: Option<String>,
    #[arg(long)]
    pub(crate) metric: Option<Metric>,
    #[arg(long)]
    pub(crate) language: Option<Language>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PoolingArg {
    /// The mean of all tokens' vectors
    Mean,
    /// The first token's vector
    Cls,
    /// The largest value of each component
    Max,
    /// The last token's vector
    Last,
    /// A vector for each token, with `embed` only
    None,
}

impl From<PoolingArg> for Pooling {
    fn from(pooling: PoolingArg) -> Self {
        match pooling {
            PoolingArg::Mean => Self::Mean,
            PoolingArg::Cls => Self::Cls,
            PoolingArg::Max => Self::Max,
            PoolingArg::Last => Self::Last,
            PoolingArg::None => Self::None,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum EncoderArg {
    /// candle's tensors: slower on a CPU, for comparison
    Candle,
    /// semsearch's own for CPUs, several times as fast
    Packed,
}

impl From<EncoderArg> for Backend {
    fn from(encoder: EncoderArg) -> Self {
        match encoder {
            EncoderArg::Candle => Self::Tensor,
            EncoderArg::Packed => Self::Packed,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PrecisionArg {
    /// bf16 if the processor has instructions for it, else f32
    Auto,
    /// 32-bit floats
    F32,
    /// 16-bit floats (bfloat16): twice as fast, the same answers
    Bf16,
    /// 16-bit floats (IEEE 754), on GPUs only
    F16,
    /// 8-bit integers: faster still, practically the same answers
    Int8,
}
