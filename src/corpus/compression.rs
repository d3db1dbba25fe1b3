//! gzip and zstd, told by their first bytes, whatever a file is called.

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

/// The first bytes of gzip (RFC 1952) and of a zstd frame (RFC 8878).
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Whether bytes that start so are compressed.
pub(super) fn is_compressed(start: &[u8]) -> bool {
    start.starts_with(GZIP) || start.starts_with(ZSTD)
}

/// What `input` holds, decompressed if it is compressed. What is cut or damaged is an error of the reading.
pub(super) fn decompressed(mut input: impl BufRead + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let start = input.fill_buf()?;
    Ok(if start.starts_with(GZIP) {
        Box::new(MultiGzDecoder::new(input))
    } else if start.starts_with(ZSTD) {
        Box::new(zstd::stream::read::Decoder::with_buffer(input)?)
    } else {
        Box::new(input)
    })
}

/// A file's name without what says that it is compressed.
pub(super) fn bare_name(path: &Path) -> PathBuf {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz" | "gzip" | "zst" | "zstd") => path.with_extension(""),
        _ => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        decompressed(Cursor::new(bytes))?.read_to_end(&mut all)?;
        Ok(all)
    }

    #[test]
    fn what_was_compressed_comes_back_and_other_bytes_stay() {
        let text = b"{\"text\":\"bees\"}\n".repeat(5000);
        assert_eq!(read(text.clone()).unwrap(), text);
        // Two files after each other are one, as for gzip and zstd themselves.
        assert_eq!(read([gzip(&text), gzip(&text)].concat()).unwrap(), text.repeat(2));
        let frame = zstd::encode_all(&text[..], 3).unwrap();
        assert_eq!(read([frame.clone(), frame].concat()).unwrap(), text.repeat(2));
        assert_eq!(read(Vec::new()).unwrap(), b"");
    }

    #[test]
    fn what_is_cut_or_damaged_is_an_error() {
        let text = b"bees dance ".repeat(5000);
        for whole in [gzip(&text), zstd::encode_all(&text[..], 3).unwrap()] {
            for end in [5, whole.len() / 2, whole.len() - 1] {
                assert!(read(whole[..end].to_vec()).is_err(), "{end} of {}", whole.len());
            }
        }
        let mut changed = gzip(&text);
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        assert!(read(changed).is_err());
    }
}
