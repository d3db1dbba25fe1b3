//! The options of each command: plain structs, resolved once from arguments, environment, config file and terminal.
//!
//! Precedence, highest first: argument, environment variable (clap reads both), value recorded in the index, config file,
//! default. What an index recorded is known only when the index is opened. Until then a [`recordable::Recordable`] keeps the
//! values that come before it and after it.

pub(crate) mod common;
pub(crate) mod config;
pub(crate) mod defaults;
pub(crate) mod documents;
pub(crate) mod embed;
pub(crate) mod encoding;
pub(crate) mod eval;
pub(crate) mod index;
pub(crate) mod input;
pub(crate) mod inspect;
pub(crate) mod manual;
pub(crate) mod model;
pub(crate) mod passage;
pub(crate) mod precision;
pub(crate) mod query;
pub(crate) mod ranking;
pub(crate) mod recordable;
#[cfg(feature = "serve")]
pub(crate) mod serve;
pub(crate) mod sim;
#[cfg(feature = "postgres")]
pub(crate) mod store;
