//! What only NVIDIA's GPUs have: opening one, its name, its memory.
//!
//! Everything else of an encoder is the same wherever candle's tensors are.

#[cfg_attr(not(feature = "cuda"), path = "without.rs")]
mod device;
#[cfg(feature = "cuda")]
mod libraries;

pub(super) use self::device::{free_memory, is_out_of_memory, name, open};
use super::failure::cause;
use crate::error::EncoderError;

/// The device cannot be used, for the driver's reason where it gives one, and else for the reason `what`.
pub(super) fn unusable(device: &str, what: String, source: candle_core::Error) -> EncoderError {
    let what = device::why(&source).map_or(what, Into::into);
    EncoderError::Device { device: device.into(), what, missing: false, source: Some(cause(source)) }
}
