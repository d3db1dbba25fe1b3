//! Verifies an index: every byte of every file, and that vectors and documents belong together.

use std::collections::HashSet;
use std::path::Path;

use super::catalog::Catalog;
use super::held::part;
use super::latest::with_latest;
use super::manifest::Manifest;
use super::vectors::{self, Opening, VectorSegment};
use super::{CATALOG, VECTORS};
use semsearch_files::Dir;
use semsearch_store::{StoreError, Verified};

/// Checks the latest commit of the index at `dir`: checksums of all files, the documents' own digests, and that each
/// living vector has one document and each document one vector.
///
/// # Errors
/// There is no index. Damage is not an error here; it is listed in `faults`.
pub(super) fn verify(dir: &Path) -> Result<Verified, StoreError> {
    let read = |root: &Dir, bytes: &[u8]| match Manifest::parse(bytes, dir) {
        Ok(Some(manifest)) => Ok(verify_commit(root, &manifest)),
        Ok(None) => Err(StoreError::NoIndex { dir: dir.into() }),
        Err(error @ StoreError::Damaged { .. }) => Ok(Verified { faults: vec![error], ..Verified::default() }),
        Err(other) => Err(other),
    };
    with_latest(dir, read, |verified| verified.faults.is_empty())
}

fn verify_commit(root: &Dir, manifest: &Manifest) -> Verified {
    let mut found = Verified::default();
    match check_all(root, manifest, &mut found) {
        // Files with a wrong byte are not opened, because FAISS and tantivy trust their files.
        Ok(()) if !found.faults.is_empty() => {}
        checked => {
            let fault = checked.and_then(|()| cross_check(root, manifest, &mut found)).err();
            found.faults.extend(fault);
        }
    }
    found
}

/// Checks every byte of every file.
fn check_all(root: &Dir, manifest: &Manifest, found: &mut Verified) -> Result<(), StoreError> {
    let (vectors, catalog) = (part(root, VECTORS)?, part(root, CATALOG)?);
    let documents = manifest.documents.files.iter().map(|file| (&catalog, file));
    for (dir, file) in manifest.vector_files().map(|file| (&vectors, file)).chain(documents) {
        found.parts += 1;
        found.bytes += file.bytes;
        found.faults.extend(file.check(dir).err());
    }
    Ok(())
}

fn cross_check(root: &Dir, manifest: &Manifest, found: &mut Verified) -> Result<(), StoreError> {
    let mut of_vectors = HashSet::new();
    let vectors = part(root, VECTORS)?;
    let (in_vectors, in_catalog) = (root.path_of(VECTORS), root.path_of(CATALOG));
    for segment in &manifest.segments {
        let path = vectors.path_of(&segment.file.name);
        let opened = VectorSegment::open(&vectors, &manifest.config, segment, Opening::default())?;
        if !opened.keys().is_sorted_by(|a, b| a < b) {
            found.faults.push(StoreError::damaged(&path, "its keys do not ascend"));
        }
        // If the checksums of the parts do not match the codes, every search would fail.
        found.faults.extend(opened.check_vectors(&opened.keys().collect::<Vec<_>>()).err());
        for key in opened.live_keys() {
            if !of_vectors.insert(key) {
                found.faults.push(StoreError::damaged(&path, format!("vector {key} is in another file too")));
            }
        }
    }
    let catalog = Catalog::open(part(root, CATALOG)?, &manifest.documents, manifest.config.analysis())?;
    let mut of_documents = HashSet::new();
    for key in catalog.keys()? {
        if !of_documents.insert(key) {
            found.faults.push(StoreError::damaged(&in_catalog, format!("vector {key} has two documents")));
        }
    }
    for key in of_vectors.difference(&of_documents) {
        found.faults.push(StoreError::damaged(&in_catalog, format!("the document of vector {key} is missing")));
    }
    for key in of_documents.difference(&of_vectors) {
        found.faults.push(StoreError::damaged(&in_vectors, format!("the vector of document {key} is missing")));
    }
    let counted = catalog.documents()?;
    if manifest.documents.count != counted {
        let said = manifest.documents.count;
        let what = format!("there are {counted} documents, the manifest says {said}");
        found.faults.push(StoreError::damaged(&in_catalog, what));
    }
    found.faults.extend(catalog.faults()?);
    catalog.check_maps()?;
    (found.documents, found.vectors) = (counted, of_vectors.len() as u64);
    Ok(())
}

/// Checks the files of a commit before they are opened. In a small index, every byte is checked. In a larger one,
/// everything is checked except the vectors' codes and the stored texts, which are checked part by part when they are
/// used.
pub(super) fn check_files(root: &Dir, manifest: &Manifest) -> Result<(), StoreError> {
    /// An index up to this many bytes is checked whole.
    const CHECKED_WHOLE: u64 = 64 << 20;
    let whole = manifest.bytes_named() <= CHECKED_WHOLE;
    let dir = part(root, VECTORS)?;
    for segment in &manifest.segments {
        vectors::check(&dir, segment, whole)?;
    }
    if let Some(trained) = &manifest.trained {
        trained.check(&dir)?;
    }
    super::catalog::check(&part(root, CATALOG)?, &manifest.documents, whole)
}
