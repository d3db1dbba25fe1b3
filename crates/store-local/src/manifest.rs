//! A commit: how its vectors were made, and which files hold them and the documents.
//!
//! It is one file of JSON with a checksum, `manifest.json`. A rename replaces it, so documents and vectors change in
//! one step. Every file that it names is on the disk before.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CATALOG;
use super::files::StoredFile;
use super::manifest_file::{FORMAT_VERSION, USUAL_FORMAT};
use super::segment::Segment;
use semsearch_store::IndexConfig;

/// The documents of a commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Documents {
    /// The number of documents.
    pub count: u64,
    /// The number of passages that they were cut into. Format 2 does not store it, because each document is one passage
    /// there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passages: Option<u64>,
    /// The files, below `catalog/`.
    pub files: Vec<StoredFile>,
    /// What tantivy would write into its `meta.json`.
    pub meta: Value,
    /// What is added to the keys that a segment of tantivy's has in its files, by the segment's name in the names of its
    /// files. Segments that came from another index are here; format 4 does not have them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shifts: BTreeMap<String, u64>,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format in which the manifest was written.
    #[serde(skip)]
    pub format_version: u32,
    /// How the index was made.
    #[serde(rename = "recipe")]
    pub config: IndexConfig,
    /// The files of vectors.
    pub segments: Vec<Segment>,
    /// The trained empty index with which every segment begins, below `vectors/`; `None` if the factory needs no
    /// training.
    pub trained: Option<StoredFile>,
    /// The documents.
    pub documents: Documents,
    /// The key of the next passage. Keys are never used again.
    pub next_key: u64,
    /// The number of the next file of vectors.
    pub next_file: u64,
    /// When the index was first committed, RFC 3339, UTC.
    pub created: String,
    /// When this commit was made, RFC 3339, UTC.
    pub updated: String,
}

impl Manifest {
    /// The number of vectors whose documents are still there.
    pub fn vectors(&self) -> u64 {
        self.segments.iter().map(Segment::live).sum()
    }

    /// The oldest format that can express this commit: only a commit with segments of other indexes needs the newest.
    pub(super) fn needed_format(&self) -> u32 {
        if self.documents.shifts.is_empty() { USUAL_FORMAT } else { FORMAT_VERSION }
    }

    /// The number of bytes of all files that the commit names.
    pub fn bytes_named(&self) -> u64 {
        self.files().map(|file| file.bytes).sum()
    }

    /// The files that the commit names.
    pub(super) fn files(&self) -> impl Iterator<Item = &StoredFile> {
        self.vector_files().chain(&self.documents.files)
    }

    /// The files below `vectors/` that the commit names.
    pub(super) fn vector_files(&self) -> impl Iterator<Item = &StoredFile> {
        self.segments.iter().flat_map(Segment::files).chain(&self.trained)
    }

    /// Whether the commit names the file `name` in the directory `dir`.
    pub(super) fn names(&self, dir: &str, name: &str) -> bool {
        if dir == CATALOG {
            self.documents.files.iter().any(|file| file.name == name)
        } else {
            self.vector_files().any(|file| file.name == name)
        }
    }

    /// Whether the commit names this file in any directory.
    pub(super) fn names_somewhere(&self, name: &str) -> bool {
        self.files().any(|file| file.name == name)
    }
}
