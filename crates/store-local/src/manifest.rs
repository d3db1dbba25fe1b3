//! A commit: how its vectors were made, and which files hold them and the documents.
//!
//! It is one file of JSON with a checksum, `manifest.json`, replaced by a rename: documents and vectors change in one
//! step. Everything it names is on the disk before.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CATALOG;
use super::files::StoredFile;
use super::segment::Segment;
use semsearch_store::IndexConfig;

/// The documents of a commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Documents {
    /// How many.
    pub count: u64,
    /// How many passages they were cut into; as many, in format 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passages: Option<u64>,
    /// The files, below `catalog/`.
    pub files: Vec<StoredFile>,
    /// What tantivy would keep in its `meta.json`.
    pub meta: Value,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format it was written in.
    #[serde(skip)]
    pub format_version: u32,
    /// How the index was made.
    #[serde(rename = "recipe")]
    pub config: IndexConfig,
    /// The files that hold them.
    pub segments: Vec<Segment>,
    /// An empty index that segments begin as, below `vectors/`, where the factory had to be trained.
    pub trained: Option<StoredFile>,
    /// The documents.
    pub documents: Documents,
    /// The key the next passage gets; keys are never used again.
    pub next_key: u64,
    /// The number of the next file of vectors.
    pub next_file: u64,
    /// When the index was first committed, RFC 3339, UTC.
    pub created: String,
    /// When this commit was made.
    pub updated: String,
}

impl Manifest {
    /// Vectors whose documents are there.
    pub fn vectors(&self) -> u64 {
        self.segments.iter().map(Segment::live).sum()
    }

    /// Bytes of all files that the commit names.
    pub fn bytes_named(&self) -> u64 {
        self.files().map(|file| file.bytes).sum()
    }

    /// The files that the commit names.
    pub(super) fn files(&self) -> impl Iterator<Item = &StoredFile> {
        self.vector_files().chain(&self.documents.files)
    }

    /// Those below `vectors/`.
    pub(super) fn vector_files(&self) -> impl Iterator<Item = &StoredFile> {
        self.segments.iter().flat_map(Segment::files).chain(&self.trained)
    }

    /// Whether the commit names this file of this directory.
    pub(super) fn names(&self, dir: &str, name: &str) -> bool {
        if dir == CATALOG {
            self.documents.files.iter().any(|file| file.name == name)
        } else {
            self.vector_files().any(|file| file.name == name)
        }
    }

    /// Whether it names this file, in whichever directory.
    pub(super) fn names_somewhere(&self, name: &str) -> bool {
        self.files().any(|file| file.name == name)
    }
}
