//! Is all as it was committed? Every byte of every file, and whether vectors and documents are each other's.

use std::collections::HashSet;
use std::path::Path;

use super::catalog::Catalog;
use super::manifest::Manifest;
use super::vectors::{self, VectorSegment};
use super::{catalog_dir, vectors_dir};
use crate::error::{Error, Result};

/// What was found.
#[derive(Debug, Default)]
pub struct Verified {
    /// Files read.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Documents read.
    pub documents: u64,
    /// Vectors whose documents are there.
    pub vectors: u64,
    /// Everything that is wrong; nothing, if the index is intact.
    pub faults: Vec<Error>,
}

/// Checks the latest commit of the index at `dir`: checksums of all files, the documents' own digests, and that each
/// living vector has one document and each document one vector.
///
/// # Errors
/// There is no index. What is damaged is no error here, but a fault found.
pub fn verify(dir: &Path) -> Result<Verified> {
    loop {
        let before = Manifest::bytes(dir)?.ok_or_else(|| Error::NoIndex { dir: dir.into() })?;
        let verified = match Manifest::parse(&before, dir) {
            Ok(manifest) => verify_commit(dir, &manifest),
            Err(error @ Error::Damaged { .. }) => Verified { faults: vec![error], ..Verified::default() },
            Err(other) => return Err(other),
        };
        // A writer that commits meanwhile removes files of the old commit.
        if verified.faults.is_empty() || Manifest::bytes(dir)?.as_ref() == Some(&before) {
            return Ok(verified);
        }
    }
}

fn verify_commit(dir: &Path, manifest: &Manifest) -> Verified {
    let (vectors, catalog) = (vectors_dir(dir), catalog_dir(dir));
    let mut found = Verified::default();
    let segments = manifest.segments.iter().map(|segment| (&vectors, &segment.file));
    let trained = manifest.trained.iter().map(|file| (&vectors, file));
    let documents = manifest.documents.files.iter().map(|file| (&catalog, file));
    for (dir, file) in segments.chain(trained).chain(documents) {
        found.files += 1;
        found.bytes += file.bytes;
        found.faults.extend(file.check(dir).err());
    }
    // What has a wrong byte is not opened: FAISS and tantivy trust their files.
    if found.faults.is_empty()
        && let Err(error) = cross_check(dir, manifest, &mut found)
    {
        found.faults.push(error);
    }
    found
}

fn cross_check(dir: &Path, manifest: &Manifest, found: &mut Verified) -> Result<()> {
    let mut of_vectors = HashSet::new();
    for segment in &manifest.segments {
        let path = vectors_dir(dir).join(&segment.file.name);
        let opened = VectorSegment::open(&vectors_dir(dir), &manifest.recipe, segment)?;
        if !opened.keys().is_sorted_by(|a, b| a < b) {
            found.faults.push(Error::damaged(&path, "its keys do not ascend"));
        }
        for key in opened.live_keys() {
            if !of_vectors.insert(key) {
                found.faults.push(Error::damaged(&path, format!("vector {key} stands in another file too")));
            }
        }
    }
    let catalog = Catalog::open(&catalog_dir(dir), &manifest.documents, manifest.recipe.language)?;
    let mut of_documents = HashSet::new();
    for key in catalog.keys()? {
        if !of_documents.insert(key) {
            found.faults.push(Error::damaged(&catalog_dir(dir), format!("vector {key} has two documents")));
        }
    }
    for key in of_vectors.difference(&of_documents) {
        found.faults.push(Error::damaged(&catalog_dir(dir), format!("the document of vector {key} is missing")));
    }
    for key in of_documents.difference(&of_vectors) {
        found.faults.push(Error::damaged(&vectors_dir(dir), format!("the vector of document {key} is missing")));
    }
    let counted = catalog.documents();
    if manifest.documents.count != counted {
        let said = manifest.documents.count;
        let what = format!("there are {counted} documents, the manifest says {said}");
        found.faults.push(Error::damaged(&catalog_dir(dir), what));
    }
    found.faults.extend(catalog.faults()?);
    (found.documents, found.vectors) = (counted, of_vectors.len() as u64);
    Ok(())
}

/// Checks the files of a commit before they are opened: every byte of a small index, and of a larger one everything but
/// the vectors' codes and the stored texts. A changed byte in those can shift a score, or a text that is then found not
/// to be as it was committed, and nothing else.
pub(super) fn check_files(dir: &Path, manifest: &Manifest) -> Result<()> {
    /// An index up to this many bytes is checked whole.
    const CHECKED_WHOLE: u64 = 64 << 20;
    let whole = manifest.bytes_named() <= CHECKED_WHOLE;
    for segment in &manifest.segments {
        vectors::check(&vectors_dir(dir), segment, whole)?;
    }
    if let Some(trained) = &manifest.trained {
        trained.check(&vectors_dir(dir))?;
    }
    super::catalog::check(&catalog_dir(dir), &manifest.documents, whole)
}
