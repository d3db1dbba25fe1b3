//! Options of `model`.

use std::path::PathBuf;

use semsearch::model::ModelName;

use super::defaults::Defaults;
use crate::cli::args::model::{ModelAction, ModelArgs, ModelNameArgs};

/// What is done, and with which model.
#[derive(Clone, Debug)]
pub(crate) enum ModelOptions {
    Fetch(ModelName),
    /// Copies the files of a directory.
    Import {
        dir: PathBuf,
        name: ModelName,
    },
    Path(ModelName),
    Verify(ModelName),
}

impl ModelOptions {
    pub(crate) fn resolve(args: ModelArgs, defaults: &Defaults) -> Self {
        let name = |model| name(model, defaults);
        match args.action {
            ModelAction::Fetch(model) => Self::Fetch(name(model)),
            ModelAction::Import { dir, model } => Self::Import { dir, name: name(model) },
            ModelAction::Path(model) => Self::Path(name(model)),
            ModelAction::Verify(model) => Self::Verify(name(model)),
        }
    }
}

fn name(args: ModelNameArgs, defaults: &Defaults) -> ModelName {
    match args.id.or(args.model) {
        Some(id) => ModelName { id, revision: args.revision },
        None => {
            let usual = defaults.model();
            ModelName { revision: args.revision.or(usual.revision), ..usual }
        }
    }
}
