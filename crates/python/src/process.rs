//! The threads of this process.
//!
//! The pool of threads starts with the first model, and a process has one. A process that was forked afterwards
//! has no threads, so a computation there would wait for ever: it is an error instead.

use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::PyResult;

use super::errors::Raised;

/// The process in which the pool was started; 0 before that.
static POOL: AtomicU32 = AtomicU32::new(0);

/// Call this before every computation. The first call sets how many threads compute; as many as there are cores, if
/// `threads` is `None`.
///
/// # Errors
/// This process was forked after the pool was started.
pub(crate) fn enter(threads: Option<usize>) -> PyResult<()> {
    let here = std::process::id();
    match POOL.compare_exchange(0, here, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {
            if let Some(threads) = threads {
                // It fails only if there is a pool.
                let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
                semsearch_store_local::set_threads(threads);
            }
            Ok(())
        }
        Err(there) if there == here => Ok(()),
        Err(there) => {
            let message =
                format!("process {here} was forked from process {there}, in which a model was loaded already");
            let hint =
                "start workers with multiprocessing.get_context(\"spawn\"), or load the model only in the workers";
            Err(Raised::new("Error", message, Some(hint)).into())
        }
    }
}
