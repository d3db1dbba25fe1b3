//! An index's directory, held by its one writer: how it is created, how it is recognized as ours, and how it is
//! released.
//!
//! A directory is an index if its `manifest.json` is one of ours. A new directory gets a manifest without a commit
//! before anything else. The manifest is created by a link, which never replaces a file. So everything that stands in
//! the directory later is known to be ours, and a directory that holds something else is refused and left as it is.
//! `mkdir` and `link` tell a process whether it made the directory or file, and only the process that made it may undo
//! it.
//!
//! The lock counts only while it is the file of its name in the directory at this path. This is checked after locking,
//! before each commit, and before anything is undone (ARCHITECTURE.md explains why no commit is lost).

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::files::{is_new_name, sweep};
use super::lock::{self, WriterLock};
use super::manifest::Manifest;
use super::manifest_file;
use super::{CATALOG, VECTORS};
use semsearch_files::{Dir, Identity, Made, is_temporary, make_directories, temporary};
use semsearch_store::StoreError;

/// Tells git to ignore everything here.
const IGNORED: (&str, &str) = (".gitignore", "*\n");

/// A writer gives up after so many tries: a directory that is replaced more often cannot be written.
const MOST_TRIES: usize = 10_000;

/// An index's directory with its lock.
pub(super) struct Held {
    locked: Locked,
    /// The directories that this process made, the outermost first.
    made: Vec<Made>,
    /// Whether this process wrote the manifest without a commit.
    begun: bool,
}

/// A locked directory that is an index.
struct Locked {
    root: Dir,
    lock: WriterLock,
    /// The manifest that this process last saw. If there is another one, another writer wrote it.
    manifest: Identity,
}

/// What a directory holds.
enum Content {
    /// An index, or the beginning of one.
    Index,
    /// Nothing, or files that a writer of ours left behind.
    Nothing,
    /// Something else.
    Foreign,
}

impl Held {
    /// Takes the index at `path` for writing, and begins one if there is nothing.
    ///
    /// # Errors
    /// The directory holds something else, cannot be made or written, or another process still holds it after `wait`.
    pub(super) fn take(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        let deadline = Instant::now() + wait;
        let (mut made, mut begun) = (Vec::new(), false);
        for _ in 0..MOST_TRIES {
            let outcome = match make_directories(path) {
                Ok(new) => {
                    made.extend(new);
                    Self::try_take(path, deadline, &mut begun)
                }
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                    Err(StoreError::NotAnIndex { dir: path.into() })
                }
                Err(error) => Err(StoreError::write(path)(error)),
            };
            match outcome {
                Ok(Some(locked)) => return Ok(Self { locked, made, begun }),
                // Meanwhile another writer removed the directory, or made an index in it.
                Ok(None) => {}
                Err(error) => {
                    made.iter().rev().for_each(Made::remove);
                    return Err(error);
                }
            }
        }
        Err(StoreError::Displaced { dir: path.into() })
    }

    /// The index, locked; `None` if the directory was replaced meanwhile.
    fn try_take(path: &Path, deadline: Instant, begun: &mut bool) -> Result<Option<Locked>, StoreError> {
        let root = match Dir::open(path) {
            Ok(root) => root,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(StoreError::NotAnIndex { dir: path.into() });
            }
            Err(error) => return Err(StoreError::read(path)(error)),
        };
        match lock_index(&root, deadline, begun) {
            Ok(found) => Ok(found.map(|(lock, manifest)| Locked { root, lock, manifest })),
            // The error does not matter: the directory is no longer there.
            Err(_) if !root.is_in_place().map_err(StoreError::read(path))? => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The directory.
    pub(super) fn root(&self) -> &Dir {
        &self.locked.root
    }

    /// Opens a directory inside the index's, and makes it if it is not there.
    pub(super) fn directory(&self, name: &str) -> Result<Dir, StoreError> {
        let path = self.root().path_of(name);
        if self.root().make_directory(name).map_err(StoreError::write(&path))? {
            self.root().sync().map_err(StoreError::write(self.root().path()))?;
        }
        self.root().subdirectory(name).map_err(StoreError::read(&path))
    }

    /// Whether this is still the index at its path, with our lock and with the manifest that we last saw.
    fn is_ours(&self) -> Result<bool, StoreError> {
        let there = self
            .root()
            .identity_of(manifest_file::FILE)
            .map_err(StoreError::read(&Manifest::path(self.root().path())))?;
        let in_place = self.root().is_in_place().map_err(StoreError::read(self.root().path()))?;
        Ok(in_place && self.locked.lock.is_in(self.root())? && there == Some(self.locked.manifest))
    }

    /// Makes `manifest` the latest commit, in one step. From then on readers see it.
    ///
    /// # Errors
    /// The manifest cannot be written, or the directory is no longer ours; then the last commit stays.
    /// [`StoreError::Unsynced`]: the new commit is in place, but it may be lost if the power fails.
    pub(super) fn commit(&mut self, manifest: &Manifest) -> Result<(), StoreError> {
        let beside = temporary();
        let written =
            self.write(&beside, &Manifest::bytes_of(Some(manifest), self.root().path())?).and_then(|identity| {
                if !self.is_ours()? {
                    return Err(StoreError::Displaced { dir: self.root().path().into() });
                }
                let path = Manifest::path(self.root().path());
                self.root().rename(&beside, manifest_file::FILE).map_err(StoreError::write(&path))?;
                Ok(identity)
            });
        match written {
            Ok(identity) => self.locked.manifest = identity,
            Err(error) => {
                // The error is what matters. The next writer removes what cannot be removed now.
                let _ = self.root().remove(&beside);
                return Err(error);
            }
        }
        // From here on nothing is undone.
        self.begun = false;
        self.made.clear();
        let dir = self.root().path();
        self.root().sync().map_err(|source| StoreError::Unsynced { dir: dir.into(), source })
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<Identity, StoreError> {
        write(self.root(), name, bytes)
    }

    /// Removes files that no commit names any more: those that an earlier commit named, which `is_old` tells, and those
    /// that no commit has named. Files that `is_named` knows are kept. Both functions get the directory's name and the
    /// file's.
    pub(super) fn sweep(
        &self,
        is_old: impl Fn(&str) -> bool,
        is_named: impl Fn(&str, &str) -> bool,
    ) -> Result<(), StoreError> {
        sweep(self.root(), is_temporary)?;
        for name in [VECTORS, CATALOG] {
            match self.root().subdirectory(name) {
                Ok(dir) => sweep(&dir, |file| !is_named(name, file) && (is_new_name(file) || is_old(file)))?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::read(&self.root().path_of(name))(error)),
            }
        }
        Ok(())
    }

    /// Removes a new index in which nothing was committed: only what is known to be ours, and only while it is ours.
    fn undo(&self) -> Result<(), StoreError> {
        let nothing = |root: &Dir| -> Result<bool, StoreError> {
            Ok(match Manifest::bytes(root)? {
                Some(bytes) => Manifest::parse(&bytes, root.path())?.is_none(),
                None => false,
            })
        };
        if !self.is_ours()? || !nothing(self.root())? {
            return Ok(());
        }
        self.sweep(|_| false, |_, _| false)?;
        let gone = |name: &str| self.root().remove(name).map_err(StoreError::write(&self.root().path_of(name)));
        for name in [VECTORS, CATALOG] {
            // A directory that is not empty holds files of somebody else.
            let _ = self.root().remove_directory(name);
        }
        let here = self.root().identity().map_err(StoreError::read(self.root().path()))?;
        let of_ours = self.made.last().is_some_and(|made| made.identity() == here);
        if self.begun || of_ours {
            // The lock last: whoever gets it sees what is left of the beginning, and begins again.
            gone(manifest_file::FILE)?;
            if is_our_ignore(self.root()) {
                gone(IGNORED.0)?;
            }
            gone(lock::FILE)?;
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // If a new index cannot be removed, the next writer continues with it.
        let _ = self.undo();
        self.made.iter().rev().for_each(Made::remove);
    }
}

/// Begins an index where there is nothing, and locks it. `None` if the directory was replaced meanwhile.
fn lock_index(root: &Dir, deadline: Instant, begun: &mut bool) -> Result<Option<(WriterLock, Identity)>, StoreError> {
    match content(root)? {
        Content::Foreign => return Err(StoreError::NotAnIndex { dir: root.path().into() }),
        Content::Nothing => *begun |= begin(root)?,
        Content::Index => {}
    }
    let Some(lock) = WriterLock::acquire(root, deadline)? else { return Ok(None) };
    let manifest = root.identity_of(manifest_file::FILE).map_err(StoreError::read(&Manifest::path(root.path())))?;
    let in_place = root.is_in_place().map_err(StoreError::read(root.path()))?;
    Ok(manifest.filter(|_| in_place).map(|manifest| (lock, manifest)))
}

/// Whether a directory holds an index, nothing, or something else.
fn content(root: &Dir) -> Result<Content, StoreError> {
    let is_left_over = |name: &str| match name {
        lock::FILE => lock::is_left_over(root).unwrap_or(false),
        name if name == IGNORED.0 => is_our_ignore(root),
        name => is_temporary(name),
    };
    loop {
        match Manifest::bytes(root) {
            Ok(Some(bytes)) if Manifest::is_ours(&bytes) => return Ok(Content::Index),
            Ok(Some(_)) | Err(StoreError::Damaged { .. }) => return Ok(Content::Foreign),
            Ok(None) => {}
            Err(error) => return Err(error),
        }
        let entries = root.entries().map_err(StoreError::read(root.path()))?;
        let Some(strange) = entries.iter().find(|name| !name.to_str().is_some_and(is_left_over)) else {
            return Ok(Content::Nothing);
        };
        // Between the two checks another first writer may have begun an index, or removed the one that it had begun.
        let there = |name: &str| root.identity_of(name).is_ok_and(|there| there.is_some());
        if !there(manifest_file::FILE) && strange.to_str().is_none_or(there) {
            return Ok(Content::Foreign);
        }
    }
}

/// Writes a manifest without a commit. Returns whether this process created it.
fn begin(root: &Dir) -> Result<bool, StoreError> {
    let publish =
        |name: &str, content: &[u8]| root.publish(name, content).map_err(StoreError::write(&root.path_of(name)));
    let begun = publish(manifest_file::FILE, &Manifest::bytes_of(None, root.path())?)?;
    if begun {
        publish(IGNORED.0, IGNORED.1.as_bytes())?;
        root.sync().map_err(StoreError::write(root.path()))?;
    }
    Ok(begun)
}

/// Creates a file, and syncs its bytes to the disk before it returns.
fn write(root: &Dir, name: &str, bytes: &[u8]) -> Result<Identity, StoreError> {
    let path = root.path_of(name);
    let write = || -> io::Result<Identity> {
        let mut file = root.create(name)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        Identity::of_file(&file)
    };
    write().map_err(StoreError::write(&path))
}

fn is_our_ignore(root: &Dir) -> bool {
    let read = root.read(IGNORED.0).and_then(|file| semsearch_files::read_bounded(file, IGNORED.1.len() as u64));
    read.is_ok_and(|bytes| bytes == IGNORED.1.as_bytes())
}

/// Opens a directory of an index for reading.
pub(super) fn part(root: &Dir, name: &str) -> Result<Dir, StoreError> {
    let path: PathBuf = root.path_of(name);
    root.subdirectory(name).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StoreError::damaged(&path, "the directory is missing"),
        io::ErrorKind::InvalidInput | io::ErrorKind::NotADirectory => StoreError::damaged(&path, "not a directory"),
        _ => StoreError::read(&path)(error),
    })
}
