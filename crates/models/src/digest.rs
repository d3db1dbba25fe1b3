//! Digests of a model's files: the pinned ones, and those that the Hub promises.

use std::path::Path;

use crate::ModelsError;
use semsearch_encoder::model::{CONFIG, ModelFiles, REQUIRED, TOKENIZER, WEIGHTS};
use semsearch_files::FileError;
use semsearch_hub::{HubError, check, check_etag};

use super::ModelName;

/// SHA-256 of the default model's files at its pinned revision.
const PINNED: [(&str, &str); 3] = [
    (CONFIG, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    (TOKENIZER, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    (WEIGHTS, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
];

/// Checks a file of the default model against its pinned digest, if it has one.
pub(super) fn check_pinned_file(path: &Path, file: &str) -> Result<(), HubError> {
    PINNED.iter().find(|(name, _)| *name == file).map_or(Ok(()), |(_, expected)| check(path, expected))
}

/// Checks the files in `dir` against the default model's pinned digests.
///
/// # Errors
/// [`HubError::Digest`] for the first file that differs, [`FileError::Read`] for a file that cannot be read.
pub(super) fn check_pinned(dir: &Path) -> Result<(), HubError> {
    PINNED.iter().try_for_each(|&(file, expected)| check(&dir.join(file), expected))
}

/// Checks every byte of those files of a model whose digests are known: the pinned digests of the default model, or the
/// digests by which the Hugging Face cache names a file. Returns the files that were checked.
///
/// # Errors
/// [`HubError::Digest`] for the first file that differs, [`FileError::Read`] for a file that cannot be read.
pub fn verify(model: &ModelFiles) -> Result<Vec<&'static str>, ModelsError> {
    let name = ModelName { id: model.id.clone(), revision: model.revision.clone() };
    if name.is_pinned() {
        check_pinned(&model.dir)?;
        return Ok(PINNED.map(|(file, _)| file).to_vec());
    }
    let mut checked = Vec::new();
    for file in REQUIRED {
        let path = model.path(file);
        let content = path.canonicalize().map_err(FileError::read(&path))?;
        let etag = content.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if check_etag(&content, etag)? {
            checked.push(file);
        }
    }
    Ok(checked)
}
