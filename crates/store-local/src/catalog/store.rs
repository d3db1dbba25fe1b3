//! Reads stored texts, and trusts no length that the bytes do not confirm. tantivy allocates memory for whatever length
//! a file names, and a process that gets no memory is ended.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use tantivy::directory::{FileHandle, OwnedBytes};
use tantivy::schema::Field;
use tantivy::{HasLen, TantivyDocument};

/// How a file of stored texts ends.
pub(super) const TEXTS: &str = ".store";

/// The most bytes of an unpacked block. A block has more than one document only if the documents are small.
const MAX_BLOCK: usize = 256 << 20;

/// LZ4 unpacks one byte to at most this many.
const MAX_RATIO: usize = 255;

/// A file of stored texts. A block that claims to unpack to more bytes than it can is an error.
#[derive(Debug)]
pub(super) struct StoreFile {
    file: Arc<dyn FileHandle>,
    /// Where the blocks end.
    blocks: usize,
}

impl StoreFile {
    /// Reads where the blocks end. This number stands 24 bytes before the footer that all of tantivy's files have. The
    /// footer's length stands 8 bytes before the end of the file.
    pub(super) fn new(file: Arc<dyn FileHandle>) -> Self {
        let read = |at: Option<usize>| -> Option<[u8; 8]> {
            let bytes = file.read_bytes(at?..at?.checked_add(8).filter(|end| *end <= file.len())?).ok()?;
            bytes.as_slice().try_into().ok()
        };
        let blocks = || {
            let [a, b, c, d, ..] = read(file.len().checked_sub(8))?;
            let footer = u32::from_le_bytes([a, b, c, d]) as usize;
            let offset = read(file.len().checked_sub(8)?.checked_sub(footer)?.checked_sub(24))?;
            usize::try_from(u64::from_le_bytes(offset)).ok()
        };
        // If the end cannot be read, tantivy does not open the file.
        let blocks = blocks().unwrap_or_default();
        Self { file, blocks }
    }
}

impl HasLen for StoreFile {
    fn len(&self) -> usize {
        self.file.len()
    }
}

impl FileHandle for StoreFile {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        let bytes = self.file.read_bytes(range.clone())?;
        if range.end <= self.blocks
            && let Some(&[a, b, c, d]) = bytes.first_chunk()
        {
            let unpacked = u32::from_le_bytes([a, b, c, d]) as usize;
            if unpacked > MAX_BLOCK.min(bytes.len().saturating_mul(MAX_RATIO)) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a block of {unpacked} bytes")));
            }
        }
        // The index of the blocks follows them, level by level. It begins with the number of levels.
        if range.start == self.blocks && number(&mut &bytes[..]).is_none_or(|levels| levels > bytes.len() as u64) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the index of its blocks cannot be read"));
        }
        Ok(bytes)
    }
}

/// Decodes a document; `None` if it holds anything but texts. The bytes are a number of texts, then the field, the
/// kind, the length and the bytes of each text.
pub(super) fn document(mut bytes: &[u8]) -> Option<TantivyDocument> {
    let mut document = TantivyDocument::default();
    for _ in 0..number(&mut bytes)? {
        let (field, rest) = bytes.split_first_chunk()?;
        let (0, rest) = rest.split_first()? else { return None };
        bytes = rest;
        let length = usize::try_from(number(&mut bytes)?).ok()?;
        let (text, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        document.add_text(Field::from_field_id(u32::from_le_bytes(*field)), std::str::from_utf8(text).ok()?);
    }
    Some(document)
}

/// Decodes a number of seven bits a byte, the least significant first; the last byte has its eighth bit set.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 127) << shift;
        if byte & 128 != 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_and_lengths_beyond_it_are_none() {
        let bytes = [&[130][..], &[1, 0, 0, 0, 0, 131], b"abc", &[9, 0, 0, 0, 0, 128]].concat();
        let read = document(&bytes).unwrap();
        assert_eq!(read.get_all(Field::from_field_id(1)).count() + read.get_all(Field::from_field_id(9)).count(), 2);
        for end in 0..bytes.len() {
            assert!(document(&bytes[..end]).is_none(), "{end}");
        }
        assert!(document(&[129, 1, 0, 0, 0, 0, 127, 127, 127, 127, 127, 127, 255]).is_none());
    }

    #[test]
    fn a_block_that_unpacks_to_more_than_it_can_is_an_error() {
        let file = |unpacked: u32| {
            let blocks = [&unpacked.to_le_bytes()[..], &[0; 12]].concat();
            let own = [&blocks[..], &1_u32.to_le_bytes(), &(blocks.len() as u64).to_le_bytes(), &[0; 16]].concat();
            let bytes: &'static [u8] = [&own[..], b"{}", &2_u32.to_le_bytes(), &1337_u32.to_le_bytes()].concat().leak();
            StoreFile::new(Arc::new(bytes))
        };
        assert!(file(16 * 255).read_bytes(0..16).is_ok());
        assert_eq!(file(16 * 255 + 1).read_bytes(0..16).unwrap_err().to_string(), "a block of 4081 bytes");
        assert!(file(u32::MAX).read_bytes(17..20).is_ok());
        let levels = file(1).read_bytes(16..20).unwrap_err().to_string();
        assert_eq!(levels, "the index of its blocks cannot be read");
    }
}
