//! Where a hit begins, as it can be opened from here.

use std::path::{Path, PathBuf};

use semsearch::engine::Hit;
use semsearch::index::Source;
use serde::Serialize;

/// The name of standard input, as on the command line.
const STDIN: &str = "-";

/// The working directory, relative to which paths are shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Here(PathBuf);

/// The file of a hit and its line there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct HitPlace {
    /// A path, relative to the working directory if the file is below it; `-` for standard input.
    pub(crate) path: String,
    /// From 1. In a file without lines, such as a PDF, it is 1.
    pub(crate) line: u64,
}

impl Here {
    /// The working directory of this process. Without one, paths are shown whole.
    pub(crate) fn of_process() -> Self {
        Self(std::env::current_dir().and_then(|dir| dir.canonicalize()).unwrap_or_default())
    }

    /// Where the hit begins; `None` if its index does not know.
    pub(super) fn place(&self, hit: &Hit) -> Option<HitPlace> {
        hit.document.source.as_ref().map(|source| self.of_source(source))
    }

    /// The place as it can be opened from here.
    pub(crate) fn of_source(&self, Source { path, line }: &Source) -> HitPlace {
        let below = Path::new(path).strip_prefix(&self.0).ok().filter(|_| !self.0.as_os_str().is_empty());
        let path = match below {
            _ if path == "<stdin>" => STDIN.into(),
            Some(below) => below.to_string_lossy().into_owned(),
            None => path.clone(),
        };
        HitPlace { path, line: line.unwrap_or(1) }
    }
}

/// Whether the hit's document is a whole file, so that its id is the file's path.
pub(super) fn is_file(hit: &Hit) -> bool {
    hit.document.metadata.get("path").and_then(|path| path.as_str()) == Some(hit.document.id.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_path_below_the_working_directory_is_relative_to_it() {
        let here = Here("/home/a".into());
        let place = |path: &str, line| {
            let source = Some(Source { path: path.into(), line });
            let HitPlace { path, line } = here.place(&sample::hit_from(source)).unwrap();
            format!("{path}:{line}")
        };
        assert_eq!(place("/home/a/docs/x.md", Some(7)), "docs/x.md:7");
        assert_eq!(place("/home/ab/x.pdf", None), "/home/ab/x.pdf:1");
        assert_eq!(place("<stdin>", Some(2)), "-:2");
        assert_eq!(here.place(&sample::hit_from(None)), None);
    }
}
