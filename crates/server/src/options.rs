//! What whoever starts a server decides.

use std::net::SocketAddr;
use std::time::Duration;

/// The options of a server.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The address to listen on. Port 0 takes a free one.
    pub bind: SocketAddr,
    /// The keys, one of which a request must bring; none for no check.
    pub keys: Vec<String>,
    /// Names that the header `Host` may have, besides those of the loopback interface and the address itself.
    pub hosts: Vec<String>,
    /// Origins whose pages may use the server, as `https://example.org`.
    pub origins: Vec<String>,
    /// The most bytes of a request's body.
    pub max_body: usize,
    /// The most connections at once.
    pub max_connections: usize,
    /// A request with more seconds of work ahead of it is refused.
    pub max_wait: Duration,
    /// How long requests that were begun may take after the server was told to end.
    pub drain: Duration,
    /// How requests are logged.
    pub log: LogOptions,
    /// Other names of the model in requests.
    pub model_aliases: Vec<String>,
    /// The threads that compute.
    pub threads: usize,
}

/// How requests are logged.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogOptions {
    /// The form of a line.
    pub format: LogFormat,
    /// Whether lines have the queries of searches.
    pub queries: bool,
    /// Whether only errors are written.
    pub quiet: bool,
}

/// The form of a line of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object a line.
    Json,
}

/// How long a client may take to send a request's header or body, and to take an answer. A slow client costs nothing
/// but its connection.
pub(crate) const CLIENT_TIME: Duration = Duration::from_secs(20);

/// The tokens of a batch, for each core: 10 to 25 ms. With 192, 32 clients of one question each have the same
/// throughput, and the slowest of 100 waits 8% longer (ARCHITECTURE.md).
pub(crate) const QUANTUM: usize = 96;
