//! The values of a tensor as 32-bit floats.

use std::ops::{Deref, Range};

use candle_core::{DType, Device, Tensor};
use safetensors::Dtype;
use safetensors::tensor::TensorInfo;
use semsearch_files::Map;

/// A tensor's values: those of the mapped file if it stores 32-bit floats, otherwise converted ones.
pub(crate) struct Floats(FloatValues);

enum FloatValues {
    /// These bytes of the file, which are whole and aligned floats.
    Mapped(Map, Range<usize>),
    Owned(Vec<f32>),
}

impl Floats {
    /// As many zeros: the bias of a layer without one.
    pub(super) fn zeros(count: usize) -> Self {
        Self(FloatValues::Owned(vec![0.0; count]))
    }

    /// The values of a tensor. The file's tensors begin at `start`.
    ///
    /// # Errors
    /// candle cannot convert them.
    pub(super) fn of(map: &Map, start: usize, info: &TensorInfo) -> candle_core::Result<Self> {
        let range = start + info.data_offsets.0..start + info.data_offsets.1;
        let bytes = &map[range.clone()];
        if info.dtype == Dtype::F32 && bytemuck::try_cast_slice::<u8, f32>(bytes).is_ok() {
            return Ok(Self(FloatValues::Mapped(map.clone(), range)));
        }
        let count: usize = info.shape.iter().product();
        let tensor = Tensor::from_raw_buffer(bytes, DType::try_from(info.dtype)?, &[count], &Device::Cpu)?;
        Ok(Self(FloatValues::Owned(tensor.to_dtype(DType::F32)?.to_vec1()?)))
    }
}

impl Deref for Floats {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &self.0 {
            FloatValues::Mapped(map, bytes) => bytemuck::cast_slice(&map[bytes.clone()]),
            FloatValues::Owned(values) => values,
        }
    }
}
