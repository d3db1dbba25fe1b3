//! Directories that the user named, and files that only this user may read.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;

/// Makes a directory, and those of its parents that do not exist. Returns whether it was made; `false` if it existed.
///
/// # Errors
/// The directory cannot be made, or something else has its name.
pub fn make_directory(path: &Path) -> io::Result<bool> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent)?;
    }
    match fs::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Opens a regular file for reading and appending, or creates it. Nobody but this user may read it. The last component
/// of the path may not be a link.
///
/// # Errors
/// The file cannot be opened, is a link, or is not a regular file.
pub fn open_private(path: &Path) -> io::Result<File> {
    let safe = OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_APPEND | safe;
    let file = File::from(openat(AT_FDCWD, path, flags, Mode::S_IRUSR | Mode::S_IWUSR)?);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, Write};
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_private_file_is_this_users_alone_and_grows_at_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history");
        open_private(&path).unwrap().write_all(b"a\n").unwrap();
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let mut file = open_private(&path).unwrap();
        file.write_all(b"b\n").unwrap();
        file.rewind().unwrap();
        let mut content = String::new();
        file.read_to_string(&mut content).unwrap();
        assert_eq!((content.as_str(), mode(&path)), ("a\nb\n", 0o600));
    }

    #[test]
    fn a_private_file_is_neither_a_link_nor_a_pipe() {
        let dir = tempfile::tempdir().unwrap();
        let (theirs, link, pipe) = (dir.path().join("theirs"), dir.path().join("link"), dir.path().join("pipe"));
        fs::write(&theirs, "theirs").unwrap();
        symlink(&theirs, &link).unwrap();
        nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        assert!(open_private(&link).is_err() && open_private(&pipe).is_err());
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "theirs");
    }

    #[test]
    fn who_made_a_directory_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        assert!(make_directory(&path).unwrap());
        assert!(!make_directory(&path).unwrap());
        fs::write(path.join("file"), "").unwrap();
        assert!(make_directory(&path.join("file")).is_err());
    }
}
