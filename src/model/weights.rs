//! A model's weights by their names, from model.safetensors.

use std::fs::File;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use memmap2::{Advice, Mmap};
use safetensors::{Dtype, SafeTensors, tensor::Metadata};

use super::{ModelFiles, WEIGHTS};
use crate::error::{Cause, Error, Result};

/// The weights' file, mapped.
pub(crate) struct Weights {
    path: PathBuf,
    map: Arc<Mmap>,
    header: Metadata,
    /// Where in the file the tensors begin.
    start: usize,
    /// Some files put the whole network under a name of its own.
    prefix: &'static str,
}

impl Weights {
    /// Maps the file and reads its header.
    pub(crate) fn open(model: &ModelFiles) -> Result<Self> {
        let path = model.path(WEIGHTS);
        let file = File::open(&path).map_err(Error::read(&path))?;
        #[allow(unsafe_code)]
        // SAFETY: a map is sound while its file keeps its bytes. The file belongs to a cache whose writers (this
        // program, hf-hub, Python) write beside and rename, never into a file that is there; a user who changes a
        // model directory of their own under a running process owes the same.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::read(&path))?;
        let (length, header) = SafeTensors::read_metadata(&map).map_err(|source| damaged(&path, Box::new(source)))?;
        let prefix = if header.info("bert.embeddings.word_embeddings.weight").is_some() { "bert." } else { "" };
        // The file begins with the header's length, in 8 bytes.
        Ok(Self { path, map: Arc::new(map), header, start: 8 + length, prefix })
    }

    /// Has a thread bring the tensors whose names begin with `room` into memory, while the caller does something else.
    pub(crate) fn read_ahead(&self, room: &str) {
        let room = format!("{}{room}", self.prefix);
        let inside = self.header.tensors().into_iter().filter(|(name, _)| name.starts_with(&room));
        let bounds = inside.map(|(_, info)| info.data_offsets).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let Some((start, end)) = bounds else { return };
        let (map, start, length) = (Arc::clone(&self.map), self.start + start, end - start);
        // Where the system has no such call, pages come when they are touched.
        thread::spawn(move || map.advise_range(Advice::PopulateRead, start, length));
    }

    /// Gives the tensors, in f32 on `device`, to what builds a network of candle's of them.
    pub(crate) fn build<T>(
        &self,
        device: &Device,
        network: impl FnOnce(VarBuilder<'_>) -> candle_core::Result<T>,
    ) -> candle_core::Result<T> {
        VarBuilder::from_slice_safetensors(&self.map, DType::F32, device).and_then(|weights| {
            network(match self.prefix.strip_suffix('.') {
                Some(prefix) => weights.pp(prefix),
                None => weights,
            })
        })
    }

    /// That a network could not be built of the tensors, for this reason.
    pub(crate) fn damaged(&self, source: Cause) -> Error {
        damaged(&self.path, source)
    }

    /// The tensor `name`, which has `count` values.
    pub(crate) fn get(&self, name: &str, count: usize) -> Result<Floats> {
        let name = format!("{}{name}", self.prefix);
        let wrong = |what: String| Error::Model { path: self.path.clone(), what, source: None };
        let info = self.header.info(&name).ok_or_else(|| wrong(format!("there is no tensor {name}")))?;
        let found: usize = info.shape.iter().product();
        if found != count {
            return Err(wrong(format!("{name} has {found} values, config.json says {count}")));
        }
        let range = self.start + info.data_offsets.0..self.start + info.data_offsets.1;
        let bytes = &self.map[range.clone()];
        if info.dtype == Dtype::F32 && bytemuck::try_cast_slice::<u8, f32>(bytes).is_ok() {
            return Ok(Floats(Values::Mapped(self.map.clone(), range)));
        }
        let convert = || -> candle_core::Result<Vec<f32>> {
            let dtype = DType::try_from(info.dtype)?;
            Tensor::from_raw_buffer(bytes, dtype, &[count], &Device::Cpu)?.to_dtype(DType::F32)?.to_vec1()
        };
        Ok(Floats(Values::Owned(convert().map_err(|source| damaged(&self.path, source.into()))?)))
    }
}

/// A tensor's values: in the map, if the file has them as 32-bit floats; else converted.
pub(crate) struct Floats(Values);

enum Values {
    /// These bytes of the file, which were found to be aligned, whole floats.
    Mapped(Arc<Mmap>, Range<usize>),
    Owned(Vec<f32>),
}

impl Deref for Floats {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &self.0 {
            Values::Mapped(map, bytes) => bytemuck::cast_slice(&map[bytes.clone()]),
            Values::Owned(values) => values,
        }
    }
}

fn damaged(path: &Path, source: Cause) -> Error {
    Error::Model {
        path: path.into(),
        what: "damaged weights, or not those of config.json".into(),
        source: Some(source),
    }
}
