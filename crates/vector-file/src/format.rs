//! The formats of a matrix.

use std::io::Read;
use std::path::Path;

use super::matrix::MatrixHeader;
use super::{npy, safetensors_file};

/// The format of a file that contains one matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorFormat {
    /// NumPy's array (`numpy.load`), format 1.0.
    Npy,
    /// One tensor named `embeddings`.
    Safetensors,
}

impl VectorFormat {
    /// The format that the extension of a file says.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "npy" => Some(Self::Npy),
            "safetensors" => Some(Self::Safetensors),
            _ => None,
        }
    }

    /// The header of a matrix of `rows` by `dim`, always of the same length.
    pub(crate) fn header(self, rows: u64, dim: usize) -> Vec<u8> {
        match self {
            Self::Npy => npy::header(rows, dim),
            Self::Safetensors => safetensors_file::header(rows, dim),
        }
    }

    /// Reads the header of a matrix of 32-bit floats. The error says what is wrong with it.
    pub(crate) fn read_header(self, file: &mut impl Read) -> Result<MatrixHeader, String> {
        match self {
            Self::Npy => npy::read_header(file),
            Self::Safetensors => safetensors_file::read_header(file),
        }
    }
}
