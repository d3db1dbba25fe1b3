//! The header of safetensors files.
//!
//! Format: <https://huggingface.co/docs/safetensors>.

use std::fmt::Display;
use std::io::Read;

use safetensors::{Dtype, tensor::Metadata};

use super::matrix::{HEADER, MatrixHeader, padded};

/// The name of the tensor.
pub(crate) const TENSOR: &str = "embeddings";

/// The most bytes of a header. A file of vectors needs far fewer.
const LONGEST: u64 = 1 << 20;

/// The header of a matrix.
pub(crate) fn header(rows: u64, dim: usize) -> Vec<u8> {
    /// The number of bytes before the JSON text.
    const START: usize = 8;
    let bytes = rows * dim as u64 * 4;
    let text = format!(r#"{{"{TENSOR}":{{"dtype":"F32","shape":[{rows},{dim}],"data_offsets":[0,{bytes}]}}}}"#);
    padded(((HEADER - START) as u64).to_le_bytes().to_vec(), &text, b' ')
}

/// Reads the header of a matrix of 32-bit floats. The error says what is wrong with it.
pub(crate) fn read_header(file: &mut impl Read) -> Result<MatrixHeader, String> {
    let not = |error: &dyn Display| format!("not a safetensors file: {error}");
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|error| not(&error))?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST {
        return Err(not(&format!("a header of {length} bytes")));
    }
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(|error| not(&error))?;
    // This does not use `SafeTensors::deserialize`, which needs the whole file in memory.
    let header: Metadata = serde_json::from_slice(&bytes).map_err(|error| not(&error))?;
    let tensors = header.tensors();
    let tensor = match tensors.get(TENSOR) {
        Some(tensor) => tensor,
        None if tensors.len() == 1 => tensors.values().next().ok_or("no tensor in it")?,
        None => return Err(format!("{} tensors in it, and none is called {TENSOR}", tensors.len())),
    };
    let &[rows, dim] = tensor.shape.as_slice() else {
        return Err(format!("a tensor of {} dimensions, not 2", tensor.shape.len()));
    };
    if tensor.dtype != Dtype::F32 {
        return Err(format!("its numbers are {:?}, not F32", tensor.dtype));
    }
    MatrixHeader::new(rows as u64, dim as u64, tensor.data_offsets.0 as u64)
}
