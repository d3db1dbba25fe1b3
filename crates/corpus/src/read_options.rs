//! How inputs are read, whatever their format.

use std::path::{Path, PathBuf};

use encoding_rs::Encoding;
use semsearch_files::real_path;

use super::path::plain_path;
use super::{Format, Preprocessor};

/// How inputs are read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The format of all inputs.
    pub format: Format,
    /// The directory to which the ids of files below it are relative: an absolute path without links. Files elsewhere have
    /// their absolute path as id. `None`: ids are paths as they were named.
    pub root: Option<PathBuf>,
    /// The encoding of text that is not UTF-8. A byte order mark decides by itself.
    pub encoding: Option<&'static Encoding>,
    /// A command that turns some files into text.
    pub preprocessor: Option<Preprocessor>,
}

impl From<Format> for ReadOptions {
    /// This format, and the usual way in all else.
    fn from(format: Format) -> Self {
        Self { format, ..Self::default() }
    }
}

impl ReadOptions {
    /// The command that turns the file at `path` into text, if there is one.
    pub(crate) fn preprocessor_of(&self, path: &Path) -> Option<&Preprocessor> {
        self.preprocessor.as_ref().filter(|preprocessor| preprocessor.is_for(path))
    }

    /// The id of the document that is the file at `path`.
    pub fn file_id(&self, path: &Path) -> String {
        let Some(root) = &self.root else { return plain_path(path) };
        let real = real_path(path);
        plain_path(real.strip_prefix(root).unwrap_or(&real))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_id_from_wherever_it_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("project");
        std::fs::create_dir_all(root.join("docs")).unwrap();
        std::fs::write(root.join("docs/a.md"), "a").unwrap();
        std::fs::write(root.join("../b.md"), "b").unwrap();
        std::os::unix::fs::symlink(root.join("docs"), root.join("../link")).unwrap();
        let options = ReadOptions { root: Some(root.clone()), ..ReadOptions::default() };
        let id = |path: &str| options.file_id(&root.join(path));
        assert_eq!(["docs/a.md", "docs/../docs/./a.md", "../link/a.md"].map(id), ["docs/a.md"; 3]);
        assert_eq!(id("../b.md"), plain_path(&root.parent().unwrap().join("b.md")));
        assert_eq!(ReadOptions::default().file_id("./docs//a.md".as_ref()), "docs/a.md");
    }
}
