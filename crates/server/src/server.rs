//! A server's life: it listens, loads, notices new commits, and ends.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::app::{App, Loaded};
use super::mcp;
use super::options::ServerOptions;
use super::scheduler::with_causes;
use super::serve::Listening;

/// How often a new commit is looked for.
const LOOK: Duration = Duration::from_millis(250);

/// A server cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("{address}: cannot listen there")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system refuses what a server needs.
    #[error("the server cannot start")]
    Start(#[source] io::Error),
    /// Answers were still missing when the time to finish them was over.
    #[error("{0} connections were cut when the time to end was over")]
    Cut(usize),
}

/// Why serving ended.
#[derive(Debug)]
pub enum Failure<E> {
    /// What was to be served cannot be loaded.
    Load(E),
    /// The server failed.
    Server(ServerError),
}

impl<E> From<ServerError> for Failure<E> {
    fn from(error: ServerError) -> Self {
        Self::Server(error)
    }
}

/// Serves over HTTP until SIGTERM or SIGINT comes. `listening` is told the address as soon as connections are accepted;
/// then `load` loads what is served, and until it is done, requests are answered with 503.
///
/// # Errors
/// [`Failure`].
pub fn serve<E: Send + 'static>(
    options: ServerOptions,
    listening: impl FnOnce(SocketAddr),
    load: impl FnOnce() -> Result<Loaded, E> + Send + 'static,
) -> Result<(), Failure<E>> {
    let runtime = runtime(&options).map_err(ServerError::Start)?;
    let app = Arc::new(App::new(options));
    let outcome = runtime.block_on(run(Arc::clone(&app), listening, load));
    close(&app);
    // Work that was cut must not hold the process.
    runtime.shutdown_timeout(Duration::from_millis(100));
    outcome
}

/// Serves agents on standard input and output until standard input ends, or the process that started this one is gone.
/// `load` loads what is served; agents may ask for the list of tools before it is done.
///
/// # Errors
/// [`Failure`].
pub fn serve_agents<E: Send + 'static>(
    options: ServerOptions,
    load: impl FnOnce() -> Result<Loaded, E> + Send + 'static,
) -> Result<(), Failure<E>> {
    let runtime = runtime(&options).map_err(ServerError::Start)?;
    let app = Arc::new(App::new(options));
    let outcome = runtime.block_on(async {
        let loading = load_beside(&app, load);
        tokio::select! {
            outcome = mcp::over_stdio(Arc::clone(&app)) => outcome.map_err(|error| ServerError::Start(error).into()),
            Err(error) = loading => Err(error),
            () = orphaned() => Ok(()),
        }
    });
    close(&app);
    runtime.shutdown_timeout(Duration::from_millis(100));
    outcome
}

fn runtime(options: &ServerOptions) -> io::Result<Runtime> {
    // The threads that serve connections wait most of the time: those that compute have the cores.
    Builder::new_multi_thread().worker_threads(options.threads.clamp(1, 4)).enable_all().build()
}

fn close(app: &App) {
    if let Ok(ready) = app.ready() {
        ready.scheduler.close();
    }
}

async fn run<E: Send + 'static>(
    app: Arc<App>,
    listening: impl FnOnce(SocketAddr),
    load: impl FnOnce() -> Result<Loaded, E> + Send + 'static,
) -> Result<(), Failure<E>> {
    let address = app.options.bind;
    // The handlers come first: a signal that comes early ends the server in order too.
    let mut signals = Signals::new().map_err(ServerError::Start)?;
    let server = Listening::bind(Arc::clone(&app)).await;
    let server = server.map_err(|source| ServerError::Bind { address, source })?;
    listening(server.address().map_err(ServerError::Start)?);
    let ending = CancellationToken::new();
    let serving = tokio::spawn(server.serve(ending.clone()));
    let loaded = tokio::select! {
        loaded = load_beside(&app, load) => Some(loaded),
        () = signals.next() => None,
    };
    if let Some(loaded) = loaded {
        loaded?;
        tell_service_manager(&app, sd_notify::NotifyState::Ready);
        app.options.log.note("info", "ready");
        let noticing = tokio::spawn(notice_commits(Arc::clone(&app)));
        signals.next().await;
        noticing.abort();
    }
    tell_service_manager(&app, sd_notify::NotifyState::Stopping);
    app.options.log.note("info", "ending: requests that were begun are answered");
    ending.cancel();
    let cut = tokio::select! {
        cut = serving => cut.unwrap_or(0),
        // A second signal does not wait.
        () = signals.next() => 0,
    };
    if cut > 0 { Err(ServerError::Cut(cut).into()) } else { Ok(()) }
}

/// Tells the service manager, if one started this process.
fn tell_service_manager(app: &App, state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        app.options.log.note("error", &format!("the service manager cannot be told: {error}"));
    }
}

/// Loads on a thread of its own, and begins to serve.
async fn load_beside<E: Send + 'static>(
    app: &Arc<App>,
    load: impl FnOnce() -> Result<Loaded, E> + Send + 'static,
) -> Result<(), Failure<E>> {
    let loaded = tokio::task::spawn_blocking(load).await;
    let loaded = loaded.map_err(|error| ServerError::Start(io::Error::other(error)))?.map_err(Failure::Load)?;
    Ok(app.serve(loaded).map_err(ServerError::Start)?)
}

/// Takes the newest commit of each index soon after it is made. A commit that cannot be opened is told once, and the
/// one before it is served on.
async fn notice_commits(app: Arc<App>) {
    let count = app.ready().map_or(0, |ready| ready.loaded.indexes.len());
    let mut failures: Vec<Option<String>> = vec![None; count];
    loop {
        tokio::time::sleep(LOOK).await;
        let Ok(ready) = app.ready() else { return };
        for (index, failure) in ready.loaded.indexes.iter().zip(&mut failures) {
            let searcher = index.searcher.clone();
            let reloaded =
                tokio::task::spawn_blocking(move || searcher.reload().map_err(|error| with_causes(&error))).await;
            let name = &index.name;
            match reloaded.unwrap_or_else(|defect| Err(defect.to_string())) {
                Ok(false) => {
                    if failure.take().is_some() {
                        app.options.log.note("info", &format!("index {name}: its newest commit is sound again"));
                    }
                }
                Ok(true) => {
                    *failure = None;
                    app.metrics.reloaded(name, true);
                    let documents = index.searcher.snapshot().facts().documents;
                    app.options.log.note("info", &format!("index {name}: a new commit, {documents} documents"));
                }
                Err(why) if failure.as_ref() == Some(&why) => {}
                Err(why) => {
                    app.metrics.reloaded(name, false);
                    let message =
                        format!("index {name}: the newest commit cannot be opened, the one before is served: {why}");
                    app.options.log.note("error", &message);
                    *failure = Some(why);
                }
            }
        }
    }
}

/// Returns once the process that started this one is gone. Its input may stay open, because another process has it too.
async fn orphaned() {
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
