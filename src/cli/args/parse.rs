//! From words to arguments: the command line with its environment and the config file's values.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};

use super::encoding::EncodingArgs;
use super::eval::refuse_search_of_run;
use super::index::IndexArgs;
use super::setting::with_defaults;
use super::{Action, Args};
use crate::cli::config_file::ConfigFile;

/// Parses the arguments of this process. Values of the config file replace the defaults of the options.
pub(crate) fn parse(config: &ConfigFile) -> Result<Args, clap::Error> {
    settled(&with_environment(with_defaults(Args::command(), config)).try_get_matches()?)
}

/// The help or the version, if they are asked for. They need no config file.
pub(crate) fn asked_for_help() -> Option<clap::Error> {
    Args::command().try_get_matches().err().filter(|asked| !asked.use_stderr())
}

/// The arguments of `semsearch index --prune INPUT`, with these options of the model.
pub(crate) fn index_of(input: &Path, encoding: &EncodingArgs) -> Result<IndexArgs, clap::Error> {
    let words: [OsString; 4] = ["semsearch".into(), "index".into(), "--prune".into(), input.into()];
    match settled(&with_environment(Args::command()).try_get_matches_from(words)?)?.command {
        Action::Index(index) => Ok(IndexArgs { encoding: encoding.clone(), ..index }),
        _ => Err(clap::Error::new(clap::error::ErrorKind::InvalidSubcommand)),
    }
}

pub(super) fn settled(matches: &ArgMatches) -> Result<Args, clap::Error> {
    if let Some(("eval", matches)) = matches.subcommand() {
        refuse_search_of_run(matches)?;
    }
    let mut args = Args::from_arg_matches(matches)?;
    args.common.settle(matches);
    Ok(args)
}

/// The command line as it is parsed. An environment variable that is empty counts as not set. The word after an option is its
/// value, even if it is a negative number.
pub(super) fn with_environment(command: Command) -> Command {
    parsed(command, |value| !value.is_empty())
}

/// The same without the environment.
pub(super) fn without_environment(command: Command) -> Command {
    parsed(command, |_| false)
}

fn parsed(command: Command, counts: fn(&OsStr) -> bool) -> Command {
    let command = command.mut_args(|arg| {
        let set = arg.get_env().and_then(env::var_os);
        let arg = if set.is_some_and(|value| !counts(&value)) { arg.env(None) } else { arg };
        let takes_a_word = arg.get_action().takes_values() && !arg.is_positional();
        if takes_a_word { arg.allow_negative_numbers(true) } else { arg }
    });
    command.mut_subcommands(|command| parsed(command, counts))
}
