//! Long work: Python's other threads go on meanwhile, Ctrl-C ends it, and it reports its progress.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;
use semsearch_encoder::embedder::Progress;

/// How often signals are looked for.
const TICK: Duration = Duration::from_millis(50);

/// How much is done.
#[derive(Default)]
pub(crate) struct Done {
    texts: AtomicUsize,
    tokens: AtomicUsize,
}

/// Counts what is done.
pub(crate) struct Counting<'a>(&'a Done);

impl Progress for Counting<'_> {
    fn done(&mut self, texts: usize, tokens: usize) {
        self.0.texts.fetch_add(texts, Ordering::Relaxed);
        self.0.tokens.fetch_add(tokens, Ordering::Relaxed);
    }
}

/// Does `work` in a thread of its own. Meanwhile `progress`, a function of Python's, is called with the texts and tokens
/// that are done. If it raises, or a signal does, the flag that `work` has is set, and when `work` has ended the
/// exception is returned.
///
/// # Errors
/// An exception of `progress` or of a signal's handler, such as `KeyboardInterrupt`.
pub(crate) fn watched<T: Send>(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    work: impl FnOnce(&AtomicBool, &mut Counting<'_>) -> T + Send,
) -> PyResult<T> {
    let (stop, done) = (AtomicBool::new(false), Done::default());
    let tell = |py: Python<'_>| -> PyResult<()> {
        py.check_signals()?;
        if let Some(progress) = progress {
            progress.call1(py, (done.texts.load(Ordering::Relaxed), done.tokens.load(Ordering::Relaxed)))?;
        }
        Ok(())
    };
    let (result, raised) = py.detach(|| {
        thread::scope(|scope| {
            let (ended, end) = channel::<()>();
            let (stop, done) = (&stop, &done);
            let worker = scope.spawn(move || {
                // Dropped when the work ends, also by a panic.
                let _ended = ended;
                work(stop, &mut Counting(done))
            });
            let mut raised = None;
            while let Err(RecvTimeoutError::Timeout) = end.recv_timeout(TICK) {
                if raised.is_none() {
                    raised = Python::attach(tell).err();
                    stop.store(raised.is_some(), Ordering::Relaxed);
                }
            }
            (worker.join(), raised)
        })
    });
    let result = result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    match raised {
        Some(exception) => Err(exception),
        None => {
            tell(py)?;
            Ok(result)
        }
    }
}
