//! The files that a commit names: their checksums, and new files, which are on the disk before a commit names them.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use semsearch_files::{Dir, Map, shorter, unique};
use semsearch_store::StoreError;

/// A file as a commit names it. Its content never changes once it is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// The file's name in its directory.
    pub name: String,
    /// The file's length in bytes.
    pub bytes: u64,
    /// The CRC-32 (IEEE) of the file's bytes. It detects every change of a single byte with certainty, which a longer
    /// hash does only with high probability.
    pub crc32: u32,
}

impl StoredFile {
    /// Syncs the file of this name to the disk, and describes it as it is now.
    pub(super) fn sync(dir: &Dir, name: &str) -> Result<Self, StoreError> {
        let path = dir.path_of(name);
        let file = dir.read(name).map_err(StoreError::write(&path))?;
        file.sync_all().map_err(StoreError::write(&path))?;
        Ok(Self {
            name: name.into(),
            bytes: file.metadata().map_err(StoreError::read(&path))?.len(),
            crc32: checksum(&file, &path)?,
        })
    }

    /// Opens the file, and checks that it exists and has its length.
    pub(super) fn open(&self, dir: &Dir) -> Result<File, StoreError> {
        let path = dir.path_of(&self.name);
        let damaged = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::damaged(&path, "the file is missing"),
            io::ErrorKind::InvalidInput => StoreError::damaged(&path, error.to_string()),
            _ => StoreError::read(&path)(error),
        };
        let file = dir.read(&self.name).map_err(damaged)?;
        let found = file.metadata().map_err(StoreError::read(&path))?.len();
        if found != self.bytes {
            return Err(StoreError::damaged(&path, format!("it has {found} bytes, {} were committed", self.bytes)));
        }
        Ok(file)
    }

    /// Checks every byte of the file.
    pub(super) fn check(&self, dir: &Dir) -> Result<(), StoreError> {
        let file = self.open(dir)?;
        let path = dir.path_of(&self.name);
        expect(&path, checksum(&file, &path)?, self.crc32)
    }

    /// Checks and reads all of the file.
    pub(super) fn read(&self, dir: &Dir) -> Result<Vec<u8>, StoreError> {
        let path = dir.path_of(&self.name);
        let mut bytes = Vec::new();
        self.open(dir)?.take(self.bytes).read_to_end(&mut bytes).map_err(StoreError::read(&path))?;
        expect(&path, crc32fast::hash(&bytes), self.crc32)?;
        Ok(bytes)
    }
}

/// Checks that a file has the checksum that was committed.
pub(super) fn expect(path: &Path, found: u32, committed: u32) -> Result<(), StoreError> {
    if found == committed { Ok(()) } else { Err(StoreError::damaged(path, "its checksum does not match")) }
}

/// The CRC-32 (IEEE) of a file.
pub(super) fn checksum(file: &File, path: &Path) -> Result<u32, StoreError> {
    checksum_without(file, path, 0..0)
}

/// The CRC-32 (IEEE) of a file's bytes before and after `hole`.
pub(super) fn checksum_without(file: &File, path: &Path, hole: Range<u64>) -> Result<u32, StoreError> {
    let crc = || -> io::Result<u32> {
        let mut crc = crc32fast::Hasher::new();
        let end = file.metadata()?.len();
        digest(&mut crc, file, 0..hole.start.min(end))?;
        digest(&mut crc, file, hole.end..end.max(hole.end))?;
        Ok(crc.finalize())
    };
    crc().map_err(StoreError::read(path))
}

/// So many bytes of a file are looked at together.
const WINDOW: u64 = 4 << 20;

/// Fewer bytes than this are copied faster than they are mapped.
const FEW: u64 = 128 << 10;

/// Adds a part of a file to a checksum. The bytes are mapped, because copying them takes longer than computing their
/// checksum. What cannot be read in the map is read once more: only then does the system say what is wrong.
fn digest(crc: &mut crc32fast::Hasher, file: &File, part: Range<u64>) -> io::Result<()> {
    let mut start = part.start;
    while start < part.end {
        let window = start..part.end.min(start + WINDOW);
        let length = window.end - start;
        let mapped = if length < FEW { None } else { of_map(crc, &Map::part(file, window.clone())?) };
        *crc = match mapped {
            Some(crc) => crc,
            None => of_copy(crc, file, window.clone())?,
        };
        start = window.end;
    }
    Ok(())
}

/// The checksum with the bytes of a map; `None` if some could not be read.
fn of_map(crc: &crc32fast::Hasher, map: &Map) -> Option<crc32fast::Hasher> {
    let mut crc = crc.clone();
    crc.update(map);
    map.check().is_ok().then_some(crc)
}

/// The checksum with a part of a file, which is copied.
fn of_copy(crc: &crc32fast::Hasher, file: &File, part: Range<u64>) -> io::Result<crc32fast::Hasher> {
    let mut bytes = vec![0; (part.end - part.start) as usize];
    file.read_exact_at(&mut bytes, part.start).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => shorter(),
        _ => error,
    })?;
    let mut crc = crc.clone();
    crc.update(&bytes);
    Ok(crc)
}

/// The name of a new file: the file has the number `number` in its directory, and the name ends in `kind`. No commit
/// has named such a file yet, and nobody else chooses such a name. So a file with such a name that is in no commit may
/// be removed.
pub(super) fn new_name(number: u64, kind: &str) -> String {
    format!("{number:06}-{}.{kind}", unique())
}

/// Whether `name` has the form of names that [`new_name`] or tantivy makes: `000001-0123456789abcdef.KIND`, or 32
/// hexadecimal digits and an ending.
pub(super) fn is_new_name(name: &str) -> bool {
    let hexadecimal = |word: &str, length: usize| {
        word.len() == length && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let Some((stem, _)) = name.split_once('.') else { return false };
    match stem.split_once('-') {
        Some((number, rest)) => {
            number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit()) && hexadecimal(rest, 16)
        }
        None => hexadecimal(stem, 32),
    }
}

/// Creates the file `name` and lets `write` fill it. `write` also gets the file's path, for messages.
pub(super) fn create(
    dir: &Dir,
    name: &str,
    write: impl FnOnce(&File, &Path) -> Result<(), StoreError>,
) -> Result<StoredFile, StoreError> {
    fill(dir, name, |file, path| write(file, path).and_then(|()| StoredFile::sync(dir, name)))
}

/// Creates the file `name`, and lets `write` fill, sync and describe it. If that fails, the file is removed.
pub(super) fn fill<T>(
    dir: &Dir,
    name: &str,
    write: impl FnOnce(&File, &Path) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let path = dir.path_of(name);
    let file = dir.create(name).map_err(StoreError::write(&path))?;
    let written = write(&file, &path);
    if written.is_err() {
        // The error is what matters. The next writer removes what cannot be removed now.
        let _ = dir.remove(name);
    }
    written
}

/// Removes the files of a directory for which `remove` is true.
pub(super) fn sweep(dir: &Dir, remove: impl Fn(&str) -> bool) -> Result<(), StoreError> {
    for entry in dir.entries().map_err(StoreError::read(dir.path()))? {
        if let Some(name) = entry.to_str().filter(|name| remove(name)) {
            dir.remove(name).map_err(StoreError::write(&dir.path_of(name)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn put(dir: &Dir, name: &str, bytes: &[u8]) -> File {
        let mut file = dir.create(name).unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn the_checksum_is_the_published_one_with_and_without_a_hole() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open(temporary.path()).unwrap();
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(checksum(&put(&dir, "a", b"123456789"), Path::new("a")).unwrap(), 0xcbf4_3926);
        let holed = put(&dir, "b", b"1234-holes-56789");
        assert_eq!(checksum_without(&holed, Path::new("b"), 4..11).unwrap(), 0xcbf4_3926);
    }

    #[test]
    fn the_checksum_of_a_file_of_several_windows_is_that_of_its_bytes() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open(temporary.path()).unwrap();
        let bytes: Vec<u8> = (0..2 * WINDOW + FEW - 1).map(|at| (at % 251) as u8).collect();
        let file = put(&dir, "a", &bytes);
        assert_eq!(checksum(&file, Path::new("a")).unwrap(), crc32fast::hash(&bytes));
        // The hole is more than a window, and neither begins nor ends with one.
        let (start, end) = (FEW + 1, FEW + WINDOW + 7);
        let others = [&bytes[..start as usize], &bytes[end as usize..]].concat();
        assert_eq!(checksum_without(&file, Path::new("a"), start..end).unwrap(), crc32fast::hash(&others));
        assert_eq!(checksum_without(&file, Path::new("a"), 3 * WINDOW..4 * WINDOW).unwrap(), crc32fast::hash(&bytes));
    }

    #[test]
    fn what_fails_to_be_written_leaves_nothing() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open(temporary.path()).unwrap();
        let refused = create(&dir, "a", |mut file, _| {
            file.write_all(b"half").unwrap();
            Err(StoreError::Unsupported("a test".into()))
        });
        assert!(refused.is_err());
        assert!(dir.entries().unwrap().is_empty());
        put(&dir, "a", b"theirs");
        assert!(create(&dir, "a", |_, _| panic!("nothing is written to a file that is there")).is_err());
        assert_eq!(std::fs::read(temporary.path().join("a")).unwrap(), b"theirs");
    }

    #[test]
    fn a_file_that_changed_is_told_from_one_that_is_gone() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open(temporary.path()).unwrap();
        let path = temporary.path().join("a.bin");
        let file = create(&dir, "a.bin", |mut file, path| file.write_all(b"content").map_err(StoreError::write(path)))
            .unwrap();
        file.check(&dir).unwrap();
        let said = |change: &dyn Fn()| {
            change();
            file.check(&dir).unwrap_err().to_string().rsplit(": ").next().unwrap().to_owned()
        };
        assert_eq!(said(&|| std::fs::write(&path, "contend").unwrap()), "its checksum does not match");
        assert_eq!(said(&|| std::fs::write(&path, "short").unwrap()), "it has 5 bytes, 7 were committed");
        assert_eq!(said(&|| std::fs::remove_file(&path).unwrap()), "the file is missing");
        let link = || std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        assert_eq!(said(&link), "it is a symbolic link, which is not followed here");
    }

    #[test]
    fn only_names_that_nobody_else_chooses_are_new_ones() {
        assert!(is_new_name(&new_name(7, "faiss")) && is_new_name(&new_name(1_234_567, "sums")));
        assert!(is_new_name("0123456789abcdef0123456789abcdef.store"));
        assert!(is_new_name("0123456789abcdef0123456789abcdef.12.del"));
        let theirs = [
            "000001.faiss",
            "notes.txt",
            "0123456789abcdef.store",
            "000001-notes.faiss",
            "2024-0123456789abcdef.x",
            "a",
        ];
        for name in theirs {
            assert!(!is_new_name(name), "{name}");
        }
    }
}
