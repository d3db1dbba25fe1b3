//! What to do next after a failure of the library, in the words of Python.

use std::error::Error;

use semsearch_corpus::{BadRecord, CorpusError};
use semsearch_models::ModelsError;
use semsearch_store::StoreError;

/// What to do next, for the first cause for which there is something.
pub(crate) fn of_cause(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let hint = (error.downcast_ref().and_then(of_store))
            .or_else(|| error.downcast_ref().and_then(of_models))
            .or_else(|| error.downcast_ref().and_then(of_corpus));
        if hint.is_some() {
            return hint.map(String::from);
        }
        cause = error.source();
    }
    None
}

fn of_store(error: &StoreError) -> Option<&'static str> {
    Some(match error {
        StoreError::NoIndex { .. } => {
            "`semsearch.Index.create(path, model=model)` makes one, as does `semsearch index`"
        }
        StoreError::NotAnIndex { .. } | StoreError::Foreign { .. } => "name a new or an empty directory",
        StoreError::Mismatch { .. } => "open the index without a model: it then loads the one that it was built with",
        StoreError::Locked { .. } => "`wait=SECONDS` waits for the other process",
        StoreError::Damaged { .. } => "`semsearch verify` names every fault; `replace=True` builds the index anew",
        StoreError::NoWords { .. } => "build the index anew with `replace=True`",
        StoreError::RepeatedId { .. } => "ids must be unique among the records of a writer",
        _ => return None,
    })
}

fn of_models(error: &ModelsError) -> Option<&'static str> {
    Some(match error {
        ModelsError::ModelOffline { .. } => {
            "`semsearch model fetch ID` downloads it; a directory can be named instead, as in Embedder(\"./model\")"
        }
        ModelsError::NoDirectory(_) | ModelsError::NotAnId(_) => {
            "a model is a directory, or a name on the Hub such as \"intfloat/e5-base-v2\""
        }
        _ => return None,
    })
}

fn of_corpus(error: &CorpusError) -> Option<&'static str> {
    match error {
        CorpusError::Record { problem: BadRecord::NoText { .. }, .. } => {
            Some("name the field, as in `text_field=\"body\"`")
        }
        CorpusError::Record { problem: BadRecord::Blank, .. } => Some("leave records without text out"),
        _ => None,
    }
}
