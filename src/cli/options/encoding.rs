//! How texts become vectors: the model and how it runs.

use semsearch::embedder::{Backend, Options};
use semsearch::encoder::Device;
use semsearch::index::IndexConfig;
use semsearch::kernels::Isa;
use semsearch::model::{ModelName, Pooling};

use super::defaults::Defaults;
use super::precision::PrecisionChoice;
use super::recordable::Recordable;
use crate::cli::args::encoding::EncodingArgs;

/// Options of every command that embeds.
#[derive(Clone, Debug)]
pub(crate) struct EncodingOptions {
    /// The model asked for.
    pub(crate) model: Option<String>,
    /// The revision asked for.
    pub(crate) revision: Option<String>,
    /// The model if none is asked for or recorded.
    pub(crate) usual_model: ModelName,
    pub(crate) device: Device,
    pub(crate) precision: Recordable<PrecisionChoice>,
    pub(crate) pooling: Recordable<Pooling>,
    pub(crate) max_length: Recordable<usize>,
    /// Whether vectors are scaled to length 1; `None` if no option says so.
    pub(crate) normalized: Option<bool>,
    pub(crate) encoder: Option<Backend>,
    pub(crate) isa: Option<Isa>,
    /// Components kept of a vector; all, if `None`.
    pub(crate) truncate_dim: Option<usize>,
}

impl EncodingOptions {
    pub(crate) fn resolve(args: &EncodingArgs, defaults: &Defaults) -> Self {
        Self {
            model: args.model.clone(),
            revision: args.revision.clone(),
            usual_model: defaults.model(),
            device: args.device,
            precision: Recordable::new(args.precision.map(Into::into), &defaults.precision),
            pooling: Recordable::new(args.pooling.map(Into::into), &defaults.pooling),
            max_length: Recordable::new(args.max_length, &defaults.max_length),
            normalized: args.no_normalize.then_some(false),
            encoder: args.encoder.map(Into::into),
            isa: args.isa,
            truncate_dim: None,
        }
    }

    /// The model to load: the one asked for, else the one recorded, else the usual one.
    pub(crate) fn model_name(&self, recorded: Option<&IndexConfig>) -> ModelName {
        let (id, revision) = match (&self.model, recorded) {
            (Some(id), _) => (id.clone(), None),
            (None, Some(config)) => (config.model.id.clone(), config.model.revision.clone()),
            (None, None) => (self.usual_model.id.clone(), self.usual_model.revision.clone()),
        };
        ModelName { id, revision: self.revision.clone().or(revision) }
    }

    /// The options of the embedder, for an index that recorded these settings, or for no index.
    pub(crate) fn embedder_options(&self, recorded: Option<&IndexConfig>) -> Options {
        let precision = self.precision.or_recorded(recorded.map(|config| PrecisionChoice::Named(config.precision)));
        Options {
            device: self.device,
            precision: precision.unwrap_or(PrecisionChoice::Auto).named(),
            pooling: self.pooling.or_recorded(recorded.map(|config| config.pooling)),
            max_length: self.max_length.or_recorded(recorded.map(|config| config.max_length)),
            normalized: self.normalized.or(recorded.map(|config| config.normalized)),
            truncate_dim: self.truncate_dim.or(recorded.filter(|config| config.truncated).map(|config| config.dim)),
            backend: self.encoder,
            isa: self.isa,
            batch_tokens: None,
        }
    }
}
