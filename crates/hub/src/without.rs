//! The Hub in a build without the feature `hub`: what is in the cache can be used, and nothing comes to it.

use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;

use super::{DownloadProgress, Hub, Kind};
use semsearch_error::{Error, Result};

/// A repository that cannot be asked, for as long as its twin's would live.
pub struct Repository<'a>(PhantomData<&'a ()>);

impl Repository<'_> {
    pub fn connect(_: &Hub, kind: Kind, id: &str, _: &str, _: &Arc<dyn DownloadProgress>) -> Result<Self> {
        Err(Error::NotBuiltIn {
            what: format!("{} {id} is not on this machine: to download it", kind.name()),
            feature: "hub",
        })
    }

    pub fn fetch(&self, _: &str) -> Result<PathBuf> {
        unreachable!("there is no such repository")
    }

    pub fn fetch_if_there(&self, _: &str) -> Result<Option<PathBuf>> {
        unreachable!("there is no such repository")
    }

    pub fn files(&self) -> Result<Vec<String>> {
        unreachable!("there is no such repository")
    }
}
