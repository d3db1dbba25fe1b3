//! Token ids in, vectors out.
//!
//! [`Encoder`] is the one interface. It takes ragged ids, never padded ones, so each encoder decides how texts become
//! batches. [`PackedEncoder`] is for CPUs. [`TensorEncoder`] computes with candle's tensors, on GPUs, and for networks
//! that the packed encoder cannot run. Both run an [`Architecture`](crate::architecture::Architecture).
//! [`crate::embedder`] handles texts and their order.

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
