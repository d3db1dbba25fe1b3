//! The header of NumPy's array files, npy.
//!
//! Format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::io::Read;

use super::matrix::{HEADER, MatrixHeader, padded};
use super::npy_header::NpyHeader;

/// The header of a matrix.
pub(crate) fn header(rows: u64, dim: usize) -> Vec<u8> {
    /// The magic bytes, the version and the length.
    const START: usize = 10;
    let mut start = b"\x93NUMPY\x01\x00".to_vec();
    start.extend_from_slice(&((HEADER - START) as u16).to_le_bytes());
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dim}), }}");
    padded(start, &text, b'\n')
}

/// Reads the header of a matrix of 32-bit floats. The error says what is wrong with it.
pub(crate) fn read_header(file: &mut impl Read) -> Result<MatrixHeader, String> {
    let NpyHeader { descr, fortran_order, shape } =
        NpyHeader::read(file).map_err(|error| format!("not a npy file: {error}"))?;
    let &[rows, dim] = shape.as_slice() else {
        return Err(format!("an array of {} dimensions, not 2", shape.len()));
    };
    if fortran_order && rows > 1 && dim > 1 {
        return Err("its rows are in Fortran order, not in C order".into());
    }
    if !["<f4", "=f4", "|f4"].contains(&descr.as_str()) {
        return Err(format!("its numbers are '{descr}', not float32 (<f4)"));
    }
    MatrixHeader::new(rows, dim, 0)
}
