//! Columns of texts of other libraries, read where they lie.
//!
//! The interface is [Arrow's for C](https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html): an
//! object's method `__arrow_c_stream__` or `__arrow_c_array__` gives capsules with structs of fixed layout. pyarrow, polars
//! and newer versions of pandas have these methods.
#![allow(unsafe_code, reason = "the interface is one of pointers")]

use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_array::{Array, ArrayRef, make_array};
use arrow_schema::{ArrowError, DataType};
use pyo3::exceptions::{PyImportError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyCapsuleMethods};

use super::errors::bad_value;

/// A column of texts, in one or more pieces. None of them is null.
pub(crate) struct TextColumn(Vec<ArrayRef>);

impl TextColumn {
    /// The column that an object gives; `None` if it gives none.
    ///
    /// # Errors
    /// The column does not hold texts, or one is null.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let arrays = if object.hasattr("__arrow_c_stream__")? {
            match object.call_method0("__arrow_c_stream__") {
                Ok(stream) => of_stream(&stream)?,
                // pandas has the method also where pyarrow, which it needs for it, is missing.
                Err(error) if error.is_instance_of::<PyImportError>(object.py()) => return Ok(None),
                Err(error) => return Err(error),
            }
        } else if object.hasattr("__arrow_c_array__")? {
            vec![of_array(&object.call_method0("__arrow_c_array__")?)?]
        } else {
            return Ok(None);
        };
        let mut before = 0;
        for array in &arrays {
            match array.data_type() {
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {}
                DataType::Struct(_) => {
                    let message = "this is a table: name one of its columns, as in table[\"text\"]";
                    return Err(PyTypeError::new_err(message));
                }
                found => return Err(PyTypeError::new_err(format!("a column of {found}, expected one of strings"))),
            }
            if let Some(at) = (0..array.len()).find(|&at| array.is_null(at)) {
                return Err(bad_value(format!("text {} is null", before + at)));
            }
            before += array.len();
        }
        Ok(Some(Self(arrays)))
    }

    /// The texts, in their order.
    pub(crate) fn as_strs(&self) -> Vec<&str> {
        let mut texts = Vec::with_capacity(self.0.iter().map(|array| array.len()).sum());
        for array in &self.0 {
            let rows = 0..array.len();
            match array.data_type() {
                DataType::Utf8 => texts.extend(rows.map(|row| array.as_string::<i32>().value(row))),
                DataType::LargeUtf8 => texts.extend(rows.map(|row| array.as_string::<i64>().value(row))),
                _ => texts.extend(rows.map(|row| array.as_string_view().value(row))),
            }
        }
        texts
    }
}

/// The arrays of a stream.
fn of_stream(capsule: &Bound<'_, PyAny>) -> PyResult<Vec<ArrayRef>> {
    let capsule = capsule.cast::<PyCapsule>()?;
    let pointer = capsule.pointer_checked(Some(c"arrow_array_stream"))?.cast::<FFI_ArrowArrayStream>();
    // SAFETY: a capsule of this name holds a stream that nobody else reads. It is moved out, and an empty one is left.
    let stream = unsafe { FFI_ArrowArrayStream::from_raw(pointer.as_ptr()) };
    if stream.release().is_none() {
        return Err(bad_value("this stream of Arrow was read before"));
    }
    let arrays = ArrayStreamReader::try_new(stream).map_err(refused)?;
    arrays.map(|array| checked(array.map_err(refused)?)).collect()
}

/// The array of a pair of capsules: its schema and its data.
fn of_array(pair: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let (schema, array): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
    let schema = schema.cast::<PyCapsule>()?.pointer_checked(Some(c"arrow_schema"))?.cast::<FFI_ArrowSchema>();
    let array = array.cast::<PyCapsule>()?.pointer_checked(Some(c"arrow_array"))?.cast::<FFI_ArrowArray>();
    // SAFETY: capsules of these names hold these structs. The array is moved out, and an empty one is left.
    let (schema, array) = unsafe { (schema.as_ref(), FFI_ArrowArray::from_raw(array.as_ptr())) };
    // SAFETY: who made the array promises that it has the layout of its schema.
    let data = unsafe { from_ffi(array, schema) }.map_err(refused)?;
    checked(make_array(data))
}

/// The array, if its texts are UTF-8. Who made it does not promise that.
fn checked(array: ArrayRef) -> PyResult<ArrayRef> {
    array.to_data().validate_data().map_err(refused)?;
    Ok(array)
}

fn refused(error: ArrowError) -> PyErr {
    bad_value(format!("an array of Arrow cannot be read: {error}"))
}
