//! One writer at a time, by a lock of the operating system. The lock ends with its process, however the process ends.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::thread;
use std::time::{Duration, Instant};

use semsearch_files::FileError;
use semsearch_files::{Dir, Identity};
use semsearch_store::StoreError;

/// The lock file's name.
pub(super) const FILE: &str = "lock";

/// The text in the lock file before the number of the process.
const OWNER: &str = "semsearch ";

/// The time between two tries. The system's own call that waits for a lock has no time limit.
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// The right to write an index. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct WriterLock {
    identity: Identity,
    file: File,
}

impl WriterLock {
    /// Takes the lock of the index in `root`. Waits for it until `deadline`.
    ///
    /// Returns `None` if the locked file is no longer the one of this name. Only the writer removes it, so the
    /// directory cannot be relied on any more.
    pub(super) fn acquire(root: &Dir, deadline: Instant) -> Result<Option<Self>, StoreError> {
        let path = root.path_of(FILE);
        root.publish(FILE, &content_of(0)).map_err(StoreError::write(&path))?;
        let mut file = match root.write(FILE) {
            // The directory's writer removed it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(StoreError::write(&path))?,
        };
        if !is_ours(&mut file).map_err(StoreError::read(&path))? {
            return Err(StoreError::Foreign { path });
        }
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(BETWEEN_TRIES),
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Locked { dir: root.path().into(), holder: holder(&mut file) });
                }
                Err(TryLockError::Error(source)) => return Err(StoreError::File(FileError::Write { path, source })),
            }
        }
        let lock = Self { identity: Identity::of_file(&file).map_err(StoreError::read(&path))?, file };
        if !lock.is_in(root)? {
            return Ok(None);
        }
        // The file names the process that holds the lock, for the message that another writer gets; only the lock
        // itself counts. The number is written in one call and always has the same length, so nobody reads half of it.
        lock.file.write_all_at(&content_of(std::process::id()), 0).map_err(StoreError::write(&path))?;
        Ok(Some(lock))
    }

    /// Whether the locked file is still the file of its name in `root`.
    pub(super) fn is_in(&self, root: &Dir) -> Result<bool, StoreError> {
        let there = root.identity_of(FILE).map_err(StoreError::read(&root.path_of(FILE)))?;
        Ok(there == Some(self.identity))
    }
}

/// Whether the file holds what a lock file holds, or nothing, and has no second name.
fn is_ours(file: &mut File) -> io::Result<bool> {
    let content = content(file)?;
    Ok(file.metadata()?.nlink() <= 1 && (content.is_empty() || process(&content).is_some()))
}

/// Whether the content of the lock file shows that a writer of ours left it.
pub(super) fn is_left_over(root: &Dir) -> io::Result<bool> {
    Ok(content(&mut root.read(FILE)?)?.starts_with(OWNER))
}

fn content(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(64).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What a process writes into its lock; 0 for none yet.
fn content_of(process: u32) -> Vec<u8> {
    format!("{OWNER}{process:<10}\n").into_bytes()
}

/// The number of the process in a lock file's content. Releases before format 4 wrote the number alone.
fn process(content: &str) -> Option<u32> {
    content.strip_prefix(OWNER).unwrap_or(content).trim_end().parse().ok()
}

fn holder(file: &mut File) -> String {
    // The number is only for a message: a lock is held even if its holder is not known.
    match content(file).ok().and_then(|content| process(&content)) {
        Some(process @ 1..) => format!(" (process {process})"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Instant {
        Instant::now()
    }

    fn opened() -> (tempfile::TempDir, Dir) {
        let temporary = tempfile::tempdir().unwrap();
        let root = Dir::open(temporary.path()).unwrap();
        (temporary, root)
    }

    #[test]
    fn a_second_writer_is_told_who_holds_the_lock_and_gets_it_afterwards() {
        let (_temporary, root) = opened();
        let first = WriterLock::acquire(&root, now()).unwrap().unwrap();
        let message = WriterLock::acquire(&root, now()).unwrap_err().to_string();
        assert!(message.ends_with(&format!("(process {})", std::process::id())), "{message}");
        drop(first);
        WriterLock::acquire(&root, now()).unwrap().unwrap();
    }

    #[test]
    fn a_second_writer_waits_as_long_as_it_was_told_to() {
        let (_temporary, root) = opened();
        let first = WriterLock::acquire(&root, now()).unwrap().unwrap();
        let started = now();
        assert!(WriterLock::acquire(&root, started + Duration::from_millis(50)).is_err());
        assert!(started.elapsed() >= Duration::from_millis(50));
        thread::scope(|scope| {
            let second = scope.spawn(|| WriterLock::acquire(&root, now() + Duration::from_secs(60)).map(drop));
            drop(first);
            second.join().unwrap().unwrap();
        });
    }

    #[test]
    fn a_lock_that_was_removed_while_it_was_waited_for_is_none() {
        let (temporary, root) = opened();
        let first = WriterLock::acquire(&root, now()).unwrap().unwrap();
        thread::scope(|scope| {
            let second = scope.spawn(|| WriterLock::acquire(&root, now() + Duration::from_secs(60)));
            thread::sleep(3 * BETWEEN_TRIES);
            std::fs::remove_file(temporary.path().join(FILE)).unwrap();
            assert!(!first.is_in(&root).unwrap());
            drop(first);
            assert!(second.join().unwrap().unwrap().is_none());
        });
    }

    #[test]
    fn a_file_of_this_name_that_says_something_else_is_not_touched() {
        let (temporary, root) = opened();
        let path = temporary.path().join(FILE);
        std::fs::write(&path, "the key is below the mat").unwrap();
        assert!(matches!(WriterLock::acquire(&root, now()), Err(StoreError::Foreign { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "the key is below the mat");
        std::fs::write(&path, "4711").unwrap();
        WriterLock::acquire(&root, now()).unwrap().unwrap();
    }
}
