//! Vectors in the files that other programs read and write: NumPy's npy and safetensors; with their texts, Parquet.
//!
//! A file holds one matrix of 32-bit floats, a row a text. Rows are read and written one after the other, so that a file
//! may be larger than memory; both formats say their shape in a header, for which room is left and which is written last.

mod error;
mod npy;
#[cfg(feature = "parquet")]
mod table;

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use safetensors::{Dtype, tensor::Metadata};

pub use error::VectorFileError;
#[cfg(feature = "parquet")]
pub use table::{TableRow, TableWriter};

use self::npy::NpyHeader;
use semsearch_files::open_regular;

/// A file's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorFormat {
    /// NumPy's array (`numpy.load`), format 1.0.
    Npy,
    /// One tensor named `embeddings`.
    Safetensors,
}

/// The tensor's name, where the format has names.
const TENSOR: &str = "embeddings";

/// Bytes of a header that is written, the shape in it and blanks after it. Data that begins at a multiple of 64 can be
/// mapped and used as it is.
const HEADER: usize = 192;

/// A safetensors header of more bytes than this is not one of vectors.
const MAX_HEADER: u64 = 1 << 20;

impl VectorFormat {
    /// By the file's extension.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "npy" => Some(Self::Npy),
            "safetensors" => Some(Self::Safetensors),
            _ => None,
        }
    }

    /// The header of a matrix of `rows` by `dim`, of [`HEADER`] bytes.
    fn header(self, rows: u64, dim: usize) -> Vec<u8> {
        // The number of bytes that its own length takes, and its last byte.
        let (mut header, text, end) = match self {
            Self::Npy => {
                let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dim}), }}");
                let mut start = b"\x93NUMPY\x01\x00".to_vec();
                start.extend_from_slice(&((HEADER - 10) as u16).to_le_bytes());
                (start, text, b'\n')
            }
            Self::Safetensors => {
                let bytes = rows * dim as u64 * 4;
                let text =
                    format!(r#"{{"{TENSOR}":{{"dtype":"F32","shape":[{rows},{dim}],"data_offsets":[0,{bytes}]}}}}"#);
                (((HEADER - 8) as u64).to_le_bytes().to_vec(), text, b' ')
            }
        };
        header.extend_from_slice(text.as_bytes());
        header.resize(HEADER - 1, b' ');
        header.push(end);
        header
    }
}

/// Writes a matrix, row by row.
pub struct VectorWriter {
    path: PathBuf,
    file: BufWriter<File>,
    format: VectorFormat,
    dim: usize,
    rows: u64,
}

impl VectorWriter {
    /// Begins a matrix in an open, empty file, which messages call `path`; it is complete after [`VectorWriter::finish`].
    ///
    /// # Errors
    /// It cannot be written.
    pub fn create(file: File, path: &Path, format: VectorFormat, dim: usize) -> Result<Self, VectorFileError> {
        let mut file = BufWriter::with_capacity(1 << 20, file);
        file.write_all(&format.header(0, dim)).map_err(VectorFileError::write(path))?;
        Ok(Self { path: path.into(), file, format, dim, rows: 0 })
    }

    /// Writes rows, one after the other.
    ///
    /// # Errors
    /// They cannot be written.
    ///
    /// # Panics
    /// If these are not whole rows.
    pub fn write(&mut self, rows: &[f32]) -> Result<(), VectorFileError> {
        assert!(rows.len().is_multiple_of(self.dim), "whole rows");
        self.rows += (rows.len() / self.dim) as u64;
        if cfg!(target_endian = "little") {
            return self.file.write_all(bytemuck::cast_slice(rows)).map_err(VectorFileError::write(&self.path));
        }
        rows.iter()
            .try_for_each(|value| self.file.write_all(&value.to_le_bytes()))
            .map_err(VectorFileError::write(&self.path))
    }

    /// Writes what is held, and the header. To make the file durable is left to whoever opened it.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn finish(self) -> Result<(), VectorFileError> {
        let Self { path, file, format, dim, rows } = self;
        let end = || -> std::io::Result<()> {
            let mut file = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&format.header(rows, dim))
        };
        end().map_err(VectorFileError::write(&path))
    }
}

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
    /// [`VectorFileError::NoMatrix`] if it holds no matrix of 32-bit floats, or is not as long as its header says.
    pub fn open(path: &Path) -> Result<Self, VectorFileError> {
        let wrong = |what: String| VectorFileError::NoMatrix { path: path.into(), what };
        let Some(format) = VectorFormat::of(path) else {
            return Err(wrong("neither .npy nor .safetensors".into()));
        };
        let opened = open_regular(path).map_err(VectorFileError::read(path))?;
        let length = opened.metadata().map_err(VectorFileError::read(path))?.len();
        let mut file = BufReader::with_capacity(1 << 20, opened);
        let (rows, dim, data) = match format {
            VectorFormat::Npy => npy_header(&mut file),
            VectorFormat::Safetensors => safetensors_header(&mut file),
        }
        .map_err(wrong)?;
        let start = file.stream_position().map_err(VectorFileError::read(path))?.checked_add(data);
        let bytes = rows.checked_mul(dim as u64).and_then(|values| values.checked_mul(4));
        let end = start.zip(bytes).and_then(|(start, bytes)| start.checked_add(bytes));
        let Some(start) = start.filter(|_| end.is_some_and(|end| end <= length)) else {
            return Err(wrong(format!("its header speaks of {rows} rows of {dim}, but it has {length} bytes")));
        };
        file.seek(SeekFrom::Start(start)).map_err(VectorFileError::read(path))?;
        Ok(Self { path: path.into(), file, rows, dim, next: 0, buffer: vec![0; dim * 4] })
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Components of a row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// It cannot be read, or a component is not a finite number, or, where `normalized`, its length is not 1.
    pub fn row(&mut self, normalized: bool) -> Result<Option<Vec<f32>>, VectorFileError> {
        /// What rounding to 32 bits, or to 16 and back, leaves of a length of 1.
        const LENGTH: f64 = 2e-3;
        if self.next == self.rows {
            return Ok(None);
        }
        self.file.read_exact(&mut self.buffer).map_err(VectorFileError::read(&self.path))?;
        let values =
            self.buffer.chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
        let row: Vec<f32> = values.collect();
        let number = self.next;
        let path = || self.path.clone();
        if let Some((component, &value)) = row.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(VectorFileError::NotFinite { path: path(), row: number, component, value });
        }
        let length = row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        if normalized && (length - 1.0).abs() > LENGTH {
            return Err(VectorFileError::NotNormalized { path: path(), row: number, length });
        }
        self.next += 1;
        Ok(Some(row))
    }
}

/// Rows, columns and how many bytes lie between the header and the data; or what is wrong.
type Header = Result<(u64, usize, u64), String>;

fn npy_header(file: &mut impl Read) -> Header {
    let NpyHeader { descr, fortran_order, shape } =
        NpyHeader::read(file).map_err(|error| format!("not a npy file: {error}"))?;
    let &[rows, dim] = shape.as_slice() else {
        return Err(format!("an array of {} dimensions, not 2", shape.len()));
    };
    if fortran_order && rows > 1 && dim > 1 {
        return Err("its rows are not one after the other (Fortran's order)".into());
    }
    if !["<f4", "=f4", "|f4"].contains(&descr.as_str()) {
        return Err(format!("its numbers are '{descr}', not float32 (<f4)"));
    }
    checked(rows, dim)
}

fn safetensors_header(file: &mut impl Read) -> Header {
    let not = |error: &dyn std::fmt::Display| format!("not a safetensors file: {error}");
    let mut bytes = vec![0; 8];
    file.read_exact(&mut bytes).map_err(|error| not(&error))?;
    let length = u64::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]]);
    if length > MAX_HEADER {
        return Err(not(&"its header has no end"));
    }
    bytes.clear();
    file.take(length).read_to_end(&mut bytes).map_err(|error| not(&error))?;
    // `SafeTensors` itself wants the whole file in memory.
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
    let (rows, dim, _) = checked(rows as u64, dim as u64)?;
    Ok((rows, dim, tensor.data_offsets.0 as u64))
}

fn checked(rows: u64, dim: u64) -> Header {
    match usize::try_from(dim) {
        Ok(dim @ 1..=65_536) => Ok((rows, dim, 0)),
        _ => Err(format!("rows of {dim} components")),
    }
}

#[cfg(test)]
mod tests {
    use safetensors::SafeTensors;

    use super::*;

    fn written(dir: &Path, name: &str) -> PathBuf {
        let path = dir.join(name);
        let (file, format) = (File::create(&path).unwrap(), VectorFormat::of(&path).unwrap());
        let mut writer = VectorWriter::create(file, &path, format, 2).unwrap();
        writer.write(&[0.6, 0.8]).unwrap();
        writer.write(&[1.0, 0.0, 0.0, -1.0]).unwrap();
        writer.finish().unwrap();
        path
    }

    #[test]
    fn rows_come_back_as_they_went_in() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.npy", "a.safetensors"] {
            let path = written(dir.path(), name);
            let mut reader = VectorReader::open(&path).unwrap();
            assert_eq!((reader.rows(), reader.dim()), (3, 2));
            let rows: Vec<_> = std::iter::from_fn(|| reader.row(true).unwrap()).collect();
            assert_eq!(rows, [[0.6, 0.8], [1.0, 0.0], [0.0, -1.0]]);
            assert_eq!(std::fs::metadata(&path).unwrap().len(), (HEADER + 24) as u64);
        }
    }

    #[test]
    fn the_formats_own_readers_understand_what_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let npy = std::fs::read(written(dir.path(), "a.npy")).unwrap();
        let mut data = &npy[..];
        let header = NpyHeader::read(&mut data).unwrap();
        assert_eq!((header.descr.as_str(), header.fortran_order, &header.shape[..]), ("<f4", false, &[3, 2][..]));
        let values: Vec<f32> = data.chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
        assert_eq!(values, [0.6, 0.8, 1.0, 0.0, 0.0, -1.0]);
        let bytes = std::fs::read(written(dir.path(), "a.safetensors")).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(tensors.tensor(TENSOR).unwrap().shape(), [3, 2]);
    }

    #[test]
    fn what_is_not_a_matrix_of_floats_is_refused_with_its_reason() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.npy");
        let npy = |descr: &str, order: &str, shape: &str| {
            let text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
            bytes.extend_from_slice(&[0; 32]);
            bytes
        };
        let said = |bytes: Vec<u8>| {
            std::fs::write(&path, bytes).unwrap();
            let error = VectorReader::open(&path).unwrap_err().to_string();
            error.split(": ").skip(1).collect::<Vec<_>>().join(": ")
        };
        assert_eq!(said(npy("<f8", "False", "(2, 2)")), "its numbers are '<f8', not float32 (<f4)");
        assert_eq!(said(npy("<f4", "False", "(8,)")), "an array of 1 dimensions, not 2");
        assert_eq!(said(npy("<f4", "True", "(2, 4)")), "its rows are not one after the other (Fortran's order)");
        assert!(said(npy("<f4", "False", "(20000, 4)")).starts_with("its header speaks of 20000 rows of 4"));
        assert!(said(npy("<f4", "False", "(18446744073709551615, 4)")).starts_with("its header speaks of"));
        assert!(said(b"PK\x03\x04".to_vec()).starts_with("not a npy file"));
        let later = |length: u32, text: &[u8]| [b"\x93NUMPY\x02\x00", &length.to_le_bytes()[..], text].concat();
        assert_eq!(said(later(u32::MAX, b"{")), "not a npy file: a header of 4294967295 bytes");
        assert_eq!(
            said(later(9_000, &[b'('; 9_000])),
            "not a npy file: its header has \"((((((((((((((((((((\" in place of '{'"
        );
        assert!(said(later(9_000, b"{")).starts_with("not a npy file"));
        let text = dir.path().join("x.txt");
        assert!(VectorReader::open(&text).unwrap_err().to_string().ends_with("neither .npy nor .safetensors"));
    }

    #[test]
    fn rows_that_are_not_of_length_1_or_not_numbers_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.npy");
        let said = |rows: &[f32], normalized| {
            let file = File::create(&path).unwrap();
            let mut writer = VectorWriter::create(file, &path, VectorFormat::Npy, 2).unwrap();
            writer.write(rows).unwrap();
            writer.finish().unwrap();
            let mut reader = VectorReader::open(&path).unwrap();
            loop {
                match reader.row(normalized) {
                    Ok(Some(_)) => {}
                    Ok(None) => return "fine".to_owned(),
                    Err(error) => return error.to_string().rsplit(": ").next().unwrap().to_owned(),
                }
            }
        };
        assert_eq!(said(&[1.0, 0.0, 3.0, 4.0], true), "row 1 (from 0) has length 5.0000, not 1");
        assert_eq!(said(&[1.0, 0.0, 3.0, 4.0], false), "fine");
        assert_eq!(said(&[1.0, 0.0, 0.0, f32::NAN], false), "row 1 (from 0) has NaN at component 1");
    }
}
