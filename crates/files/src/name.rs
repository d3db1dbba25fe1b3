//! Names that come from outside: from a model, an index, the Hub or an archive. They are checked here, and only here.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

/// Whether `name` is the name of an entry in a directory: one component that leads neither up nor elsewhere.
pub fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name != "."
        && name != ".."
        && !name.contains(|c: char| ['/', '\\'].contains(&c) || c.is_control())
}

/// Sixteen hexadecimal digits that nobody else has chosen. They come from the random keys of the standard library's
/// hash maps.
pub fn unique() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// A path below a directory. It consists of plain names: it is not absolute, and contains no `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelativePath(String);

impl RelativePath {
    /// The path; `None` if it could lead out of the directory that it is joined to.
    pub fn new(path: &str) -> Option<Self> {
        path.split('/').all(is_plain).then(|| Self(path.into()))
    }

    /// The path as it was given, with `/` between its names.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<Path> for RelativePath {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_has_plain_names_only() {
        for good in ["config.json", "1_Pooling/config.json", "a/b c/…", "..a", ".hidden"] {
            assert!(RelativePath::new(good).is_some(), "{good}");
        }
        for bad in ["", "/etc/passwd", "..", "a/../b", "a//b", "a/", "./a", "a/.", "a\\b", "a\0b", "a\nb"] {
            assert!(RelativePath::new(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn unique_names_differ_and_are_plain() {
        let names: std::collections::HashSet<String> = (0..1000).map(|_| unique()).collect();
        assert_eq!(names.len(), 1000);
        assert!(names.iter().all(|name| is_plain(name) && name.len() == 16));
    }
}
