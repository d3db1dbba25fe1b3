//! The config file's values of settings that an index records.

use semsearch::index::{Language, Metric};
use semsearch::model::{ModelName, Pooling};

use super::precision::PrecisionChoice;
use crate::cli::advice::Advice;
use crate::cli::args::encoding::RecordedArgs;
use crate::cli::args::setting;
use crate::cli::config_file::ConfigFile;

/// Values for settings that neither arguments, nor the environment, nor an index set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    model: Option<String>,
    revision: Option<String>,
    pub(crate) precision: Option<PrecisionChoice>,
    pub(crate) pooling: Option<Pooling>,
    pub(crate) max_length: Option<usize>,
    pub(crate) factory: Option<String>,
    pub(crate) metric: Option<Metric>,
    pub(crate) language: Option<Language>,
}

impl Defaults {
    /// Checks the file's values like values of options.
    pub(crate) fn resolve(config: &ConfigFile) -> anyhow::Result<Self> {
        let args = setting::recorded(config).map_err(|wrong| Advice {
            message: format!("{}: {wrong}", config.path.display()),
            hint: "`semsearch index --help` says what is possible".into(),
        })?;
        let RecordedArgs { model, revision, precision, pooling, max_length, factory, metric, language } = args;
        let (precision, pooling) = (precision.map(Into::into), pooling.map(Into::into));
        Ok(Self { model, revision, precision, pooling, max_length, factory, metric, language })
    }

    /// The model that is used if none is named.
    pub(crate) fn model(&self) -> ModelName {
        match &self.model {
            Some(id) => ModelName { id: id.clone(), revision: self.revision.clone() },
            None => ModelName::default(),
        }
    }
}
