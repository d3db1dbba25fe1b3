//! The lane of searches through an index: as many at once as there are threads that compute, and none that would wait
//! too long.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::error::ApiError;

/// Runs work that blocks, apart from the threads that serve connections.
pub(crate) struct Lane {
    permits: Semaphore,
    threads: usize,
    waiting: AtomicUsize,
    /// The mean time of a piece of work, in microseconds, where newer ones count more.
    mean: AtomicU64,
    max_wait: Duration,
}

/// One that waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lane {
    pub(crate) fn new(threads: usize, max_wait: Duration) -> Self {
        let (waiting, mean) = (AtomicUsize::new(0), AtomicU64::new(0));
        Self { permits: Semaphore::new(threads), threads, waiting, mean, max_wait }
    }

    /// Runs `work` on a thread of its own. Whoever drops the future before it begins is not computed for.
    ///
    /// # Errors
    /// Too much work waits, or `work` fails.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let ahead = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(&self.waiting);
        let wait = Duration::from_micros(self.mean.load(Ordering::Relaxed)) * (ahead / self.threads) as u32;
        if wait > self.max_wait {
            return Err(ApiError::busy(wait - self.max_wait));
        }
        let permit = self.permits.acquire().await.map_err(|_| ApiError::unavailable("the server is ending"))?;
        drop(waiting);
        let timed = move || {
            let begun = Instant::now();
            (work(), begun.elapsed())
        };
        let outcome = tokio::task::spawn_blocking(timed).await;
        drop(permit);
        let (outcome, took) = outcome.map_err(|error| ApiError::internal(format!("a defect of semsearch: {error}")))?;
        let mean = self.mean.load(Ordering::Relaxed);
        self.mean.store(mean - mean / 8 + took.as_micros() as u64 / 8, Ordering::Relaxed);
        outcome
    }
}
