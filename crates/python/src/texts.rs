//! Texts as Python has them: a sequence of strings, or a column of Arrow.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::arrow::TextColumn;

/// Texts that Python keeps for us.
pub(crate) enum Texts {
    Strings(Vec<PyBackedStr>),
    /// The texts lie where another library put them.
    Column(TextColumn),
}

impl Texts {
    /// The texts of a sequence, or of a column of pyarrow, polars, pandas or anything else that gives Arrow's arrays.
    ///
    /// # Errors
    /// An element is not a string, or a column is not one of texts.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Some(column) = TextColumn::of(object)? {
            return Ok(Self::Column(column));
        }
        let is_one = object.is_instance_of::<PyString>() || object.is_instance_of::<PyBytes>();
        if is_one || object.is_instance_of::<PyDict>() {
            let found = object.get_type().name()?;
            return Err(PyTypeError::new_err(format!("texts are a list or a column of strings, not {found}")));
        }
        let mut strings = Vec::new();
        for (at, text) in object.try_iter()?.enumerate() {
            let text = text?;
            strings.push(text.extract().map_err(|error| match text.is_instance_of::<PyString>() {
                // Half of a surrogate pair cannot be written as UTF-8.
                true => error,
                false => {
                    let found = text.get_type().name().map_or_else(|_| "something".into(), |name| name.to_string());
                    PyTypeError::new_err(format!("text {at} is {found}, expected str"))
                }
            })?);
        }
        Ok(Self::Strings(strings))
    }

    /// The texts, in their order.
    pub(crate) fn as_strs(&self) -> Vec<&str> {
        match self {
            Self::Strings(strings) => strings.iter().map(|text| &**text).collect(),
            Self::Column(column) => column.as_strs(),
        }
    }
}
