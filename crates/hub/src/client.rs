//! A repository of the Hub. Its files are downloaded into the cache, and checked.
//!
//! A file gets its name in the cache only after its bytes were found to be what its ETag promises. Half-written files
//! and the locks of dead processes need no care: the next run overwrites the files, and the operating system releases
//! the locks.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::cache::{CachedRepository, is_name};
use super::http::{Http, HttpError};
use super::{DownloadProgress, Hub, RepositoryKind, parts};
use crate::HubError;
use semsearch_files::{Cause, FileError, RelativePath};

/// The most bytes of a file whose size the Hub does not say.
const UNKNOWN: u64 = 1 << 30;

/// A repository at one revision.
pub struct Repository<'a> {
    hub: &'a Hub,
    kind: RepositoryKind,
    id: &'a str,
    revision: RelativePath,
    http: Http,
    progress: &'a Arc<dyn DownloadProgress>,
}

/// Why a file was not downloaded.
enum Failure {
    /// The Hub has no such file.
    Absent(Cause),
    Other(Cause),
    /// The bytes are not those that were promised.
    Wrong(HubError),
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        Self::Other(error.into())
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::Other(error.into())
    }
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        match error {
            HubError::Digest { .. } => Self::Wrong(error),
            other => Self::Other(other.into()),
        }
    }
}

impl<'a> Repository<'a> {
    /// # Errors
    /// The Hub's address, the id or the revision is not valid.
    pub fn connect(
        hub: &'a Hub,
        kind: RepositoryKind,
        id: &'a str,
        revision: &'a str,
        progress: &'a Arc<dyn DownloadProgress>,
    ) -> Result<Self, HubError> {
        let failed = |source: Cause| HubError::Download {
            kind: kind.name(),
            id: id.into(),
            file: "anything".into(),
            endpoint: hub.endpoint.clone(),
            source,
        };
        let names = parts(id).ok_or_else(|| failed("its id is not OWNER/NAME".into()))?;
        let path = RelativePath::new(revision);
        let revision = path.ok_or_else(|| failed(format!("{revision:?} is not a valid revision").into()))?;
        let http = Http::new(hub, kind, names).map_err(|source| failed(source.into()))?;
        Ok(Self { hub, kind, id, revision, http, progress })
    }

    /// The paths of all files.
    ///
    /// # Errors
    /// The Hub does not know the repository or the revision, does not answer, or names a file that would lie elsewhere.
    pub fn files(&self) -> Result<Vec<String>, HubError> {
        let failed = |failure| self.failed("list of files", failure);
        let paths = self.http.list(self.revision.as_str()).map_err(|error| match error.is_not_found() {
            true => failed(Failure::Absent(error.into())),
            false => failed(error.into()),
        })?;
        match paths.iter().find(|path| RelativePath::new(path).is_none()) {
            Some(bad) => Err(failed(HttpError::answer(format!("{bad:?} is not the path of a file in it")).into())),
            None => Ok(paths),
        }
    }

    /// Fetches a file that must exist.
    ///
    /// # Errors
    /// The Hub has no such file, does not answer, or sends other bytes than it promised.
    pub fn fetch(&self, file: &str) -> Result<PathBuf, HubError> {
        self.try_fetch(file).map_err(|failure| self.failed(file, failure))
    }

    /// Fetches a file that some repositories do not have.
    ///
    /// # Errors
    /// Those of [`Repository::fetch`], except that a missing file is no error.
    pub fn fetch_if_there(&self, file: &str) -> Result<Option<PathBuf>, HubError> {
        match self.try_fetch(file) {
            Ok(path) => Ok(Some(path)),
            Err(Failure::Absent(_)) => Ok(None),
            Err(failure) => Err(self.failed(file, failure)),
        }
    }

    /// Downloads what the cache does not have.
    fn try_fetch(&self, file: &str) -> Result<PathBuf, Failure> {
        let path =
            RelativePath::new(file).ok_or_else(|| HttpError::answer(format!("{file:?} is not the path of a file")))?;
        let (owner, name) = parts(self.id).unwrap_or_default();
        let cache = CachedRepository::open(self.hub, self.kind, owner, name)?;
        let revision = self.revision.as_str();
        if is_commit(revision)
            && let Some(there) = cache.file(revision, &path)
        {
            return Ok(there);
        }
        let url = self.http.file(revision, file)?;
        let head = self.http.head(&url)?;
        let commit = checked("X-Repo-Commit", head.commit)?;
        if let Some(commit) = commit.as_deref().filter(|_| !is_commit(revision)) {
            cache.note_commit(&self.revision, commit)?;
        }
        if !head.found {
            if let Some(commit) = &commit {
                cache.note_absent(commit, &path)?;
            }
            return Err(Failure::Absent(format!("Entry not found: {file} in {}", self.id).into()));
        }
        let missing = |header| HttpError::answer(format!("it has no {header} for {file}"));
        let commit = commit.ok_or_else(|| missing("X-Repo-Commit"))?;
        let etag = checked("ETag", head.etag)?.ok_or_else(|| missing("ETag"))?;
        let _lock = cache.lock(&etag)?;
        cache.bring(&etag, |to| {
            let response = self.http.get(&url).map_err(|error| self.failed(file, error.into()))?;
            self.receive(response.into_body().into_reader(), head.size, file, to)
        })?;
        Ok(cache.link(&commit, &path, &etag)?)
    }

    /// Writes the bytes that arrive, and checks that there are as many as promised.
    fn receive(&self, mut from: impl Read, promised: Option<u64>, file: &str, to: &mut File) -> Result<(), HubError> {
        let (most, total) = (promised.unwrap_or(UNKNOWN), promised.unwrap_or(0));
        let (mut buffer, mut bytes) = (vec![0; 1 << 16], 0);
        loop {
            let arrived = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => &buffer[..read],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.failed(file, Failure::Other(error.into()))),
            };
            bytes += arrived.len() as u64;
            if bytes > most {
                break;
            }
            to.write_all(arrived).map_err(|error| self.failed(file, Failure::Other(error.into())))?;
            self.progress.progress(file, bytes, total);
        }
        if bytes > most || promised.is_some_and(|promised| bytes < promised) {
            let what = if bytes > most { "more" } else { "fewer" };
            return Err(self.failed(file, HttpError::answer(format!("{what} bytes than the {most} expected")).into()));
        }
        Ok(())
    }

    fn failed(&self, file: &str, failure: Failure) -> HubError {
        let (kind, id, file, endpoint) = (self.kind.name(), self.id.into(), file.into(), self.hub.endpoint.clone());
        match failure {
            Failure::Absent(source) => HubError::NotOnHub { kind, id, file, endpoint, source },
            Failure::Other(source) => match source.downcast::<HubError>() {
                Ok(ours) if matches!(*ours, HubError::Download { .. }) => *ours,
                Ok(ours) => HubError::Download { kind, id, file, endpoint, source: ours },
                Err(source) => HubError::Download { kind, id, file, endpoint, source },
            },
            Failure::Wrong(error) => error,
        }
    }
}

/// A word from the server, if it can be a name in the cache.
fn checked(header: &str, word: Option<String>) -> Result<Option<String>, HttpError> {
    match word {
        Some(word) if !is_name(&word) => Err(HttpError::answer(format!("its {header} is {word:?}"))),
        word => Ok(word),
    }
}

/// Whether a revision is a commit, which never changes.
fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}
