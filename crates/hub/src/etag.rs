//! Checks files against the digests by which the Hub names them.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::HubError;
use semsearch_files::{Dir, FileError, open_regular};

/// Checks one file against a SHA-256 in hexadecimal.
pub fn check(path: &Path, expected: &str) -> Result<(), HubError> {
    check_sha256(open_regular(path).map_err(FileError::read(path))?, path, expected)
}

/// Checks a file against the Hub's ETag, which is a digest of its content. For a large file this is the SHA-256, and
/// for a small one git's object id: the SHA-1 of `blob LENGTH\0` and the bytes. Any other ETag promises nothing, and
/// the answer is `false`.
pub fn check_etag(path: &Path, etag: &str) -> Result<bool, HubError> {
    check_open(open_regular(path).map_err(FileError::read(path))?, path, etag)
}

/// Checks an open file in the same way. Messages name it `path`.
pub(super) fn check_open(mut file: File, path: &Path, etag: &str) -> Result<bool, HubError> {
    let hexadecimal = etag.bytes().all(|byte| byte.is_ascii_hexdigit());
    file.rewind().map_err(FileError::read(path))?;
    match etag.len() {
        64 if hexadecimal => check_sha256(file, path, etag).map(|()| true),
        40 if hexadecimal => {
            let length = file.metadata().map_err(FileError::read(path))?.len();
            let start = Sha1::new().chain_update(format!("blob {length}\0"));
            let found = hex::encode(digest(file, start).map_err(FileError::read(path))?);
            if found == etag {
                return Ok(true);
            }
            Err(HubError::Digest { path: path.to_owned(), expected: format!("git blob {etag}"), found })
        }
        _ => Ok(false),
    }
}

/// Checks a file of the cache's `repository`. If it is wrong, removes it, together with the content to which it links.
/// Files outside the repository stay, even if a link leads to them.
pub fn check_or_remove(
    path: &Path,
    repository: &Path,
    check: impl FnOnce(&Path) -> Result<(), HubError>,
) -> Result<(), HubError> {
    let content = path.canonicalize().map_err(FileError::read(path))?;
    let outcome = check(&content);
    if outcome.is_err() {
        let within = repository.canonicalize().map_err(FileError::read(repository))?;
        for wrong in [path, &content] {
            let parent = wrong.parent().unwrap_or(wrong).canonicalize().map_err(FileError::read(wrong))?;
            if parent.starts_with(&within) {
                remove(&parent, wrong).map_err(FileError::write(wrong))?;
            }
        }
    }
    outcome
}

fn remove(parent: &Path, file: &Path) -> io::Result<()> {
    let name = file.file_name().and_then(|name| name.to_str()).ok_or(io::ErrorKind::InvalidFilename)?;
    Dir::open(parent)?.remove(name)
}

fn check_sha256(file: File, path: &Path, expected: &str) -> Result<(), HubError> {
    let found = hex::encode(digest(file, Sha256::new()).map_err(FileError::read(path))?);
    if found == expected {
        return Ok(());
    }
    Err(HubError::Digest { path: path.to_owned(), expected: expected.into(), found })
}

fn digest<D: Digest>(mut file: File, mut digest: D) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest.finalize().to_vec()),
            read => digest.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_a_sha256_or_a_git_object_or_no_promise() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hello\n").unwrap();
        // `git hash-object` and `sha256sum` of these six bytes.
        assert!(check_etag(file.path(), "ce013625030ba8dba906f756967f9e9ca394464a").unwrap());
        let large = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        assert!(check_etag(file.path(), large).unwrap());
        assert!(!check_etag(file.path(), "W-weak").unwrap());
        assert!(check_etag(file.path(), &"0".repeat(40)).is_err());
        assert!(check_etag(file.path(), &"0".repeat(64)).is_err());
    }

    #[test]
    fn a_wrong_file_is_removed_from_the_cache_and_from_nowhere_else() {
        let (cache, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let victim = outside.path().join("victim");
        std::fs::write(&victim, "theirs").unwrap();
        std::fs::write(cache.path().join("blob"), "mine").unwrap();
        let refuse = |path: &Path| check(path, "");
        for (content, link) in [(cache.path().join("blob"), "a"), (victim.clone(), "b")] {
            let link = cache.path().join(link);
            std::os::unix::fs::symlink(&content, &link).unwrap();
            assert!(check_or_remove(&link, cache.path(), refuse).is_err());
            assert!(!link.is_symlink());
        }
        assert!(check_or_remove(&victim, cache.path(), refuse).is_err());
        assert!(!cache.path().join("blob").exists());
        assert_eq!(std::fs::read_to_string(victim).unwrap(), "theirs");
    }
}
