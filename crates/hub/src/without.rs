//! The Hub in a build without the feature `hub`: what is in the cache can be used, and nothing can be downloaded.

use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;

use super::{DownloadProgress, Hub, RepositoryKind};
use crate::HubError;

/// A repository that cannot be used. Its lifetime is that of the type in a build with the feature.
pub struct Repository<'a>(PhantomData<&'a ()>);

impl Repository<'_> {
    /// Returns the error that this build cannot download.
    ///
    /// # Errors
    /// Always.
    pub fn connect(
        _: &Hub,
        kind: RepositoryKind,
        id: &str,
        _: &str,
        _: &Arc<dyn DownloadProgress>,
    ) -> Result<Self, HubError> {
        Err(HubError::NotBuiltIn {
            what: format!("{} {id} is not on this machine: downloading it", kind.name()),
            feature: "hub",
        })
    }

    /// Fetches a file that must exist.
    pub fn fetch(&self, _: &str) -> Result<PathBuf, HubError> {
        unreachable!("there is no such repository")
    }

    /// Fetches a file that some repositories do not have.
    pub fn fetch_if_there(&self, _: &str) -> Result<Option<PathBuf>, HubError> {
        unreachable!("there is no such repository")
    }

    /// The paths of all files.
    pub fn files(&self) -> Result<Vec<String>, HubError> {
        unreachable!("there is no such repository")
    }
}
