//! A model's weights by their names, from model.safetensors.

use candle_core::safetensors::MmapedSafetensors;
use candle_core::{DType, Device};
use candle_nn::VarBuilder;

use super::{ModelFiles, WEIGHTS};
use crate::error::{Error, Result};

/// The weights' file, mapped.
pub(crate) struct Weights {
    path: std::path::PathBuf,
    file: MmapedSafetensors,
    /// Some files put the whole network under a name of its own.
    prefix: &'static str,
}

impl Weights {
    /// Maps the file and reads its header.
    pub(crate) fn open(model: &ModelFiles) -> Result<Self> {
        let path = model.path(WEIGHTS);
        std::fs::File::open(&path).map_err(Error::read(&path))?;
        #[allow(unsafe_code)]
        // SAFETY: a map is sound while its file keeps its bytes. The file belongs to a cache whose writers (this
        // program, hf-hub, Python) write beside and rename, never into a file that is there; a user who changes a
        // model directory of their own under a running process owes the same.
        let file = unsafe { MmapedSafetensors::new(&path) };
        let file = file.map_err(|source| damaged(&path, source))?;
        let prefix = if file.get("bert.embeddings.word_embeddings.weight").is_ok() { "bert." } else { "" };
        Ok(Self { path, file, prefix })
    }

    /// Gives the tensors, in f32 on `device`, to what builds a network of candle's of them.
    pub(crate) fn build<T>(
        self,
        device: &Device,
        network: impl FnOnce(VarBuilder<'_>) -> candle_core::Result<T>,
    ) -> Result<T> {
        let tensors = VarBuilder::from_backend(Box::new(self.file), DType::F32, device.clone());
        network(tensors).map_err(|source| damaged(&self.path, source))
    }

    /// The tensor `name`, which has `count` values, in f32.
    pub(crate) fn get(&self, name: &str, count: usize) -> Result<Vec<f32>> {
        let read = || -> candle_core::Result<Vec<f32>> {
            let tensor = self.file.load(&format!("{}{name}", self.prefix), &Device::Cpu)?;
            tensor.flatten_all()?.to_dtype(DType::F32)?.to_vec1()
        };
        let values = read().map_err(|source| damaged(&self.path, source))?;
        if values.len() != count {
            let what = format!("{name} has {} values, config.json says {count}", values.len());
            return Err(Error::Model { path: self.path.clone(), what, source: None });
        }
        Ok(values)
    }
}

fn damaged(path: &std::path::Path, source: candle_core::Error) -> Error {
    let what = "damaged weights, or not those of config.json".into();
    Error::Model { path: path.into(), what, source: Some(source.into()) }
}
