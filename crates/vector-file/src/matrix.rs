//! The shape of a matrix, as the header of a file gives it.

/// The bytes of a header that this crate writes: the shape, and spaces after it. Data that begins at a multiple of 64
/// bytes can be mapped into memory and used directly.
pub(crate) const HEADER: usize = 192;

/// A matrix in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MatrixHeader {
    /// The number of rows.
    pub(crate) rows: u64,
    /// The number of components of a row, at least 1.
    pub(crate) dim: usize,
    /// How many bytes are between the header and the data.
    pub(crate) gap: u64,
}

impl MatrixHeader {
    /// The matrix of this shape, or what is wrong with the shape.
    pub(crate) fn new(rows: u64, dim: u64, gap: u64) -> Result<Self, String> {
        match usize::try_from(dim) {
            Ok(dim @ 1..=65_536) => Ok(Self { rows, dim, gap }),
            _ => Err(format!("its rows have {dim} components, not 1 to 65536")),
        }
    }

    /// Where the data begins and ends, if the header ends at byte `header_end`; `None` if these are no 64-bit numbers.
    pub(crate) fn extent(&self, header_end: u64) -> Option<(u64, u64)> {
        let start = header_end.checked_add(self.gap)?;
        let bytes = self.rows.checked_mul(self.dim as u64)?.checked_mul(4)?;
        Some((start, start.checked_add(bytes)?))
    }
}

/// A header of [`HEADER`] bytes: `start`, then `text`, then spaces, then `end`.
pub(crate) fn padded(mut start: Vec<u8>, text: &str, end: u8) -> Vec<u8> {
    start.extend_from_slice(text.as_bytes());
    start.resize(HEADER - 1, b' ');
    start.push(end);
    start
}
