//! Documents, whole and in lists, in each of their formats.

mod list;
mod whole;

pub(crate) use list::{LIST_FORMATS, ListFormat};
pub(crate) use whole::{DOCUMENT_FORMATS, DocumentFormat};
