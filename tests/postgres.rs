//! An index in PostgreSQL, on real servers: a coordinator and two shards, which `script/postgres` starts.
//!
//! All tests share one set of servers, each with schemas of its own; those that kill or change a server start their own.
//! By default some hundreds of SQuAD's questions are asked; `SEMSEARCH_POSTGRES=all` asks all of them.

mod copies;
mod equal;
mod errors;
#[cfg(feature = "serve")]
mod failover;
mod generations;
mod logins;
mod records;
mod servers;
mod small;
mod strings;
mod told;
mod trio;
mod updates;
mod writing;
