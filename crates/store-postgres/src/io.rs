//! The thread that serves the connections of a store. Callers block, so that they need not be asynchronous.

use std::future::Future;
use std::sync::Arc;

use semsearch_store::StoreError;
use tokio::runtime::{Builder, Runtime};

/// Runs connections on a thread of its own.
#[derive(Clone)]
pub(crate) struct Io(Arc<Running>);

struct Running(Option<Runtime>);

impl Drop for Running {
    fn drop(&mut self) {
        // A runtime must not wait for its end where it is dropped, which may be inside another one.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Io {
    pub(crate) fn start() -> Result<Self, StoreError> {
        let built =
            Builder::new_multi_thread().worker_threads(1).thread_name("semsearch-postgres").enable_all().build();
        let runtime = built.map_err(|error| StoreError::Unsupported(format!("no thread for connections: {error}")))?;
        Ok(Self(Arc::new(Running(Some(runtime)))))
    }

    /// Waits for `future`.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        match &self.0.0 {
            Some(runtime) => runtime.block_on(future),
            None => unreachable!("the runtime is taken only by drop"),
        }
    }

    /// Runs `future` beside everything else.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.0.0 {
            runtime.spawn(future);
        }
    }
}
