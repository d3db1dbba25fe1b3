//! Which files of the Hub make a model, and in which order they are fetched.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use semsearch_encoder::model::{ModelConfig, OPTIONAL, REQUIRED};

use super::{Locations, ModelName, digest};
use crate::ModelsError;
use semsearch_hub::{DownloadProgress, Repository, RepositoryKind, check_or_remove};

/// Downloads the model. Returns the snapshot's directory.
pub(super) fn download(
    name: &ModelName,
    places: &Locations,
    progress: &Arc<dyn DownloadProgress>,
) -> Result<PathBuf, ModelsError> {
    let hub = Repository::connect(&places.hub, RepositoryKind::Model, &name.id, name.revision(), progress)?;
    // The weights come last, so that any other fault shows before 90 MB are downloaded.
    let (weights, small) = REQUIRED.split_last().expect("a model has weights");
    for file in small {
        hub.fetch(file)?;
    }
    for file in OPTIONAL {
        hub.fetch_if_there(file)?;
    }
    let dir = hub.fetch(small[0])?.parent().map(Path::to_owned).unwrap_or_default();
    for file in ModelConfig::module_files(&dir)? {
        hub.fetch_if_there(file.as_str())?;
    }
    hub.fetch(weights)?;
    if name.is_pinned() {
        // The bytes are known, so the files are checked whatever the Hub promised. The directory is snapshots/COMMIT of
        // the repository.
        let repository = dir.ancestors().nth(2).unwrap_or(&dir);
        for file in REQUIRED {
            check_or_remove(&dir.join(file), repository, |content| digest::check_pinned_file(content, file))?;
        }
    }
    Ok(dir)
}
