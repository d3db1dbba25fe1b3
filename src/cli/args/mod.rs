//! The command line as clap sees it. Only this module knows clap. Parsing checks words and nothing else: it touches no
//! file, no terminal and no model. `options` makes the plain structs that commands take.

pub(crate) mod common;
pub(crate) mod documents;
pub(crate) mod embed;
pub(crate) mod encoding;
pub(crate) mod eval;
pub(crate) mod index;
pub(crate) mod inspect;
pub(crate) mod manual;
pub(crate) mod model;
pub(crate) mod page;
pub(crate) mod parse;
pub(crate) mod query;
pub(crate) mod records;
#[cfg(feature = "serve")]
pub(crate) mod serve;
pub(crate) mod setting;
pub(crate) mod sim;
#[cfg(feature = "postgres")]
pub(crate) mod store;
#[cfg(test)]
mod tests;
pub(crate) mod usage;
mod value;

use clap::{Parser, Subcommand};

use common::CommonArgs;
use documents::{GetArgs, LsArgs, RemoveArgs};
use embed::EmbedArgs;
use eval::EvalArgs;
use index::IndexArgs;
use inspect::{ExportArgs, InfoArgs};
use manual::{CompletionsArgs, ManArgs};
use model::ModelArgs;
use query::QueryArgs;
#[cfg(feature = "serve")]
use serve::{McpArgs, ServeArgs};
use sim::SimArgs;
#[cfg(feature = "postgres")]
use store::StoreArgs;

/// Semantic search from the command line: index texts, ask in plain language.
#[derive(Debug, Parser)]
#[command(name = "semsearch", version, long_version = long_version(), max_term_width = 100, arg_required_else_help = true,
    args_override_self = true, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(subcommand)]
    pub(crate) command: Action,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    Index(IndexArgs),
    Query(QueryArgs),
    Get(GetArgs),
    Ls(LsArgs),
    Remove(RemoveArgs),
    Embed(EmbedArgs),
    Sim(SimArgs),
    Eval(EvalArgs),
    #[cfg(feature = "serve")]
    Serve(ServeArgs),
    #[cfg(feature = "serve")]
    Mcp(McpArgs),
    #[cfg(feature = "postgres")]
    Store(StoreArgs),
    Info(InfoArgs),
    /// Check every byte of an index
    #[command(after_help = "\
Example:
  semsearch verify && echo intact")]
    Verify,
    Export(ExportArgs),
    Model(ModelArgs),
    /// Show every setting in force, and where it comes from
    #[command(after_help = "\
Example:
  SEMSEARCH_TOP_K=3 semsearch config | grep top-k")]
    Config,
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// What a command does with an index. The index may be one that the user did not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IndexUse {
    /// Nothing.
    None,
    /// It shows what the index recorded, if there is one.
    Shown,
    /// It reads or writes the index.
    Opened,
}

impl Action {
    /// What the command does with an index.
    pub(crate) fn index_use(&self) -> IndexUse {
        match self {
            Self::Embed(_) | Self::Sim(_) | Self::Model(_) | Self::Completions(_) | Self::Man(_) => IndexUse::None,
            Self::Config => IndexUse::Shown,
            _ => IndexUse::Opened,
        }
    }
}

/// The version, and the optional features that are built in.
fn long_version() -> String {
    let all = [
        ("code", cfg!(feature = "code")),
        ("docx", cfg!(feature = "docx")),
        ("hub", cfg!(feature = "hub")),
        ("parquet", cfg!(feature = "parquet")),
        ("pdf", cfg!(feature = "pdf")),
        ("postgres", cfg!(feature = "postgres")),
        ("serve", cfg!(feature = "serve")),
        ("cuda", cfg!(feature = "cuda")),
    ];
    let built_in: Vec<&str> = all.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
    let features = if built_in.is_empty() { "none".into() } else { built_in.join(", ") };
    format!("{}\nfeatures: {features}", env!("CARGO_PKG_VERSION"))
}

const EXAMPLES: &str = "\
Examples:
  semsearch index corpus.jsonl
  semsearch query \"Who headlined the halftime show?\" -k 3
  semsearch query -f jsonl < questions.txt | jq .score

Exit status: 0 found or done, 1 nothing found, 2 error.";
