//! A quick digest of a model's files, which tells models apart.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::EncoderError;
use semsearch_files::{FileError, open_regular, read_bounded};
use sha2::{Digest, Sha256};

use super::{CONFIG, MAX_JSON, MAX_TOKENIZER, ModelFiles, TOKENIZER, WEIGHTS};

/// How many pages of the weights the fingerprint takes, and their size in bytes.
const SAMPLES: u64 = 64;
const PAGE: u64 = 4096;

/// Tells models apart in a fraction of a millisecond: the SHA-256 of configuration, tokenizer, and, of the weights,
/// the length and 64 pages spread evenly, the header among them.
///
/// Two models whose weights differ by training differ in every page. Whether each byte is right is another question,
/// answered once when files arrive and by `model verify`.
///
/// # Errors
/// [`FileError::Read`](semsearch_files::FileError::Read) if a file cannot be read.
pub fn fingerprint(model: &ModelFiles) -> Result<String, EncoderError> {
    let mut digest = Sha256::new();
    for (file, most) in [(CONFIG, MAX_JSON), (TOKENIZER, MAX_TOKENIZER)] {
        let path = model.path(file);
        let read = open_regular(&path).and_then(|file| read_bounded(file, most));
        digest.update(read.map_err(FileError::read(&path))?);
    }
    let path = model.path(WEIGHTS);
    sample(&path, &mut digest).map_err(FileError::read(&path))?;
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
