//! An index in PostgreSQL with pgvector: on one server, or sharded over many.
//!
//! A client talks to one server, the coordinator. It holds one row that says which generation is committed, and knows the
//! shards, which hold the passages. [`PostgresStore`] is the [`Store`](semsearch_store::Store); [`create`] and [`drop_store`]
//! make and remove what a store needs; [`Generation`] is what several writers make together.
//!
//! ```text
//! coordinator   store         the one row: the recipe, the committed generation, the next numbers
//!               generations   open, committed or aborted, and what each counted
//!               batches       what one writer put into a generation; sealed when all of it is there
//!               shards        which server holds which partitions
//! shard         passages      a row for each passage: its vector, text, words, terms, and the generations that
//!                             added and removed it; partitioned by a hash of the document's id
//!               words         how many passages have a word, by generation
//!               terms       the same for terms of metadata, which answer filters
//!               removals      the ids that a generation removes, and when
//! ```
//!
//! A reader sees a passage of generation `a` that generation `r` removed if `a <= c` and `r > c`, where `c` is the
//! committed generation. So a commit is the change of one number in one row.

mod admin;
mod cluster;
mod dropping;
mod failure;
mod generation;
mod io;
mod literal;
mod nearest;
mod passages;
mod reading;
mod remembered;
mod rows;
mod schema;
mod session;
mod slot;
mod snapshot;
mod sparse;
mod sql_filter;
mod state;
mod store;
mod vacuum;
mod words;
mod writer;

pub use admin::{CreateOptions, ShardServer, create};
pub use dropping::drop_store;
pub use generation::Generation;
pub use semsearch_postgres_address::{AddressError, Login, ServerAddress, Surroundings};
pub use store::{PostgresStore, StoreOptions};
