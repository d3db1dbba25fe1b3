//! Token ids in, vectors out.
//!
//! [`Encoder`] is the one interface. It takes ragged ids, never padded ones, so each encoder decides how texts become
//! batches. [`PackedEncoder`] is for CPUs. [`TensorEncoder`] computes with candle's tensors, on GPUs. Both run every
//! [`Transformer`](crate::architecture::Transformer). [`StaticEncoder`] is for models without layers.
//! [`crate::embedder`] handles texts and their order.

mod cpu;
mod dense;
mod device;
mod encoder;
mod positions;
mod static_encoder;
mod tensor;

pub use self::cpu::PackedEncoder;
pub(crate) use self::dense::{Dense, DenseEncoder, sigmoid};
pub use self::device::{Device, Precision};
pub use self::encoder::Encoder;
pub use self::static_encoder::StaticEncoder;
pub use self::tensor::TensorEncoder;
pub use crate::pooling::{Output, normalize, pool};
pub use crate::vectors::Vectors;
