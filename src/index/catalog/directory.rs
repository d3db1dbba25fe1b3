//! The files of a catalog as tantivy sees them: one commit, and none of tantivy's own.
//!
//! tantivy commits by replacing `meta.json` in its directory. Here that name stands for bytes in memory, which the index's
//! manifest carries, so that documents and vectors are committed by one rename. What tantivy would remove stays until no
//! commit names it, and its locks do nothing: the index has one of its own for the writer, and readers need none.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::directory::error::{DeleteError, LockError, OpenDirectoryError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle, WritePtr,
};

/// tantivy's own record of the latest commit.
const META: &str = "meta.json";

/// See the module's description.
#[derive(Clone, Debug)]
pub(super) struct Pinned {
    files: MmapDirectory,
    meta: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Pinned {
    /// The files in `dir`, at the commit that `meta` describes.
    pub(super) fn open(dir: &Path, meta: Option<Vec<u8>>) -> Result<Self, OpenDirectoryError> {
        Ok(Self { files: MmapDirectory::open(dir)?, meta: Arc::new(Mutex::new(meta)) })
    }

    /// What tantivy last wrote, or was given, as `meta.json`.
    pub(super) fn meta(&self) -> Option<Vec<u8>> {
        self.meta.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Directory for Pinned {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.files.get_file_handle(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        if path == Path::new(META) { Ok(self.meta().is_some()) } else { self.files.exists(path) }
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let meta = if path == Path::new(META) { self.meta() } else { None };
        meta.ok_or_else(|| OpenReadError::FileDoesNotExist(path.into()))
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        // The only other file that is written so is the list of files that tantivy may remove.
        if path == Path::new(META) {
            *self.meta.lock().unwrap_or_else(PoisonError::into_inner) = Some(data.to_vec());
        }
        Ok(())
    }

    fn delete(&self, _: &Path) -> Result<(), DeleteError> {
        Ok(())
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        self.files.open_write(path)
    }

    fn sync_directory(&self) -> io::Result<()> {
        // Done at the commit.
        Ok(())
    }

    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}
