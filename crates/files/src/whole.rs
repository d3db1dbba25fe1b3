//! Writes files that the user named. A file appears complete or not at all.

use std::fs::File;
use std::io;
use std::path::Path;

use super::{Dir, FileError, unique};

/// Creates or replaces the file `path` with what `write` writes.
///
/// `write` gets a new file in the same directory. That file is synced, and then renamed to `path` in one step. Until
/// then, and if `write` fails, the old file stays. The permissions of a replaced file stay. If `path` is a link, the
/// link stays and its target is replaced. A device or a pipe is written to directly.
///
/// # Errors
/// The file cannot be written, or `write` fails.
pub fn write_whole<T, E: From<FileError>>(path: &Path, write: impl FnOnce(&File) -> Result<T, E>) -> Result<T, E> {
    let failed = |source: io::Error| E::from(FileError::Write { path: path.into(), source });
    let there = match std::fs::metadata(path) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    if there.as_ref().is_some_and(|there| !there.is_file()) {
        return write(&File::options().write(true).open(path).map_err(failed)?);
    }
    // A link to a file that does not exist is replaced like a file.
    let target = if there.is_some() { std::fs::canonicalize(path).map_err(failed)? } else { path.into() };
    let name = target.file_name().and_then(|name| name.to_str());
    let name =
        name.ok_or_else(|| failed(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file in UTF-8")))?;
    let dir = Dir::open(target.parent().unwrap_or(Path::new(""))).map_err(failed)?;
    let beside = format!(".{}.part", unique());
    let file = dir.create(&beside).map_err(failed)?;
    let written = write(&file).and_then(|result| {
        let finish = || {
            if let Some(there) = &there {
                file.set_permissions(there.permissions())?;
            }
            file.sync_all()?;
            dir.rename(&beside, name)
        };
        finish().map_err(failed)?;
        Ok(result)
    });
    if written.is_err() {
        // The first error is the one that matters.
        let _ = dir.remove(&beside);
        return written;
    }
    dir.sync().map_err(failed)?;
    written
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn put(path: &Path, text: &str) -> Result<(), FileError> {
        write_whole(path, |mut file| file.write_all(text.as_bytes()).map_err(FileError::write(path)))
    }

    #[test]
    fn what_fails_leaves_the_old_file_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        put(&path, "old").unwrap();
        let refused = write_whole(&path, |mut file| {
            file.write_all(b"half").map_err(FileError::write(&path))?;
            Err::<(), _>(FileError::write(&path)(io::ErrorKind::Other.into()))
        });
        assert!(refused.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_beside_it_is_not_touched_whatever_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let theirs = dir.path().join("a.part");
        std::fs::write(&theirs, "theirs").unwrap();
        put(&dir.path().join("a"), "mine").unwrap();
        assert_eq!(std::fs::read_to_string(theirs).unwrap(), "theirs");
    }

    #[test]
    fn permissions_and_links_stay() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("a"), dir.path().join("link"));
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        symlink("a", &link).unwrap();
        put(&link, "new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_device_is_written_to_and_stays() {
        use std::os::unix::fs::FileTypeExt;
        put(Path::new("/dev/null"), "gone").unwrap();
        assert!(Path::new("/dev/null").metadata().unwrap().file_type().is_char_device());
    }
}
