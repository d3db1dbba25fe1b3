//! What a commit says of itself: how its vectors were made and which files hold them.
//!
//! The manifest is JSON, and is tantivy's commit payload: documents and vectors change in one step.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::embedder::Embedder;
use crate::encoder::Precision;
use crate::error::{Error, Result};
use crate::model::{self, ModelFiles, Pooling};

/// The format this release writes, and the newest it reads.
pub const FORMAT_VERSION: u32 = 1;

/// How two vectors are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Inner product, the larger the nearer; the cosine where vectors are normalized.
    #[default]
    Ip,
    /// Squared Euclidean distance, the smaller the nearer.
    L2,
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ip => "ip",
            Self::L2 => "l2",
        })
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Ip, Self::L2]
            .into_iter()
            .find(|metric| metric.to_string() == word)
            .ok_or_else(|| format!("no metric {word:?}: expected ip or l2"))
    }
}

/// A model as an index remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// Hub id, or absolute directory.
    pub id: String,
    /// Revision, for a Hub id.
    pub revision: Option<String>,
    /// [`model::fingerprint`] of its files.
    pub fingerprint: String,
}

impl ModelIdentity {
    /// The identity of the model in these files.
    ///
    /// # Errors
    /// The files cannot be read.
    pub fn of(model: &ModelFiles) -> Result<Self> {
        Ok(Self { id: model.id.clone(), revision: model.revision.clone(), fingerprint: model::fingerprint(model)? })
    }
}

/// Everything that a vector depends on beside its text. Queries must be embedded by the same recipe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// The model.
    pub model: ModelIdentity,
    /// How token vectors become one.
    pub pooling: Pooling,
    /// Whether vectors are scaled to length 1.
    pub normalized: bool,
    /// Tokens kept of a text, specials included.
    pub max_length: usize,
    /// The arithmetic the index was built with. A query may use another.
    pub precision: Precision,
    /// Components of a vector.
    pub dim: usize,
    /// Whether a record's title is embedded before its text.
    pub with_title: bool,
    /// How vectors are compared.
    pub metric: Metric,
    /// FAISS's name for the kind of vector index.
    pub factory: String,
}

impl Recipe {
    /// The recipe of a model as `embedder` runs it, and of the settings that are the index's own.
    pub fn new(model: ModelIdentity, embedder: &Embedder, store: Store) -> Self {
        Self {
            model,
            pooling: embedder.pooling(),
            normalized: embedder.normalized(),
            max_length: embedder.tokenizer().max_length(),
            precision: embedder.precision(),
            dim: embedder.dim(),
            with_title: store.with_title,
            metric: store.metric,
            factory: store.factory,
        }
    }

    /// The settings that are the index's own.
    pub fn store(&self) -> Store {
        Store { factory: self.factory.clone(), metric: self.metric, with_title: self.with_title }
    }

    /// Checks that `asked` is the model the index at `dir` was built with; its name may be another.
    ///
    /// # Errors
    /// [`Error::Mismatch`].
    pub fn check_model(&self, asked: &ModelIdentity, dir: &Path) -> Result<()> {
        if self.model.fingerprint == asked.fingerprint {
            return Ok(());
        }
        let named = |model: &ModelIdentity| match self.model.id == asked.id {
            // The same name twice would explain nothing.
            true => format!("{} (digest {:.12})", model.id, model.fingerprint),
            false => model.id.clone(),
        };
        Err(mismatch(dir, "model", named(&self.model), named(asked)))
    }

    /// Checks that vectors made by `asked` may be compared with those of this recipe, in the index at `dir`.
    ///
    /// # Errors
    /// [`Error::Mismatch`], naming the first setting that differs.
    pub fn check(&self, asked: &Self, dir: &Path) -> Result<()> {
        self.check_model(&asked.model, dir)?;
        same(dir, "pooling", &self.pooling, &asked.pooling)?;
        same(dir, "max-length", &self.max_length, &asked.max_length)?;
        same(dir, "no-normalize", &!self.normalized, &!asked.normalized)?;
        same(dir, "metric", &self.metric, &asked.metric)?;
        same(dir, "factory", &self.factory, &asked.factory)?;
        same(dir, "no-title", &!self.with_title, &!asked.with_title)
    }
}

fn same<T: PartialEq + fmt::Display>(dir: &Path, setting: &'static str, recorded: &T, asked: &T) -> Result<()> {
    if recorded == asked { Ok(()) } else { Err(mismatch(dir, setting, recorded.to_string(), asked.to_string())) }
}

fn mismatch(dir: &Path, setting: &'static str, recorded: String, asked: String) -> Error {
    Error::Mismatch { dir: dir.into(), setting, recorded, asked }
}

/// The settings of an index that are not the embedder's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// FAISS's index factory string.
    pub factory: String,
    /// How vectors are compared.
    pub metric: Metric,
    /// Whether a record's title is embedded before its text.
    pub with_title: bool,
}

/// One file of vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Its name below `vectors/`.
    pub file: String,
    /// Vectors in it.
    pub vectors: u64,
    /// Its length.
    pub bytes: u64,
    /// Its CRC-32.
    pub crc32: u32,
    /// Keys of vectors in it whose documents are gone.
    pub dead: Vec<u64>,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT_VERSION`] of the release that wrote it.
    pub format_version: u32,
    /// How the vectors were made.
    pub recipe: Recipe,
    /// The files that hold them.
    pub segments: Vec<Segment>,
    /// The key the next passage gets; keys are never used again.
    pub next_key: u64,
    /// The number of the next file of vectors.
    pub next_file: u64,
    /// When the index was first committed, RFC 3339, UTC.
    pub created: String,
    /// When this commit was made.
    pub updated: String,
}

impl Manifest {
    /// Reads a commit's payload.
    ///
    /// # Errors
    /// [`Error::NewerFormat`] or [`Error::Damaged`].
    pub(super) fn parse(payload: &str, dir: &Path, file: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            format_version: u32,
        }
        let damaged = |source: serde_json::Error| Error::Damaged {
            path: file.into(),
            what: "its manifest cannot be read".into(),
            source: Some(source.into()),
        };
        // The version first: a newer manifest need not have the fields that follow.
        let Version { format_version } = serde_json::from_str(payload).map_err(damaged)?;
        if format_version > FORMAT_VERSION {
            return Err(Error::NewerFormat { dir: dir.into(), found: format_version, supported: FORMAT_VERSION });
        }
        serde_json::from_str(payload).map_err(damaged)
    }

    /// Vectors whose documents are there.
    pub fn vectors(&self) -> u64 {
        self.segments.iter().map(|segment| segment.vectors - segment.dead.len() as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> Recipe {
        Recipe {
            model: ModelIdentity { id: "a/b".into(), revision: None, fingerprint: "00".into() },
            pooling: Pooling::Mean,
            normalized: true,
            max_length: 256,
            precision: Precision::F32,
            dim: 384,
            with_title: true,
            metric: Metric::Ip,
            factory: "Flat".into(),
        }
    }

    #[test]
    fn a_difference_that_changes_vectors_is_named_and_precision_is_none() {
        let built = recipe();
        let message = |asked: Recipe| built.check(&asked, Path::new("ix")).unwrap_err().to_string();
        assert_eq!(message(Recipe { pooling: Pooling::Cls, ..recipe() }), "ix: built with pooling mean, asked for cls");
        assert_eq!(message(Recipe { max_length: 128, ..recipe() }), "ix: built with max-length 256, asked for 128");
        let model = ModelIdentity { id: "c/d".into(), revision: None, fingerprint: "11".into() };
        assert_eq!(message(Recipe { model, ..recipe() }), "ix: built with model a/b, asked for c/d");
        let retrained = ModelIdentity { fingerprint: "11".into(), ..recipe().model };
        assert!(message(Recipe { model: retrained, ..recipe() }).contains("(digest 11)"));
        built.check(&Recipe { precision: Precision::Int8, ..recipe() }, Path::new("ix")).unwrap();
    }

    #[test]
    fn a_newer_format_is_refused_before_its_fields_are_read() {
        let payload = r#"{"format_version": 2, "vectors": "elsewhere"}"#;
        let error = Manifest::parse(payload, Path::new("ix"), Path::new("ix/meta")).unwrap_err();
        assert_eq!(error.to_string(), "ix: index format 2, this release reads up to 1");
    }
}
