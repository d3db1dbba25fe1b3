//! Names that come from outside: a model, an index, the Hub, an archive. They are checked here and nowhere else.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

/// Whether `name` is the name of an entry of a directory: one component that leads neither up nor elsewhere.
pub fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name != "."
        && name != ".."
        && !name.contains(|c: char| ['/', '\\'].contains(&c) || c.is_control())
}

/// Sixteen hexadecimal digits that nobody else has chosen: the keys of the standard library's hash maps are random.
pub fn unique() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// A path below a directory: plain names only, neither absolute nor with `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelativePath(String);

impl RelativePath {
    /// The path, or `None` if it could lead out of the directory that it is joined to.
    pub fn new(path: &str) -> Option<Self> {
        path.split('/').all(is_plain).then(|| Self(path.into()))
    }

    /// The path as it was given, its names separated by `/`.
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
