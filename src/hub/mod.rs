//! The Hugging Face Hub: models and data sets, downloaded into the cache that Python uses too.
//!
//! A file is verified when it arrives, always against its ETag, which the Hub makes of the content. Which files make a model
//! is [`crate::model`]'s, which of a data set are wanted [`data_set`]'s, how records stand in them [`crate::corpus`]'s.

#[cfg(feature = "hub")]
mod client;
pub mod data_set;
mod etag;
#[cfg(not(feature = "hub"))]
mod without;

use std::path::PathBuf;

#[cfg(feature = "hub")]
pub(crate) use client::Repository;
pub(crate) use etag::{check, check_etag, check_or_remove};
#[cfg(not(feature = "hub"))]
pub(crate) use without::Repository;

/// The branch that is taken where no revision is named.
pub(crate) const DEFAULT_BRANCH: &str = "main";

/// Where the Hub is, and where its files are kept.
#[derive(Clone, Debug)]
pub struct Hub {
    /// The Hub's address.
    pub endpoint: String,
    /// The Hugging Face cache, shared with Python.
    pub cache: PathBuf,
    /// Never open a socket.
    pub offline: bool,
}

/// What a repository holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A model.
    Model,
    /// A data set.
    DataSet,
}

impl Kind {
    /// In messages.
    fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::DataSet => "data set",
        }
    }

    /// How the cache's directories begin.
    fn prefix(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::DataSet => "datasets",
        }
    }
}

/// Hears of a download's progress.
pub trait DownloadProgress: Send + Sync {
    /// `bytes` of `total` have arrived of `file`; `total` is 0 where the Hub does not say.
    fn progress(&self, file: &str, bytes: u64, total: u64);
}

/// Nobody hears of it.
impl DownloadProgress for () {
    fn progress(&self, _: &str, _: u64, _: u64) {}
}

/// `owner/name`, each part a plain name.
pub(crate) fn parts(id: &str) -> Option<(&str, &str)> {
    let (owner, name) = id.split_once('/')?;
    let plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['/', '\\']);
    (plain(owner) && plain(name)).then_some((owner, name))
}

/// One revision of a repository in the Hugging Face cache.
///
/// Layout: `models--OWNER--NAME/{refs/REVISION, snapshots/COMMIT/…, .no_exist/COMMIT/…}`, where an empty file below
/// `.no_exist` records that the Hub has no such file; of a data set `datasets--…`.
pub(crate) struct Snapshot {
    pub(crate) files: PathBuf,
    absent: PathBuf,
}

impl Snapshot {
    /// The revision that is in the cache, if it is.
    pub(crate) fn find(hub: &Hub, kind: Kind, owner: &str, repository: &str, revision: &str) -> Option<Self> {
        let repository = hub.cache.join(format!("{}--{owner}--{repository}", kind.prefix()));
        let commit = match std::fs::read_to_string(repository.join("refs").join(revision)) {
            Ok(commit) => commit.trim().to_owned(),
            Err(_) => revision.to_owned(),
        };
        let files = repository.join("snapshots").join(&commit);
        files.is_dir().then(|| Self { files, absent: repository.join(".no_exist").join(commit) })
    }

    /// Whether the Hub has no such file.
    pub(crate) fn known_absent(&self, file: &str) -> bool {
        self.absent.join(file).is_file()
    }
}
