//! What a file was when it was looked at, so that a later change to it is noticed without reading it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::unistd::geteuid;

/// Which file it is, how long it is, and when its content and its entry were last changed. Whoever changes a file changes
/// the last of these, also if the other times are set back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStamp([i64; 7]);

impl FileStamp {
    /// The stamp of a regular file. Links are followed.
    pub fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        if !found.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let (device, inode, length) = (found.dev() as i64, found.ino() as i64, found.size() as i64);
        let times = [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()];
        Ok(Self([device, inode, length, times[0], times[1], times[2], times[3]]))
    }

    /// Device, inode and length, then the times of the last changes of content and entry, each in seconds and nanoseconds.
    pub fn numbers(&self) -> [i64; 7] {
        self.0
    }

    /// Whether the file was last changed so long ago that the next change gets another time. The clock of a file system may
    /// stand still for some milliseconds, and on some systems for two seconds.
    pub fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        self.0[5] + 2 < now.as_secs() as i64
    }
}

/// Whether the file belongs to the user whom this process runs as.
pub fn is_own(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.uid() == geteuid().as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_noticed_also_if_length_and_time_are_as_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "one").unwrap();
        let (before, metadata) = (FileStamp::of(&path).unwrap(), fs::metadata(&path).unwrap());
        assert_eq!(FileStamp::of(&path).unwrap(), before);
        assert!(!before.is_settled());
        std::thread::sleep(Duration::from_millis(20));
        fs::write(&path, "two").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(metadata.modified().unwrap()).unwrap();
        let after = FileStamp::of(&path).unwrap();
        assert_eq!(before.numbers()[..5], after.numbers()[..5]);
        assert_ne!(before, after);
        assert!(is_own(&File::open(&path).unwrap()).unwrap());
    }
}
