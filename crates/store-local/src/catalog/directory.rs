//! The directory that tantivy sees: the files of one commit, without tantivy's own commit and lock files.
//!
//! tantivy commits by replacing `meta.json` in its directory. Here that name stands for bytes in memory, which the
//! index's manifest carries, so that documents and vectors are committed by one rename. A file that tantivy removes
//! stays until no commit names it. tantivy's locks do nothing: the index has its own lock for the writer, and readers
//! need none. Files are opened and created relative to the directory's descriptor, and a new file never replaces an
//! existing one.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, OwnedBytes, TerminatingWrite, WatchCallback,
    WatchHandle, WritePtr,
};

use super::store::{StoreFile, TEXTS};
use semsearch_files::{Dir, Map};
use semsearch_store::StoreError;

/// tantivy's own record of the latest commit.
const META: &str = "meta.json";

/// See the module's description.
#[derive(Clone, Debug)]
pub(super) struct Pinned {
    dir: Arc<Dir>,
    meta: Arc<Mutex<Option<Vec<u8>>>>,
    /// The mapped files, by name.
    maps: Arc<Mutex<Vec<(String, Map)>>>,
}

impl Pinned {
    /// The files in `dir`, at the commit that `meta` describes.
    pub(super) fn new(dir: Arc<Dir>, meta: Option<Vec<u8>>) -> Self {
        Self { dir, meta: Arc::new(Mutex::new(meta)), maps: Arc::default() }
    }

    /// The bytes that tantivy last wrote as `meta.json`, or was given.
    pub(super) fn meta(&self) -> Option<Vec<u8>> {
        lock(&self.meta).clone()
    }

    /// Checks that no mapped file became shorter.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: a file became shorter.
    pub(super) fn check_maps(&self) -> Result<(), StoreError> {
        let check = |(name, map): &(String, Map)| {
            map.check().map_err(|error| StoreError::damaged(&self.dir.path_of(name), error.to_string()))
        };
        lock(&self.maps).iter().try_for_each(check)
    }

    fn map(&self, name: &str) -> io::Result<Map> {
        let map = Map::new(&self.dir.read(name)?)?;
        let mut maps = lock(&self.maps);
        // A writer's segments come and go. A map whose file became shorter is kept, so that it is reported.
        maps.retain(|(_, map)| map.is_shared() || map.check().is_err());
        maps.push((name.into(), map.clone()));
        Ok(map)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// File names of tantivy are ASCII.
fn name(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

/// A file on its way to the disk.
struct Growing(File);

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl TerminatingWrite for Growing {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        // The file is synced when it is listed for the commit.
        self.0.flush()
    }
}

impl Directory for Pinned {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let file: Arc<dyn FileHandle> = match self.map(name(path)) {
            Ok(map) => Arc::new(OwnedBytes::new(map)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(OpenReadError::FileDoesNotExist(path.into()));
            }
            Err(error) => return Err(OpenReadError::wrap_io_error(error, path.into())),
        };
        Ok(if name(path).ends_with(TEXTS) { Arc::new(StoreFile::new(file)) } else { file })
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        if path == Path::new(META) {
            return Ok(self.meta().is_some());
        }
        let there = self.dir.identity_of(name(path));
        there.map(|there| there.is_some()).map_err(|error| OpenReadError::wrap_io_error(error, path.into()))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let meta = if path == Path::new(META) { self.meta() } else { None };
        meta.ok_or_else(|| OpenReadError::FileDoesNotExist(path.into()))
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        // The only other file that is written in this way is the list of files that tantivy may remove. It is not
        // needed.
        if path == Path::new(META) {
            *lock(&self.meta) = Some(data.to_vec());
        }
        Ok(())
    }

    fn delete(&self, _: &Path) -> Result<(), DeleteError> {
        Ok(())
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        match self.dir.create(name(path)) {
            Ok(file) => Ok(BufWriter::new(Box::new(Growing(file)))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(OpenWriteError::FileAlreadyExists(path.into()))
            }
            Err(error) => Err(OpenWriteError::wrap_io_error(error, path.into())),
        }
    }

    fn sync_directory(&self) -> io::Result<()> {
        // The directory is synced at the commit.
        Ok(())
    }

    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}
