//! A place in an input, for messages.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where a record begins: the name of the input, and the line if the format has lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user named it, or `<stdin>`.
    pub input: Arc<str>,
    /// The line, from 1; `None` for the input as a whole.
    pub line: Option<u64>,
}

impl Place {
    /// The file that an input with this name is. Any other input has a name in angle brackets or is an address.
    pub fn file(input: &str) -> Option<&Path> {
        let is_other = (input.starts_with('<') && input.ends_with('>')) || input.contains("://");
        Some(Path::new(input)).filter(|path| !is_other || path.exists())
    }

    /// The input as a whole.
    pub fn whole(input: &Arc<str>) -> Self {
        Self { input: Arc::clone(input), line: None }
    }

    /// Line `line` of the input, from 1.
    pub fn line(input: &Arc<str>, line: u64) -> Self {
        Self { input: Arc::clone(input), line: Some(line) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.input),
            None => f.write_str(&self.input),
        }
    }
}
