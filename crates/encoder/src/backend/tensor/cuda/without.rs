//! A build without the feature `cuda`.

use candle_core::Device;

use crate::error::EncoderError;

/// Returns the error that this build has no CUDA.
pub(in crate::backend::tensor) fn open(_number: usize) -> Result<Device, EncoderError> {
    Err(EncoderError::Unsupported(
        "this build has no CUDA: build with `cargo build --release --features cuda`, or compute on the CPU".into(),
    ))
}

/// Why a GPU failed. Without CUDA, none does.
pub(in crate::backend::tensor) fn why(_error: &candle_core::Error) -> Option<&'static str> {
    None
}

/// Without CUDA, there is no GPU and no name.
pub(in crate::backend::tensor) fn name(_device: &Device) -> Option<String> {
    None
}

/// Without CUDA, there is no GPU memory.
pub(in crate::backend::tensor) fn free_memory(_device: &Device) -> Option<usize> {
    None
}

/// Without CUDA, no error is about a GPU's memory.
pub(in crate::backend::tensor) fn is_out_of_memory(_error: &candle_core::Error) -> bool {
    false
}
