//! JSON's values as Python's, and Python's as JSON's.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use serde_json::{Map, Number, Value};

/// Values are nested at most so deep.
const DEEPEST: usize = 100;

/// The fields of a record that is a dict.
///
/// # Errors
/// It is not a dict, or a value has no form in JSON.
pub(crate) fn fields(record: &Bound<'_, PyAny>) -> PyResult<Map<String, Value>> {
    let Ok(dict) = record.cast::<PyDict>() else {
        let found = record.get_type().name()?;
        return Err(PyTypeError::new_err(format!("a record is a dict, not {found}")));
    };
    map(dict, "", 0)
}

fn map(dict: &Bound<'_, PyDict>, path: &str, depth: usize) -> PyResult<Map<String, Value>> {
    let mut fields = Map::new();
    for (name, value) in dict {
        let name: String =
            name.extract().map_err(|_| PyTypeError::new_err(format!("{path}: names of fields are strings")))?;
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        fields.insert(name, from_python(&value, &path, depth + 1)?);
    }
    Ok(fields)
}

fn from_python(value: &Bound<'_, PyAny>, path: &str, depth: usize) -> PyResult<Value> {
    if depth > DEEPEST {
        return Err(PyTypeError::new_err(format!("{path}: nested more than {DEEPEST} levels deep")));
    }
    if value.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(truth) = value.cast::<PyBool>() {
        return Ok(truth.is_true().into());
    }
    if value.is_instance_of::<PyString>() {
        return Ok(Value::String(value.extract()?));
    }
    if value.is_instance_of::<PyInt>() {
        let whole = value.extract::<i64>().map(Number::from).or_else(|_| value.extract::<u64>().map(Number::from));
        return whole
            .map(Value::Number)
            .map_err(|_| PyTypeError::new_err(format!("{path}: a number of more than 64 bits")));
    }
    if value.is_instance_of::<PyFloat>() {
        // A table of pandas has NaN where a value is missing.
        return Ok(Number::from_f64(value.extract()?).map_or(Value::Null, Value::Number));
    }
    if let Ok(dict) = value.cast::<PyDict>() {
        return map(dict, path, depth).map(Value::Object);
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        let elements = value.try_iter()?.map(|element| from_python(&element?, path, depth + 1));
        return elements.collect::<PyResult<_>>().map(Value::Array);
    }
    // pandas has values that are no values: one that differs from itself, and one that cannot even be compared.
    if value.ne(value).unwrap_or(true) && !value.hasattr("tolist")? {
        return Ok(Value::Null);
    }
    // Scalars and arrays of numpy, and dates.
    for method in ["tolist", "isoformat"] {
        if value.hasattr(method)? {
            return from_python(&value.call_method0(method)?, path, depth + 1);
        }
    }
    let found = value.get_type().name()?;
    Err(PyTypeError::new_err(format!(
        "{path}: {found} is no value of a record: expected str, int, float, bool, None, list or dict"
    )))
}

/// A dict of these fields.
pub(crate) fn to_dict<'py>(py: Python<'py>, fields: &Map<String, Value>) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in fields {
        dict.set_item(name, to_python(py, value)?)?;
    }
    Ok(dict)
}

fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(truth) => PyBool::new(py, *truth).to_owned().into_any(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => whole.into_pyobject(py)?.into_any(),
            (None, Some(whole)) => whole.into_pyobject(py)?.into_any(),
            (None, None) => number.as_f64().unwrap_or(f64::NAN).into_pyobject(py)?.into_any(),
        },
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(|element| to_python(py, element)).collect::<PyResult<_>>()?;
            PyList::new(py, elements)?.into_any()
        }
        Value::Object(fields) => to_dict(py, fields)?.into_any(),
    })
}
