//! Files: the one place that opens, creates, renames and removes them.
//!
//! Four guarantees, each kept in one file. `Dir` works on the entries of a directory that it holds open: no symbolic link
//! is followed, no name leads out of the directory, and a directory that is moved or replaced meanwhile changes nothing.
//! [`open_regular`] and its like open a file by its path for reading and refuse what could block for ever or never end.
//! [`write_whole`] creates a file or replaces one in a single step, a directory that the user named is made by
//! [`make_directory`], a file for this user's eyes alone opened by [`open_private`]. `Map` maps a file into memory, and one
//! that becomes shorter meanwhile is an error, not a signal. What is in the files is left to the callers.
//!
//! What reads files needs two things more: [`Place`] says where in a file something stands, and [`guarded`] makes an error of
//! a library's panic over what is in one.

mod dir;
mod error;
mod guard;
mod made;
mod map;
mod name;
mod place;
mod private;
mod read;
mod whole;

pub use dir::{Dir, Identity, is_temporary, temporary};
pub use error::{Cause, FileError};
pub use guard::{Panicked, guarded, is_guarded};
pub use made::{Made, make_directories};
pub use map::{Map, Watched, shorter};
pub use name::RelativePath;
pub use name::{is_plain, unique};
pub use place::Place;
pub use private::{make_directory, open_private};
pub use read::{open_regular, read_bounded};
pub use whole::write_whole;

/// A path under which a library can open an open file again, without looking at the file's name.
///
/// On Linux the file is opened anew, at its start; other systems share the position of `file`.
pub fn path_of(file: &impl std::os::fd::AsRawFd) -> String {
    let directory = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    format!("{directory}/{}", file.as_raw_fd())
}
