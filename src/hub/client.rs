//! A repository of the Hub, by hf-hub.
//!
//! A file that arrives with other bytes than its ETag promises is taken out of the cache, so that the next run starts clean.
//! Half-written files and the locks of dead processes need no care: hf-hub writes beside and renames, and its locks are the
//! operating system's.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hf_hub::progress::{DownloadEvent, ProgressEvent, ProgressHandler};
use hf_hub::repository::{RepoTreeEntry, RepoType};
use hf_hub::{HFClient, HFError, HFRepositorySync};

use super::{DownloadProgress, Hub, Kind, check_etag, check_or_remove, parts};
use crate::error::{Error, Result};

/// A repository, at one revision.
pub(crate) struct Repository<'a> {
    kind: Kind,
    id: &'a str,
    revision: &'a str,
    endpoint: &'a str,
    remote: Box<dyn Remote>,
    progress: &'a Arc<dyn DownloadProgress>,
}

/// A repository of any kind, as hf-hub has it.
trait Remote {
    fn download(&self, file: &str, revision: &str, arrival: &Arc<Arrival>) -> Result<PathBuf, HFError>;
    fn list(&self, revision: &str) -> Result<Vec<RepoTreeEntry>, HFError>;
}

impl<T: RepoType> Remote for HFRepositorySync<T> {
    fn download(&self, file: &str, revision: &str, arrival: &Arc<Arrival>) -> Result<PathBuf, HFError> {
        self.download_file().filename(file).revision(revision).progress(Arc::clone(arrival)).send()
    }

    fn list(&self, revision: &str) -> Result<Vec<RepoTreeEntry>, HFError> {
        self.list_tree().revision(revision).recursive(true).send()
    }
}

impl<'a> Repository<'a> {
    /// # Errors
    /// hf-hub cannot be set up.
    pub(crate) fn connect(
        hub: &'a Hub,
        kind: Kind,
        id: &'a str,
        revision: &'a str,
        progress: &'a Arc<dyn DownloadProgress>,
    ) -> Result<Self> {
        let client = HFClient::builder()
            .endpoint(&hub.endpoint)
            .cache_dir(&hub.cache)
            .user_agent(concat!("semsearch/", env!("CARGO_PKG_VERSION")))
            .build_sync()
            .map_err(|source| Error::Download {
                kind: kind.name(),
                id: id.into(),
                file: "anything".into(),
                endpoint: hub.endpoint.clone(),
                source: source.into(),
            })?;
        let (owner, name) = parts(id).unwrap_or_default();
        let remote: Box<dyn Remote> = match kind {
            Kind::Model => Box::new(client.model(owner, name)),
            Kind::DataSet => Box::new(client.dataset(owner, name)),
        };
        Ok(Self { kind, id, revision, endpoint: &hub.endpoint, remote, progress })
    }

    /// The paths of all files.
    ///
    /// # Errors
    /// The Hub does not know the repository or the revision, or does not answer.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let entries = self.remote.list(self.revision).map_err(|source| self.failed("list of files", source))?;
        let path = |entry| match entry {
            RepoTreeEntry::File { path, .. } => Some(path),
            RepoTreeEntry::Directory { .. } => None,
        };
        Ok(entries.into_iter().filter_map(path).collect())
    }

    /// A file that must be there.
    ///
    /// # Errors
    /// The Hub has no such file, does not answer, or sends other bytes than it promised.
    pub(crate) fn fetch(&self, file: &str) -> Result<PathBuf> {
        self.try_fetch(file)?.map_err(|source| self.failed(file, source))
    }

    /// A file that some repositories do not have.
    ///
    /// # Errors
    /// As of [`Repository::fetch`], but for one.
    pub(crate) fn fetch_if_there(&self, file: &str) -> Result<Option<PathBuf>> {
        match self.try_fetch(file)? {
            Ok(path) => Ok(Some(path)),
            Err(HFError::EntryNotFound { .. }) => Ok(None),
            Err(source) => Err(self.failed(file, source)),
        }
    }

    /// Downloads what the cache lacks. The outer error is ours, of a file that arrived wrong; the inner the Hub's.
    fn try_fetch(&self, file: &str) -> Result<Result<PathBuf, HFError>> {
        let arrival = Arc::new(Arrival { file: file.into(), heard: Arc::clone(self.progress), any: false.into() });
        let outcome = self.remote.download(file, self.revision, &arrival);
        if let Ok(path) = &outcome
            && arrival.any.load(Ordering::Relaxed)
        {
            check_or_remove(path, |content| {
                // In the cache a snapshot's file links to its content, which is named by the ETag.
                let etag = content.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                check_etag(content, etag).map(drop)
            })?;
        }
        Ok(outcome)
    }

    fn failed(&self, file: &str, source: HFError) -> Error {
        let (kind, id, file, endpoint) = (self.kind.name(), self.id.into(), file.into(), self.endpoint.into());
        match source {
            HFError::EntryNotFound { .. } | HFError::RepoNotFound { .. } | HFError::RevisionNotFound { .. } => {
                Error::NotOnHub { kind, id, file, endpoint, source: source.into() }
            }
            // Of a list hf-hub does not say what it is that is not there.
            HFError::Http { ref context } if context.status == 404 => {
                Error::NotOnHub { kind, id, file, endpoint, source: source.into() }
            }
            _ => Error::Download { kind, id, file, endpoint, source: source.into() },
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
