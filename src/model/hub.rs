//! The Hugging Face Hub, by hf-hub, into the cache that Python uses too.
//!
//! A file is verified when it arrives: against the pinned digest for the default model, and always against its ETag,
//! which the Hub makes of the content. One that fails is taken out of the cache, so that the next run starts clean.
//! Half-written files and the locks of dead processes need no care: hf-hub writes beside and renames, and its locks
//! are the operating system's.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hf_hub::progress::{DownloadEvent, ProgressEvent, ProgressHandler};
use hf_hub::repository::RepoTypeModel;
use hf_hub::{HFClient, HFError, HFRepositorySync};

use super::{DownloadProgress, Locations, ModelConfig, ModelName, REQUIRED, digest, resolve};
use crate::error::{Error, Result};

/// Downloads the model. Gives the snapshot's directory.
pub(super) fn download(name: &ModelName, places: &Locations, progress: &Arc<dyn DownloadProgress>) -> Result<PathBuf> {
    let hub = Hub::connect(name, places, progress)?;
    // The weights last: whatever else is wrong shows before 90 MB have been waited for.
    let (weights, small) = REQUIRED.split_last().expect("a model has weights");
    for file in small {
        hub.fetch(file)?;
    }
    for file in resolve::optional() {
        hub.fetch_if_there(file)?;
    }
    let dir = hub.fetch(small[0])?.parent().map(Path::to_owned).unwrap_or_default();
    if let Some(pooling) = ModelConfig::pooling_file(&dir)? {
        hub.fetch_if_there(&pooling)?;
    }
    hub.fetch(weights)?;
    Ok(dir)
}

struct Hub<'a> {
    name: &'a ModelName,
    endpoint: &'a str,
    repository: HFRepositorySync<RepoTypeModel>,
    progress: &'a Arc<dyn DownloadProgress>,
}

impl<'a> Hub<'a> {
    fn connect(name: &'a ModelName, places: &'a Locations, progress: &'a Arc<dyn DownloadProgress>) -> Result<Self> {
        let client = HFClient::builder()
            .endpoint(&places.endpoint)
            .cache_dir(&places.hub_cache)
            .user_agent(concat!("semsearch/", env!("CARGO_PKG_VERSION")))
            .build_sync()
            .map_err(|source| Error::Download {
                id: name.id.clone(),
                file: "anything".into(),
                endpoint: places.endpoint.clone(),
                source: source.into(),
            })?;
        let (owner, repository) = name.hub_parts().unwrap_or_default();
        Ok(Self { name, endpoint: &places.endpoint, repository: client.model(owner, repository), progress })
    }

    /// A file that must be there.
    fn fetch(&self, file: &str) -> Result<PathBuf> {
        self.try_fetch(file)?.map_err(|source| self.failed(file, source))
    }

    /// A file that some models do not have.
    fn fetch_if_there(&self, file: &str) -> Result<Option<PathBuf>> {
        match self.try_fetch(file)? {
            Ok(path) => Ok(Some(path)),
            Err(HFError::EntryNotFound { .. }) => Ok(None),
            Err(source) => Err(self.failed(file, source)),
        }
    }

    /// Downloads what the cache lacks. The outer error is ours, of a file that arrived wrong; the inner the Hub's.
    fn try_fetch(&self, file: &str) -> Result<Result<PathBuf, HFError>> {
        let arrival = Arc::new(Arrival { file: file.into(), heard: Arc::clone(self.progress), any: false.into() });
        let request = self.repository.download_file().filename(file).revision(self.name.revision());
        let outcome = request.progress(Arc::clone(&arrival)).send();
        if let Ok(path) = &outcome
            && arrival.any.load(Ordering::Relaxed)
        {
            self.verify(file, path)?;
        }
        Ok(outcome)
    }

    /// Checks a file that has just arrived, and removes it if it is wrong.
    fn verify(&self, file: &str, path: &Path) -> Result<()> {
        // In the cache a snapshot's file links to its content, which is named by the ETag.
        let blob = path.canonicalize().map_err(Error::read(path))?;
        let etag = blob.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let pinned = digest::pinned(file).filter(|_| self.name.is_pinned());
        let outcome = pinned
            .map_or(Ok(()), |expected| digest::check(&blob, expected))
            .and_then(|()| digest::check_etag(&blob, etag).map(drop));
        if outcome.is_err() {
            for wrong in [path, &blob] {
                std::fs::remove_file(wrong).map_err(Error::write(wrong))?;
            }
        }
        outcome
    }

    fn failed(&self, file: &str, source: HFError) -> Error {
        let (id, file, endpoint) = (self.name.id.clone(), file.into(), self.endpoint.into());
        match source {
            HFError::EntryNotFound { .. } | HFError::RepoNotFound { .. } | HFError::RevisionNotFound { .. } => {
                Error::NotOnHub { id, file, endpoint, source: source.into() }
            }
            _ => Error::Download { id, file, endpoint, source: source.into() },
        }
    }
}

/// Passes on what hf-hub reports of one file.
struct Arrival {
    file: String,
    heard: Arc<dyn DownloadProgress>,
    /// Whether anything came over the network: a file from the cache reports nothing.
    any: AtomicBool,
}

impl Arrival {
    fn note(&self, bytes: u64, total: u64) {
        self.any.store(true, Ordering::Relaxed);
        self.heard.progress(&self.file, bytes, total);
    }
}

impl ProgressHandler for Arrival {
    fn on_progress(&self, event: &ProgressEvent) {
        match event {
            ProgressEvent::Download(DownloadEvent::Progress { files }) => {
                for file in files {
                    self.note(file.bytes_completed, file.total_bytes);
                }
            }
            ProgressEvent::Download(DownloadEvent::AggregateProgress { bytes_completed, total_bytes, .. }) => {
                self.note(*bytes_completed, *total_bytes);
            }
            _ => {}
        }
    }
}
