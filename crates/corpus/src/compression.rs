//! gzip and zstd. They are recognized by their first bytes; the name of a file does not matter.

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::peek::peek;

/// How many bytes are needed to recognize a compression.
const MAGIC: usize = 4;

/// How bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// gzip (RFC 1952): one or more members.
    Gzip,
    /// zstd (RFC 8878): one or more frames. Skippable frames are ignored.
    Zstd,
}

impl Compression {
    fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Returns how `input` is compressed, if it is, and its decompressed bytes. Reading them fails if they are cut or
/// damaged.
pub(crate) fn decompressed(
    input: impl BufRead + Send + 'static,
) -> io::Result<(Option<Compression>, Box<dyn Read + Send>)> {
    let (start, input) = peek(input, MAGIC);
    let compression = Compression::of(&start);
    let bytes: Box<dyn Read + Send> = match compression {
        Some(Compression::Gzip) => Box::new(MultiGzDecoder::new(input)),
        Some(Compression::Zstd) => Box::new(zstd::stream::read::Decoder::with_buffer(input)?),
        None => Box::new(input),
    };
    Ok((compression, bytes))
}

/// The name of a file without the extension of a compression, in upper or lower case.
pub(crate) fn bare_name(path: &Path) -> PathBuf {
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("gz" | "gzip" | "zst" | "zstd") => path.with_extension(""),
        _ => path.into(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
        // With a checksum, as the program zstd writes it.
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        decompressed(Cursor::new(bytes))?.1.read_to_end(&mut all)?;
        Ok(all)
    }

    #[test]
    fn what_was_compressed_comes_back_and_other_bytes_stay() {
        let text = b"{\"text\":\"bees\"}\n".repeat(5000);
        for whole in [&text[..], b"", b"(", b"P*M"] {
            assert_eq!(read(whole.into()).unwrap(), whole);
            assert_eq!(read(gzip(whole)).unwrap(), whole);
            assert_eq!(read(zstd(whole)).unwrap(), whole);
        }
    }

    #[test]
    fn files_after_each_other_are_one_as_for_the_programs() {
        assert_eq!(read([gzip(b"bees "), gzip(b""), gzip(b"dance")].concat()).unwrap(), b"bees dance");
        assert_eq!(read([zstd(b"bees "), zstd(b""), zstd(b"dance")].concat()).unwrap(), b"bees dance");
        let for_others = b"\x50\x2a\x4d\x18\x03\0\0\0abc";
        assert_eq!(read([for_others, &zstd(b"bees")[..], for_others].concat()).unwrap(), b"bees");
    }

    #[test]
    fn what_is_cut_anywhere_is_an_error() {
        let text: Vec<u8> = (0..300_u32).flat_map(|number| format!("bees {} ", number * number).into_bytes()).collect();
        for compress in [gzip, zstd] {
            let (first, second) = (compress(b"ants"), compress(&text));
            for end in (MAGIC..second.len()).filter(|end| end % 7 == 0 || second.len() - end < 20) {
                assert!(read(second[..end].into()).is_err(), "{end} of {}", second.len());
            }
            for end in 1..second.len().min(40) {
                assert!(read([&first, &second[..end]].concat()).is_err(), "{end} of the second");
            }
        }
    }

    #[test]
    fn what_is_damaged_is_an_error_or_what_it_was() {
        let text = b"bees dance ".repeat(500);
        for whole in [gzip(&text), zstd(&text)] {
            for at in MAGIC..whole.len() {
                let mut changed = whole.clone();
                changed[at] ^= 0x10;
                // Damage to a time stamp or a file name does not change the content.
                assert!(read(changed).map_or(true, |found| found == text), "byte {at}");
            }
        }
    }

    #[test]
    fn a_compressed_file_is_called_by_what_it_holds() {
        let bare = |name: &str| bare_name(name.as_ref()).to_str().unwrap().to_owned();
        assert_eq!(["a.jsonl.gz", "a.jsonl.ZST", "a.jsonl.gzip", "a.jsonl.zstd", "a.jsonl"].map(bare), ["a.jsonl"; 5]);
        assert_eq!(["a.gz", ".gz"].map(bare), ["a", ".gz"]);
    }
}
