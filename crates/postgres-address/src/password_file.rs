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

    /// The password of the first line for this login: host, port, database and user.
    pub(crate) fn password(&self, login: [&str; 4]) -> Option<Vec<u8>> {
        let lines = self.0.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        lines
            .filter(|line| !line.starts_with(b"#"))
            .find_map(|line| password(line, login))
            .filter(|password| !password.is_empty())
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
    Some(field(rest).0)
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

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    fn found(text: &str, login: [&str; 4]) -> Option<String> {
        PasswordFile(text.into()).password(login).map(|password| String::from_utf8(password).unwrap())
    }

    const LOGIN: [&str; 4] = ["h", "5432", "d", "u"];

    #[test]
    fn the_first_line_for_a_login_has_its_password() {
        let text = "# h:5432:d:u:comment\nh:5433:d:u:other\nh:5432:d:u:first\n*:*:*:*:second\n";
        assert_eq!(found(text, LOGIN).as_deref(), Some("first"));
        assert_eq!(found(text, ["x", "1", "y", "z"]).as_deref(), Some("second"));
        assert_eq!(found("h:5432:d:x:p\n", LOGIN), None);
        // A first line without a password ends the search, too.
        assert_eq!(found("h:5432:d:u:\nh:5432:d:u:p", LOGIN), None);
        assert_eq!(found("h:5432:d:u\nh:5432:d:u:p", LOGIN).as_deref(), Some("p"));
    }

    #[test]
    fn a_backslash_escapes_a_character() {
        assert_eq!(found(r"a\:b:5432:\\:u:p\:q\\", ["a:b", "5432", r"\", "u"]).as_deref(), Some(r"p:q\"));
        assert_eq!(found(r"\*:5432:d:u:p", LOGIN), None);
        assert_eq!(found(r"\*:5432:d:u:p", ["*", "5432", "d", "u"]).as_deref(), Some("p"));
        assert_eq!(found("h:5432:d:u:p:rest\r\n", LOGIN).as_deref(), Some("p"));
        assert_eq!(found("h:5432:d:u:p\r\n", LOGIN).as_deref(), Some("p"));
        assert_eq!(found(r"h:5432:d:u:p\", LOGIN).as_deref(), Some(r"p\"));
    }

    #[test]
    fn a_file_that_others_may_read_is_ignored_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pass");
        assert!(matches!(PasswordFile::read(&path), (PasswordFile(bytes), None) if bytes.is_empty()));
        fs::write(&path, "*:*:*:*:secret").unwrap();
        for (mode, is_read) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false)] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let (file, warning) = PasswordFile::read(&path);
            assert_eq!(file.password(LOGIN).is_some(), is_read, "{mode:o}");
            assert_eq!(warning.is_none(), is_read, "{mode:o}");
            if let Some(warning) = warning {
                assert!(warning.contains(path.to_str().unwrap()) && !warning.contains("secret"), "{warning}");
            }
        }
        assert!(PasswordFile::read(dir.path()).1.unwrap().contains("is ignored"));
    }

    /// The same in another way: cuts the line at its colons first.
    fn naive(line: &str, login: [&str; 4]) -> Option<String> {
        let (mut fields, mut raw, mut escaped) = (vec![String::new()], vec![String::new()], false);
        for char in line.chars() {
            let last = raw.len() - 1;
            match char {
                '\\' if !escaped => {
                    escaped = true;
                    raw[last].push(char);
                    continue;
                }
                ':' if !escaped => {
                    fields.push(String::new());
                    raw.push(String::new());
                }
                _ => {
                    fields[last].push(char);
                    raw[last].push(char);
                }
            }
            escaped = false;
        }
        if escaped {
            fields.last_mut().unwrap().push('\\');
        }
        let same = |at: usize| raw[at] == "*" || fields[at] == login[at];
        (!line.starts_with('#') && fields.len() > 4 && (0..4).all(same)).then(|| fields[4].clone())
    }

    proptest! {
        #[test]
        fn a_line_gives_what_the_naive_way_gives(
            line in r"([ab*\\]{0,3}:){0,6}[ab*:\\#]{0,6}",
            login in proptest::array::uniform4("[ab*:\\\\]{0,2}"),
        ) {
            let login = login.each_ref().map(String::as_str);
            let expected = naive(&line, login).filter(|password| !password.is_empty());
            prop_assert_eq!(found(&line, login), expected);
        }

        #[test]
        fn a_line_that_is_written_for_a_login_is_found(
            login in proptest::array::uniform4(".*"), password in ".+", before in "[^\r\n]*",
        ) {
            let escape = |text: &str| text.replace('\\', r"\\").replace(':', r"\:");
            let line: Vec<String> = login.iter().chain([&password]).map(|text| escape(text)).collect();
            prop_assume!(!line[0].starts_with('#'));
            let login = login.each_ref().map(String::as_str);
            prop_assume!(found(&before, login).is_none() && !password.ends_with('\r'));
            prop_assert_eq!(found(&format!("{before}x\n{}\n", line.join(":")), login), Some(password));
        }
    }
}
