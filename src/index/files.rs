//! Files that stay: their checksums, and writes that are on the disk when they return.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A file as a commit names it. Its content never changes once it is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Its name in its directory.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// The CRC-32 (IEEE) of its bytes. It finds every change of a single byte for certain, which a longer hash only does
    /// very probably.
    pub crc32: u32,
}

impl StoredFile {
    /// The file at `path` as it is now, once it is on the disk.
    pub(super) fn sync(path: &Path) -> Result<Self> {
        File::open(path).and_then(|file| file.sync_all()).map_err(Error::write(path))?;
        Ok(Self {
            name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            bytes: path.metadata().map_err(Error::read(path))?.len(),
            crc32: checksum(path)?,
        })
    }

    /// Whether its name is that of a file in a directory, and leads nowhere else.
    pub(super) fn is_in_directory(&self) -> bool {
        Path::new(&self.name).file_name().is_some_and(|name| name == self.name.as_str())
    }

    /// Checks that the file is there, of its length.
    pub(super) fn check_length(&self, dir: &Path) -> Result<PathBuf> {
        let path = dir.join(&self.name);
        let found = match path.metadata() {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::damaged(&path, "the file is missing"));
            }
            Err(error) => return Err(Error::read(&path)(error)),
        };
        if found != self.bytes {
            return Err(Error::damaged(&path, format!("it has {found} bytes, {} were committed", self.bytes)));
        }
        Ok(path)
    }

    /// Checks every byte of the file.
    pub(super) fn check(&self, dir: &Path) -> Result<()> {
        let path = self.check_length(dir)?;
        expect(&path, checksum(&path)?, self.crc32)
    }
}

/// Checks that a file has the checksum that was committed.
pub(super) fn expect(path: &Path, found: u32, committed: u32) -> Result<()> {
    if found == committed { Ok(()) } else { Err(Error::damaged(path, "its checksum does not match")) }
}

/// The CRC-32 (IEEE) of a file.
pub(super) fn checksum(path: &Path) -> Result<u32> {
    checksum_without(path, 0..0)
}

/// The CRC-32 (IEEE) of a file's bytes before and after `hole`.
pub(super) fn checksum_without(path: &Path, hole: Range<u64>) -> Result<u32> {
    let crc = || -> io::Result<u32> {
        let mut file = File::open(path)?;
        let mut crc = crc32fast::Hasher::new();
        digest(&mut crc, &mut file.by_ref().take(hole.start))?;
        file.seek(SeekFrom::Start(hole.end))?;
        digest(&mut crc, &mut file)?;
        Ok(crc.finalize())
    };
    crc().map_err(Error::read(path))
}

fn digest(crc: &mut crc32fast::Hasher, bytes: &mut impl Read) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 18];
    loop {
        match bytes.read(&mut buffer)? {
            0 => return Ok(()),
            read => crc.update(&buffer[..read]),
        }
    }
}

/// Makes what `write` puts into a file beside `path` durable, and then names it `path`. The name itself is durable when
/// the directory is synced.
pub(super) fn persist(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let beside = path.with_extension("tmp");
    let written = write(&beside).and_then(|()| {
        File::open(&beside).and_then(|file| file.sync_all()).map_err(Error::write(&beside))?;
        fs::rename(&beside, path).map_err(Error::write(path))
    });
    if written.is_err() {
        // The error matters; what cannot be removed now is swept by the next writer.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Makes a directory, if it is not there, and its name durable.
pub(super) fn create_directory(dir: &Path) -> Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dir).map_err(Error::write(dir))?;
    dir.parent().map_or(Ok(()), sync_directory)
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(dir: &Path) -> Result<()> {
    // The parent of a relative name of one part is "", the working directory.
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::write(dir))
}

/// Removes the files of a directory that `keep` does not want.
pub(super) fn sweep(dir: &Path, keep: impl Fn(&str) -> bool) -> Result<()> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::read(dir)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(Error::read(dir))?;
        if !entry.file_name().to_str().is_some_and(&keep) {
            fs::remove_file(entry.path()).map_err(Error::write(&entry.path()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_published_one_with_and_without_a_hole() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // The check value of CRC-32/ISO-HDLC.
        std::fs::write(file.path(), "123456789").unwrap();
        assert_eq!(checksum(file.path()).unwrap(), 0xcbf4_3926);
        std::fs::write(file.path(), "1234-holes-56789").unwrap();
        assert_eq!(checksum_without(file.path(), 4..11).unwrap(), 0xcbf4_3926);
    }

    #[test]
    fn what_fails_to_be_written_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.bin");
        let put = |bytes: &'static str| move |to: &Path| std::fs::write(to, bytes).map_err(Error::write(to));
        persist(&path, put("old")).unwrap();
        let refused = persist(&path, |to| {
            put("half")(to)?;
            Err(Error::EmptyQuery)
        });
        assert!(refused.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_changed_is_told_from_one_that_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.bin");
        std::fs::write(&path, "content").unwrap();
        let file = StoredFile::sync(&path).unwrap();
        file.check(dir.path()).unwrap();
        let said = |content: Option<&str>| {
            match content {
                Some(content) => std::fs::write(&path, content).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            file.check(dir.path()).unwrap_err().to_string().rsplit(": ").next().unwrap().to_owned()
        };
        assert_eq!(said(Some("contend")), "its checksum does not match");
        assert_eq!(said(Some("short")), "it has 5 bytes, 7 were committed");
        assert_eq!(said(None), "the file is missing");
    }
}
