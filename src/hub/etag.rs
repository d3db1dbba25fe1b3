//! Files against the digests that the Hub names them by.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Checks one file against a SHA-256 in hexadecimal.
pub(crate) fn check(path: &Path, expected: &str) -> Result<()> {
    let found = sha256(path).map_err(Error::read(path))?;
    if found == expected {
        return Ok(());
    }
    Err(Error::ModelDigest { path: path.to_owned(), expected: expected.into(), found })
}

/// Checks a file against the Hub's ETag, which is a digest of its content: SHA-256 for a large file, and for a small
/// one git's own object id, the SHA-1 of `blob LENGTH\0` and the bytes. Any other ETag promises nothing, and the answer
/// is `false`.
pub(crate) fn check_etag(path: &Path, etag: &str) -> Result<bool> {
    let hexadecimal = etag.bytes().all(|byte| byte.is_ascii_hexdigit());
    match etag.len() {
        64 if hexadecimal => check(path, etag).map(|()| true),
        40 if hexadecimal => {
            let bytes = std::fs::read(path).map_err(Error::read(path))?;
            let object = Sha1::new().chain_update(format!("blob {}\0", bytes.len())).chain_update(&bytes).finalize();
            let found = hex::encode(object);
            if found == etag {
                return Ok(true);
            }
            Err(Error::ModelDigest { path: path.to_owned(), expected: format!("git blob {etag}"), found })
        }
        _ => Ok(false),
    }
}

/// Checks a file that has arrived in the cache, and takes it out again, with the content that it links to, if it is wrong.
pub(crate) fn check_or_remove(path: &Path, check: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let content = path.canonicalize().map_err(Error::read(path))?;
    let outcome = check(&content);
    if outcome.is_err() {
        for wrong in [path, &content] {
            std::fs::remove_file(wrong).map_err(Error::write(wrong))?;
        }
    }
    outcome
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(digest.finalize())),
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
}
