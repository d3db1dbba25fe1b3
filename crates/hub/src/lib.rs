//! The Hugging Face Hub: models and data sets, downloaded into the cache that Python uses too.
//!
//! A file is verified when it arrives, always against its ETag, which the Hub makes of the content. Which files make a model
//! is `semsearch_models`'s, which of a data set are wanted [`data_set`]'s, how records stand in them `semsearch_corpus`'s.

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

/// The branch that is taken where no revision is named.
pub const DEFAULT_BRANCH: &str = "main";

/// Where the Hub is, and where its files are kept.
#[derive(Clone, Debug)]
pub struct Hub {
    /// The Hub's address.
    pub endpoint: String,
    /// The Hugging Face cache, shared with Python.
    pub cache: PathBuf,
    /// Never open a socket.
    pub offline: bool,
    /// Who asks, for repositories that are not public.
    pub token: Option<Token>,
    /// The proxies that requests to it go through.
    pub proxies: Proxies,
}

/// A word that proves who asks. It is not shown.
#[derive(Clone)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// What a repository holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepositoryKind {
    /// A model.
    Model,
    /// A data set.
    DataSet,
}

impl RepositoryKind {
    /// In messages.
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

/// Hears of a download's progress.
pub trait DownloadProgress: Send + Sync {
    /// `bytes` of `total` have arrived of `file`; `total` is 0 where the Hub does not say.
    fn progress(&self, file: &str, bytes: u64, total: u64);
}

/// Nobody hears of it.
impl DownloadProgress for () {
    fn progress(&self, _: &str, _: u64, _: u64) {}
}

/// `owner/name`, each part of the characters that the Hub allows: whatever else stands there could be a path, or a
/// command where a message shows it in one.
pub fn parts(id: &str) -> Option<(&str, &str)> {
    let (owner, name) = id.split_once('/')?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let plain = |part: &str| is_plain(part) && !part.starts_with(['.', '-']) && part.chars().all(allowed);
    (plain(owner) && plain(name)).then_some((owner, name))
}

/// Bytes of a file that names a commit, at most.
const REF: u64 = 4096;

/// One revision of a repository in the Hugging Face cache.
///
/// Layout: `models--OWNER--NAME/{refs/REVISION, snapshots/COMMIT/…, .no_exist/COMMIT/…}`, where an empty file below
/// `.no_exist` records that the Hub has no such file; of a data set `datasets--…`.
pub struct CachedRevision {
    /// The directory with its files.
    pub files: PathBuf,
    absent: PathBuf,
}

impl CachedRevision {
    /// The revision that is in the cache, if it is.
    pub fn find(hub: &Hub, kind: RepositoryKind, owner: &str, repository: &str, revision: &str) -> Option<Self> {
        let revision = RelativePath::new(revision)?;
        let repository = hub.cache.join(kind.folder(owner, repository));
        let named = commit(&repository.join("refs").join(&revision)).unwrap_or_else(|| revision.as_str().to_owned());
        let commit = RelativePath::new(&named)?;
        let files = repository.join("snapshots").join(&commit);
        files.is_dir().then(|| Self { files, absent: repository.join(".no_exist").join(commit) })
    }

    /// Whether the Hub has no such file.
    pub fn known_absent(&self, file: &str) -> bool {
        self.absent.join(file).is_file()
    }
}

/// The commit that a branch stands for, if the cache knows it.
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
