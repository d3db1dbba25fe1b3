//! Where a passage begins and which input it came from, as the catalog records them.
//!
//! A file below the directory that holds the index is recorded relative to it, so that the two can be moved together. A
//! file elsewhere is recorded by its absolute path, and any other input by its name.

use std::path::{Path, PathBuf};

use semsearch_files::real_path;
use semsearch_store::Source;
use serde::{Deserialize, Serialize};

/// The place of a passage in JSON, as it is stored.
#[derive(Serialize, Deserialize)]
struct Recorded<'a> {
    /// A file, relative to the directory that holds the index, or absolute.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    path: Option<std::borrow::Cow<'a, str>>,
    /// Another input.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    name: Option<std::borrow::Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
}

/// The directory that holds the index at `dir`.
pub fn holder(dir: &Path) -> PathBuf {
    // The index may not be there yet, nor the directories above it.
    let real = real_path(dir);
    real.parent().unwrap_or(&real).to_owned()
}

/// How a path relative to the holder begins where it is recorded as an origin. No absolute path begins like this.
pub(super) const BELOW: &str = "./";

/// How the origin of documents is recorded: a file below `holder` relative to it, and any other input as it is.
pub(super) fn recorded_origin(origin: &str, holder: &Path) -> String {
    match Path::new(origin).strip_prefix(holder) {
        Ok(below) => format!("{BELOW}{}", below.to_string_lossy()),
        Err(_) => origin.into(),
    }
}

/// The origin that was recorded like this. Older indexes hold the absolute path of every file.
pub(super) fn origin(recorded: &str, holder: &Path) -> String {
    match recorded.strip_prefix(BELOW) {
        Some(below) => holder.join(below).to_string_lossy().into_owned(),
        None => recorded.into(),
    }
}

/// What is stored for a passage that begins at `line` of `origin`, in an index that `holder` holds.
pub(super) fn recorded(origin: &str, line: Option<u64>, holder: &Path) -> String {
    let path = Path::new(origin);
    let (file, name) = match path.is_absolute() {
        true => (Some(path.strip_prefix(holder).unwrap_or(path).to_string_lossy()), None),
        false => (None, Some(origin.into())),
    };
    serde_json::to_string(&Recorded { path: file, name, line }).unwrap_or_default()
}

/// The place that was stored. Releases before 0.2 stored `name:line`.
pub(super) fn place(stored: &str, holder: &Path) -> Source {
    match serde_json::from_str(stored) {
        Ok(Recorded { path: Some(path), line, .. }) => {
            Source { path: holder.join(&*path).to_string_lossy().into_owned(), line }
        }
        Ok(Recorded { name: Some(name), line, .. }) => Source { path: name.into_owned(), line },
        _ => {
            let parts = stored.rsplit_once(':').and_then(|(path, line)| Some((path, line.parse().ok()?)));
            let (path, line) = parts.map_or((stored, None), |(path, line)| (path, Some(line)));
            Source { path: path.into(), line }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_moves_with_its_index_and_other_places_stay() {
        let (here, there) = (Path::new("/home/a"), Path::new("/mnt/b"));
        let moved = |origin, line| {
            let Source { path, line } = place(&recorded(origin, line, here), there);
            (path, line)
        };
        assert_eq!(moved("/home/a/docs/x y.md", Some(7)), ("/mnt/b/docs/x y.md".into(), Some(7)));
        assert_eq!(moved("/srv/x.md", None), ("/srv/x.md".into(), None));
        assert_eq!(moved("<stdin>", Some(3)), ("<stdin>".into(), Some(3)));
    }

    #[test]
    fn an_origin_moves_with_its_index() {
        let (here, there) = (Path::new("/home/a"), Path::new("/mnt/b"));
        let moved = |path| origin(&recorded_origin(path, here), there);
        assert_eq!(moved("/home/a/docs/x y.md"), "/mnt/b/docs/x y.md");
        assert_eq!(moved("/srv/x.md"), "/srv/x.md");
        assert_eq!(moved("<stdin>"), "<stdin>");
        assert_eq!(origin("/home/a/old.md", there), "/home/a/old.md");
    }

    #[test]
    fn what_older_releases_recorded_is_understood() {
        let old = |stored| place(stored, Path::new("/x"));
        assert_eq!(old("docs/a.jsonl:12"), Source { path: "docs/a.jsonl".into(), line: Some(12) });
        assert_eq!(old("a:b.md"), Source { path: "a:b.md".into(), line: None });
    }
}
