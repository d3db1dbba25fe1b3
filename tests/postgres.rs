//! An index in PostgreSQL, on real servers: a coordinator and two shards, which `script/postgres` starts.
//!
//! All tests share one set of servers, each with schemas of its own; those that kill or change a server start their own.

mod servers;
