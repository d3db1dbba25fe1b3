//! Bounds on what a Parquet file may take of memory, whatever it promises.
//!
//! A file of a kilobyte can promise pages of gigabytes, lists of billions of elements, or groups thousands deep; the library
//! believes it. So the footer is looked at before it is read, the header of each page before the page is, and the lists in
//! it before they become values.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::parquet::basic::{Compression, Encoding};
use ::parquet::column::page::{Page, PageMetadata, PageReader};
use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use ::parquet::file::reader::{ChunkReader, Length, RowGroupReader};
use ::parquet::file::serialized_reader::SerializedPageReader;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use super::super::bounded::MOST_VALUES;
use super::thrift::{self, PageHeader};

/// Bytes of all pages that are held at a time, decompressed: one of each column, and its dictionary.
const MOST_PAGES: usize = 320 << 20;

/// Bytes of a footer.
const MOST_FOOTER: usize = 16 << 20;

/// Groups in groups.
const DEEPEST: usize = 64;

/// Columns, those within groups too.
const MOST_COLUMNS: usize = 50_000;

/// Rows for each byte of a file. A thousand equal values may take one; no text that is worth a search does.
const ROWS_PER_BYTE: u64 = 4096;

/// Bytes of a page with shared prefixes, each value of which may be almost as long as all of the page.
const MOST_PREFIXED: usize = 4 << 20;

/// Bytes of a header that is looked at first, and of the longest one.
const HEADER: [u64; 2] = [4 << 10, 1 << 20];

fn refuse<T>(what: impl Into<String>) -> Result<T> {
    Err(ParquetError::General(what.into()))
}

/// Looks at a file before its footer is read.
pub(super) fn check_footer(file: &impl ChunkReader) -> Result<()> {
    /// The footer's length and the magic bytes.
    const TAIL: u64 = 8;
    // What is too short or no Parquet, the library says.
    let Some(at) = file.len().checked_sub(TAIL) else { return Ok(()) };
    let tail = file.get_bytes(at, TAIL as usize)?;
    let length = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]) as usize;
    let Some(start) = at.checked_sub(length as u64) else { return Ok(()) };
    if length > MOST_FOOTER {
        return refuse(format!("a footer of {length} bytes, at most {MOST_FOOTER} are read"));
    }
    match thrift::schema_depth(&file.get_bytes(start, length)?) {
        Some(depth) if depth > DEEPEST => refuse(format!("groups {depth} deep, at most {DEEPEST} are read")),
        Some(_) => Ok(()),
        None => refuse("its footer is damaged"),
    }
}

/// Looks at what a row group promises; says how many rows are to be read at a time.
pub(super) fn check_group(group: &RowGroupMetaData, file_length: u64) -> Result<usize> {
    /// Values of all columns that are read at a time, about.
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

/// A row group whose pages are looked at before they are read.
pub(super) struct Guarded<'a, F> {
    pub(super) file: Arc<F>,
    pub(super) group: &'a RowGroupMetaData,
    /// Bytes of pages held by all columns.
    pub(super) held: Arc<AtomicUsize>,
}

impl<F: ChunkReader + 'static> RowGroupReader for Guarded<'_, F> {
    fn metadata(&self) -> &RowGroupMetaData {
        self.group
    }

    fn num_columns(&self) -> usize {
        self.group.num_columns()
    }

    fn get_column_page_reader(&self, column: usize) -> Result<Box<dyn PageReader>> {
        let meta = self.group.column(column);
        let chunk = Chunk::new(Arc::clone(&self.file), meta, Arc::clone(&self.held));
        let rows = usize::try_from(self.group.num_rows())?;
        let pages = SerializedPageReader::new(Arc::new(chunk), meta, rows, None)?;
        Ok(Box::new(Pages { pages, deepest_list: meta.column_descr().max_rep_level(), length: 0 }))
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

/// The bytes of a column, of which no page is given that is larger than it may be.
struct Chunk<F> {
    file: Arc<F>,
    compression: Compression,
    held: Arc<AtomicUsize>,
    /// Of those, this column's dictionary and page.
    dictionary: AtomicUsize,
    page: AtomicUsize,
    /// What of the next page is not compressed.
    levels: AtomicUsize,
    /// What it may be decompressed.
    promised: AtomicUsize,
}

impl<F: ChunkReader> Chunk<F> {
    fn new(file: Arc<F>, meta: &ColumnChunkMetaData, held: Arc<AtomicUsize>) -> Self {
        let [dictionary, page, levels, promised] = [(); 4].map(|()| AtomicUsize::new(0));
        Self { file, compression: meta.compression(), held, dictionary, page, levels, promised }
    }

    /// The header of the page that begins here, if it can be understood.
    fn header(&self, start: u64) -> Result<Option<PageHeader>> {
        for length in HEADER {
            let mut bytes = Vec::new();
            self.file.get_read(start)?.take(length).read_to_end(&mut bytes)?;
            if let Some(header) = thrift::page_header(&bytes) {
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    /// Takes note of a page that is to be read.
    fn admit(&self, header: PageHeader) -> Result<()> {
        const DICTIONARY: i64 = 2;
        /// What the library holds of each value of a dictionary beside its bytes.
        const VALUE: usize = 32;
        let size = header.size.max(header.compressed).saturating_add(header.values.saturating_mul(VALUE));
        let of_kind = if header.kind == DICTIONARY { &self.dictionary } else { &self.page };
        // The page before it is given up only when this one is there.
        if self.held.load(Ordering::Relaxed).saturating_add(size) > MOST_PAGES {
            return refuse(format!("its pages take more than {} MiB of memory", MOST_PAGES >> 20));
        }
        let before = of_kind.swap(size, Ordering::Relaxed);
        self.held.fetch_add(size, Ordering::Relaxed);
        self.held.fetch_sub(before, Ordering::Relaxed);
        self.levels.store(if header.is_compressed { header.levels } else { usize::MAX }, Ordering::Relaxed);
        self.promised.store(header.size, Ordering::Relaxed);
        Ok(())
    }

    /// Whether these bytes become more than was promised: some decompressors go on until all memory is taken.
    fn overflows(&self, bytes: &[u8]) -> bool {
        /// What one byte of LZ4 can become.
        const LZ4_RATIO: usize = 255;
        const LZ4_FRAME: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
        let Some(compressed) = bytes.get(self.levels.load(Ordering::Relaxed)..) else { return false };
        let promised = self.promised.load(Ordering::Relaxed) as u64;
        match self.compression {
            Compression::GZIP(_) => {
                let mut decoder = MultiGzDecoder::new(compressed).take(promised + 1);
                // What is damaged, the library says.
                io::copy(&mut decoder, &mut io::sink()).is_ok_and(|length| length > promised)
            }
            Compression::LZ4 => compressed.starts_with(&LZ4_FRAME) && compressed.len() * LZ4_RATIO > MOST_PAGES,
            _ => false,
        }
    }
}

impl<F> Drop for Chunk<F> {
    fn drop(&mut self) {
        let own = self.dictionary.load(Ordering::Relaxed) + self.page.load(Ordering::Relaxed);
        self.held.fetch_sub(own, Ordering::Relaxed);
    }
}

impl<F: ChunkReader> Length for Chunk<F> {
    fn len(&self) -> u64 {
        self.file.len()
    }
}

impl<F: ChunkReader> ChunkReader for Chunk<F> {
    type T = F::T;

    /// Reads from where a page begins: the library asks for nothing else.
    fn get_read(&self, start: u64) -> Result<F::T> {
        match self.header(start)? {
            Some(header) => self.admit(header)?,
            None => return refuse("the header of a page is damaged"),
        }
        self.file.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if length as u64 > self.len().saturating_sub(start) || length > MOST_PAGES {
            return refuse("a page goes beyond the end of the file");
        }
        let bytes = self.file.get_bytes(start, length)?;
        if self.overflows(&bytes) { refuse("a page is larger than its header says") } else { Ok(bytes) }
    }
}

/// The pages of a column, in which no row is longer than a record may be.
struct Pages<P> {
    pages: P,
    /// The highest level of repetition: 0 where a row has one value.
    deepest_list: i16,
    /// Values of the row at hand.
    length: usize,
}

impl<P: PageReader> Pages<P> {
    fn check(&mut self, page: &Page) -> Result<()> {
        if page.encoding() == Encoding::DELTA_BYTE_ARRAY && page.buffer().len() > MOST_PREFIXED {
            return refuse(format!("a page of shared prefixes of more than {} MiB", MOST_PREFIXED >> 20));
        }
        if self.deepest_list == 0 {
            return Ok(());
        }
        let levels = match page {
            Page::DictionaryPage { .. } => return Ok(()),
            Page::DataPage { buf, .. } => {
                let length =
                    buf.get(..4).map_or(0, |length| u32::from_le_bytes([length[0], length[1], length[2], length[3]]));
                buf.get(4..4 + length as usize)
            }
            Page::DataPageV2 { buf, rep_levels_byte_len, .. } => buf.get(..*rep_levels_byte_len as usize),
        };
        let width = 16 - (self.deepest_list as u16).leading_zeros() as usize;
        let longest = longest_row(levels.unwrap_or_default(), width, page.num_values() as usize, &mut self.length);
        if longest > MOST_VALUES {
            return refuse(format!("a row of more than {MOST_VALUES} values"));
        }
        Ok(())
    }
}

/// The values of the longest row of a page with these levels of repetition, in which each 0 begins a row. `length` is that
/// of the row before the page so far, and of the last one after it. (Levels in the old way of packing, which no
/// writer of this century's second decade uses, are counted wrong, and no worse than not at all.)
fn longest_row(levels: &[u8], width: usize, values: usize, length: &mut usize) -> usize {
    let (mut rest, mut left, mut longest) = (levels, values, *length);
    let mut add = |level: usize, count: usize| {
        *length = if level == 0 { 1 } else { length.saturating_add(count) };
        longest = longest.max(*length);
    };
    while left > 0 {
        let Some((run, bytes)) = unsigned(rest) else { break };
        rest = &rest[bytes..];
        let count = (run >> 1) as usize;
        if run & 1 == 0 {
            let bytes = width.div_ceil(8).min(rest.len());
            let level = rest[..bytes].iter().rev().fold(0, |level, &byte| level << 8 | usize::from(byte));
            rest = &rest[bytes..];
            add(level, count.min(left));
            left -= count.min(left);
        } else {
            let packed = &rest[..count.saturating_mul(width).min(rest.len())];
            rest = &rest[packed.len()..];
            for number in 0..(packed.len() * 8 / width).min(left) {
                let bit = |bit: usize| packed[bit / 8] >> (bit % 8) & 1;
                add((number * width..(number + 1) * width).map(|at| usize::from(bit(at))).sum(), 1);
            }
            left -= count.saturating_mul(8).min(left);
        }
    }
    longest
}

/// A number in groups of seven bits, and the bytes it takes.
fn unsigned(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (number, &byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * number);
        if byte & 0x80 == 0 {
            return Some((value, number + 1));
        }
    }
    None
}

impl<P: PageReader> Iterator for Pages<P> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl<P: PageReader> PageReader for Pages<P> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        page.iter().try_for_each(|page| self.check(page))?;
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.pages.at_record_boundary()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_row_is_found_in_runs_and_in_packed_levels_and_across_pages() {
        let mut length = 0;
        // One 0, then a run of 999 times 1, then eight packed levels of one bit.
        let levels = [2, 0, 0xce, 0x0f, 1, 3, 0b1111_0111];
        assert_eq!(longest_row(&levels, 1, 1008, &mut length), 1003);
        assert_eq!(length, 5);
        assert_eq!(longest_row(&[0x14, 1], 1, 10, &mut length), 15);
        // A run that promises more than the page has.
        assert_eq!(longest_row(&[0xfe, 0xff, 0xff, 0xff, 0x0f, 1], 1, 20, &mut length), 35);
        assert_eq!(longest_row(&[], 1, 20, &mut length), 35);
    }
}
