//! A command that turns files into text, for formats that are not read here. As in ripgrep, the command gets the path of a
//! file as its only argument and the file as standard input, and what it prints is the text.

mod printed;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ignore::overrides::{Override, OverrideBuilder};

use super::CorpusError;
use super::bounded::LARGEST;
use printed::Printed;
use semsearch_files::open_regular;

/// A command, and the files that it is for.
#[derive(Clone)]
pub struct Preprocessor {
    command: PathBuf,
    /// `None`: all files.
    globs: Option<Override>,
}

impl fmt::Debug for Preprocessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preprocessor").field("command", &self.command).finish_non_exhaustive()
    }
}

impl Preprocessor {
    /// The command for files that match one of `globs`, or for all files without globs. Globs have the syntax of
    /// `.gitignore`, relative to `dir`; one that begins with `!` leaves files out.
    ///
    /// # Errors
    /// A glob is wrong.
    pub fn new(command: PathBuf, globs: &[String], dir: &Path) -> Result<Self, CorpusError> {
        let bad = |glob: &str, error: ignore::Error| CorpusError::Glob { glob: glob.into(), source: error.into() };
        let mut overrides = OverrideBuilder::new(dir);
        for glob in globs {
            overrides.add(glob).map_err(|error| bad(glob, error))?;
        }
        let built = overrides.build().map_err(|error| bad(&globs.join(" "), error))?;
        Ok(Self { command, globs: (!globs.is_empty()).then_some(built) })
    }

    /// Whether the file at `path` is turned into text by the command.
    pub(crate) fn is_for(&self, path: &Path) -> bool {
        match &self.globs {
            None => true,
            Some(globs) if globs.num_whitelists() == 0 => !globs.matched(path, false).is_ignore(),
            Some(globs) => globs.matched(path, false).is_whitelist(),
        }
    }

    /// What the command prints for the file at `path`.
    ///
    /// # Errors
    /// The command cannot be started, fails, or prints more than a record may have.
    pub(crate) fn text_of(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut command = Command::new(&self.command);
        command.arg(path).stdin(open_regular(path)?).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = command.spawn();
        let child = started.map_err(|error| self.failed(&format!("cannot be started: {error}")))?;
        let Printed { text, words, status } = printed::read(child)?;
        let words = String::from_utf8_lossy(&words);
        match text {
            None => Err(self.failed(&format!("printed more than {} MiB", LARGEST >> 20))),
            Some(text) if status.success() => Ok(text),
            Some(_) if words.trim().is_empty() => Err(self.failed(&format!("ended with {status}"))),
            Some(_) => Err(self.failed(&format!("ended with {status}: {}", words.trim()))),
        }
    }

    fn failed(&self, what: &str) -> io::Error {
        io::Error::other(format!("the command {} {what}", self.command.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, Instant};

    use super::*;

    fn script(dir: &Path, lines: &str) -> PathBuf {
        let path = dir.join("command");
        std::fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn the_text_is_what_the_command_prints_for_the_path_or_its_input() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a b.txt");
        std::fs::write(&file, "bees").unwrap();
        let command = script(dir.path(), "echo \"$1\"; tr a-z A-Z");
        let all = Preprocessor::new(command, &[], dir.path()).unwrap();
        assert_eq!(all.text_of(&file).unwrap(), format!("{}\nBEES", file.display()).into_bytes());
    }

    #[test]
    fn what_the_command_leaves_running_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.txt");
        std::fs::write(&file, "").unwrap();
        let of = |lines: &str| {
            let start = Instant::now();
            let all = Preprocessor::new(script(dir.path(), lines), &[], dir.path()).unwrap();
            let text = all.text_of(&file).map(|text| String::from_utf8(text).unwrap());
            assert!(start.elapsed() < Duration::from_secs(8), "{lines}: {:?}", start.elapsed());
            text.map_err(|error| error.to_string())
        };
        assert_eq!(of("sleep 20 & echo text").as_deref(), Ok("text\n"));
        assert_eq!(of("sleep 20 2>/dev/null & echo text").as_deref(), Ok("text\n"));
        let failing = of("sleep 20 >/dev/null & echo words >&2; exit 3").unwrap_err();
        assert!(failing.ends_with("ended with exit status: 3: words"), "{failing}");
        let endless = of("(while echo more; do sleep 0.01; done) & echo text").unwrap();
        assert!(endless.contains("text\n") && endless.len() < 10_000, "{endless}");
        // The command itself may take its time, and close what it prints to before it ends.
        assert_eq!(of("echo a; sleep 0.5; echo b; exec >&- 2>&-; sleep 0.5").as_deref(), Ok("a\nb\n"));
        let many = of("head -c 3000000 /dev/zero | tr '\\0' x; head -c 3000000 /dev/zero >&2").unwrap();
        assert_eq!(many.len(), 3_000_000);
    }

    #[test]
    fn globs_choose_files() {
        let of = |globs: &[&str], path: &str| {
            let globs: Vec<String> = globs.iter().map(|glob| glob.to_string()).collect();
            Preprocessor::new("x".into(), &globs, ".".as_ref()).unwrap().is_for(path.as_ref())
        };
        assert!(of(&[], "a.txt") && of(&["*.ps"], "docs/a.ps") && of(&["!*.txt"], "a.ps"));
        assert!(!of(&["*.ps"], "a.txt") && !of(&["!*.txt"], "a.txt"));
    }

    #[test]
    fn a_command_that_fails_or_is_not_there_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.txt");
        std::fs::write(&file, "x".repeat(1 << 20)).unwrap();
        let message = |command: PathBuf| {
            let all = Preprocessor::new(command, &[], dir.path()).unwrap();
            all.text_of(&file).unwrap_err().to_string()
        };
        let failing = message(script(dir.path(), "echo 'no such font' >&2; exit 3"));
        assert!(failing.ends_with("ended with exit status: 3: no such font"), "{failing}");
        let missing = message(dir.path().join("missing"));
        assert!(missing.contains("missing cannot be started: "), "{missing}");
        let endless = message(script(dir.path(), "yes"));
        assert!(endless.ends_with("printed more than 64 MiB"), "{endless}");
    }
}
