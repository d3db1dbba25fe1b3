//! How much memory a Parquet file may take.

use ::parquet::errors::{ParquetError, Result};

/// The most bytes of decompressed pages in memory at one time: of each column a page and its dictionary.
pub(super) const MOST_PAGES: usize = 320 << 20;

/// The most bytes of a footer.
pub(super) const MOST_FOOTER: usize = 16 << 20;

/// The deepest nesting of groups.
pub(super) const DEEPEST: usize = 64;

/// The most columns, including those inside groups.
pub(super) const MOST_COLUMNS: usize = 50_000;

/// The most rows for each byte of a file. A thousand equal values may take one byte, but no text that is worth a
/// search.
pub(super) const ROWS_PER_BYTE: u64 = 4096;

/// The most bytes of a page with shared prefixes: each of its values may be almost as long as the whole page.
pub(super) const MOST_PREFIXED: usize = 4 << 20;

/// The error of a file that promises too much.
pub(super) fn refuse<T>(what: impl Into<String>) -> Result<T> {
    Err(ParquetError::General(what.into()))
}
