//! Digests of a model's files: the pinned ones, those the Hub promises, and a quick one that tells models apart.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{CONFIG, MAX_JSON, MAX_TOKENIZER, ModelFiles, ModelName, REQUIRED, TOKENIZER, WEIGHTS};
use crate::error::{Error, Result};
use crate::files::{open_regular, read_bounded};
use crate::hub::{check, check_etag};

/// SHA-256 of the default model's files at its pinned revision.
const PINNED: [(&str, &str); 3] = [
    (CONFIG, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    (TOKENIZER, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    (WEIGHTS, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
];

/// How many pages of the weights the fingerprint takes, and their size in bytes.
const SAMPLES: u64 = 64;
const PAGE: u64 = 4096;

/// Checks a file of the default model against its pinned digest, if it has one.
pub(super) fn check_pinned_file(path: &Path, file: &str) -> Result<()> {
    PINNED.iter().find(|(name, _)| *name == file).map_or(Ok(()), |(_, expected)| check(path, expected))
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
    for (file, most) in [(CONFIG, MAX_JSON), (TOKENIZER, MAX_TOKENIZER)] {
        let path = model.path(file);
        let read = open_regular(&path).and_then(|file| read_bounded(file, most));
        digest.update(read.map_err(Error::read(&path))?);
    }
    let path = model.path(WEIGHTS);
    sample(&path, &mut digest).map_err(Error::read(&path))?;
    Ok(hex::encode(digest.finalize()))
}

fn sample(path: &Path, digest: &mut Sha256) -> io::Result<()> {
    let mut file = open_regular(path)?;
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

#[cfg(test)]
mod tests {
    use super::*;

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
