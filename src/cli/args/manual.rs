//! Arguments of `completions` and `man`.

use std::path::PathBuf;

use clap::ValueHint;
use clap_complete::Shell;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  source <(semsearch completions bash)")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// Print the manual, or a command's page of it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch man query > semsearch-query.1
  semsearch man --output man1")]
pub(crate) struct ManArgs {
    /// The command whose page is wanted
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
    /// Write all pages into this directory
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "command")]
    pub(crate) output: Option<PathBuf>,
}
