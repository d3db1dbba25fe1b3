//! Errors of the library as exceptions of Python.
//!
//! The classes are written in Python, in `semsearch._errors`. An exception has the message with the chain of causes,
//! and in `hint` what to do next, where there is something.

use std::error::Error;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use semsearch_corpus::CorpusError;
use semsearch_encoder::EncoderError;
use semsearch_engine::EngineError;
use semsearch_models::ModelsError;
use semsearch_store::StoreError;

use super::hint;

/// An error on its way to Python: the class, the message and the hint.
pub(crate) struct Raised {
    class: &'static str,
    message: String,
    hint: Option<String>,
}

impl Raised {
    pub(crate) fn new(class: &'static str, message: impl Into<String>, hint: Option<&str>) -> Self {
        Self { class, message: message.into(), hint: hint.map(String::from) }
    }

    fn of(class: &'static str, error: &(dyn Error + 'static)) -> Self {
        Self { class, message: with_causes(error), hint: hint::of_cause(error) }
    }
}

impl From<Raised> for PyErr {
    fn from(raised: Raised) -> Self {
        let Raised { class, message, hint } = raised;
        Python::attach(|py| {
            let made = py
                .import("semsearch._errors")
                .and_then(|errors| errors.getattr(class)?.call1((message.as_str(), hint.as_deref())));
            match made {
                Ok(exception) => PyErr::from_value(exception),
                Err(error) => error,
            }
        })
    }
}

impl From<EngineError> for Raised {
    fn from(error: EngineError) -> Self {
        let class = match &error {
            EngineError::Corpus(_) => "RecordError",
            EngineError::Encoder(_) => "ModelError",
            EngineError::Store(_) => "StoreError",
            _ => "Error",
        };
        Self::of(class, &error)
    }
}

impl From<CorpusError> for Raised {
    fn from(error: CorpusError) -> Self {
        Self::of("RecordError", &error)
    }
}

impl From<EncoderError> for Raised {
    fn from(error: EncoderError) -> Self {
        Self::of("ModelError", &error)
    }
}

impl From<ModelsError> for Raised {
    fn from(error: ModelsError) -> Self {
        Self::of("ModelError", &error)
    }
}

impl From<StoreError> for Raised {
    fn from(error: StoreError) -> Self {
        Self::of("StoreError", &error)
    }
}

/// An argument has a value that is not possible.
pub(crate) fn bad_value(message: impl Into<String>) -> PyErr {
    PyValueError::new_err(message.into())
}

/// The message of an error and of what caused it.
fn with_causes(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // A transparent error has the message of its cause.
        if !message.ends_with(&text) {
            message = format!("{message}: {text}");
        }
        cause = error.source();
    }
    message
}
