//! Paths without links, also of files that are gone.

use std::path::{Path, PathBuf};

/// How many links are followed after the file is gone. Linux follows as many.
const LINKS: usize = 40;

/// The absolute path without links. A file that was read a moment ago may be gone: its path is then what it was, as far as
/// the directories and links that lead to it are still there.
pub fn real_path(path: &Path) -> PathBuf {
    resolved(std::path::absolute(path).unwrap_or_else(|_| path.into()), &mut { LINKS })
}

fn resolved(path: PathBuf, links: &mut usize) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return path };
    let directory = resolved(parent.into(), links);
    let real = directory.join(name);
    match real.read_link() {
        Ok(target) if *links > 0 => {
            *links -= 1;
            resolved(directory.join(target), links)
        }
        _ => real,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_is_the_same_after_its_file_and_its_directory_are_gone() {
        let holder = tempfile::tempdir().unwrap();
        let at = |path: &str| holder.path().join(path);
        fs::create_dir_all(at("far/below")).unwrap();
        fs::write(at("far/below/a.md"), "a").unwrap();
        symlink("far", at("near")).unwrap();
        symlink("near/below/a.md", at("link.md")).unwrap();
        symlink(at("link.md"), at("absolute.md")).unwrap();
        let named = ["far/below/a.md", "near/below/a.md", "near/../far/below/a.md", "link.md", "absolute.md"];
        let real = || named.map(|path| real_path(&at(path)));
        let before = real();
        assert_eq!(before, [(); 5].map(|()| at("far/below/a.md").canonicalize().unwrap()));
        fs::remove_file(at("far/below/a.md")).unwrap();
        assert_eq!(real(), before);
        fs::remove_dir(at("far/below")).unwrap();
        assert_eq!(real(), before);
    }

    #[test]
    fn links_that_lead_to_each_other_end() {
        let holder = tempfile::tempdir().unwrap();
        symlink("b", holder.path().join("a")).unwrap();
        symlink("a", holder.path().join("b")).unwrap();
        assert!(real_path(&holder.path().join("a")).starts_with(holder.path().canonicalize().unwrap()));
    }
}
