//! Parquet: a row is a record, a column a field.
//!
//! Without the feature `parquet` the format is known, but its reader fails with an error that names the feature.

#[cfg(feature = "parquet")]
mod column_chunk;
#[cfg(feature = "parquet")]
mod guard;
#[cfg(feature = "parquet")]
mod limits;
#[cfg(feature = "parquet")]
mod pages;
#[cfg(feature = "parquet")]
mod promises;
#[cfg(feature = "parquet")]
mod rows;
#[cfg(feature = "parquet")]
mod thrift;
#[cfg(feature = "parquet")]
mod value;

#[cfg(not(feature = "parquet"))]
pub(super) use super::without::PARQUET as ParquetReader;
#[cfg(feature = "parquet")]
pub(super) use rows::ParquetReader;

#[cfg(test)]
mod tests;

/// Whether a file that starts with these bytes is Parquet.
pub(super) fn starts(start: &[u8]) -> bool {
    start.starts_with(b"PAR1")
}
