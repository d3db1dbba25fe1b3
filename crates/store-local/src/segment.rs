//! A segment of an index's vectors, as the manifest describes it.

use serde::{Deserialize, Serialize};

use super::files::StoredFile;

/// One file of vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The file, below `vectors/`.
    #[serde(flatten)]
    pub file: StoredFile,
    /// Where the codes are in the file, if they are in one piece.
    pub codes: Option<Codes>,
    /// The file with the vectors as bytes, below `vectors/`; only flat segments of many vectors have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halves: Option<StoredFile>,
    /// The number of vectors in the file.
    pub vectors: u64,
    /// The smallest key in the file. Keys ascend.
    pub first_key: u64,
    /// The largest key in the file.
    pub last_key: u64,
    /// Keys of vectors in the file whose documents were removed or replaced, ascending.
    pub dead: Vec<u64>,
}

impl Segment {
    /// The segment's files.
    pub(super) fn files(&self) -> impl Iterator<Item = &StoredFile> {
        let sums = self.codes.as_ref().and_then(|codes| codes.sums.as_ref());
        std::iter::once(&self.file).chain(sums.map(|sums| &sums.file)).chain(&self.halves)
    }

    /// The number of vectors whose documents are still there.
    pub fn live(&self) -> u64 {
        self.vectors - self.dead.len() as u64
    }
}

/// Where a file of vectors has its codes. Codes are most of its bytes, and the only ones for which FAISS accepts any
/// value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Codes {
    /// The number of bytes before the codes.
    pub start: u64,
    /// The length of the codes in bytes.
    pub bytes: u64,
    /// The CRC-32 of everything else in the file.
    pub rest_crc32: u32,
    /// The checksums of the codes' parts; `None` before format 4.
    #[serde(default)]
    pub sums: Option<Sums>,
}

/// A file with a CRC-32 for each part of a segment's codes. A vector can be checked without reading all codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// The file, below `vectors/`.
    #[serde(flatten)]
    pub file: StoredFile,
    /// The bytes of a part; the last part may have fewer.
    pub part: u64,
}
