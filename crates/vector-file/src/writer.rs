//! Writes a matrix, row by row.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{VectorFileError, VectorFormat};

/// Writes a matrix, row by row.
pub struct VectorWriter {
    path: PathBuf,
    file: BufWriter<File>,
    format: VectorFormat,
    dim: usize,
    rows: u64,
}

impl VectorWriter {
    /// Begins a matrix in an open, empty file; `path` is its name in messages. The matrix is complete after
    /// [`VectorWriter::finish`].
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn create(file: File, path: &Path, format: VectorFormat, dim: usize) -> Result<Self, VectorFileError> {
        let mut file = BufWriter::with_capacity(1 << 20, file);
        file.write_all(&format.header(0, dim)).map_err(VectorFileError::write(path))?;
        Ok(Self { path: path.into(), file, format, dim, rows: 0 })
    }

    /// Writes one or more rows, one after the other.
    ///
    /// # Errors
    /// The file cannot be written.
    ///
    /// # Panics
    /// If `rows` does not contain whole rows.
    pub fn write(&mut self, rows: &[f32]) -> Result<(), VectorFileError> {
        assert!(rows.len().is_multiple_of(self.dim), "whole rows");
        self.rows += (rows.len() / self.dim) as u64;
        let written = if cfg!(target_endian = "little") {
            self.file.write_all(bytemuck::cast_slice(rows))
        } else {
            rows.iter().try_for_each(|value| self.file.write_all(&value.to_le_bytes()))
        };
        written.map_err(VectorFileError::write(&self.path))
    }

    /// Writes the rest of the rows, and then the header. The caller, who opened the file, must sync it if it has to be
    /// durable.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> Result<(), VectorFileError> {
        let Self { path, file, format, dim, rows } = self;
        let end = || -> io::Result<()> {
            let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&format.header(rows, dim))
        };
        end().map_err(VectorFileError::write(&path))
    }
}
