//! What only NVIDIA's GPUs have: opening one, its name, its memory.
//!
//! Everything else of an encoder is the same wherever candle's tensors are.

#[cfg_attr(not(feature = "cuda"), path = "without.rs")]
mod device;
#[cfg(feature = "cuda")]
mod libraries;

pub(super) use self::device::{free_memory, is_out_of_memory, name, open, why};
