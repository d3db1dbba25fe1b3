//! Arguments of `store`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueHint};

use super::value::seconds;

/// An index in PostgreSQL: make it, fill it from a directory, write it together.
///
/// `--store` names the database, as in `postgresql://HOST:PORT/DATABASE`. Passwords come from PGPASSWORD, ~/.pgpass or a
/// service file, never from an argument.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch store create --store postgresql://db1/search
  semsearch store create --store postgresql://db1/search --servers db2:5432,db3:5432
  semsearch store push .semsearch --store postgresql://db1/search
  semsearch query \"Who headlined the halftime show?\" --store postgresql://db1/search")]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) action: StoreAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreAction {
    /// Make the tables of an empty index
    #[command(after_help = "\
Example:
  semsearch store create --store postgresql://db1/search --servers db2:5432,db3:5432+db3b:5432")]
    Create {
        /// The servers that hold passages, as HOST:PORT[+REPLICA:PORT]; without them, the database holds them itself
        #[arg(long, value_name = "LIST", value_delimiter = ',')]
        servers: Vec<String>,
        /// How many partitions passages are spread over, for good
        #[arg(long, value_name = "N", default_value = "32")]
        partitions: u16,
    },
    /// Open a generation that several processes write together, and print its number
    #[command(after_help = "\
Example:
  semsearch store begin; semsearch index part1.jsonl & semsearch index part2.jsonl; wait; semsearch store commit")]
    Begin(StoreWaitArgs),
    /// Make everything of the open generation visible, in one step
    #[command(after_help = "\
Example:
  semsearch store commit --wait 600")]
    Commit(StoreWaitArgs),
    /// Give the open generation up
    #[command(after_help = "\
Example:
  semsearch store abort")]
    Abort(StoreWaitArgs),
    /// Say what the store holds, and on which servers
    #[command(after_help = "\
Example:
  semsearch store info --json | jq .generation")]
    Info {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Copy an index from a directory into the store, without embedding anything again
    #[command(after_help = "\
Example:
  semsearch store push .semsearch --store postgresql://db1/search")]
    Push(StoreCopyArgs),
    /// Copy the index into a directory, without embedding anything again
    #[command(after_help = "\
Example:
  semsearch store pull copy --store postgresql://db1/search")]
    Pull(StoreCopyArgs),
    /// Remove what only readers of older generations could see
    #[command(after_help = "\
Example:
  semsearch store vacuum")]
    Vacuum(StoreWaitArgs),
    /// Remove the store with everything in it
    #[command(after_help = "\
Example:
  semsearch store drop --store postgresql://db1/search")]
    Drop(StoreWaitArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct StoreWaitArgs {
    /// How long to wait for writers, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "0", env = "SEMSEARCH_WAIT", hide_env = true,
        value_parser = seconds)]
    pub(crate) wait: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct StoreCopyArgs {
    /// The directory of an index
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) wait: StoreWaitArgs,
}
