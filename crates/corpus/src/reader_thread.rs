//! The threads that read inputs.

use std::thread;

/// The name of these threads. Whoever reports panics can tell by it that a panic becomes an error of an input.
pub const READER: &str = "semsearch-records";

/// Runs `work` on a thread of this name.
pub(crate) fn on_thread(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().name(READER.into()).spawn(work).expect("the system has another thread");
}
