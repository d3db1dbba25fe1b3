//! The bytes of one column in a row group, with the size of each page checked before it is read.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::parquet::basic::Compression;
use ::parquet::errors::Result;
use ::parquet::file::metadata::ColumnChunkMetaData;
use ::parquet::file::reader::{ChunkReader, Length};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use super::limits::{MOST_PAGES, refuse};
use super::promises::{PageHeader, page_header};

/// How many bytes are read to find a header: first few, then as many as the longest header has.
const HEADER: [u64; 2] = [4 << 10, 1 << 20];

/// The bytes of a column. Pages that are too large are refused.
pub(super) struct ColumnChunk<F> {
    file: Arc<F>,
    compression: Compression,
    held: Arc<AtomicUsize>,
    /// The part of `held` that is this column's dictionary, and its page.
    dictionary: AtomicUsize,
    page: AtomicUsize,
    /// Bytes at the start of the next page that are not compressed.
    levels: AtomicUsize,
    /// Bytes that the next page may have when it is decompressed.
    promised: AtomicUsize,
}

impl<F: ChunkReader> ColumnChunk<F> {
    pub(super) fn new(file: Arc<F>, meta: &ColumnChunkMetaData, held: Arc<AtomicUsize>) -> Self {
        let [dictionary, page, levels, promised] = [(); 4].map(|()| AtomicUsize::new(0));
        Self { file, compression: meta.compression(), held, dictionary, page, levels, promised }
    }

    /// The header of the page that begins here, if it can be understood.
    fn header(&self, start: u64) -> Result<Option<PageHeader>> {
        for length in HEADER {
            let mut bytes = Vec::new();
            self.file.get_read(start)?.take(length).read_to_end(&mut bytes)?;
            if let Some(header) = page_header(&bytes) {
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    /// Counts a page that is about to be read.
    fn admit(&self, header: PageHeader) -> Result<()> {
        const DICTIONARY: i64 = 2;
        /// Bytes that the library needs for each value of a dictionary, besides the value's own bytes.
        const VALUE: usize = 32;
        let size = header.size.max(header.compressed).saturating_add(header.values.saturating_mul(VALUE));
        let of_kind = if header.kind == DICTIONARY { &self.dictionary } else { &self.page };
        // The page before this one is freed only after this one is read.
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

    /// Whether these bytes decompress to more than was promised. Some decompressors go on until they have all memory.
    fn overflows(&self, bytes: &[u8]) -> bool {
        /// The most bytes that one byte of LZ4 can become.
        const LZ4_RATIO: usize = 255;
        const LZ4_FRAME: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
        let Some(compressed) = bytes.get(self.levels.load(Ordering::Relaxed)..) else { return false };
        let promised = self.promised.load(Ordering::Relaxed) as u64;
        match self.compression {
            Compression::GZIP(_) => {
                let mut decoder = MultiGzDecoder::new(compressed).take(promised + 1);
                // For damaged data the library has the error.
                io::copy(&mut decoder, &mut io::sink()).is_ok_and(|length| length > promised)
            }
            Compression::LZ4 => compressed.starts_with(&LZ4_FRAME) && compressed.len() * LZ4_RATIO > MOST_PAGES,
            _ => false,
        }
    }
}

impl<F> Drop for ColumnChunk<F> {
    fn drop(&mut self) {
        let own = self.dictionary.load(Ordering::Relaxed) + self.page.load(Ordering::Relaxed);
        self.held.fetch_sub(own, Ordering::Relaxed);
    }
}

impl<F: ChunkReader> Length for ColumnChunk<F> {
    fn len(&self) -> u64 {
        self.file.len()
    }
}

impl<F: ChunkReader> ChunkReader for ColumnChunk<F> {
    type T = F::T;

    /// Reads from the start of a page: the library asks for nothing else.
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
