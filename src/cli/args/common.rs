//! Options of every command.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::parser::ValueSource;
use clap::{ArgMatches, ValueEnum, ValueHint};

use super::value::threads;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Common options")]
pub(crate) struct CommonArgs {
    /// Directory of the index [default: .semsearch, here or in the nearest parent]
    #[arg(short, long, global = true, value_name = "DIR", env = "SEMSEARCH_INDEX", hide_env = true,
        value_hint = ValueHint::DirPath)]
    pub(crate) index: Vec<PathBuf>,
    /// Address of an index in PostgreSQL, postgresql://HOST/DATABASE, in place of -i
    #[arg(hide_short_help = true, long, global = true, value_name = "URL", env = "SEMSEARCH_STORE", hide_env = true)]
    pub(crate) store: Option<PathBuf>,
    /// Processor cores to use [default: all]
    #[arg(hide_short_help = true, long, global = true, value_name = "N", env = "SEMSEARCH_THREADS", hide_env = true,
        value_parser = threads)]
    pub(crate) threads: Option<usize>,
    /// Open no network connection, except to the database that --store names
    #[arg(hide_short_help = true, long, global = true, env = "SEMSEARCH_OFFLINE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(crate) offline: bool,
    /// When to colour the output
    #[arg(
        hide_short_help = true,
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        env = "SEMSEARCH_COLOR",
        hide_env = true
    )]
    pub(crate) color: ColorArg,
    /// Print errors only: no notes, warnings or progress
    #[arg(short, long, global = true, env = "SEMSEARCH_QUIET", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(crate) quiet: bool,
    /// Print which model, device and index are used
    #[arg(short, long, global = true, env = "SEMSEARCH_VERBOSE", hide_env = true,
        value_parser = FalseyValueParser::new())]
    pub(crate) verbose: bool,
}

impl CommonArgs {
    /// The index that is named last.
    pub(crate) fn last_index(&self) -> Option<&PathBuf> {
        self.index.last()
    }

    /// Chooses between `-i` and `--store` if both are given: a typed option has precedence over the environment, and that over
    /// the config file; of two typed ones, the last counts. The chosen one is then the index.
    fn settle_index(&mut self, matches: &ArgMatches) {
        let rank = |id| {
            let rank = match matches.value_source(id) {
                Some(ValueSource::CommandLine) => 3,
                Some(ValueSource::EnvVariable) => 2,
                _ => 1,
            };
            let place = (rank == 3).then(|| matches.indices_of(id).and_then(Iterator::last)).flatten();
            (rank, place)
        };
        if let Some(store) = self.store.take()
            && (self.index.is_empty() || rank("store") > rank("index"))
        {
            self.index = vec![store];
        }
    }

    /// Chooses between `-q` and `-v` if both are given. A typed option has precedence over the environment and the
    /// config file; if both are typed, the last one counts. (clap would report a conflict between sources.)
    pub(crate) fn settle(&mut self, matches: &ArgMatches) {
        self.settle_index(matches);
        let typed = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
        let last = typed("verbose") && (!typed("quiet") || matches.index_of("verbose") > matches.index_of("quiet"));
        if last {
            self.quiet = false;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorArg {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Also into files and pipes
    Always,
    /// Never
    Never,
}
