//! Reads a matrix, row by row.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::{VectorFileError, VectorFormat};
use semsearch_files::open_regular;

/// How far the length of a normalized vector may be from 1: it may have been rounded to 32 bits, or to 16 bits and
/// back.
const ROUNDING: f64 = 2e-3;

/// Reads a matrix, row by row.
#[derive(Debug)]
pub struct VectorReader {
    path: PathBuf,
    file: BufReader<File>,
    rows: u64,
    dim: usize,
    /// The next row, from 0.
    next: u64,
    buffer: Vec<u8>,
}

impl VectorReader {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`VectorFileError::NoMatrix`] if the file contains no matrix of 32-bit floats, or is shorter than its header
    /// says.
    pub fn open(path: &Path) -> Result<Self, VectorFileError> {
        let wrong = |what: String| VectorFileError::NoMatrix { path: path.into(), what };
        let format =
            VectorFormat::of(path).ok_or_else(|| wrong("its name ends neither in .npy nor in .safetensors".into()))?;
        let opened = open_regular(path).map_err(VectorFileError::read(path))?;
        let length = opened.metadata().map_err(VectorFileError::read(path))?.len();
        let mut file = BufReader::with_capacity(1 << 20, opened);
        let header = format.read_header(&mut file).map_err(wrong)?;
        let (rows, dim) = (header.rows, header.dim);
        let extent = header.extent(file.stream_position().map_err(VectorFileError::read(path))?);
        let Some((start, _)) = extent.filter(|&(_, end)| end <= length) else {
            return Err(wrong(format!(
                "its header says {rows} rows of {dim} numbers, but the file has only {length} bytes"
            )));
        };
        file.seek(SeekFrom::Start(start)).map_err(VectorFileError::read(path))?;
        Ok(Self { path: path.into(), file, rows, dim, next: 0, buffer: vec![0; dim * 4] })
    }

    /// The number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The number of components of a row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next row; `None` after the last one.
    ///
    /// # Errors
    /// The file cannot be read, a component is not a finite number, or the length of the row is not 1 although
    /// `normalized` is set.
    pub fn row(&mut self, normalized: bool) -> Result<Option<Vec<f32>>, VectorFileError> {
        if self.next == self.rows {
            return Ok(None);
        }
        self.file.read_exact(&mut self.buffer).map_err(VectorFileError::read(&self.path))?;
        let bytes = self.buffer.chunks_exact(4);
        let row: Vec<f32> = bytes.map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])).collect();
        check_vector(&self.path, self.next, &row, normalized)?;
        self.next += 1;
        Ok(Some(row))
    }
}

/// Checks the vector in row `row`, from 0, of the file at `path`.
///
/// # Errors
/// A component is not a finite number, or the length is not 1 although `normalized` is set.
pub fn check_vector(path: &Path, row: u64, vector: &[f32], normalized: bool) -> Result<(), VectorFileError> {
    if let Some((component, &value)) = vector.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        return Err(VectorFileError::NotFinite { path: path.into(), row, component, value });
    }
    let length = vector.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    if normalized && (length - 1.0).abs() > ROUNDING {
        return Err(VectorFileError::NotNormalized { path: path.into(), row, length });
    }
    Ok(())
}
