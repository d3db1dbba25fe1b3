//! Finds the directory that a model's name stands for: a directory that the user named, a place in one of two caches,
//! or a directory that a download fills.
//!
//! [`resolve()`] finds the directory, [`import()`] copies a model into semsearch's own cache, and [`verify`] checks
//! every byte whose digest is known. `semsearch_encoder` reads the content of the files.

mod digest;
mod download;
mod environment;
mod error;
mod import;
mod locations;
mod resolve;

pub use digest::verify;
pub use error::ModelsError;
pub use import::import;
pub use locations::Locations;
pub use resolve::{is_usual, resolve, resolve_recorded};

/// The model that is used if none is named.
pub const DEFAULT_MODEL: &str = "sentence-transformers/all-MiniLM-L6-v2";

/// The commit of [`DEFAULT_MODEL`] on the Hub to which the pinned digests belong.
pub const DEFAULT_REVISION: &str = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf";

/// A model as the user names it: a Hub id with a revision, or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelName {
    /// `owner/name` on the Hub, or a directory's path.
    pub id: String,
    /// A commit, tag or branch on the Hub.
    pub revision: Option<String>,
}

impl Default for ModelName {
    fn default() -> Self {
        Self { id: DEFAULT_MODEL.into(), revision: None }
    }
}

impl ModelName {
    /// The revision that was asked for, otherwise the pinned one for the default model, or the default branch.
    fn revision(&self) -> &str {
        match &self.revision {
            Some(revision) => revision,
            None if self.id == DEFAULT_MODEL => DEFAULT_REVISION,
            None => semsearch_hub::DEFAULT_BRANCH,
        }
    }

    /// Whether this is the model whose digests are pinned.
    fn is_pinned(&self) -> bool {
        self.id == DEFAULT_MODEL && self.revision() == DEFAULT_REVISION
    }

    /// `owner/name`, if each part is a plain name.
    fn hub_parts(&self) -> Option<(&str, &str)> {
        semsearch_hub::parts(&self.id)
    }
}
