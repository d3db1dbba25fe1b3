//! A build without the feature `cuda`.

use candle_core::Device;

use crate::error::EncoderError;

/// Says that this build has no CUDA.
pub(in crate::backend::tensor) fn open(_number: usize) -> Result<Device, EncoderError> {
    Err(EncoderError::Unsupported(
        "this build has no CUDA: build with `cargo build --release --features cuda`, or use `--device cpu`".into(),
    ))
}

/// Nothing here fails for a GPU's reasons.
pub(in crate::backend::tensor) fn why(_error: &candle_core::Error) -> Option<&'static str> {
    None
}

/// No GPU, no name.
pub(in crate::backend::tensor) fn name(_device: &Device) -> Option<String> {
    None
}

/// No GPU, no memory of one.
pub(in crate::backend::tensor) fn free_memory(_device: &Device) -> Option<usize> {
    None
}

/// Nothing here fails for want of a GPU's memory.
pub(in crate::backend::tensor) fn is_out_of_memory(_error: &candle_core::Error) -> bool {
    false
}
