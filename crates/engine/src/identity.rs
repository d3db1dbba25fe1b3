//! The identity of a model.

use semsearch_encoder::model::{ModelFiles, fingerprint};
use semsearch_store::ModelIdentity;

use super::EngineError;

/// The identity of the model in these files, as an index records it.
///
/// # Errors
/// The files cannot be read.
pub fn identity(model: &ModelFiles) -> Result<ModelIdentity, EngineError> {
    Ok(ModelIdentity { id: model.id.clone(), revision: model.revision.clone(), fingerprint: fingerprint(model)? })
}
