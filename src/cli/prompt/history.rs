//! Questions of earlier sessions: a file that only this user can read, with one question on each line.
//!
//! The format is that of rustyline: a first line `#V2`, and `\n` and `\\` for line breaks and backslashes. The file is
//! read and written here, and not by rustyline, for safety: if others may write to its directory, the file could be a
//! link to something else, or hold characters that control a terminal.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use semsearch::error::FileError;
use semsearch::files::{make_directory, open_private, read_bounded, write_whole};

use crate::cli::environment;
use crate::cli::visible::hides;

const FIRST: &str = "#V2";

/// The most bytes of a file that is read.
const LARGEST: u64 = 16 << 20;

/// Earlier questions, and where the next ones go.
pub(super) struct History {
    file: File,
    lines: Vec<String>,
}

impl History {
    /// Opens `$XDG_STATE_HOME/semsearch/history`, or the same below `~/.local/state`; `None` if there is no such place.
    /// Of a file that has grown long the last `most` lines stay.
    pub(super) fn open(most: usize) -> Result<Option<Self>, FileError> {
        environment::state_home().map(|state| Self::at(&state.join("semsearch"), most)).transpose()
    }

    fn at(dir: &Path, most: usize) -> Result<Self, FileError> {
        make_directory(dir).map_err(|source| FileError::Write { path: dir.into(), source })?;
        let path = dir.join("history");
        let failed = |path: PathBuf| move |source| FileError::Read { path, source };
        let mut file = open_private(&path).map_err(failed(path.clone()))?;
        let bytes = read_bounded(&file, LARGEST).map_err(failed(path.clone()))?;
        let text = String::from_utf8_lossy(&bytes);
        let all: Vec<&str> = text.lines().filter(|line| *line != FIRST && !line.is_empty()).collect();
        let last = &all[all.len().saturating_sub(most)..];
        if bytes.is_empty() {
            writeln!(file, "{FIRST}").map_err(|source| FileError::Write { path: path.clone(), source })?;
        } else if all.len() > 2 * most {
            let written = |source| FileError::Write { path: path.clone(), source };
            write_whole(&path, |mut file| writeln!(file, "{FIRST}\n{}", last.join("\n")).map_err(written))?;
            file = open_private(&path).map_err(failed(path.clone()))?;
        }
        let lines = last.iter().map(|line| unescaped(line)).filter(|line| !hides(line)).collect();
        Ok(Self { file, lines })
    }

    /// The earlier questions, oldest first.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// Adds a question.
    pub(super) fn remember(&mut self, line: &str) -> io::Result<()> {
        let escaped = line.replace('\\', r"\\").replace('\n', r"\n");
        // In one write, because another session may write at the same time.
        self.file.write_all(format!("{escaped}\n").as_bytes())
    }
}

fn unescaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => text.push('\n'),
                Some(other) => text.push(other),
                None => text.push('\\'),
            },
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_come_back_as_they_were_asked() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::at(dir.path(), 10).unwrap();
        assert_eq!(history.lines().count(), 0);
        for line in [r"a \n b\", "plain", "é"] {
            history.remember(line).unwrap();
        }
        let again = History::at(dir.path(), 10).unwrap();
        assert_eq!(again.lines().collect::<Vec<_>>(), [r"a \n b\", "plain", "é"]);
        let written = std::fs::read_to_string(dir.path().join("history")).unwrap();
        assert_eq!(written, "#V2\na \\\\n b\\\\\nplain\né\n");
    }

    #[test]
    fn a_long_file_is_cut_and_what_steers_a_terminal_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let planted = "#V2\n".to_owned() + &"old\n".repeat(50) + "\u{1b}]0;title\u{7}\n\u{202e}evil\nlast\n";
        std::fs::write(dir.path().join("history"), planted).unwrap();
        let history = History::at(dir.path(), 4).unwrap();
        assert_eq!(history.lines().collect::<Vec<_>>(), ["old", "last"]);
        assert_eq!(std::fs::read_to_string(dir.path().join("history")).unwrap().lines().count(), 1 + 4);
    }

    #[test]
    fn a_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let theirs = dir.path().join("theirs");
        std::fs::write(&theirs, "theirs").unwrap();
        std::os::unix::fs::symlink(&theirs, dir.path().join("history")).unwrap();
        assert!(History::at(dir.path(), 4).is_err());
        assert_eq!(std::fs::read_to_string(&theirs).unwrap(), "theirs");
    }
}
