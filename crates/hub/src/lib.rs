//! The Hugging Face Hub: models and data sets, downloaded into the cache that Python also uses.
//!
//! Every file is verified when it arrives, against its ETag, which the Hub computes from the content.
//! `semsearch_models` knows which files make a model, [`data_set`] which files of a data set are wanted, and
//! `semsearch_corpus` how they hold records.

#[cfg(feature = "download")]
mod cache;
#[cfg(feature = "download")]
mod client;
pub mod data_set;
mod error;
mod etag;
#[cfg(feature = "download")]
mod http;
mod proxies;
#[cfg(not(feature = "download"))]
mod without;

use std::fmt;
use std::path::{Path, PathBuf};

#[cfg(feature = "download")]
pub use client::Repository;
pub use error::HubError;
pub use etag::{check, check_etag, check_or_remove};
pub use proxies::Proxies;
#[cfg(not(feature = "download"))]
pub use without::Repository;

use semsearch_files::{RelativePath, is_plain, open_regular, read_bounded};

/// The branch that is used if no revision is named.
pub const DEFAULT_BRANCH: &str = "main";

/// The address of the Hub, and the place where its files are kept.
#[derive(Clone, Debug)]
pub struct Hub {
    /// The Hub's address.
    pub endpoint: String,
    /// The Hugging Face cache, shared with Python.
    pub cache: PathBuf,
    /// Whether no network connection may be opened.
    pub offline: bool,
    /// The token that identifies the user, for repositories that are not public.
    pub token: Option<Token>,
    /// The proxies for requests to the Hub.
    pub proxies: Proxies,
}

/// A secret word that identifies the user. It is never shown.
#[derive(Clone)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// The kind of a repository's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepositoryKind {
    /// A model.
    Model,
    /// A data set.
    DataSet,
}

impl RepositoryKind {
    /// The kind, for messages.
    fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::DataSet => "data set",
        }
    }

    /// A repository's directory in the cache.
    fn folder(self, owner: &str, name: &str) -> String {
        let prefix = match self {
            Self::Model => "models",
            Self::DataSet => "datasets",
        };
        format!("{prefix}--{owner}--{name}")
    }
}

/// Receives the progress of a download.
pub trait DownloadProgress: Send + Sync {
    /// `bytes` of `total` bytes of `file` have arrived; `total` is 0 if the Hub does not say.
    fn progress(&self, file: &str, bytes: u64, total: u64);
}

/// Ignores the progress.
impl DownloadProgress for () {
    fn progress(&self, _: &str, _: u64, _: u64) {}
}

/// `owner/name`, if each part has only characters that the Hub allows. Other characters could make it a path, or a
/// command where a message shows the id in one.
pub fn parts(id: &str) -> Option<(&str, &str)> {
    let (owner, name) = id.split_once('/')?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let plain = |part: &str| is_plain(part) && !part.starts_with(['.', '-']) && part.chars().all(allowed);
    (plain(owner) && plain(name)).then_some((owner, name))
}

/// The most bytes of a file that names a commit.
const REF: u64 = 4096;

/// One revision of a repository in the Hugging Face cache.
///
/// Layout: `models--OWNER--NAME/{refs/REVISION, snapshots/COMMIT/…, .no_exist/COMMIT/…}`, or `datasets--…` for a data
/// set. An empty file below `.no_exist` records that the Hub has no such file.
pub struct CachedRevision {
    /// The directory with the files of the revision.
    pub files: PathBuf,
    absent: PathBuf,
}

impl CachedRevision {
    /// Finds the revision in the cache, if it is there.
    pub fn find(hub: &Hub, kind: RepositoryKind, owner: &str, repository: &str, revision: &str) -> Option<Self> {
        let revision = RelativePath::new(revision)?;
        let repository = hub.cache.join(kind.folder(owner, repository));
        let named = commit(&repository.join("refs").join(&revision)).unwrap_or_else(|| revision.as_str().to_owned());
        let commit = RelativePath::new(&named)?;
        let files = repository.join("snapshots").join(&commit);
        files.is_dir().then(|| Self { files, absent: repository.join(".no_exist").join(commit) })
    }

    /// Whether it is known that the Hub has no such file.
    pub fn known_absent(&self, file: &str) -> bool {
        self.absent.join(file).is_file()
    }
}

/// The commit for which a branch stands, if the cache knows it.
fn commit(path: &Path) -> Option<String> {
    let bytes = read_bounded(open_regular(path).ok()?, REF).ok()?;
    String::from_utf8(bytes).ok().map(|commit| commit.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_two_plain_names() {
        assert_eq!(parts("intfloat/e5-base_v2.1"), Some(("intfloat", "e5-base_v2.1")));
        for bad in ["a", "a/", "/b", "../b", "a/..", "a/b/c", "a/-b", "a/b;c", "a/$(b)", "a/b c", "a\\b/c", "a/b\n"] {
            assert!(parts(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn no_revision_leads_out_of_the_cache() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("hub");
        let repository = cache.join("models--a--b");
        std::fs::create_dir_all(repository.join("snapshots/abc")).unwrap();
        std::fs::create_dir_all(repository.join("refs")).unwrap();
        std::fs::create_dir_all(dir.path().join("outside")).unwrap();
        let hub = Hub { cache, endpoint: String::new(), offline: true, token: None, proxies: Proxies::default() };
        let found = |revision: &str| CachedRevision::find(&hub, RepositoryKind::Model, "a", "b", revision).is_some();
        assert!(found("abc"));
        std::fs::write(repository.join("refs/main"), "../../../outside").unwrap();
        assert!(!found("main") && !found("..") && !found("../../../outside") && !found("/"));
    }
}
