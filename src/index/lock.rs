//! One writer at a time, by a lock of the operating system: it ends with its process, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

const FILE: &str = "lock";

/// The system's own waiting for a lock knows no end.
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// The right to write an index, until dropped.
#[derive(Debug)]
pub(super) struct WriterLock {
    _file: File,
}

impl WriterLock {
    /// Takes the lock of the index at `dir`, if it is free now or before `wait` has passed.
    pub(super) fn acquire(dir: &Path, wait: Duration) -> Result<Self> {
        let path = dir.join(FILE);
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = options.map_err(Error::write(&path))?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if started.elapsed() < wait => thread::sleep(BETWEEN_TRIES),
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Locked { dir: dir.into(), holder: holder(&mut file) });
                }
                Err(TryLockError::Error(source)) => return Err(Error::Write { path, source }),
            }
        }
        // Who holds the lock, for the message that another writer gets; the lock itself is what counts.
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()))
            .map_err(Error::write(&path))?;
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> String {
    let mut process = String::new();
    match file.read_to_string(&mut process) {
        Ok(1..) => format!(" (process {process})"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_told_who_holds_the_lock_and_gets_it_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let first = WriterLock::acquire(dir.path(), Duration::ZERO).unwrap();
        let message = WriterLock::acquire(dir.path(), Duration::ZERO).unwrap_err().to_string();
        assert!(message.ends_with(&format!("(process {})", std::process::id())), "{message}");
        drop(first);
        WriterLock::acquire(dir.path(), Duration::ZERO).unwrap();
    }

    #[test]
    fn a_second_writer_waits_as_long_as_it_was_told_to() {
        let dir = tempfile::tempdir().unwrap();
        let first = WriterLock::acquire(dir.path(), Duration::ZERO).unwrap();
        let started = Instant::now();
        assert!(WriterLock::acquire(dir.path(), Duration::from_millis(50)).is_err());
        assert!(started.elapsed() >= Duration::from_millis(50));
        thread::scope(|scope| {
            let second = scope.spawn(|| WriterLock::acquire(dir.path(), Duration::from_secs(60)).map(drop));
            drop(first);
            second.join().unwrap().unwrap();
        });
    }
}
