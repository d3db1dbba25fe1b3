//! A segment of an index's vectors, as the manifest describes it.

use serde::{Deserialize, Serialize};

use super::files::StoredFile;

/// One file of vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The file, below `vectors/`.
    #[serde(flatten)]
    pub file: StoredFile,
    /// The codes in it, where they are one piece.
    pub codes: Option<Codes>,
    /// Vectors in it.
    pub vectors: u64,
    /// The smallest of their keys, which ascend.
    pub first_key: u64,
    /// The largest.
    pub last_key: u64,
    /// Keys of vectors in it whose documents are gone, ascending.
    pub dead: Vec<u64>,
}

impl Segment {
    /// Its files.
    pub(super) fn files(&self) -> impl Iterator<Item = &StoredFile> {
        let sums = self.codes.as_ref().and_then(|codes| codes.sums.as_ref());
        std::iter::once(&self.file).chain(sums.map(|sums| &sums.file))
    }

    /// Vectors in it whose documents are there.
    pub fn live(&self) -> u64 {
        self.vectors - self.dead.len() as u64
    }
}

/// Where a file of vectors has its codes: most of its bytes, and the only ones that FAISS takes as they come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Codes {
    /// Bytes before them.
    pub start: u64,
    /// Their length in bytes.
    pub bytes: u64,
    /// The CRC-32 of all else in the file.
    pub rest_crc32: u32,
    /// The checksums of their parts; `None` before format 4.
    #[serde(default)]
    pub sums: Option<Sums>,
}

/// A file with a CRC-32 for each part of a segment's codes, so that a vector can be checked without reading all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// The file, below `vectors/`.
    #[serde(flatten)]
    pub file: StoredFile,
    /// Bytes of a part; the last one may have fewer.
    pub part: u64,
}
