//! A tiny model with random weights, and what transformers computes with it. `script/families.py` writes the files.

use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView, serialize};
use serde::Deserialize;
use serde_json::Value;

/// The model of a file of `families/`.
#[derive(Deserialize)]
pub(crate) struct Family {
    config: Value,
    tokenizer: Value,
    /// Name, shape, scale and offset; and for some a type and values.
    tensors: Vec<Vec<Value>>,
}

/// The bytes of a file of `families/`.
pub(crate) fn file(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let below = if root.ends_with("crates/encoder") { "tests/families" } else { "crates/encoder/tests/families" };
    fs::read(root.join(below).join(format!("{name}.json"))).unwrap()
}

impl Family {
    /// Writes the model's files.
    pub(crate) fn write(&self, dir: &Path) {
        fs::write(dir.join("config.json"), self.config.to_string()).unwrap();
        fs::write(dir.join("tokenizer.json"), self.tokenizer.to_string()).unwrap();
        let tensors: Vec<_> = self.tensors.iter().map(|tensor| made(tensor)).collect();
        let views = tensors
            .iter()
            .map(|(name, dtype, shape, bytes)| (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap()));
        fs::write(dir.join("model.safetensors"), serialize(views, None).unwrap()).unwrap();
    }
}

/// A tensor of the file: its name, type, shape and bytes.
fn made(tensor: &[Value]) -> (String, Dtype, Vec<usize>, Vec<u8>) {
    let name = tensor[0].as_str().unwrap().to_owned();
    let shape: Vec<usize> = tensor[1].as_array().unwrap().iter().map(|size| size.as_u64().unwrap() as usize).collect();
    if let Some(values) = tensor.get(5) {
        let values = values.as_array().unwrap().iter();
        let (dtype, bytes) = match tensor[4].as_str().unwrap() {
            "I64" => (Dtype::I64, values.flat_map(|value| value.as_i64().unwrap().to_le_bytes()).collect()),
            "F32" => (Dtype::F32, values.flat_map(|value| (value.as_f64().unwrap() as f32).to_le_bytes()).collect()),
            other => panic!("a type {other}"),
        };
        return (name, dtype, shape, bytes);
    }
    let is_wide = tensor.get(4).is_some_and(|dtype| dtype == "F64");
    let (scale, offset) = (tensor[2].as_f64().unwrap(), tensor[3].as_f64().unwrap());
    let mut state = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let mut value = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((f64::from(state >> 8) / f64::from(1 << 23) - 1.0) * scale + offset) as f32
    };
    let values = (0..shape.iter().product()).map(|_| value());
    let (dtype, bytes) = match is_wide {
        true => (Dtype::F64, values.flat_map(|value| f64::from(value).to_le_bytes()).collect()),
        false => (Dtype::F32, values.flat_map(f32::to_le_bytes).collect()),
    };
    (name, dtype, shape, bytes)
}
