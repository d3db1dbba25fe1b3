//! Token ids in, vectors out.
//!
//! [`Encoder`] is the one interface. It takes ragged ids, never padded ones, so how texts become batches is each
//! encoder's own affair. [`PackedEncoder`] is for CPUs; [`TensorEncoder`] computes with candle's tensors, on GPUs and for
//! what the packed one cannot run. Both run an [`Architecture`](crate::architecture::Architecture). Texts and their order
//! belong to [`crate::embedder`].

mod cpu;
mod device;
mod encoder;
mod tensor;

pub use self::cpu::PackedEncoder;
pub use self::device::{Device, Precision};
pub use self::encoder::Encoder;
pub use self::tensor::TensorEncoder;
pub use crate::pooling::{Output, normalize, pool};
pub use crate::vectors::Vectors;
