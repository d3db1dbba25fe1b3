//! Files that stay: checksums, and writes that are on the disk when they return.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::error::{Error, Result};

/// The CRC-32 (IEEE) of a file. It finds every change of a single byte for certain.
pub(super) fn checksum(path: &Path) -> Result<u32> {
    let crc = || -> io::Result<u32> {
        let mut file = File::open(path)?;
        let mut crc = crc32fast::Hasher::new();
        let mut buffer = vec![0; 1 << 18];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(crc.finalize()),
                read => crc.update(&buffer[..read]),
            }
        }
    };
    crc().map_err(Error::read(path))
}

/// Makes what `write` puts into a file beside `path` durable, and then names it `path`.
pub(super) fn persist(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let beside = path.with_extension("tmp");
    let written = write(&beside).and_then(|()| {
        File::open(&beside).and_then(|file| file.sync_all()).map_err(Error::write(&beside))?;
        fs::rename(&beside, path).map_err(Error::write(path))
    });
    if written.is_err() {
        // The error matters; what cannot be removed now is swept after the next commit.
        let _ = fs::remove_file(&beside);
    }
    written?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::write(dir))
}

/// Bytes of all files below `dir`.
pub(super) fn size(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { size(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_published_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "123456789").unwrap();
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(checksum(file.path()).unwrap(), 0xcbf4_3926);
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
}
