//! The identity of a model.

use semsearch_encoder::embedder::PreparedModel;
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

/// The same by way of the model's prepared form, which was looked for before.
///
/// # Errors
/// There is no such form, and a file of the model cannot be read.
pub fn identity_of(model: &ModelFiles, prepared: &PreparedModel) -> Result<ModelIdentity, EngineError> {
    let fingerprint = prepared.fingerprint(model)?;
    Ok(ModelIdentity { id: model.id.clone(), revision: model.revision.clone(), fingerprint })
}
