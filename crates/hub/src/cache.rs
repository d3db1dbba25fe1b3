//! A repository in the Hugging Face cache, for writing. The layout is that of Python's huggingface_hub.
//!
//! ```text
//! .locks/models--OWNER--NAME/ETAG.lock   held while the file of this ETag arrives
//! models--OWNER--NAME/
//!   blobs/ETAG                           a file's bytes
//!   snapshots/COMMIT/PATH                a link to them
//!   refs/REVISION                        the commit that a branch stands for
//!   .no_exist/COMMIT/PATH                an empty file: the Hub has no such file
//! ```
//!
//! ETags, commits and paths come from the server. Each is checked to be a plain name or path, and each step below the
//! repository's directory is made relative to the directory's descriptor. So nothing is written, replaced or removed
//! elsewhere, whatever links there are.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use super::{Hub, RepositoryKind, etag};
use crate::HubError;
use semsearch_files::{Dir, FileError, RelativePath, is_plain, unique};

/// The most characters of an ETag or a commit. Operating systems limit the length of a file's name, ending included.
const NAME: usize = 128;

/// Whether a server's word can be the name of a file or directory in the cache.
pub(super) fn is_name(word: &str) -> bool {
    is_plain(word) && word.len() <= NAME && word.is_ascii() && !word.starts_with('.')
}

/// A repository's directory.
pub(super) struct CachedRepository {
    locks: Dir,
    repository: Dir,
}

impl CachedRepository {
    /// Opens the repository's directory in the cache, and makes it if it does not exist.
    pub(super) fn open(hub: &Hub, kind: RepositoryKind, owner: &str, name: &str) -> Result<Self, FileError> {
        let folder = kind.folder(owner, name);
        let open = || {
            std::fs::create_dir_all(&hub.cache)?;
            let cache = Dir::open(&hub.cache)?;
            cache.make_directory(&folder)?;
            // This follows a link, because the user may have put a repository on another disk.
            let repository = Dir::open(&cache.path_of(&folder))?;
            Ok(Self { locks: enter(&enter(&cache, ".locks")?, &folder)?, repository })
        };
        open().map_err(FileError::write(&hub.cache.join(&folder)))
    }

    /// Locks the file of this ETag. Waits until no other process is downloading it.
    pub(super) fn lock(&self, etag: &str) -> Result<File, FileError> {
        let name = format!("{etag}.lock");
        let locked = || {
            let file = self.locks.open_or_create(&name)?;
            file.lock()?;
            Ok(file)
        };
        locked().map_err(FileError::write(&self.locks.path_of(&name)))
    }

    /// Makes the bytes of this ETag, which the caller has [locked](Self::lock), exist in the cache. If the existing
    /// bytes are right, they stay; otherwise `write` writes them. They get their name only after they were found to be
    /// what the ETag promises.
    pub(super) fn bring(
        &self,
        etag: &str,
        write: impl FnOnce(&mut File) -> Result<(), HubError>,
    ) -> Result<(), HubError> {
        let blobs = self.directory("blobs")?;
        let path = blobs.path_of(etag);
        let failed = |error| FileError::write(&path)(error);
        if blobs.identity_of(etag).map_err(failed)?.is_some() {
            let right = blobs.read(etag).is_ok_and(|file| etag::check_open(file, &path, etag).is_ok());
            if right {
                return Ok(());
            }
            blobs.remove(etag).map_err(failed)?;
        }
        let arriving = format!("{etag}.incomplete");
        blobs.remove(&arriving).map_err(failed)?;
        let arrive = || {
            let mut file = blobs.create(&arriving).map_err(failed)?;
            write(&mut file)?;
            file.sync_all().map_err(failed)?;
            etag::check_open(file, &path, etag)?;
            Ok(blobs.rename(&arriving, etag).map_err(failed)?)
        };
        let arrived = arrive();
        if arrived.is_err() {
            // The first error is the one that matters.
            let _ = blobs.remove(&arriving);
        }
        arrived
    }

    /// Makes the bytes of `etag` the file `path` of `commit`. Returns its path in the cache.
    pub(super) fn link(&self, commit: &str, path: &RelativePath, etag: &str) -> Result<PathBuf, FileError> {
        let up = "../".repeat(path.as_str().split('/').count() + 1);
        self.place("snapshots", &below(commit, path), |dir, name| dir.symlink(&format!("{up}blobs/{etag}"), name))
    }

    /// Records that the Hub has no file `path` in `commit`.
    pub(super) fn note_absent(&self, commit: &str, path: &RelativePath) -> Result<(), FileError> {
        self.place(".no_exist", &below(commit, path), |dir, name| write(dir, name, b"")).map(drop)
    }

    /// Records for which commit the branch or tag `revision` stands.
    pub(super) fn note_commit(&self, revision: &RelativePath, commit: &str) -> Result<(), FileError> {
        self.place("refs", revision.as_str(), |dir, name| write(dir, name, commit.as_bytes())).map(drop)
    }

    /// The path of the file `path` of `commit`, if it is in the cache.
    pub(super) fn file(&self, commit: &str, path: &RelativePath) -> Option<PathBuf> {
        let file = self.repository.path().join("snapshots").join(commit).join(path);
        file.is_file().then_some(file)
    }

    /// Lets `put` make a new entry of a directory below `room`, and renames it to `path`, which replaces what had this
    /// name.
    fn place(
        &self,
        room: &str,
        path: &str,
        put: impl FnOnce(&Dir, &str) -> io::Result<()>,
    ) -> Result<PathBuf, FileError> {
        let mut names: Vec<&str> = path.split('/').collect();
        let name = names.pop().unwrap_or_default();
        let placed = || {
            let dir = names.iter().try_fold(enter(&self.repository, room)?, |dir, name| enter(&dir, name))?;
            let new = format!(".{}.part", unique());
            put(&dir, &new)?;
            dir.rename(&new, name).inspect_err(|_| drop(dir.remove(&new)))
        };
        let to = self.repository.path().join(room).join(path);
        placed().map_err(FileError::write(&to))?;
        Ok(to)
    }

    fn directory(&self, name: &str) -> Result<Dir, FileError> {
        enter(&self.repository, name).map_err(FileError::write(&self.repository.path_of(name)))
    }
}

fn below(commit: &str, path: &RelativePath) -> String {
    format!("{commit}/{path}")
}

/// Opens the directory of this name, and makes it if it does not exist.
fn enter(dir: &Dir, name: &str) -> io::Result<Dir> {
    dir.make_directory(name)?;
    dir.subdirectory(name)
}

fn write(dir: &Dir, name: &str, bytes: &[u8]) -> io::Result<()> {
    io::Write::write_all(&mut dir.create(name)?, bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    /// The name that git and the Hub give to the six bytes `hello\n`.
    const HELLO: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

    fn opened(cache: &Path) -> CachedRepository {
        let hub = Hub {
            endpoint: String::new(),
            cache: cache.into(),
            offline: false,
            token: None,
            proxies: Default::default(),
        };
        CachedRepository::open(&hub, RepositoryKind::Model, "a", "b").unwrap()
    }

    fn hello(file: &mut File) -> Result<(), HubError> {
        file.write_all(b"hello\n").unwrap();
        Ok(())
    }

    #[test]
    fn only_a_plain_short_word_is_a_name() {
        assert!(is_name(HELLO) && is_name("W-weak") && is_name("main"));
        for bad in ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", ".lock", "a\nb", "\u{e9}", &"a".repeat(129)] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_file_arrives_as_python_would_have_it() {
        let dir = tempfile::tempdir().unwrap();
        let cache = opened(dir.path());
        let _lock = cache.lock(HELLO).unwrap();
        cache.bring(HELLO, hello).unwrap();
        let path = cache.link("abc", &RelativePath::new("x/y.json").unwrap(), HELLO).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "hello\n");
        assert_eq!(std::fs::read_link(&path).unwrap(), Path::new("../../../blobs").join(HELLO));
        cache.note_commit(&RelativePath::new("refs/pr/1").unwrap(), "abc").unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join("models--a--b/refs/refs/pr/1")).unwrap(), "abc");
        // Right bytes are not downloaded again; wrong bytes are.
        cache.bring(HELLO, |_| panic!("it is there")).unwrap();
        std::fs::write(dir.path().join("models--a--b/blobs").join(HELLO), "wrong").unwrap();
        cache.bring(HELLO, hello).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "hello\n");
        assert!(cache.bring(&HELLO.replace("ce", "ff"), hello).is_err());
        assert_eq!(std::fs::read_dir(dir.path().join("models--a--b/blobs")).unwrap().count(), 1);
    }

    #[test]
    fn no_link_in_the_cache_leads_a_write_or_a_removal_elsewhere() {
        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let victim = outside.path().join("victim");
        std::fs::write(&victim, "theirs").unwrap();
        let cache = opened(dir.path());
        let repository = dir.path().join("models--a--b");
        std::fs::create_dir_all(repository.join("blobs")).unwrap();
        symlink(&victim, repository.join("blobs").join(HELLO)).unwrap();
        symlink(&victim, repository.join(format!("blobs/{HELLO}.incomplete"))).unwrap();
        symlink(&victim, dir.path().join(format!(".locks/models--a--b/{HELLO}.lock"))).unwrap();
        symlink(outside.path(), repository.join("snapshots")).unwrap();
        symlink(outside.path(), repository.join("refs")).unwrap();
        assert!(cache.lock(HELLO).is_err());
        cache.bring(HELLO, hello).unwrap();
        let file = RelativePath::new("victim").unwrap();
        assert!(cache.link("abc", &file, HELLO).unwrap_err().to_string().contains("snapshots"));
        assert!(cache.note_commit(&file, "abc").is_err());
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "theirs");
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    }
}
