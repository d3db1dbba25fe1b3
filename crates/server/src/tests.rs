//! What unit tests share.

use std::time::Duration;

use super::{LogOptions, ServerOptions};

/// Options of a server on a free port of the loopback interface.
pub(crate) fn options() -> ServerOptions {
    ServerOptions {
        bind: ([127, 0, 0, 1], 0).into(),
        keys: Vec::new(),
        hosts: Vec::new(),
        origins: Vec::new(),
        max_body: 1 << 20,
        max_connections: 16,
        max_wait: Duration::from_secs(10),
        drain: Duration::from_secs(5),
        log: LogOptions::default(),
        model_aliases: Vec::new(),
        threads: 1,
    }
}
