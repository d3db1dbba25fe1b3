//! A model's weights by their names, from model.safetensors.

use std::borrow::Cow;
use std::io::Read;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::thread;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use memmap2::Advice;
use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensors};

use super::{ModelFiles, WEIGHTS};
use crate::EncoderError;
use semsearch_files::{Cause, FileError, Map, open_regular};

/// Bytes of the header, at most. That of a BERT of 24 layers has 50 thousand.
const MAX_HEADER: u64 = 16 << 20;

/// The weights' file, mapped.
pub(crate) struct Weights {
    path: PathBuf,
    map: Map,
    header: Metadata,
    /// Where in the file the tensors begin.
    start: usize,
    /// Some files put the whole network under a name of its own.
    prefix: &'static str,
}

impl Weights {
    /// Maps the file and reads its header.
    pub(crate) fn open(model: &ModelFiles) -> Result<Self, EncoderError> {
        let path = model.path(WEIGHTS);
        let mut file = open_regular(&path).map_err(FileError::read(&path))?;
        let mut length = [0; 8];
        if file.read_exact(&mut length).is_ok() && u64::from_le_bytes(length) > MAX_HEADER {
            return Err(damaged(&path, "its header has no end".into()));
        }
        let map = Map::new(&file).map_err(FileError::read(&path))?;
        let (length, header) = SafeTensors::read_metadata(&map).map_err(|source| damaged(&path, Box::new(source)))?;
        let prefix = if header.info("bert.embeddings.word_embeddings.weight").is_some() { "bert." } else { "" };
        // The file begins with the header's length, in 8 bytes.
        Ok(Self { path, map, header, start: 8 + length, prefix })
    }

    /// Checks that all that was read of the file was there.
    ///
    /// # Errors
    /// The file became shorter.
    pub(crate) fn check_whole(&self) -> Result<(), EncoderError> {
        Ok(self.map.check().map_err(FileError::read(&self.path))?)
    }

    /// Has a thread bring the tensors whose names begin with `room` into memory, while the caller does something else.
    pub(crate) fn read_ahead(&self, room: &str) {
        let room = format!("{}{room}", self.prefix);
        let inside = self.header.tensors().into_iter().filter(|(name, _)| name.starts_with(&room));
        let bounds = inside.map(|(_, info)| info.data_offsets).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let Some((start, end)) = bounds else { return };
        let (map, start, length) = (self.map.clone(), self.start + start, end - start);
        // Where the system has no such call, pages come when they are touched.
        thread::spawn(move || map.inner().advise_range(Advice::PopulateRead, start, length));
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
    pub(crate) fn damaged(&self, source: Cause) -> EncoderError {
        damaged(&self.path, source)
    }

    /// The tensor `name`, which has `count` values.
    pub(crate) fn get(&self, name: &str, count: usize) -> Result<Floats, EncoderError> {
        let name = format!("{}{name}", self.prefix);
        let there = self.header.info(&name).map(|info| (Cow::Borrowed(&*name), info));
        let older = || older_name(&name).and_then(|older| Some((Cow::Owned(older.clone()), self.header.info(&older)?)));
        let found = there.or_else(older);
        let (name, info) = found.ok_or_else(|| self.wrong(format!("there is no tensor {name}")))?;
        let found: usize = info.shape.iter().product();
        if found != count {
            return Err(self.wrong(format!("{name} has {found} values, config.json says {count}")));
        }
        self.floats(info)
    }

    /// The same of a small tensor, whose values must be finite.
    pub(crate) fn get_finite(&self, name: &str, count: usize) -> Result<Floats, EncoderError> {
        let floats = self.get(name, count)?;
        match floats.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(self.not_finite_at(&format!("{}{name}", self.prefix), at, floats[at])),
            None => Ok(floats),
        }
    }

    /// The error of the first weight that is no finite number, if there is one. It reads the whole file: for when what was
    /// computed is no number.
    pub(crate) fn not_finite(&self) -> Option<EncoderError> {
        let mut tensors: Vec<(String, &TensorInfo)> = self.header.tensors().into_iter().collect();
        tensors.sort_by_key(|(_, info)| info.data_offsets);
        tensors.iter().find_map(|(name, info)| {
            // What is no float, as positions are, is never computed with.
            let floats = self.floats(info).ok()?;
            let at = floats.iter().position(|value| !value.is_finite())?;
            Some(self.not_finite_at(name, at, floats[at]))
        })
    }

    fn not_finite_at(&self, name: &str, at: usize, value: f32) -> EncoderError {
        self.wrong(format!("damaged weights: {name} has {value} at {at}, and weights are finite numbers"))
    }

    fn wrong(&self, what: String) -> EncoderError {
        EncoderError::Model { path: self.path.clone(), what, source: None }
    }

    fn floats(&self, info: &TensorInfo) -> Result<Floats, EncoderError> {
        let range = self.start + info.data_offsets.0..self.start + info.data_offsets.1;
        let bytes = &self.map[range.clone()];
        if info.dtype == Dtype::F32 && bytemuck::try_cast_slice::<u8, f32>(bytes).is_ok() {
            return Ok(Floats(Values::Mapped(self.map.clone(), range)));
        }
        let count: usize = info.shape.iter().product();
        let convert = || -> candle_core::Result<Vec<f32>> {
            let dtype = DType::try_from(info.dtype)?;
            Tensor::from_raw_buffer(bytes, dtype, &[count], &Device::Cpu)?.to_dtype(DType::F32)?.to_vec1()
        };
        Ok(Floats(Values::Owned(convert().map_err(|source| damaged(&self.path, source.into()))?)))
    }
}

/// What files that were converted from TensorFlow's call a weight of a layer's normalization.
fn older_name(name: &str) -> Option<String> {
    let (layer, of) = name.rsplit_once('.')?;
    let older = if of == "weight" { "gamma" } else { "beta" };
    layer.ends_with("LayerNorm").then(|| format!("{layer}.{older}"))
}

/// A tensor's values: in the map, if the file has them as 32-bit floats; else converted.
pub(crate) struct Floats(Values);

enum Values {
    /// These bytes of the file, which were found to be aligned, whole floats.
    Mapped(Map, Range<usize>),
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

fn damaged(path: &Path, source: Cause) -> EncoderError {
    EncoderError::Model {
        path: path.into(),
        what: "damaged weights, or not those of config.json".into(),
        source: Some(source),
    }
}
