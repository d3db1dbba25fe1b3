//! The library's errors among the causes of a failure.

use semsearch::engine::EngineError;
use semsearch::error::{CorpusError, EncoderError, FileError, HubError, ModelsError, StoreError, VectorFileError};

/// The error of an index, wherever it is wrapped.
pub(super) fn of_store(error: &anyhow::Error) -> Option<&StoreError> {
    match error.downcast_ref() {
        Some(EngineError::Store(error)) => Some(error),
        _ => error.downcast_ref(),
    }
}

/// The error of a file, wherever it is wrapped.
pub(super) fn of_file(error: &anyhow::Error) -> Option<&FileError> {
    error.chain().find_map(|cause| {
        (cause.downcast_ref())
            .or_else(|| cause.downcast_ref().and_then(of_engine))
            .or_else(|| cause.downcast_ref().and_then(of_models))
            .or_else(|| match cause.downcast_ref()? {
                CorpusError::File(error) => Some(error),
                _ => None,
            })
            .or_else(|| match cause.downcast_ref()? {
                EncoderError::File(error) => Some(error),
                _ => None,
            })
            .or_else(|| match cause.downcast_ref()? {
                HubError::File(error) => Some(error),
                _ => None,
            })
            .or_else(|| match cause.downcast_ref()? {
                VectorFileError::File(error) => Some(error),
                _ => None,
            })
            .or_else(|| match cause.downcast_ref()? {
                StoreError::File(error) => Some(error),
                _ => None,
            })
    })
}

fn of_engine(error: &EngineError) -> Option<&FileError> {
    match error {
        EngineError::File(error)
        | EngineError::Corpus(CorpusError::File(error))
        | EngineError::Encoder(EncoderError::File(error))
        | EngineError::VectorFile(VectorFileError::File(error))
        | EngineError::Store(StoreError::File(error)) => Some(error),
        _ => None,
    }
}

fn of_models(error: &ModelsError) -> Option<&FileError> {
    match error {
        ModelsError::File(error)
        | ModelsError::Hub(HubError::File(error))
        | ModelsError::Encoder(EncoderError::File(error)) => Some(error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_in_whichever_error_wraps_it() {
        let file = || FileError::write("x".as_ref())(std::io::ErrorKind::BrokenPipe.into());
        let all: [anyhow::Error; 9] = [
            file().into(),
            CorpusError::from(file()).into(),
            EncoderError::from(file()).into(),
            HubError::from(file()).into(),
            ModelsError::from(file()).into(),
            VectorFileError::from(file()).into(),
            StoreError::from(file()).into(),
            EngineError::from(VectorFileError::from(file())).into(),
            EngineError::from(StoreError::from(file())).into(),
        ];
        assert!(all.iter().all(|error| of_file(error).is_some()));
    }
}
