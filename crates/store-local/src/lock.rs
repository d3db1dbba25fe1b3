//! One writer at a time, by a lock of the operating system: it ends with its process, however that ends.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::thread;
use std::time::{Duration, Instant};

use semsearch_files::FileError;
use semsearch_files::{Dir, Identity};
use semsearch_store::StoreError;

/// The file's name.
pub(super) const FILE: &str = "lock";

/// What stands in it before the number of the process.
const OWNER: &str = "semsearch ";

/// The system's own waiting for a lock knows no end.
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// The right to write an index, until dropped.
#[derive(Debug)]
pub(super) struct WriterLock {
    identity: Identity,
    file: File,
}

impl WriterLock {
    /// Takes the lock of the index in `root`, if it is free now or before `deadline`.
    ///
    /// `None`: the file that was locked is no longer the one of this name. Whoever removed it was the writer, so there is
    /// nothing here to rely on any more.
    pub(super) fn acquire(root: &Dir, deadline: Instant) -> Result<Option<Self>, StoreError> {
        let path = root.path_of(FILE);
        root.publish(FILE, &content_of(0)).map_err(StoreError::write(&path))?;
        let mut file = match root.write(FILE) {
            // Its writer took the directory away meanwhile.
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
        // Who holds the lock, for the message that another writer gets; the lock itself is what counts.
        // In one call and always as long, so that nobody reads a half.
        lock.file.write_all_at(&content_of(std::process::id()), 0).map_err(StoreError::write(&path))?;
        Ok(Some(lock))
    }

    /// Whether the locked file is still the one of its name in `root`.
    pub(super) fn is_in(&self, root: &Dir) -> Result<bool, StoreError> {
        let there = root.identity_of(FILE).map_err(StoreError::read(&root.path_of(FILE)))?;
        Ok(there == Some(self.identity))
    }
}

/// Whether the file says what a lock says, or nothing; it has no other name then either.
fn is_ours(file: &mut File) -> io::Result<bool> {
    let content = content(file)?;
    Ok(file.metadata()?.nlink() <= 1 && (content.is_empty() || process(&content).is_some()))
}

/// Whether what stands in the file of this name says that a writer of ours left it.
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

/// The number of the process in a lock's content; releases before format 4 wrote it alone.
fn process(content: &str) -> Option<u32> {
    content.strip_prefix(OWNER).unwrap_or(content).trim_end().parse().ok()
}

fn holder(file: &mut File) -> String {
    // Only for a message: a lock whose holder cannot be told is held all the same.
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
