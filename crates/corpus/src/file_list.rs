//! Lists of inputs, in the form in which `find` and `git ls-files` write them.

use std::io;

use bstr::ByteSlice;

use super::bounded::{self, LARGEST};
use super::{CorpusError, Input};
use semsearch_files::Place;

/// The most names in a list.
const MOST_NAMES: usize = 1_000_000;

/// Reads the inputs that `list` names, one per line. If the list contains a zero byte, each name ends with one instead,
/// so that names may contain newlines. Blank lines are ignored. The name `-` is standard input.
///
/// # Errors
/// The list cannot be read, or it contains no name ([`CorpusError::NoFiles`]).
pub fn files_from(list: &Input) -> Result<Vec<Input>, CorpusError> {
    let failed = |source| CorpusError::Input { place: Place::whole(&list.name()), source };
    let too_long = || failed(io::Error::other(format!("more than {} MiB: that is no list of files", LARGEST >> 20)));
    let names = bounded::all(list.bytes()?).map_err(failed)?.ok_or_else(too_long)?;
    let inputs = inputs(&names);
    if inputs.len() > MOST_NAMES {
        return Err(failed(io::Error::other(format!("more than {MOST_NAMES} names: give the directories instead"))));
    }
    if inputs.is_empty() { Err(CorpusError::NoFiles { input: list.name() }) } else { Ok(inputs) }
}

fn inputs(names: &[u8]) -> Vec<Input> {
    let names: Box<dyn Iterator<Item = &[u8]>> = match names.contains(&0) {
        true => Box::new(names.split(|&byte| byte == 0)),
        false => Box::new(names.lines()),
    };
    let named = names.filter(|name| !name.trim_ascii().is_empty()).take(MOST_NAMES + 1);
    named.map(|name| name.to_path_lossy().into_owned().into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[u8]) -> Vec<String> {
        inputs(list).iter().map(|input| input.name().to_string()).collect()
    }

    #[test]
    fn a_line_is_a_name_and_blank_ones_are_passed_over() {
        assert_eq!(names(b"a b.md\r\n\n  \nc.md\n-\n d"), ["a b.md", "c.md", "<stdin>", " d"]);
    }

    #[test]
    fn with_zero_bytes_names_may_have_newlines() {
        assert_eq!(names(b"a\nb.md\0c.md\0"), ["a\nb.md", "c.md"]);
    }

    #[test]
    fn a_list_of_nothing_is_an_error_that_says_so() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "\n \n").unwrap();
        let message = files_from(&Input::File(file.path().into())).unwrap_err().to_string();
        assert!(message.ends_with(": nothing to read in it"), "{message}");
    }

    #[test]
    fn a_list_that_is_not_there_is_an_error() {
        let message = files_from(&Input::File("no/such/list".into())).unwrap_err().to_string();
        assert_eq!(message, "no/such/list: cannot read");
    }

    #[cfg(unix)]
    #[test]
    fn names_need_not_be_utf8() {
        use std::os::unix::ffi::OsStrExt;
        let [Input::File(path)] = &inputs(b"\xff.md")[..] else { panic!("one file") };
        assert_eq!(path.as_os_str().as_bytes(), b"\xff.md");
    }
}
