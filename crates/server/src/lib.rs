//! A server for semsearch: HTTP for programs, a page for people, and tools for agents, over one warm model.
//!
//! A request becomes tokens where it arrives, waits for the encoder in the scheduler, and searches the newest commit of
//! an index in its lane. Everything that answers shares one state: the routes, the page, and the tools of the Model
//! Context Protocol. This crate does not load models or choose stores; whoever starts it does, and hands over what is
//! [`Loaded`].

mod app;
mod body;
mod documents;
mod error;
mod guard;
mod lane;
mod log;
mod mcp;
mod metrics;
mod options;
mod page;
mod reply;
mod routes;
mod scheduler;
mod search;
mod serve;
mod server;
#[cfg(test)]
mod tests;

pub use app::{Loaded, NamedIndex};
pub use options::{LogFormat, LogOptions, ServerOptions};
pub use server::{Failure, ServerError, serve, serve_agents};
