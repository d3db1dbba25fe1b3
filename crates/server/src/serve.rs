//! Connections: accepted, served, and at the end finished.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

use super::app::App;
use super::options::CLIENT_TIME;
use super::routes;

/// How long requests of agents that go on without an end may take after the server was told to end.
const ENDING: Duration = Duration::from_millis(100);

/// For how long connections are taken after the server was told to end.
const LAST_CONNECTIONS: Duration = Duration::from_millis(50);

/// A server that listens.
pub(crate) struct Listening {
    listener: TcpListener,
    app: Arc<App>,
}

impl Listening {
    pub(crate) async fn bind(app: Arc<App>) -> io::Result<Self> {
        let listener = TcpListener::bind(app.options.bind).await?;
        Ok(Self { listener, app })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `ending` says that it is time to end. Then what was begun is finished, for as long as the options
    /// say. Returns how many connections were cut.
    pub(crate) async fn serve(self, ending: CancellationToken) -> usize {
        let Self { listener, app } = self;
        let sessions = CancellationToken::new();
        let router = routes::router(&app, sessions.clone());
        let permits = Arc::new(Semaphore::new(app.options.max_connections.max(1)));
        let graceful = GracefulShutdown::new();
        let accept = async || {
            let permit = Arc::clone(&permits).acquire_owned().await.ok()?;
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => return Some((stream, permit)),
                    // A client that left again is no reason to stop, and without descriptors there will be some later.
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        loop {
            let accepted = tokio::select! {
                accepted = accept() => accepted,
                () = ending.cancelled() => break,
            };
            let Some((stream, permit)) = accepted else { break };
            serve_one(&app, &router, stream, permit, &graceful);
        }
        app.drain();
        // What the system has accepted already is served too. Clients that go on coming must not hold the end up.
        let _ = tokio::time::timeout(LAST_CONNECTIONS, async {
            while let Some((stream, permit)) = accept().await {
                serve_one(&app, &router, stream, permit, &graceful);
            }
        })
        .await;
        drop(listener);
        tokio::spawn(async move {
            tokio::time::sleep(ENDING).await;
            sessions.cancel();
        });
        let open = app.metrics.connections.clone();
        match tokio::time::timeout(app.options.drain, graceful.shutdown()).await {
            Ok(()) => 0,
            Err(_) => open.get().max(0) as usize,
        }
    }
}

/// Serves a connection on a task of its own.
fn serve_one(
    app: &Arc<App>,
    router: &Router,
    stream: TcpStream,
    permit: tokio::sync::OwnedSemaphorePermit,
    graceful: &GracefulShutdown,
) {
    // An answer is sent when it is there.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(CLIENT_TIME));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(CLIENT_TIME).max_headers(100).half_close(false);
    let service = TowerToHyperService::new(router.clone());
    let connection = server.serve_connection(TokioIo::new(Box::pin(stream)), service);
    let watched = graceful.watch(connection);
    let open = app.metrics.connections.clone();
    open.inc();
    tokio::spawn(async move {
        // What goes wrong with a connection is its client's: it closed it, or sent what is not HTTP.
        let _ = watched.await;
        open.dec();
        drop(permit);
    });
}
