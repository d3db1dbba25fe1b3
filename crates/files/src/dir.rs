//! A directory by its descriptor: what is done to its entries is done to this directory, wherever its path leads now.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, mkdirat, stat};
use nix::unistd::{UnlinkatFlags, linkat, symlinkat, unlinkat};

use super::{is_plain, unique};

/// Flags of every open here: no link is followed, no child process inherits the file, and a pipe does not block.
const SAFE: OFlag = OFlag::O_CLOEXEC.union(OFlag::O_NOFOLLOW).union(OFlag::O_NONBLOCK);

/// Permissions of new files and directories, before the process's mask.
const FILE: Mode = Mode::from_bits_truncate(0o666);
const DIRECTORY: Mode = Mode::from_bits_truncate(0o777);

/// Which file or directory it is, whatever its name: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity(u64, u64);

impl Identity {
    // The types of these fields differ from system to system.
    #[allow(clippy::unnecessary_cast)]
    fn of(status: &FileStat) -> Self {
        Self(status.st_dev as u64, status.st_ino as u64)
    }

    /// The identity of an open file.
    pub fn of_file(file: &File) -> io::Result<Self> {
        Ok(Self::of(&fstat(file)?))
    }
}

/// An open directory.
#[derive(Debug)]
pub struct Dir {
    descriptor: OwnedFd,
    /// Where it was when it was opened, for messages.
    path: PathBuf,
}

impl Dir {
    /// Opens the directory that the user named; links in `path` are followed.
    pub fn open(path: &Path) -> io::Result<Self> {
        // The parent of a relative name of one part is "", the working directory.
        let there = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let descriptor =
            openat(AT_FDCWD, there, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        Ok(Self { descriptor, path: path.into() })
    }

    /// The same directory, by a descriptor of its own.
    pub fn again(&self) -> io::Result<Self> {
        Ok(Self { descriptor: self.descriptor.try_clone()?, path: self.path.clone() })
    }

    /// Where it was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of an entry, for messages.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Which directory it is.
    pub fn identity(&self) -> io::Result<Identity> {
        Ok(Identity::of(&fstat(&self.descriptor)?))
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

    /// Which file an entry is; `None` if there is no such entry.
    pub fn identity_of(&self, name: &str) -> io::Result<Option<Identity>> {
        match fstatat(&self.descriptor, plain(name)?, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(status) => Ok(Some(Identity::of(&status))),
            Err(Errno::ENOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The directory of this name in it.
    pub fn subdirectory(&self, name: &str) -> io::Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | SAFE;
        let descriptor = openat(&self.descriptor, plain(name)?, flags, Mode::empty()).map_err(refused)?;
        Ok(Self { descriptor, path: self.path_of(name) })
    }

    /// Makes a directory in it; says whether it did, and not somebody before.
    pub fn make_directory(&self, name: &str) -> io::Result<bool> {
        match mkdirat(&self.descriptor, plain(name)?, DIRECTORY) {
            Ok(()) => Ok(true),
            Err(Errno::EEXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a regular file to read.
    pub fn read(&self, name: &str) -> io::Result<File> {
        self.regular(name, OFlag::O_RDONLY)
    }

    /// Creates a file to write and read. One that is there, or a link, is an error.
    pub fn create(&self, name: &str) -> io::Result<File> {
        self.regular(name, OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL)
    }

    /// Opens a regular file to write and read as it is.
    pub fn write(&self, name: &str) -> io::Result<File> {
        self.regular(name, OFlag::O_RDWR)
    }

    /// The same; creates it, empty, if it is not there.
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

    /// Renames an entry, in one step; what had the name `to` is gone then.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.descriptor, plain(from)?, &self.descriptor, plain(to)?)?)
    }

    /// Gives a file the name `to` as well, if that is free; says whether it was.
    pub fn link(&self, from: &str, to: &str) -> io::Result<bool> {
        match linkat(&self.descriptor, plain(from)?, &self.descriptor, plain(to)?, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::EEXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Creates a file of this content, all at once and on the disk, unless the name is taken; says whether it did.
    pub fn publish(&self, name: &str, content: &[u8]) -> io::Result<bool> {
        loop {
            let beside = temporary();
            let linked = self.write_new(&beside, content).map(|()| self.link(&beside, name));
            self.remove(&beside)?;
            match linked? {
                // Another process has swept what it took for left over; a directory that is gone cannot be written to.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // A file system without links.
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

    /// Creates a symbolic link to `target`, a path from here. A name that is taken is an error.
    pub fn symlink(&self, target: &str, name: &str) -> io::Result<()> {
        Ok(symlinkat(target, &self.descriptor, plain(name)?)?)
    }

    /// Removes a file or a link, not what the link leads to. One that is gone already is no error.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        self.unlink(name, UnlinkatFlags::NoRemoveDir)
    }

    /// Removes a directory in it, which must be empty. One that is gone already is no error.
    pub fn remove_directory(&self, name: &str) -> io::Result<()> {
        self.unlink(name, UnlinkatFlags::RemoveDir)
    }

    fn unlink(&self, name: &str, kind: UnlinkatFlags) -> io::Result<()> {
        match unlinkat(&self.descriptor, plain(name)?, kind) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The names of all entries, in no order.
    pub fn entries(&self) -> io::Result<Vec<OsString>> {
        // A descriptor of its own, since reading moves on in it.
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

    /// Makes the names in it durable.
    pub fn sync(&self) -> io::Result<()> {
        File::from(self.descriptor.try_clone()?).sync_all()
    }
}

/// A name for a file that gets its own later.
pub fn temporary() -> String {
    format!("new-{}.tmp", unique())
}

/// Whether [`temporary`] makes such names; nobody else chooses them.
pub fn is_temporary(name: &str) -> bool {
    let middle = name.strip_prefix("new-").and_then(|rest| rest.strip_suffix(".tmp"));
    middle.is_some_and(|word| word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn plain(name: &str) -> io::Result<&str> {
    if is_plain(name) {
        return Ok(name);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} is not the name of a file in a directory")))
}

/// What the system says of a link that it was told not to follow is hard to understand.
fn refused(error: Errno) -> io::Error {
    match error {
        Errno::ELOOP => {
            io::Error::new(io::ErrorKind::InvalidInput, "it is a symbolic link, which is not followed here")
        }
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::Instant;

    use super::*;

    fn opened() -> (tempfile::TempDir, Dir) {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open(temporary.path()).unwrap();
        (temporary, dir)
    }

    #[test]
    fn a_link_is_never_followed() {
        let (temporary, dir) = opened();
        let outside = tempfile::tempdir().unwrap();
        let victim = outside.path().join("victim");
        std::fs::write(&victim, "theirs").unwrap();
        symlink(&victim, temporary.path().join("file")).unwrap();
        symlink(outside.path().join("new"), temporary.path().join("hanging")).unwrap();
        symlink(outside.path(), temporary.path().join("directory")).unwrap();

        for name in ["file", "hanging"] {
            assert!(dir.read(name).unwrap_err().to_string().contains("symbolic link"));
            assert!(dir.write(name).unwrap_err().to_string().contains("symbolic link"));
            assert_eq!(dir.create(name).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        }
        assert!(dir.subdirectory("directory").is_err());
        dir.create("mine").unwrap();
        dir.rename("mine", "file").unwrap();
        dir.remove("directory").unwrap();
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "theirs");
        assert!(!outside.path().join("new").exists());
    }

    #[test]
    fn no_name_leads_out_of_the_directory() {
        let (_temporary, dir) = opened();
        for name in ["", ".", "..", "../a", "/etc/passwd", "a/b"] {
            assert!(dir.read(name).is_err() && dir.create(name).is_err(), "{name}");
            assert!(dir.remove(name).is_err() && dir.rename(name, "a").is_err(), "{name}");
            assert!(dir.make_directory(name).is_err() && dir.subdirectory(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_pipe_is_refused_at_once() {
        let (temporary, dir) = opened();
        nix::unistd::mkfifo(&temporary.path().join("pipe"), FILE).unwrap();
        let started = Instant::now();
        assert_eq!(dir.read("pipe").unwrap_err().to_string(), "not a regular file");
        assert!(started.elapsed().as_secs() < 5);
    }

    #[test]
    fn a_directory_that_was_moved_is_noticed_and_still_this_one() {
        let (temporary, _) = opened();
        let (path, moved) = (temporary.path().join("a"), temporary.path().join("b"));
        std::fs::create_dir(&path).unwrap();
        let dir = Dir::open(&path).unwrap();
        assert!(dir.is_in_place().unwrap());
        std::fs::rename(&path, &moved).unwrap();
        assert!(!dir.is_in_place().unwrap());
        std::fs::create_dir(&path).unwrap();
        assert!(!dir.is_in_place().unwrap());
        dir.create("file").unwrap().write_all(b"x").unwrap();
        assert!(moved.join("file").exists() && !path.join("file").exists());
    }

    #[test]
    fn a_file_is_published_whole_or_not_at_all() {
        let (temporary, dir) = opened();
        assert!(dir.publish("a", b"first").unwrap());
        assert!(!dir.publish("a", b"second").unwrap());
        assert_eq!(std::fs::read(temporary.path().join("a")).unwrap(), b"first");
        assert_eq!(dir.entries().unwrap(), ["a"]);
        assert!(is_temporary(&super::temporary()) && !is_temporary("new-file.tmp"));
    }

    #[test]
    fn a_name_that_is_taken_is_not_taken_away_by_a_link() {
        let (_temporary, dir) = opened();
        dir.create("a").unwrap();
        dir.create("b").unwrap();
        assert!(!dir.link("a", "b").unwrap());
        assert!(dir.link("a", "c").unwrap());
        assert_eq!(dir.identity_of("a").unwrap(), dir.identity_of("c").unwrap());
        assert_eq!(dir.identity_of("d").unwrap(), None);
        let mut names = dir.entries().unwrap();
        names.sort();
        assert_eq!(names, ["a", "b", "c"]);
    }
}
