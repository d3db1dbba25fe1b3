//! An index's directory, held by its one writer: how it is begun, how it is known to be ours, and how it is left.
//!
//! A directory is an index if its `manifest.json` is one of ours. A new one gets a manifest without a commit before anything
//! else, by a link, which never replaces a file; so whatever stands in it later is known to be ours, and a directory that
//! holds something else is refused as it is. Who may undo what is decided by `mkdir` and `link`: they say who made it.
//!
//! The lock counts only while it is the file of its name in the directory of this path. That is looked at after locking,
//! before each commit, and before anything is undone (ARCHITECTURE.md has the argument that no commit is lost).

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

/// Tells git that nothing here is to be kept.
const IGNORED: (&str, &str) = (".gitignore", "*\n");

/// A directory that changes hands more often than this is not one that can be written.
const MOST_TRIES: usize = 10_000;

/// An index's directory with its lock.
pub(super) struct Held {
    locked: Locked,
    /// The directories that this process made, the outermost first.
    made: Vec<Made>,
    /// Whether this process wrote the manifest without a commit.
    begun: bool,
}

/// A directory that is locked, and is an index.
struct Locked {
    root: Dir,
    lock: WriterLock,
    /// The manifest that was there last; another one would be another writer's.
    manifest: Identity,
}

/// What a directory holds.
enum Content {
    /// An index, or the beginning of one.
    Index,
    /// Nothing, or what a writer of ours left behind.
    Nothing,
    /// Something else.
    Foreign,
}

impl Held {
    /// Takes the index at `path` to write, beginning it if there is nothing.
    ///
    /// # Errors
    /// The directory holds something else, cannot be made or written, or another process holds it after `wait`.
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
                // Its last writer took the directory away, or made it an index, in these moments.
                Ok(None) => {}
                Err(error) => {
                    made.iter().rev().for_each(Made::remove);
                    return Err(error);
                }
            }
        }
        Err(StoreError::Displaced { dir: path.into() })
    }

    /// The index, locked; `None` if it changed hands meanwhile.
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
            // Whatever failed in a directory that is no longer there.
            Err(_) if !root.is_in_place().map_err(StoreError::read(path))? => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The directory.
    pub(super) fn root(&self) -> &Dir {
        &self.locked.root
    }

    /// Opens a directory in it, making that if it is not there.
    pub(super) fn directory(&self, name: &str) -> Result<Dir, StoreError> {
        let path = self.root().path_of(name);
        if self.root().make_directory(name).map_err(StoreError::write(&path))? {
            self.root().sync().map_err(StoreError::write(self.root().path()))?;
        }
        self.root().subdirectory(name).map_err(StoreError::read(&path))
    }

    /// Whether this is still the index at its path, with our lock, and as its last writer left it.
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
    /// It cannot be written, or the directory is no longer ours; the last commit stands then. [`StoreError::Unsynced`]: the new
    /// one stands, and may be lost if the power goes.
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
                // The error matters; what cannot be removed now is swept by the next writer.
                let _ = self.root().remove(&beside);
                return Err(error);
            }
        }
        // Nothing is undone any more.
        self.begun = false;
        self.made.clear();
        let dir = self.root().path();
        self.root().sync().map_err(|source| StoreError::Unsynced { dir: dir.into(), source })
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<Identity, StoreError> {
        write(self.root(), name, bytes)
    }

    /// Removes the files that `is_old` says were named by a commit before, and those that no commit has named, but for
    /// those that `is_named` keeps. Both are given the directory's name and the file's.
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

    /// Takes away a beginning in which nothing was committed: only what is known to be ours, only while it is.
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
            // One that is not empty holds something of somebody.
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
        // A beginning that cannot be taken away is one that the next writer goes on with.
        let _ = self.undo();
        self.made.iter().rev().for_each(Made::remove);
    }
}

/// Begins an index where there is nothing, and locks it. `None` if it changed hands meanwhile.
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
        // Another first writer may have begun an index, or taken its beginning away, between the two looks.
        let there = |name: &str| root.identity_of(name).is_ok_and(|there| there.is_some());
        if !there(manifest_file::FILE) && strange.to_str().is_none_or(there) {
            return Ok(Content::Foreign);
        }
    }
}

/// Writes a manifest without a commit, and says whether it was this process that did.
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

/// Creates a file whose bytes are on the disk when this returns.
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

/// A directory of an index, to read.
pub(super) fn part(root: &Dir, name: &str) -> Result<Dir, StoreError> {
    let path: PathBuf = root.path_of(name);
    root.subdirectory(name).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StoreError::damaged(&path, "the directory is missing"),
        io::ErrorKind::InvalidInput | io::ErrorKind::NotADirectory => StoreError::damaged(&path, "it is no directory"),
        _ => StoreError::read(&path)(error),
    })
}
