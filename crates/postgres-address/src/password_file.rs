//! Password files: lines `host:port:database:user:password`.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use semsearch_files::{open_regular, read_bounded};

/// No password file is larger.
const LARGEST: u64 = 1 << 20;

/// A password file in memory. It has no `Debug`.
pub(crate) struct PasswordFile(Vec<u8>);

impl PasswordFile {
    /// Reads a password file. If there is none, it is empty. Like libpq, this ignores a file that others may read, and
    /// any that cannot be read; the second value says so.
    pub(crate) fn read(path: &Path) -> (Self, Option<String>) {
        let ignored = |why: String| (Self(Vec::new()), Some(format!("{} is ignored: {why}", path.display())));
        let file = match open_regular(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return (Self(Vec::new()), None),
            Err(error) => return ignored(error.to_string()),
        };
        match file.metadata() {
            Ok(metadata) if metadata.mode() & 0o077 != 0 => {
                return ignored("others may read it, so set its permissions to 0600".to_owned());
            }
            Ok(_) => {}
            Err(error) => return ignored(error.to_string()),
        }
        match read_bounded(file, LARGEST) {
            Ok(bytes) => (Self(bytes), None),
            Err(error) => ignored(error.to_string()),
        }
    }

    /// The password of the first line for this login.
    pub(crate) fn password(&self, login: [&str; 4]) -> Option<Vec<u8>> {
        let lines = self.0.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        lines.filter(|line| !line.starts_with(b"#")).find_map(|line| password(line, login))
    }
}

/// The password of a line, if its first four fields are for this login.
fn password(line: &[u8], login: [&str; 4]) -> Option<Vec<u8>> {
    let mut rest = line;
    for wanted in login {
        let (field, after) = field(rest);
        // Only a star that is not escaped stands for everything.
        if !rest.starts_with(b"*:") && field != wanted.as_bytes() {
            return None;
        }
        rest = after?;
    }
    Some(field(rest).0).filter(|password| !password.is_empty())
}

/// The text up to the next colon without its escapes, and what follows the colon. A backslash escapes the character
/// after it.
fn field(line: &[u8]) -> (Vec<u8>, Option<&[u8]>) {
    let mut text = Vec::new();
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        match byte {
            b':' => return (text, Some(&line[at + 1..])),
            b'\\' if at + 1 < line.len() => {
                text.push(line[at + 1]);
                at += 2;
            }
            _ => {
                text.push(byte);
                at += 1;
            }
        }
    }
    (text, None)
}
