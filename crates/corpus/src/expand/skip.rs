//! Files of a directory that are left out, and why.

use std::fmt;
use std::io;
use std::path::PathBuf;

use nix::errno::Errno;

/// A file that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedFile {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub why: SkipReason,
}

/// Why a file is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// There is a zero byte near its start.
    Binary,
    /// It is empty, or short and nothing but white space.
    Blank,
    /// Its name is not UTF-8, and is shown as that of another file, so that the two would be one document.
    SameName,
    /// It cannot be read. An index may keep what it has of this file.
    Unreadable(String),
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binary => f.write_str("binary"),
            Self::Blank => f.write_str("blank"),
            Self::SameName => {
                f.write_str("its name is not UTF-8, and looks like that of another file; rename one of them")
            }
            Self::Unreadable(why) => write!(f, "cannot read: {why}"),
        }
    }
}

/// Whether an error comes from a limit of the process, so that every other file would have it too.
pub(super) fn is_limit(error: &io::Error) -> bool {
    let limits = [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM].map(|errno| errno as i32);
    error.raw_os_error().is_some_and(|code| limits.contains(&code))
}
