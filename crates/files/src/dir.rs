//! An open directory. All changes to its entries are made in this directory, even if its path leads elsewhere now.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, renameat};
use nix::libc;
use nix::sys::stat::{Mode, SFlag, fstat, fstatat, mkdirat, stat};
use nix::unistd::{UnlinkatFlags, linkat, symlinkat, unlinkat};

use super::{Identity, is_plain, temporary};

/// The flags of every open: no link is followed, no child process inherits the file, and a pipe does not block.
const SAFE: OFlag = OFlag::O_CLOEXEC.union(OFlag::O_NOFOLLOW).union(OFlag::O_NONBLOCK);

/// The permissions of new files and directories, before the mask of the process is applied.
const FILE: Mode = Mode::from_bits_truncate(0o666);
const DIRECTORY: Mode = Mode::from_bits_truncate(0o777);

/// Which file an entry is, and its last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileState {
    /// Which file it is.
    pub identity: Identity,
    /// Its length in bytes.
    bytes: libc::off_t,
    /// When its content was last changed: seconds, and nanoseconds in them.
    modified: (libc::time_t, libc::c_long),
}

/// An open directory.
#[derive(Debug)]
pub struct Dir {
    descriptor: OwnedFd,
    /// Its path when it was opened, for messages.
    path: PathBuf,
}

impl Dir {
    /// Opens a directory that the user named. Links in `path` are followed.
    pub fn open(path: &Path) -> io::Result<Self> {
        // The parent of a path with one component is "", which means the working directory.
        let there = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let descriptor =
            openat(AT_FDCWD, there, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        Ok(Self { descriptor, path: path.into() })
    }

    /// The same directory, with a descriptor of its own.
    pub fn again(&self) -> io::Result<Self> {
        Ok(Self { descriptor: self.descriptor.try_clone()?, path: self.path.clone() })
    }

    /// Its path when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of an entry, for messages.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The identity of the directory.
    pub fn identity(&self) -> io::Result<Identity> {
        Identity::of_open(&self.descriptor)
    }

    /// Whether its path still leads to it.
    pub fn is_in_place(&self) -> io::Result<bool> {
        let there = if self.path.as_os_str().is_empty() { Path::new(".") } else { &self.path };
        match stat(there) {
            Ok(status) => Ok(Identity::of(&status) == self.identity()?),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The identity of an entry; `None` if there is no such entry.
    pub fn identity_of(&self, name: &str) -> io::Result<Option<Identity>> {
        Ok(self.state_of(name)?.map(|state| state.identity))
    }

    /// Which file an entry is, and its last change; `None` if there is no such entry.
    pub fn state_of(&self, name: &str) -> io::Result<Option<FileState>> {
        match fstatat(&self.descriptor, plain(name)?, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(status) => Ok(Some(FileState {
                identity: Identity::of(&status),
                bytes: status.st_size,
                modified: (status.st_mtime, status.st_mtime_nsec),
            })),
            Err(Errno::ENOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a directory in this one.
    pub fn subdirectory(&self, name: &str) -> io::Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | SAFE;
        let descriptor = openat(&self.descriptor, plain(name)?, flags, Mode::empty()).map_err(refused)?;
        Ok(Self { descriptor, path: self.path_of(name) })
    }

    /// Makes a directory in this one. Returns whether it was made; `false` if the name was taken.
    pub fn make_directory(&self, name: &str) -> io::Result<bool> {
        match mkdirat(&self.descriptor, plain(name)?, DIRECTORY) {
            Ok(()) => Ok(true),
            Err(Errno::EEXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a regular file for reading.
    pub fn read(&self, name: &str) -> io::Result<File> {
        self.regular(name, OFlag::O_RDONLY)
    }

    /// Creates a file for writing and reading. It is an error if the name is taken, also by a link.
    pub fn create(&self, name: &str) -> io::Result<File> {
        self.regular(name, OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL)
    }

    /// Opens a regular file for writing and reading. Its content stays.
    pub fn write(&self, name: &str) -> io::Result<File> {
        self.regular(name, OFlag::O_RDWR)
    }

    /// The same, but creates an empty file if there is none.
    pub fn open_or_create(&self, name: &str) -> io::Result<File> {
        self.regular(name, OFlag::O_RDWR | OFlag::O_CREAT)
    }

    fn regular(&self, name: &str, how: OFlag) -> io::Result<File> {
        let file = openat(&self.descriptor, plain(name)?, how | SAFE, FILE).map_err(refused)?;
        if SFlag::from_bits_truncate(fstat(&file)?.st_mode) & SFlag::S_IFMT != SFlag::S_IFREG {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(File::from(file))
    }

    /// Renames an entry in one step. The entry that had the name `to` is replaced.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.descriptor, plain(from)?, &self.descriptor, plain(to)?)?)
    }

    /// Gives a file a second name, `to`. Returns whether that was possible; `false` if the name was taken.
    pub fn link(&self, from: &str, to: &str) -> io::Result<bool> {
        match linkat(&self.descriptor, plain(from)?, &self.descriptor, plain(to)?, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::EEXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Creates a file with this content, in one step and durably. Returns whether it was created; `false` if the name
    /// was taken.
    pub fn publish(&self, name: &str, content: &[u8]) -> io::Result<bool> {
        loop {
            let beside = temporary();
            let linked = self.write_new(&beside, content).map(|()| self.link(&beside, name));
            self.remove(&beside)?;
            match linked? {
                // Another process removed the temporary file, because it looked left over. Not the directory: a file
                // cannot be created in one that is gone.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // The file system has no links.
                Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported) => {
                    return match self.write_new(name, content) {
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                        written => written.map(|()| true),
                    };
                }
                linked => return linked,
            }
        }
    }

    fn write_new(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut file = self.create(name)?;
        file.write_all(content)?;
        file.sync_all()
    }

    /// Creates a symbolic link to `target`, a path relative to this directory. It is an error if the name is taken.
    pub fn symlink(&self, target: &str, name: &str) -> io::Result<()> {
        Ok(symlinkat(target, &self.descriptor, plain(name)?)?)
    }

    /// Removes a file, or a link but not its target. It is no error if it is already gone.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        self.unlink(name, UnlinkatFlags::NoRemoveDir)
    }

    /// Removes an empty directory in this one. It is no error if it is already gone.
    pub fn remove_directory(&self, name: &str) -> io::Result<()> {
        self.unlink(name, UnlinkatFlags::RemoveDir)
    }

    fn unlink(&self, name: &str, kind: UnlinkatFlags) -> io::Result<()> {
        match unlinkat(&self.descriptor, plain(name)?, kind) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The names of all entries, in no particular order.
    pub fn entries(&self) -> io::Result<Vec<OsString>> {
        // A descriptor of its own, because reading changes its position.
        let again = openat(&self.descriptor, ".", OFlag::O_RDONLY | OFlag::O_DIRECTORY | SAFE, Mode::empty())?;
        let mut names = Vec::new();
        for entry in nix::dir::Dir::from_fd(again)?.iter() {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        Ok(names)
    }

    /// Makes the names of the entries durable.
    pub fn sync(&self) -> io::Result<()> {
        File::from(self.descriptor.try_clone()?).sync_all()
    }
}

fn plain(name: &str) -> io::Result<&str> {
    if is_plain(name) {
        return Ok(name);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} is not the name of a file in a directory")))
}

/// A clearer error for a link: the system's own message is hard to understand.
fn refused(error: Errno) -> io::Error {
    match error {
        Errno::ELOOP => {
            io::Error::new(io::ErrorKind::InvalidInput, "it is a symbolic link, which is not followed here")
        }
        error => error.into(),
    }
}

#[cfg(test)]
mod tests;
