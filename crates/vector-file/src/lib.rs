//! Vectors in files for other programs: NumPy's npy and safetensors, and, together with their texts, Parquet.
//!
//! A npy or safetensors file contains one matrix of 32-bit floats; each row belongs to a text. Rows are read and
//! written one after the other, so a file may be larger than memory. Both formats have the number of rows in a header.
//! A writer leaves room for the header, and writes it last.

mod error;
mod format;
mod matrix;
mod npy;
mod npy_header;
mod reader;
mod safetensors_file;
#[cfg(feature = "parquet")]
mod table;
mod writer;

pub use error::VectorFileError;
pub use format::VectorFormat;
pub use reader::{VectorReader, check_vector};
#[cfg(feature = "parquet")]
pub use table::{TableRow, TableWriter};
pub use writer::VectorWriter;

#[cfg(test)]
mod tests;
