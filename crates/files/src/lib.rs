//! Files: the one crate that opens, creates, renames and removes them.
//!
//! It gives four guarantees:
//! - [`Dir`] works on the entries of an open directory. No symbolic link is followed, no name leads out of the
//!   directory, and changes stay in this directory even if it is moved or replaced in the meantime.
//! - [`open_regular`] opens a file for reading by its path. It refuses everything that could block or never end.
//! - [`write_whole`] creates or replaces a file in a single step. [`make_directory`] makes a directory that the user
//!   named, and [`open_private`] opens a file that only this user may read.
//! - [`Map`] maps a file into memory. If the file becomes shorter, that is an error, not a signal.
//!
//! The callers know what the files contain. Two more types help whoever reads files: [`Place`] says where in an input
//! something is, and [`guarded`] turns the panic of a library over the content of a file into an error.

mod dir;
mod error;
mod guard;
mod identity;
mod made;
mod map;
mod name;
mod place;
mod private;
mod read;
mod real;
mod stamp;
mod temporary;
mod whole;

pub use dir::{Dir, FileState};
pub use error::{Cause, FileError};
pub use guard::{Panicked, guarded, is_guarded};
pub use identity::Identity;
pub use made::{Made, make_directories};
pub use map::{Map, Watched, shorter};
pub use name::{RelativePath, is_plain, unique};
pub use place::Place;
pub use private::{make_directory, open_private};
pub use read::{open_regular, read_bounded};
pub use real::real_path;
pub use stamp::{FileStamp, is_own};
pub use temporary::{is_temporary, temporary};
pub use whole::write_whole;

/// A path by which a library can open an open file again, whatever the file's name is now.
///
/// On Linux the second file has a position of its own, at the start. On other systems both share the position of
/// `file`.
pub fn path_of(file: &impl std::os::fd::AsRawFd) -> String {
    let directory = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    format!("{directory}/{}", file.as_raw_fd())
}
