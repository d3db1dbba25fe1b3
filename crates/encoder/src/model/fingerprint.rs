//! A quick digest of a model's files.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use semsearch_files::{FileError, open_regular, read_bounded};
use sha2::{Digest, Sha256};

use super::files::{CONFIG, MAX_TOKENIZER, ModelFiles, TOKENIZER, WEIGHTS};
use super::modules::module_files;
use crate::error::EncoderError;
use crate::json::MAX_JSON;

/// The number of pages of the weights that the fingerprint covers, and their size in bytes.
const SAMPLES: u64 = 64;
const PAGE: u64 = 4096;

/// A digest that tells models apart, in a fraction of a millisecond. It is the SHA-256 of the configuration, the tokenizer,
/// and the length and 64 evenly spread pages of each file of weights, which include the header.
///
/// Two models with different training differ in every page. Whether every single byte is right is checked when files
/// are downloaded, and by `semsearch model verify`.
///
/// # Errors
/// [`FileError::Read`] if a file cannot be read.
pub fn fingerprint(model: &ModelFiles) -> Result<String, EncoderError> {
    let mut digest = Sha256::new();
    for (file, most) in [(CONFIG, MAX_JSON), (TOKENIZER, MAX_TOKENIZER)] {
        let path = model.path(file);
        let read = open_regular(&path).and_then(|file| read_bounded(file, most));
        digest.update(read.map_err(FileError::read(&path))?);
    }
    let path = model.path(WEIGHTS);
    sample(&path, &mut digest).map_err(FileError::read(&path))?;
    for path in weights_of_modules(model)? {
        sample(&path, &mut digest).map_err(FileError::read(&path))?;
    }
    Ok(hex::encode(digest.finalize()))
}

/// The paths of the files that the fingerprint covers.
///
/// # Errors
/// The list of modules cannot be read.
pub(crate) fn fingerprinted(model: &ModelFiles) -> Result<Vec<PathBuf>, EncoderError> {
    let mut files: Vec<PathBuf> = [CONFIG, TOKENIZER, WEIGHTS].map(|file| model.path(file)).into();
    files.extend(weights_of_modules(model)?);
    Ok(files)
}

/// The weights of linear layers after the pooling.
fn weights_of_modules(model: &ModelFiles) -> Result<Vec<PathBuf>, EncoderError> {
    let files = module_files(&model.dir)?;
    Ok(files.iter().filter(|file| file.as_str().ends_with(WEIGHTS)).map(|file| model.dir.join(file)).collect())
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
    use crate::model::MODULES;

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
        write(MODULES, br#"[{"path": "2_Dense", "type": "Dense"}]"#);
        std::fs::create_dir(model.path("2_Dense")).unwrap();
        write("2_Dense/model.safetensors", &[1; 100]);
        let fourth = fingerprint(&model).unwrap();
        write("2_Dense/model.safetensors", &[2; 100]);
        assert!(third != fourth && fourth != fingerprint(&model).unwrap());
    }
}
