//! The functions that exist only for NVIDIA's GPUs: opening one, its name, its memory.
//!
//! The rest of an encoder is the same for all of candle's devices.

#[cfg_attr(not(feature = "cuda"), path = "without.rs")]
mod device;
#[cfg(feature = "cuda")]
mod libraries;

pub(super) use self::device::{free_memory, is_out_of_memory, name, open};
use super::failure::cause;
use crate::error::EncoderError;

/// The error that a device cannot be used. The reason is the driver's, if it gives one, and otherwise `what`.
pub(super) fn unusable(device: &str, what: String, source: candle_core::Error) -> EncoderError {
    let what = device::why(&source).map_or(what, Into::into);
    EncoderError::Device { device: device.into(), what, missing: false, source: Some(cause(source)) }
}
