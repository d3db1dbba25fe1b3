//! A model's weights, by their names in model.safetensors.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread;

use memmap2::Advice;
use safetensors::SafeTensors;
use safetensors::tensor::TensorInfo;
use semsearch_files::{Cause, FileError, Map, open_regular};

use super::files::{ModelFiles, WEIGHTS};
use super::floats::Floats;
use crate::architecture::names::TensorNames;
use crate::architecture::{LayerSpec, NormSpec, StaticTable, Transformer};
use crate::error::EncoderError;

/// The largest header, in bytes. The header of a BERT with 24 layers has 50 thousand bytes.
const MAX_HEADER: u64 = 16 << 20;

/// The mapped file of weights.
pub(crate) struct Weights {
    path: PathBuf,
    file: File,
    map: Map,
    names: TensorNames,
    /// The position in the file at which the tensors begin.
    start: usize,
}

impl Weights {
    /// Maps the file, and finds the names in it of the architecture's tensors.
    ///
    /// # Errors
    /// The file cannot be read, or its header is damaged.
    pub(crate) fn open(model: &ModelFiles, network: &Transformer) -> Result<Self, EncoderError> {
        Self::map(model, network.prefixes, &network.embeddings.words.name)
    }

    /// Maps the file of a model that has a table and no layers.
    ///
    /// # Errors
    /// The file cannot be read, or its header is damaged.
    pub(crate) fn open_static(model: &ModelFiles) -> Result<Self, EncoderError> {
        Self::map(model, &[""], StaticTable::NAMES[0])
    }

    fn map(model: &ModelFiles, prefixes: &[&'static str], probe: &str) -> Result<Self, EncoderError> {
        Self::open_file(model.path(WEIGHTS), prefixes, probe)
    }

    /// Maps a file. Its tensors' names begin with the first of `prefixes` under which there is a tensor `probe`.
    ///
    /// # Errors
    /// The file cannot be read, or its header is damaged.
    pub(crate) fn open_file(path: PathBuf, prefixes: &[&'static str], probe: &str) -> Result<Self, EncoderError> {
        let mut file = open_regular(&path).map_err(FileError::read(&path))?;
        let mut length = [0; 8];
        if file.read_exact(&mut length).is_ok() && u64::from_le_bytes(length) > MAX_HEADER {
            return Err(damaged(&path, "its header has no end".into()));
        }
        let map = Map::new(&file).map_err(FileError::read(&path))?;
        let (length, header) = SafeTensors::read_metadata(&map).map_err(|source| damaged(&path, Box::new(source)))?;
        let names = TensorNames::new(header, prefixes, probe);
        // The file begins with the header's length, in 8 bytes.
        Ok(Self { path, file, map, names, start: 8 + length })
    }

    /// The first of these tensors that is there, and its shape.
    pub(crate) fn first(&self, names: &[&'static str]) -> Option<(&'static str, &[usize])> {
        names.iter().find_map(|name| Some((*name, &self.names.find(name).ok()?.1.shape[..])))
    }

    /// Checks that the file did not become shorter while it was read.
    ///
    /// # Errors
    /// The file became shorter.
    pub(crate) fn check_whole(&self) -> Result<(), EncoderError> {
        Ok(self.map.check().map_err(FileError::read(&self.path))?)
    }

    /// Reads the tensors of these layers into memory, on another thread, while the caller does something else.
    pub(crate) fn read_ahead(&self, layers: &[LayerSpec]) {
        let parts = layers.iter().flat_map(LayerSpec::parts);
        let names = parts.flat_map(|part| ["weight", "bias"].map(|parameter| format!("{part}.{parameter}")));
        let places = names.filter_map(|name| Some(self.names.find(&name).ok()?.1.data_offsets));
        let Some((start, end)) = places.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else { return };
        let (map, start, length) = (self.map.clone(), self.start + start, end - start);
        // If the system has no such call, pages are read when they are used.
        thread::spawn(move || map.inner().advise_range(Advice::PopulateRead, start, length));
    }

    /// The tensor `name`, which has `count` values.
    ///
    /// # Errors
    /// There is no such tensor, or it has another number of values.
    pub(crate) fn get(&self, name: &str, count: usize) -> Result<Floats, EncoderError> {
        Ok(self.named(name, count)?.1)
    }

    /// The tensor `name`, which is small. Its values must be finite.
    ///
    /// # Errors
    /// There is no such tensor, it has another number of values, or one of them is not finite.
    pub(crate) fn get_finite(&self, name: &str, count: usize) -> Result<Floats, EncoderError> {
        let (name, floats) = self.named(name, count)?;
        match floats.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(self.not_finite_at(&name, at, floats[at])),
            None => Ok(floats),
        }
    }

    /// Some rows of a tensor of this file, of `width` values each.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn rows(&self, tensor: &Floats, rows: &[u32], width: usize) -> Result<Vec<f32>, EncoderError> {
        Ok(tensor.rows(&self.file, rows, width).map_err(FileError::read(&self.path))?)
    }

    /// The biases of the layer of this name, or zeros if it has none.
    ///
    /// # Errors
    /// There is no such tensor, it has another number of values, or one of them is not finite.
    pub(crate) fn bias(&self, layer: &str, count: usize, biased: bool) -> Result<Floats, EncoderError> {
        match biased {
            true => self.get_finite(&format!("{layer}.bias"), count),
            false => Ok(Floats::zeros(count)),
        }
    }

    /// The weight and the bias of a normalization of this size. The bias is zero if it has none.
    ///
    /// # Errors
    /// There is no such tensor, it has another number of values, or one of them is not finite.
    pub(crate) fn norm(&self, spec: &NormSpec, size: usize) -> Result<(Floats, Floats), EncoderError> {
        let weight = self.get_finite(&format!("{}.weight", spec.name), size)?;
        Ok((weight, self.bias(&spec.name, size, spec.biased)?))
    }

    /// A tensor, and the name that it has in the file.
    fn named(&self, name: &str, count: usize) -> Result<(String, Floats), EncoderError> {
        let (name, info) = self.names.find(name).map_err(|name| self.wrong(format!("there is no tensor {name}")))?;
        let found: usize = info.shape.iter().product();
        if found != count {
            return Err(self.wrong(format!("{name} has {found} values, config.json says {count}")));
        }
        Ok((name, self.floats(info)?))
    }

    /// The error of the first weight that is not finite, if there is one. This reads the whole file, so it is only
    /// called when a result is not finite.
    pub(crate) fn not_finite(&self) -> Option<EncoderError> {
        self.names.all().iter().find_map(|(name, info)| {
            // Tensors of other types, such as positions, are not used in the computation.
            let floats = self.floats(info).ok()?;
            let at = floats.iter().position(|value| !value.is_finite())?;
            Some(self.not_finite_at(name, at, floats[at]))
        })
    }

    fn floats(&self, info: &TensorInfo) -> Result<Floats, EncoderError> {
        Floats::of(&self.map, self.start, info).map_err(|source| damaged(&self.path, source.into()))
    }

    fn not_finite_at(&self, name: &str, at: usize, value: f32) -> EncoderError {
        self.wrong(format!("damaged weights: {name} has {value} at {at}, and weights are finite numbers"))
    }

    /// The error that the file is not what was expected.
    pub(crate) fn wrong(&self, what: String) -> EncoderError {
        EncoderError::Model { path: self.path.clone(), what, source: None }
    }
}

fn damaged(path: &Path, source: Cause) -> EncoderError {
    EncoderError::Model {
        path: path.into(),
        what: "damaged weights, or weights that do not belong to config.json".into(),
        source: Some(source),
    }
}
