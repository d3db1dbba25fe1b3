//! Which file or directory it is, whatever its name.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use nix::sys::stat::{FileStat, fstat};

/// Which file or directory it is, whatever its name: its device and its inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity(u64, u64);

impl Identity {
    // The types of these fields differ from system to system.
    #[allow(clippy::unnecessary_cast)]
    pub(crate) fn of(status: &FileStat) -> Self {
        Self(status.st_dev as u64, status.st_ino as u64)
    }

    /// The identity of an open file.
    pub fn of_file(file: &File) -> io::Result<Self> {
        Self::of_open(file)
    }

    /// The identity of an open file or directory.
    pub(crate) fn of_open(descriptor: impl AsFd) -> io::Result<Self> {
        Ok(Self::of(&fstat(descriptor)?))
    }
}
