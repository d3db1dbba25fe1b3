//! What can be typed, and what is shown: the only rooms that know clap, anyhow, terminals and the environment.

mod args;
mod config;
mod embed;
mod eval;
mod export;
mod hint;
mod index;
mod info;
mod interrupt;
mod manual;
mod model;
mod output;
mod prompt;
mod query;
mod records;
mod report;
mod settings;
mod sim;
mod skipped;
mod terminal;
mod verify;
mod visible;

use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser};

use args::{Action, Args};
use config::Config;
use settings::Settings;

/// How a command that did not fail ends, as grep does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Done, or something was found: 0.
    Done,
    /// Nothing was found: 1.
    Nothing,
}

/// Parses, runs, reports.
pub(crate) fn main() -> ExitCode {
    report::defects();
    let config = match Config::load() {
        Ok(config) => config,
        Err(error) => {
            return match Args::try_parse() {
                // Help is there in any case.
                Err(asked) if !asked.use_stderr() => report::usage(&asked, None),
                _ => report::failure(&error),
            };
        }
    };
    let parsed = args::with_environment(config.defaults(Args::command())).try_get_matches();
    let settled = |matches: &ArgMatches| {
        let mut args = Args::from_arg_matches(matches)?;
        args.common.settle(matches);
        Ok(args)
    };
    let args = match parsed.and_then(|matches| settled(&matches)) {
        Ok(args) => args,
        Err(error) => return report::usage(&error, Some(&config)),
    };
    match run(args, &config) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Nothing) => ExitCode::from(1),
        Err(error) => report::failure(&error),
    }
}

fn run(args: Args, config: &Config) -> anyhow::Result<Outcome> {
    let settings = Settings::resolve(&args, config)?;
    match args.command {
        Action::Index(args) => index::run(&args, &settings),
        Action::Query(args) => query::run(&args, &settings),
        Action::Embed(args) => embed::run(&args, &settings),
        Action::Sim(args) => sim::run(&args, &settings),
        Action::Eval(args) => eval::run(&args, &settings),
        Action::Info(args) => info::run(&args, &settings),
        Action::Verify => verify::run(&settings),
        Action::Export(args) => export::run(&args, &settings),
        Action::Model(args) => model::run(&args, &settings),
        Action::Config => config::run(config, &settings),
        Action::Completions { shell } => manual::completions(shell),
        Action::Man { command, output } => manual::run(command.as_deref(), output.as_deref()),
    }
}
