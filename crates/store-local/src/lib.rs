//! An index on disk: documents, their vectors, and one commit that names both.
//!
//! ```text
//! .semsearch/
//!   manifest.json          the commit: names every other file, with its length and checksum
//!   catalog/               tantivy: each passage's key, id, title, text, metadata, source and digests
//!   vectors/000001.faiss   FAISS: vectors and their keys, a file for each segment
//!   vectors/000001.sums    checksums of the vectors' parts
//!   lock                   held by the one writer
//! ```
//!
//! [`LocalStore`] opens [`LocalSnapshot`]s, each of which reads one commit and sees only that one. [`LocalWriter`]
//! makes the next commit. A file is on the disk before the commit that names it, and never changes afterwards. A file
//! that no commit names is removed. `semsearch_engine` decides what a query means.

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod blas;
mod catalog;
mod compaction;
mod copied;
mod export;
mod files;
mod filtered;
mod find;
mod held;
mod keys;
mod latest;
mod lock;
mod manifest;
mod manifest_file;
mod nearest;
mod nearest_vectors;
mod processor;
mod segment;
mod snapshot;
mod sound;
mod source;
mod store;
#[cfg(test)]
mod testing;
mod unchanged;
mod vectors;
mod verify;
mod writer;

pub use catalog::is_catalog_thread;
pub use export::export_faiss;
pub use files::StoredFile;
pub use find::{DIRECTORY, NearestIndex, find};
pub use latest::recorded;
pub use manifest::{Documents, Manifest};
pub use manifest_file::FORMAT_VERSION;
pub use processor::check_processor;
pub use segment::{Codes, Segment, Sums};
pub use snapshot::LocalSnapshot;
pub use source::holder;
pub use store::LocalStore;
pub use vectors::set_threads;

pub use writer::{LocalWriter, MergedIndexes, merge};

/// The name of the documents' directory, inside the index's directory.
const CATALOG: &str = "catalog";

/// The name of the vectors' directory, inside the index's directory.
const VECTORS: &str = "vectors";
