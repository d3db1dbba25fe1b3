//! Digests of a model's files: the pinned ones, those the Hub promises, and a quick one that tells models apart.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::{CONFIG, ModelFiles, ModelName, REQUIRED, TOKENIZER, WEIGHTS};
use crate::error::{Error, Result};

/// SHA-256 of the default model's files at its pinned revision.
const PINNED: [(&str, &str); 3] = [
    (CONFIG, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    (TOKENIZER, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    (WEIGHTS, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
];

/// How many pages of the weights the fingerprint takes, and their size in bytes.
const SAMPLES: u64 = 64;
const PAGE: u64 = 4096;

/// The pinned digest of a file of the default model.
pub(super) fn pinned(file: &str) -> Option<&'static str> {
    PINNED.iter().find(|(name, _)| *name == file).map(|(_, digest)| *digest)
}

/// Checks the files in `dir` against the default model's pinned digests.
///
/// # Errors
/// [`Error::ModelDigest`] for the first file that differs, [`Error::Read`] for one that cannot be read.
pub(super) fn check_pinned(dir: &Path) -> Result<()> {
    PINNED.iter().try_for_each(|&(file, expected)| check(&dir.join(file), expected))
}

/// Checks every byte of a model's files that anything is known of: of the default model by its pinned digests, of one
/// in the Hugging Face cache by the digests that name its files there. Gives the files checked.
///
/// # Errors
/// [`Error::ModelDigest`] for the first file that differs, [`Error::Read`] for one that cannot be read.
pub fn verify(model: &ModelFiles) -> Result<Vec<&'static str>> {
    let name = ModelName { id: model.id.clone(), revision: model.revision.clone() };
    if name.is_pinned() {
        check_pinned(&model.dir)?;
        return Ok(PINNED.map(|(file, _)| file).to_vec());
    }
    let mut checked = Vec::new();
    for file in REQUIRED {
        let path = model.path(file);
        let content = path.canonicalize().map_err(Error::read(&path))?;
        let etag = content.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if check_etag(&content, etag)? {
            checked.push(file);
        }
    }
    Ok(checked)
}

/// Checks one file against a SHA-256 in hexadecimal.
pub(super) fn check(path: &Path, expected: &str) -> Result<()> {
    let found = sha256(path).map_err(Error::read(path))?;
    if found == expected {
        return Ok(());
    }
    Err(Error::ModelDigest { path: path.to_owned(), expected: expected.into(), found })
}

/// Checks a file against the Hub's ETag, which is a digest of its content: SHA-256 for a large file, and for a small
/// one git's own object id, the SHA-1 of `blob LENGTH\0` and the bytes. Any other ETag promises nothing, and the answer
/// is `false`.
pub(super) fn check_etag(path: &Path, etag: &str) -> Result<bool> {
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

/// Tells models apart in a fraction of a millisecond: the SHA-256 of configuration, tokenizer, and, of the weights,
/// the length and 64 pages spread evenly, the header among them.
///
/// Two models whose weights differ by training differ in every page. Whether each byte is right is another question,
/// answered once when files arrive and by `model verify`.
///
/// # Errors
/// [`Error::Read`] if a file cannot be read.
pub fn fingerprint(model: &ModelFiles) -> Result<String> {
    let mut digest = Sha256::new();
    for file in [CONFIG, TOKENIZER] {
        let path = model.path(file);
        digest.update(std::fs::read(&path).map_err(Error::read(&path))?);
    }
    let path = model.path(WEIGHTS);
    sample(&path, &mut digest).map_err(Error::read(&path))?;
    Ok(hex::encode(digest.finalize()))
}

fn sample(path: &Path, digest: &mut Sha256) -> io::Result<()> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    digest.update(length.to_le_bytes());
    let mut page = Vec::with_capacity(PAGE as usize);
    for sample in 0..SAMPLES {
        file.seek(SeekFrom::Start(length / SAMPLES * sample))?;
        page.clear();
        file.by_ref().take(PAGE).read_to_end(&mut page)?;
        digest.update(&page);
    }
    Ok(())
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

    #[test]
    fn the_fingerprint_changes_with_any_file() {
        let dir = tempfile::tempdir().unwrap();
        let model = ModelFiles { dir: dir.path().into(), id: "x".into(), revision: None };
        let write = |file: &str, bytes: &[u8]| std::fs::write(model.path(file), bytes).unwrap();
        write(CONFIG, b"{}");
        write(TOKENIZER, b"{}");
        write(WEIGHTS, &[7; 1_000_000]);
        let first = fingerprint(&model).unwrap();
        assert_eq!(first, fingerprint(&model).unwrap());
        write(WEIGHTS, &[8; 1_000_000]);
        let second = fingerprint(&model).unwrap();
        write(TOKENIZER, b"{ }");
        let third = fingerprint(&model).unwrap();
        assert!(first != second && second != third);
    }
}
