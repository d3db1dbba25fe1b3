//! The native part of the Python package `semsearch`: everything that computes.
//!
//! Its functions take and give plain values. What a Python programmer sees (names, defaults, docstrings, types) is
//! written in Python, in `python/semsearch/`. Importing the module starts no thread and loads no model.

mod arrow;
mod errors;
mod evaluation;
mod hint;
mod index;
mod json;
mod model;
mod process;
mod store;
mod texts;
mod watched;
mod writer;

/// The native part of `semsearch`.
#[pyo3::pymodule]
mod _semsearch {
    #[pymodule_export]
    use super::evaluation::evaluate;
    #[pymodule_export]
    use super::index::NativeIndex;
    #[pymodule_export]
    use super::model::NativeModel;
    #[pymodule_export]
    use super::writer::NativeWriter;

    /// The version of the package.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
