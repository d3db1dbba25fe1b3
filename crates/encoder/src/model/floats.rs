//! The values of a tensor as 32-bit floats.

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::os::unix::fs::FileExt;

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

impl Floats {
    /// Some rows of `width` values each. `file` is the file that was mapped. Reading a row copies only that row; in the map,
    /// the system would load the pages around it too, which takes longer.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn rows(&self, file: &File, rows: &[u32], width: usize) -> io::Result<Vec<f32>> {
        let mut values = vec![0.0; rows.len() * width];
        for (&row, out) in rows.iter().zip(values.chunks_exact_mut(width)) {
            let start = row as usize * width;
            match &self.0 {
                FloatValues::Mapped(_, bytes) => {
                    let at = bytes.start + start * size_of::<f32>();
                    file.read_exact_at(bytemuck::cast_slice_mut(out), at as u64)?;
                }
                FloatValues::Owned(values) => out.copy_from_slice(&values[start..][..width]),
            }
        }
        Ok(values)
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
