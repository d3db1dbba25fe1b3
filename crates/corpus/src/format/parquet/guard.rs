//! Limits on the memory that a Parquet file may take, whatever it promises.
//!
//! A file of a kilobyte can promise pages of gigabytes, lists of billions of elements, or thousands of nested groups,
//! and the parquet crate believes it. So the footer is checked before it is parsed, the header of each page before the
//! page is read, and the lists in a page before they become values.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use ::parquet::column::page::PageReader;
use ::parquet::errors::Result;
use ::parquet::file::metadata::RowGroupMetaData;
use ::parquet::file::reader::{ChunkReader, RowGroupReader};
use ::parquet::file::serialized_reader::SerializedPageReader;

use super::column_chunk::ColumnChunk;
use super::limits::{DEEPEST, MOST_COLUMNS, MOST_FOOTER, ROWS_PER_BYTE, refuse};
use super::pages::Pages;
use super::promises::schema_depth;

/// Checks the footer of a file before it is parsed.
pub(super) fn check_footer(file: &impl ChunkReader) -> Result<()> {
    /// The footer's length and the magic bytes.
    const TAIL: u64 = 8;
    // For a file that is too short, or is not Parquet, the library has the error.
    let Some(at) = file.len().checked_sub(TAIL) else { return Ok(()) };
    let tail = file.get_bytes(at, TAIL as usize)?;
    let length = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]) as usize;
    let Some(start) = at.checked_sub(length as u64) else { return Ok(()) };
    if length > MOST_FOOTER {
        return refuse(format!("a footer of {length} bytes, at most {MOST_FOOTER} are read"));
    }
    match schema_depth(&file.get_bytes(start, length)?) {
        Some(depth) if depth > DEEPEST => refuse(format!("groups {depth} deep, at most {DEEPEST} are read")),
        Some(_) => Ok(()),
        None => refuse("its footer is damaged"),
    }
}

/// Checks what a row group promises. Returns how many rows to read at a time.
pub(super) fn check_group(group: &RowGroupMetaData, file_length: u64) -> Result<usize> {
    /// About how many values, of all columns together, are read at a time.
    const AT_A_TIME: usize = 1 << 19;
    let columns = group.num_columns();
    if columns == 0 || columns > MOST_COLUMNS {
        return refuse(format!("{columns} columns, from 1 to {MOST_COLUMNS} are read"));
    }
    let rows = group.num_rows();
    if u64::try_from(rows).map_or(true, |rows| rows > file_length.saturating_mul(ROWS_PER_BYTE)) {
        return refuse(format!("{rows} rows in a file of {file_length} bytes"));
    }
    let has_lists = group.schema_descr().columns().iter().any(|column| column.max_rep_level() > 0);
    Ok((AT_A_TIME / columns).clamp(8, if has_lists { 8 } else { 256 }))
}

/// A row group whose pages are checked before they are read.
pub(super) struct GuardedRowGroup<'a, F> {
    pub(super) file: Arc<F>,
    pub(super) group: &'a RowGroupMetaData,
    /// Bytes of pages held by all columns.
    pub(super) held: Arc<AtomicUsize>,
}

impl<F: ChunkReader + 'static> RowGroupReader for GuardedRowGroup<'_, F> {
    fn metadata(&self) -> &RowGroupMetaData {
        self.group
    }

    fn num_columns(&self) -> usize {
        self.group.num_columns()
    }

    fn get_column_page_reader(&self, column: usize) -> Result<Box<dyn PageReader>> {
        let meta = self.group.column(column);
        let chunk = ColumnChunk::new(Arc::clone(&self.file), meta, Arc::clone(&self.held));
        let rows = usize::try_from(self.group.num_rows())?;
        let pages = SerializedPageReader::new(Arc::new(chunk), meta, rows, None)?;
        Ok(Box::new(Pages::new(pages, meta.column_descr().max_rep_level())))
    }

    fn get_column_bloom_filter(&self, _: usize) -> Option<&::parquet::bloom_filter::Sbbf> {
        None
    }

    fn get_row_iter(
        &self,
        _: Option<::parquet::schema::types::Type>,
    ) -> Result<::parquet::record::reader::RowIter<'_>> {
        ::parquet::record::reader::RowIter::from_row_group(None, self)
    }
}
